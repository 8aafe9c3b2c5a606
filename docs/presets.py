"""Makes the presets that come with Velatura: `make presets`. Each file has the settings below and a thumbnail of them.

Also makes presets.jpg, the picture of presets.md. All on Velatura's own sample pictures.
"""

from __future__ import annotations

import io
import time
from pathlib import Path

import numpy as np
from PIL import Image

from velatura.pixels import Picture as Pixels
from velatura.pixels import PixelFormat
from velatura.presets.preset import SUFFIX, Preset, dump
from velatura.presets.store import OURS, file_stem
from velatura.presets.thumbnail import SIDE
from velatura.settings import StyleSettings
from velatura_daemon.api import Picture, load_network, stylise
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet
from velatura_daemon.samples import draw

HERE = Path(__file__).parent
WIDTH, HEIGHT = 256, 192
SCENE, PAINTING = "harbour_town", "poppy_field"
# In the order in which the editors list them.
PRESETS = {
    "Faint wash": StyleSettings(strength=15, stroke_size=1.5, fine=40),
    "Bold strokes": StyleSettings(strength=70, stroke_size=2, style_distance="moments", fine=60),
    "Keep my colours": StyleSettings(keep_colours="luminance"),
    "Seamless texture": StyleSettings(strength=80, seamless=True),
    "Portrait": StyleSettings(strength=25, stroke_size=0.5, keep_colours="palette", fine=50, coarse=60),
}


def sample(name: str, width: int, height: int) -> Picture:
    return Picture.from_array(draw(name, width, height))


def restyled(settings: StyleSettings) -> Image.Image:
    *_, last = stylise(sample(SCENE, WIDTH, HEIGHT), [sample(PAINTING, 320, 320)], settings, load_network())
    array = last.picture.to_array()
    return Image.fromarray(array)


def thumbnail(image: Image.Image, settings: StyleSettings) -> bytes:
    """A square that fills a list's icon: the middle; two by two of a tile, so that its edges are seen to meet."""
    if settings.seamless:
        tiled = np.tile(np.asarray(image), (2, 2, 1))
        image = Image.fromarray(tiled[HEIGHT // 2 : -HEIGHT // 2, WIDTH // 2 : -WIDTH // 2])
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    small = image.crop((left, top, left + edge, top + edge)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
    data = io.BytesIO()
    small.save(data, "PNG", optimize=True)
    return data.getvalue()


def cell(image: Image.Image, label: str) -> Cell:
    return Cell(Pixels(*image.size, PixelFormat("RGB", "u8"), image.tobytes()), label)


def main() -> None:
    OURS.mkdir(exist_ok=True)
    for old in OURS.glob(f"*{SUFFIX}"):
        old.unlink()
    cells = [cell(Image.fromarray(draw(SCENE, WIDTH, HEIGHT)), "Before")]
    for number, (name, settings) in enumerate(PRESETS.items(), 1):
        began = time.monotonic()
        image = restyled(settings)
        path = OURS / f"{number} {file_stem(name)}{SUFFIX}"
        path.write_bytes(dump(Preset(name, settings, thumbnail(image, settings))))
        cells.append(cell(image, name))
        print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {time.monotonic() - began:.0f} s")
    sheet = contact_sheet([cells[:3], cells[3:]], WIDTH, HEIGHT)
    picture = Image.frombytes("RGB", (sheet.width, sheet.height), bytes(sheet.data))
    picture.save(HERE / "presets.jpg", quality=85)


if __name__ == "__main__":
    main()

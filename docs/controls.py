"""Makes the pictures of controls.md, and prints the figures that it quotes: `make controls`, or `python
docs/controls.py NAME…` for some.

All on Velatura's own sample pictures. The engine is driven directly, but for the gradient, which goes through the
command line, file to file.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import tifffile
import torch
from PIL import Image
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.colour import restore_colours
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.inputs import working_image
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import style_coverage
from velatura_daemon.engine.stylise import Progress, stylise
from velatura_daemon.engine.upsampling import full_size
from velatura_daemon.models.load import load_default
from velatura_daemon.samples import draw

HERE = Path(__file__).parent
WIDTH, HEIGHT = 384, 288
GAP = 6


# --- pictures in ------------------------------------------------------------------------------------------
def sample(name: str, width: int = WIDTH, height: int = HEIGHT) -> Source:
    pixels = torch.from_numpy(draw(name, width, height).copy()).permute(2, 0, 1).float() / 255
    return of(pixels, (name, width, height))


def of(image: Tensor, key: object) -> Source:
    """image: (3, H, W)."""
    return Source(image.contiguous(), full_weight(image), full_weight(image), key, max(image.shape[1:]))


def above(edge: float, width: int = WIDTH, height: int = HEIGHT, feather: float = 0.03) -> Tensor:
    """(H, W): 1 above a height, as a share of the picture's, 0 below, with a soft edge."""
    down = (torch.arange(height) + 0.5)[:, None] / height
    return ((edge - down) / feather + 0.5).clamp(0, 1).expand(height, width).contiguous()


def seen_through(style: Source, mask: Tensor, name: str) -> Source:
    """A part of a style: as the command line's --part does it, by the alpha."""
    return replace(style, weight=mask, visible=mask, key=(style.key, name))


def at(style: Source, region: Tensor, name: str) -> Source:
    return replace(style, region=region, region_key=name)


# --- the work ---------------------------------------------------------------------------------------------
@cache
def network() -> Network:
    return load_default().use_precision(fastest_on(torch.device("cpu")))


def restyled(content: Source, styles: Source | Sequence[Source], quality: str = "draft", **settings: object) -> Tensor:
    """(3, H, W), at the content's size."""
    return restyled_with_losses(content, styles, quality, **settings)[0]


def restyled_with_losses(
    content: Source, styles: Source | Sequence[Source], quality: str = "draft", **settings: object
) -> tuple[Tensor, Progress]:
    asked = StyleSettings(quality=quality, **settings)  # type: ignore[arg-type]
    styles = [styles] if isinstance(styles, Source) else list(styles)
    *_, last = stylise(content, styles, asked, network())
    image = full_size(last.image, content, asked).clamp(0, 1)
    image = restore_colours(image, working_image(content.image, asked), asked.keep_colours).clamp(0, 1)
    covered = style_coverage(styles)
    return image if covered is None else content.image + covered * (image - content.image), last


# --- pictures out -----------------------------------------------------------------------------------------
def row(*pictures: Tensor) -> Tensor:
    """(3, H, W): side by side on white."""
    height = max(p.shape[1] for p in pictures)
    gap = torch.ones(3, height, GAP)
    parts: list[Tensor] = []
    for picture in pictures:
        tall = torch.ones(3, height, picture.shape[2])
        tall[:, : picture.shape[1]] = picture
        parts += [gap, tall] if parts else [tall]
    return torch.cat(parts, 2)


def grey(mask: Tensor) -> Tensor:
    return mask.expand(3, -1, -1)


def scaled(picture: Tensor, factor: float) -> Tensor:
    return resize(picture, round(picture.shape[1] * factor), round(picture.shape[2] * factor)).clamp(0, 1)


def save(name: str, picture: Tensor) -> None:
    path = HERE / f"controls-{name}.jpg"
    pixels = (picture.clamp(0, 1).permute(1, 2, 0) * 255 + 0.5).to(torch.uint8).numpy()
    Image.fromarray(pixels).save(path, quality=85)
    print(f"  {path.name}: {path.stat().st_size / 1000:.0f} kB")


def apart(one: Tensor, other: Tensor) -> float:
    """Root mean square difference, in levels of 255."""
    return float((one - other).square().mean().sqrt()) * 255


def alike(one: Tensor, other: Tensor) -> float:
    """Correlation."""
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


# --- the figures ------------------------------------------------------------------------------------------
def strength() -> None:
    content, style = sample("harbour_town", 320, 240), sample("night_swirls", 320, 240)
    results = [restyled(content, style, strength=s) for s in (15, 40, 65, 100)]
    for s, result in zip((15, 40, 65, 100), results, strict=True):
        print(f"  strength {s}: {apart(result, content.image):.0f} levels from the photo")
    save("strength", row(*results))


def stroke_size() -> None:
    content, style = sample("mountain_lake"), sample("mosaic", 768, 576)
    save("stroke-size", row(*(restyled(content, style, stroke_size=s, strength=60) for s in (0.5, 1, 2))))


def colours() -> None:
    content, style = sample("harbour_town"), sample("ember_waves")
    save("colours", row(*(restyled(content, style, keep_colours=k) for k in ("off", "luminance", "palette"))))


def several() -> None:
    content, one, other = sample("mountain_lake"), sample("night_swirls"), sample("ember_waves")
    mixtures = [[one], [one, other], [other]]
    save("several", row(*(restyled(content, styles) for styles in mixtures)))


def regions() -> None:
    content, sky, land = sample("mountain_lake"), sample("night_swirls"), sample("poppy_field")
    region = above(0.6)
    both = restyled(content, [at(sky, region, "sky"), land])
    alone = restyled(content, [at(sky, region, "sky")])
    save("regions", row(grey(region), both, alone))


def parts() -> None:
    content, style = sample("mountain_lake"), sample("ember_waves")
    sky = above(0.53, feather=0.001)
    up, down = seen_through(style, sky, "sky"), seen_through(style, 1 - sky, "sea")
    region = above(0.6)
    guided = restyled(content, [at(up, region, "sky"), down])
    save("parts", row(style.image, restyled(content, up), restyled(content, down), guided))


def layers() -> None:
    content, style = sample("harbour_town", 320, 240), sample("night_swirls", 320, 240)
    setting_specs = ("fine", "middle", "coarse")
    whole = restyled(content, style, "good", iterations=60, strength=75)
    alone = []
    for knob in setting_specs:
        others = {other: 0 for other in setting_specs if other != knob}
        alone.append(restyled(content, style, "good", iterations=60, strength=75, **others))
        print(f"  {knob} alone: {apart(alone[-1], whole):.0f} levels from all three")
    save("layers", row(whole, *alone))


def likenesses() -> None:
    content, style = sample("mountain_lake", 320, 240), sample("woodcut", 320, 240)
    results = []
    for name in ("gram", "moments", "wasserstein"):
        began = time.monotonic()
        result, last = restyled_with_losses(content, style, "good", iterations=80, strength=60, style_distance=name)
        print(f"  {name}: {time.monotonic() - began:.0f} s, content loss {float(last.losses.content):.3g}")
        results.append(result)
    save("style_distance", row(*results))


def seamless() -> None:
    content, style = sample("mountain_lake", 192, 144), sample("mosaic", 192, 144)
    tiled = []
    for circular in (False, True):
        result = restyled(content, style, strength=70, seamless=circular)
        over = (result[:, :, 0] - result[:, :, -1]).abs().mean()
        inside = result.diff(dim=2).abs().mean((0, 1))
        print(
            f"  seamless {circular}: step over the edge {float(over) * 255:.0f} levels; elsewhere "
            f"{float(inside.mean()) * 255:.0f} "
            f"in the mean, {float(inside.max()) * 255:.0f} at most"
        )
        tiled.append(result.repeat(1, 2, 2))
    save("seamless", row(*tiled))


def gradient() -> None:
    """A sky that brightens by 8 % over 384 pixels, a dark hill below it, restyled faintly, file to file: 16 bits and
    8."""
    across, down = np.arange(WIDTH)[None, :] / WIDTH, np.arange(HEIGHT)[:, None] / HEIGHT
    hill = down > 0.8 - 0.1 * np.sin(3 * across)
    light = np.where(hill, 0.15, 0.55 + 0.08 * across + 0.02 * down)
    sky = light[..., None] * np.array([0.9, 1.0, 1.1])
    shown = []
    with tempfile.TemporaryDirectory(prefix="vel-") as folder:
        env = {**os.environ, "VELATURA_HOME": f"{folder}/home"}
        painting = Path(folder) / "painting.png"
        Image.fromarray(draw("watercolour", WIDTH, HEIGHT)).save(painting)
        try:
            for bits, dtype in ((16, np.uint16), (8, np.uint8)):
                whole = np.iinfo(dtype).max
                before, after = Path(folder) / f"before-{bits}.tif", Path(folder) / f"after-{bits}.tif"
                tifffile.imwrite(before, (sky * whole + 0.5).astype(dtype), photometric="rgb")
                command = [
                    sys.executable,
                    "-m",
                    "velatura_daemon",
                    "restyle",
                    before,
                    "--style",
                    painting,
                    "-o",
                    after,
                    "--quality",
                    "draft",
                    "--json",
                    "--strength",
                    "10",
                    "--keep-colours",
                    "luminance",
                ]
                subprocess.run([str(word) for word in command], env=env, check=True, stdout=subprocess.DEVNULL)
                crops = [tifffile.imread(file)[40:136, 40:264] for file in (before, after)]
                changed = np.abs(crops[1].astype(float) - crops[0]).mean() / whole * 255
                print(f"  {bits} bits: the sky changed by {changed:.1f} levels of 255")
                for file, pixels in zip((before, after), crops, strict=True):
                    equal = (pixels[:, 1:] == pixels[:, :-1]).mean()
                    levels = len(np.unique(pixels[..., 1]))
                    print(f"  {file.stem}: {pixels.dtype}, {levels} levels of green, {equal:.0%} of neighbours equal")
                    shown.append(torch.from_numpy(pixels / whole).permute(2, 0, 1).float())
        finally:
            subprocess.run(
                [sys.executable, "-m", "velatura_daemon", "daemon", "stop"],
                env=env,
                check=False,
                stdout=subprocess.DEVNULL,
            )
    low, high = (torch.stack([end(crop.flatten(1), 1).values for crop in shown[:2]]) for end in (torch.min, torch.max))
    low, span = low.amin(0)[:, None, None], (high.amax(0) - low.amin(0))[:, None, None]
    save("gradient", row(*((crop - low) / span for crop in shown)))


def small_and_large() -> None:
    """What a window shows at its own size, and what the whole picture will be."""
    large, style = sample("harbour_town", 1536, 1152), sample("night_swirls", 1536, 1152)
    small = of(resize(large.image, HEIGHT, WIDTH).clamp(0, 1), "small")
    seen = restyled(small, style)
    whole = resize(restyled(large, style), HEIGHT, WIDTH).clamp(0, 1)
    stronger = [(f"itself at strength {s}", restyled(small, style, strength=s)) for s in (55, 75)]
    other = restyled(small, sample("ember_waves", 1536, 1152))
    for what, picture in (
        ("the large one, made smaller", whole),
        *stronger,
        ("itself in another painting", other),
        ("the photo", small.image),
    ):
        coarse = alike(*(scaled(p, 1 / 8) for p in (seen, picture)))
        print(
            f"  small against {what}: {apart(seen, picture):.1f} levels, correlation {alike(seen, picture):.3f}, "
            f"of both an eighth of the size {coarse:.3f}"
        )
    save("small-and-large", row(seen, whole))


FIGURES: dict[str, Callable[[], None]] = {
    "strength": strength,
    "stroke-size": stroke_size,
    "colours": colours,
    "several": several,
    "regions": regions,
    "parts": parts,
    "layers": layers,
    "style_distance": likenesses,
    "seamless": seamless,
    "gradient": gradient,
    "small-and-large": small_and_large,
}


def main() -> None:
    began = time.monotonic()
    for name in sys.argv[1:] or FIGURES:
        started = time.monotonic()
        print(name)
        FIGURES[name]()
        print(f"  {time.monotonic() - started:.0f} s")
    print(f"{time.monotonic() - began:.0f} s in all")


if __name__ == "__main__":
    main()

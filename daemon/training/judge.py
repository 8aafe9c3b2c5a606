"""Judging weights: restyle some photographs in some styles, look at the sheet, read the numbers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from training.measures import Measures, measure
from velatura.settings import StyleSettings
from velatura_daemon import samples
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.regions import resized
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stylise import stylise

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")  # skimage.data's, free to show: NASA, and CC0
STYLES = ("night_swirls", "ember_waves", "woodcut", "watercolour")  # Velatura's own samples


@dataclass(frozen=True)
class Judged:
    """One restyle: its place in the sheet, what came out, what it measures, how long it took."""

    content: str
    style: str
    result: Tensor
    measures: Measures
    seconds: float


def photographs(side: int) -> dict[str, Tensor]:
    """(3, h, w) each, longest side `side`. Needs scikit-image."""
    import skimage.data

    return {name: _to(side, Image.fromarray(getattr(skimage.data, name)())) for name in PHOTOGRAPHS}


def sample_styles(side: int) -> dict[str, Tensor]:
    """(3, h, w) each, longest side `side`."""
    return {name: _tensor(samples.draw(name, side, side * 3 // 4)) for name in STYLES}


def pictures_in(folder: Path, side: int) -> dict[str, Tensor]:
    """(3, h, w) each, longest side `side`: all pictures of a folder, by file name."""
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".tif", ".webp"))
    return {file.stem: _to(side, Image.open(file)) for file in files}


def judge(
    network: Network,
    contents: dict[str, Tensor],
    styles: dict[str, Tensor],
    settings: StyleSettings,
    say: Callable[[Judged], None] = lambda judged: None,
) -> list[list[Judged]]:
    """Every content in every style, a row a content."""
    rows = []
    for content_name, content in contents.items():
        row = []
        for style_name, style in styles.items():
            began = time.monotonic()
            result = restyled(network, content, style, settings)
            seconds = time.monotonic() - began
            row.append(Judged(content_name, style_name, result, measure(style, content, result), seconds))
            say(row[-1])
        rows.append(row)
    return rows


def restyled(network: Network, content: Tensor, style: Tensor, settings: StyleSettings) -> Tensor:
    """(3, H, W), 0..1."""
    result = content
    for progress in stylise(_source(content), [_source(style)], settings, network):
        result = progress.image
    return result.detach().clamp(0, 1)


def sheet(rows: Sequence[Sequence[Tensor]], gap: int = 6) -> Image.Image:
    """Pictures in rows on white, each in a cell as large as the largest."""
    height = max(p.shape[1] for row in rows for p in row)
    width = max(p.shape[2] for row in rows for p in row)
    canvas = torch.ones(3, len(rows) * (height + gap) - gap, max(map(len, rows)) * (width + gap) - gap)
    for r, row in enumerate(rows):
        for c, picture in enumerate(row):
            h, w = picture.shape[1:]
            top, left = r * (height + gap) + (height - h) // 2, c * (width + gap) + (width - w) // 2
            canvas[:, top : top + h, left : left + w] = picture
    return Image.fromarray((canvas.permute(1, 2, 0) * 255 + 0.5).to(torch.uint8).numpy())


def overview(contents: dict[str, Tensor], styles: dict[str, Tensor], rows: list[list[Judged]]) -> Image.Image:
    """The sheet: styles above, contents at the left, small; results between."""
    blank = torch.ones(3, 1, 1)
    top = [blank, *(_small(style) for style in styles.values())]
    rest = [[_small(contents[row[0].content]), *(j.result for j in row)] for row in rows]
    return sheet([top, *rest])


def _small(picture: Tensor) -> Tensor:
    return resized(picture, picture.shape[1] * 2 // 3, picture.shape[2] * 2 // 3).clamp(0, 1)


def _source(image: Tensor) -> Source:
    ones = torch.ones(image.shape[1:])
    return Source(image, ones, ones, ("judged", id(image)), max(image.shape[1:]))


def _to(side: int, image: Image.Image) -> Tensor:
    factor = side / max(image.size)
    size = max(1, round(image.width * factor)), max(1, round(image.height * factor))
    return _tensor(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))


def _tensor(image: Image.Image | np.ndarray) -> Tensor:
    return torch.from_numpy(np.array(image)[..., :3].copy()).permute(2, 0, 1).float().div_(255)

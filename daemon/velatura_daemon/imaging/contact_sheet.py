"""A contact sheet: pictures side by side on white, with a word above each where there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from velatura.pixels import Picture, PixelFormat

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

GAP = 8  # pixels
LETTERS = 13  # pixels, size of the font
LINE = 18  # pixels, a label's height with its air
INK = "#333333"


@dataclass(frozen=True)
class Cell:
    """A picture with a label above it; without a picture, the label stands in its place."""

    picture: Picture | None = None
    label: str = ""


def contact_sheet(rows: Sequence[Sequence[Cell]], width: int, height: int) -> Picture:
    """All rows, cells of width × height pixels; a picture of another size is shrunk or enlarged to fit. Returns 8-bit
    RGB."""
    from PIL import Image, ImageDraw

    labelled = [any(cell.picture and cell.label for cell in row) for row in rows]
    whole = (max(map(len, rows)) * (width + GAP) + GAP, sum(height + GAP + LINE * has for has in labelled) + GAP)
    sheet = Image.new("RGB", whole, "white")
    pen = ImageDraw.Draw(sheet)
    top = GAP
    for row, has_labels in zip(rows, labelled, strict=True):
        above, top = top, top + LINE * has_labels
        for column, cell in enumerate(row):
            left = GAP + column * (width + GAP)
            if cell.picture:
                image = _fitted(cell.picture, width, height)
                sheet.paste(image, (left + (width - image.width) // 2, top + (height - image.height) // 2))
                _write(pen, cell.label, left + width / 2, above, "ma")
            else:
                _write(pen, cell.label, left + width - GAP, top + height / 2, "rm")
        top += height + GAP
    return Picture(*whole, PixelFormat("RGB", "u8"), sheet.tobytes())


def shrunk(picture: Picture, width: int, height: int) -> Picture:
    """For a cell of that size, as a screen shows it: what a sheet of many large pictures is made of. Returns 8-bit
    RGB."""
    image = _fitted(picture, width, height)
    return Picture(*image.size, PixelFormat("RGB", "u8"), image.tobytes())


def _fitted(picture: Picture, width: int, height: int) -> Image.Image:
    """In its own proportions, as large as the cell allows."""
    from PIL import Image, ImageOps

    from velatura_daemon.imaging.files import as_on_screen

    seen = as_on_screen(picture)
    image = Image.frombytes("RGB", (seen.width, seen.height), bytes(seen.data))
    return (
        image if image.size == (width, height) else ImageOps.contain(image, (width, height), Image.Resampling.LANCZOS)
    )


def _write(pen: ImageDraw.ImageDraw, words: str, x: float, y: float, anchor: str) -> None:
    from PIL import ImageFont

    pen.text((x, y), words, fill=INK, font=ImageFont.load_default(LETTERS), anchor=anchor)

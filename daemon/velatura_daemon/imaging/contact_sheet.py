"""Contact sheets: pictures in rows on white, each with an optional label above it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from velatura.pixels import Picture, PixelFormat
from velatura_daemon.imaging.lettering import lettering

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

GAP = 8  # pixels
FONT_SIZE = 13  # pixels
LABEL_HEIGHT = 18  # pixels, with the space around the text
TEXT_COLOUR = "#333333"


@dataclass(frozen=True)
class Cell:
    """A picture with a label above it; without a picture, the label takes its place. A Text is translated."""

    picture: Picture | None = None
    label: str = ""


def contact_sheet(rows: Sequence[Sequence[Cell]], width: int, height: int) -> Picture:
    """Draw rows of cells of width × height pixels. A picture of another size is scaled to fit. Returns 8-bit RGB."""
    from PIL import Image, ImageDraw

    labelled = [any(cell.picture and cell.label for cell in row) for row in rows]
    sheet_size = (
        max(map(len, rows)) * (width + GAP) + GAP,
        sum(height + GAP + LABEL_HEIGHT * has for has in labelled) + GAP,
    )
    sheet = Image.new("RGB", sheet_size, "white")
    drawing = ImageDraw.Draw(sheet)
    top = GAP
    for row, labelled_row in zip(rows, labelled, strict=True):
        above, top = top, top + LABEL_HEIGHT * labelled_row
        for column, cell in enumerate(row):
            left = GAP + column * (width + GAP)
            if cell.picture:
                image = _fitted(cell.picture, width, height)
                sheet.paste(image, (left + (width - image.width) // 2, top + (height - image.height) // 2))
                _write(drawing, cell.label, left + width / 2, above, "ma")
            else:
                _write(drawing, cell.label, left + width - GAP, top + height / 2, "rm")
        top += height + GAP
    return Picture(*sheet_size, PixelFormat("RGB", "u8"), sheet.tobytes())


def thumbnail(picture: Picture, width: int, height: int) -> Picture:
    """Return the picture as a screen shows it, scaled to fit width × height, 8-bit RGB: for sheets of many large
    pictures, which would not fit into memory."""
    image = _fitted(picture, width, height)
    return Picture(*image.size, PixelFormat("RGB", "u8"), image.tobytes())


def _fitted(picture: Picture, width: int, height: int) -> Image.Image:
    """Scale the picture to the largest size that fits, keeping its proportions."""
    from PIL import Image, ImageOps

    from velatura_daemon.imaging.files import to_display_rgb

    displayed = to_display_rgb(picture)
    image = Image.frombytes("RGB", (displayed.width, displayed.height), bytes(displayed.data))
    return (
        image if image.size == (width, height) else ImageOps.contain(image, (width, height), Image.Resampling.LANCZOS)
    )


def _write(drawing: ImageDraw.ImageDraw, text: str, x: float, y: float, anchor: str) -> None:
    shown, font = lettering(text, FONT_SIZE)
    drawing.text((x, y), shown, fill=TEXT_COLOUR, font=font, anchor=anchor)

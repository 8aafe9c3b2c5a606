"""Reads and writes the pixels of GIMP's drawables.

GIMP's buffers convert colours themselves, from and to the precision and profile of the image. A prime in the name of a
format (R'G'B'A) means the sRGB curve.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl

from velatura.pixels import LARGEST_STYLE_SIDE, MASK_FORMAT, SELECTION_CONTEXT, Picture, PixelFormat

# A grey layer is sent as grey, so that the style is used in grey as well.
COLOUR, GREY = PixelFormat("RGBA", "f32", "srgb"), PixelFormat("GRAYA", "f32", "srgb")
STYLE_FORMAT = PixelFormat("RGBA", "u8", "srgb")
BABL_NAMES = {COLOUR: "R'G'B'A float", GREY: "Y'A float", STYLE_FORMAT: "R'G'B'A u8", MASK_FORMAT: "Y u8"}
SELECTION = "Y float"
COVERAGE, LIGHTNESS_AND_ALPHA = BABL_NAMES[MASK_FORMAT], "Y'A u8"
STRIP_PIXELS = 1 << 18  # per strip


@dataclass(frozen=True)
class Rect:
    """A rectangle in the pixels of a drawable."""

    x: int
    y: int
    width: int
    height: int

    def strips(self) -> Iterator[Rect]:
        """Strips of full width, from the top, of about STRIP_PIXELS pixels each."""
        rows = max(1, STRIP_PIXELS // self.width)
        for top in range(0, self.height, rows):
            yield Rect(self.x, self.y + top, self.width, min(rows, self.height - top))

    def moved(self, by: tuple[int, int]) -> Rect:
        return Rect(self.x + by[0], self.y + by[1], self.width, self.height)

    def with_context(self, inside: Rect) -> Rect:
        """The rectangle with a margin of SELECTION_CONTEXT pixels, as far as that lies inside the other rectangle."""
        left, top = max(inside.x, self.x - SELECTION_CONTEXT), max(inside.y, self.y - SELECTION_CONTEXT)
        right = min(inside.x + inside.width, self.x + self.width + SELECTION_CONTEXT)
        bottom = min(inside.y + inside.height, self.y + self.height + SELECTION_CONTEXT)
        return Rect(left, top, right - left, bottom - top)


def offsets_of(drawable: Any) -> tuple[int, int]:
    """Where the drawable's left upper corner lies on the canvas."""
    _, x, y = drawable.get_offsets()
    return x, y


@contextlib.contextmanager
def filtered_buffer(drawable: Any) -> Iterator[tuple[Any, tuple[int, int]]]:
    """A buffer with the drawable's pixels after its filters (fx), and where the drawable's corner lies in that buffer.

    A layer's own buffer does not include its filters, so they are merged into a copy that is in no image.
    """
    if not drawable.get_filters():
        yield drawable.get_buffer(), (0, 0)
        return
    copy = drawable.copy()
    try:
        copy.merge_filters()
        (x, y), (own_x, own_y) = offsets_of(copy), offsets_of(drawable)
        yield copy.get_buffer(), (own_x - x, own_y - y)
    finally:
        copy.delete()


def read_pixels(buffer: Any, rect: Rect, babl: str) -> bytes:
    """Interleaved pixels in the format `babl`, rows from the top; 0 where the buffer has no pixels."""
    area = Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height)
    return bytes(buffer.get(area, 1.0, babl, Gegl.AbyssPolicy.NONE))


def write_pixels(buffer: Any, rect: Rect, babl: str, pixels: bytes) -> None:
    buffer.set(Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height), babl, pixels)


def style_picture(drawable: Any) -> Picture:
    """A whole drawable, at most LARGEST_STYLE_SIDE pixels a side."""
    return small_picture(drawable, Rect(0, 0, drawable.get_width(), drawable.get_height()), LARGEST_STYLE_SIDE)


def small_picture(drawable: Any, rect: Rect, side: int) -> Picture:
    """A part of a drawable in STYLE_FORMAT, scaled down to at most `side` pixels a side.

    Not by `Gimp.Drawable.get_sub_thumbnail`, which frees its bytes twice in GIMP 3.0.4 when called from Python.
    """
    scale = min(1.0, side / max(rect.width, rect.height))
    with filtered_buffer(drawable) as (buffer, corner):
        area = rect.moved(corner)
        x, y, width, height = (int(length * scale) for length in (area.x, area.y, area.width, area.height))
        scaled = Gegl.Rectangle.new(x, y, max(1, width), max(1, height))
        data = buffer.get(scaled, scale, BABL_NAMES[STYLE_FORMAT], Gegl.AbyssPolicy.NONE)
    return Picture(scaled.width, scaled.height, STYLE_FORMAT, bytes(data))

"""Reads and writes the pixels of GIMP's drawables.

GIMP's buffers convert colours themselves, from and to the precision and profile of the image. A prime in the name of a
format (R'G'B'A) means the sRGB curve.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Any

from gi.repository import Gegl, Gimp

from velatura.pixels import LARGEST_STYLE_SIDE, MASK_FORMAT, SELECTION_CONTEXT, Picture, PixelFormat, zeroed_buffer

# A grey layer is sent as grey, so that the style is used in grey as well.
COLOUR = {sample: PixelFormat("RGBA", sample, "srgb") for sample in ("u8", "u16", "f32")}
GREY = {sample: PixelFormat("GRAYA", sample, "srgb") for sample in ("u8", "u16", "f32")}
STYLE_FORMAT = COLOUR["u8"]
_TYPES = {"u8": "u8", "u16": "u16", "f32": "float"}
CONTENT_NAMES = {
    fmt: f"{model} {_TYPES[sample]}"
    for model, formats in (("R'G'B'A", COLOUR), ("Y'A", GREY))
    for sample, fmt in formats.items()
}
BABL_NAMES = {**CONTENT_NAMES, MASK_FORMAT: "Y u8"}
SELECTION, SELECTION_BYTES = "Y float", 4
COVERAGE, LIGHTNESS_AND_ALPHA = BABL_NAMES[MASK_FORMAT], "Y'A u8"
STRIP_PIXELS = 1 << 18  # per strip
TILE = 128  # rows of GIMP's tiles: a strip that ends inside a tile has GIMP send that tile twice
# Profiles for sRGB, by their labels. Colours outside of sRGB need floats.
SRGB_LABELS = (  # not translated: stored in profiles
    "GIMP built-in sRGB",
    "sRGB built-in",
    "sRGB IEC61966-2.1",
    "GIMP built-in D65 Grayscale with sRGB TRC",
)


def content_format(image: Any, drawable: Any) -> PixelFormat:
    """The format in which a layer is sent: its image's own precision if that loses nothing, otherwise floats, which
    take four times the memory and the time."""
    exact = {Gimp.Precision.U8_NON_LINEAR: "u8", Gimp.Precision.U16_NON_LINEAR: "u16"}
    profile = image.get_effective_color_profile()
    is_srgb = profile is None or profile.get_label() in SRGB_LABELS
    sample = exact.get(image.get_precision(), "f32") if is_srgb else "f32"
    return (GREY if drawable.is_gray() else COLOUR)[sample]


@dataclass(frozen=True)
class Rect:
    """A rectangle in the pixels of a drawable."""

    x: int
    y: int
    width: int
    height: int

    def strips(self) -> Iterator[Rect]:
        """Strips of full width, from the top, of about STRIP_PIXELS pixels each, but at least one row of tiles."""
        rows = max(1, STRIP_PIXELS // self.width // TILE) * TILE
        for top in range(0, self.height, rows):
            yield Rect(self.x, self.y + top, self.width, min(rows, self.height - top))

    def moved(self, by: tuple[int, int]) -> Rect:
        return Rect(self.x + by[0], self.y + by[1], self.width, self.height)

    def intersected(self, other: Rect) -> Rect | None:
        """What both rectangles cover; None if they do not overlap."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = (
            min(self.x + self.width, other.x + other.width),
            min(self.y + self.height, other.y + other.height),
        )
        return Rect(left, top, right - left, bottom - top) if left < right and top < bottom else None

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


def read_in_strips(buffer: Any, rect: Rect, babl: str, bytes_per_pixel: int) -> Generator[None, None, memoryview]:
    """The same as `read_pixels`. Yields between strips."""
    pixels, end = zeroed_buffer(rect.width * rect.height * bytes_per_pixel), 0
    for strip in rect.strips():
        rows = read_pixels(buffer, strip, babl)
        pixels[end : end + len(rows)] = rows
        end += len(rows)
        yield
    return pixels


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

"""Reads a layer as the preview shows it: RGBA u8 sRGB, and reduced."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from velatura.pixels import MASK_FORMAT, SMALLEST_SIDE, Picture, reduced_mask

from .canvas_pixels import BABL_NAMES, STYLE_FORMAT, Rect, filtered_buffer, read_in_strips, small_picture


def read_shown(
    drawable: Any, rect: Rect, selection: tuple[Any, tuple[int, int]] | None, side: int | None
) -> Generator[None, None, tuple[Picture, Picture | None]]:
    """The pixels of a layer and its selection. Yields between strips.

    rect: in the layer's pixels. selection: the buffer that it is in and where the layer's corner lies there, or
    None. side: pixels of the longer side that both are reduced
    to; None: they keep their size.
    """
    if (
        side is not None
        and min(rect.width, rect.height) * min(1.0, side / max(rect.width, rect.height)) >= SMALLEST_SIDE
    ):
        picture = small_picture(drawable, rect, side)
    else:
        with filtered_buffer(drawable) as (buffer, corner):
            name, size = BABL_NAMES[STYLE_FORMAT], STYLE_FORMAT.bytes_per_pixel
            pixels = yield from read_in_strips(buffer, rect.moved(corner), name, size)
        picture = Picture(rect.width, rect.height, STYLE_FORMAT, pixels)
    yield
    if selection is None:
        return picture, None
    buffer, corner = selection
    coverage = yield from read_in_strips(buffer, rect.moved(corner), BABL_NAMES[MASK_FORMAT], 1)
    mask = Picture(rect.width, rect.height, MASK_FORMAT, coverage)
    return picture, reduced_mask(mask, picture.width, picture.height)

"""Finds a layer's pixels again after the layer or the image was cropped, and notices that they were scaled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from typing import Any

from velatura.editor.landmarks import Landmarks
from velatura.pixels import Picture

from .canvas_pixels import BABL_NAMES, Rect, filtered_buffer, read_pixels


def position_in(layer: Any, picture: Picture) -> Generator[None, None, tuple[int, int] | None]:
    """Where pixels that were read from a layer lie in it now; None if they were scaled or transformed.

    The layer's own position cannot tell: it is (0, 0) before and after a crop of the image. Yields between strips.
    """
    data, size, babl = memoryview(picture.data), picture.format.bytes_per_pixel, BABL_NAMES[picture.format]

    def before(x: int, y: int, length: int) -> bytes:
        start = (y * picture.width + x) * size
        return bytes(data[start : start + length * size])

    landmarks = Landmarks.of(before, 0, 0, picture.width, picture.height)
    width, height, found = layer.get_width(), layer.get_height(), Counter[tuple[int, int]]()
    with filtered_buffer(layer) as (buffer, corner):
        for strip in Rect(0, 0, width, height).strips():
            for x, y in landmarks.found_in(read_pixels(buffer, strip.moved(corner), babl), width):
                found[x, y + strip.y] += 1
            yield

        def now(x: int, y: int, length: int) -> bytes:
            return read_pixels(buffer, Rect(x, y, length, 1).moved(corner), babl)

        for (x, y), _ in found.most_common():
            if landmarks.are_moved_by(x, y, now, 0, 0, width, height):
                return x, y
    return None

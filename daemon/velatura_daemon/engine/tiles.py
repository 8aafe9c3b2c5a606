"""Tiles that cover an image on the network's grid, each with an overlap around it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from torch import Tensor

from velatura_daemon.engine.geometry import Box
from velatura_daemon.engine.malloc import keep_freed_blocks
from velatura_daemon.memory_plan import GRID


@dataclass(frozen=True)
class Tile:
    """A tile of an image and its overlap.

    Attributes:
        inner: The tile's own part of the image.
        outer: The inner part and the overlap around it.
    """

    inner: Box
    outer: Box

    def crop_inner(self, tensor: Tensor, stride: int = 1) -> Tensor:
        """The inner part of a map (..., h, w) of the outer box."""
        return self.inner.relative_to(self.outer).at_stride(stride).crop(tensor)


def tiles(height: int, width: int, side: int, overlap: int, circular: bool = False) -> Iterator[Tile]:
    """Yields tiles that cover an image, as evenly as the grid allows.

    Args:
        height: Height of the image in pixels, a multiple of GRID.
        width: Width of the image in pixels, a multiple of GRID.
        side: The largest side of a tile in pixels.
        overlap: Pixels on each side, up to the image's edge.
        circular: The overlap extends over the edge, to the opposite one.

    Yields:
        The tiles, row by row.
    """
    for top, bottom in _spans(height, side):
        for left, right in _spans(width, side):
            inner = Box(left, top, right - left, bottom - top)
            yield Tile(inner, with_overlap(inner, overlap, (height, width), circular))


def with_overlap(inner: Box, overlap: int, size: tuple[int, int], circular: bool) -> Box:
    """Adds an overlap to a box.

    Args:
        inner: The box.
        overlap: Pixels on each side.
        size: (height, width) of the image.
        circular: The overlap extends over the image's edges; otherwise it ends there.

    Returns:
        The larger box.
    """
    if circular:
        return Box(inner.left - overlap, inner.top - overlap, inner.width + 2 * overlap, inner.height + 2 * overlap)
    height, width = size
    left, top = max(0, inner.left - overlap), max(0, inner.top - overlap)
    right, bottom = min(width, inner.left + inner.width + overlap), min(height, inner.top + inner.height + overlap)
    return Box(left, top, right - left, bottom - top)


def one_by_one(tiles: Iterable[Tile]) -> Iterator[Tile]:
    """Yields the tiles so that each one's feature maps reuse the memory of the previous one's."""
    for tile in tiles:
        with keep_freed_blocks():
            yield tile


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    """[0, length) in pieces of at most `side`, all multiples of GRID."""
    cells, cells_per_piece = length // GRID, max(1, side // GRID)
    pieces = -(-cells // cells_per_piece)
    for piece in range(pieces):
        yield cells * piece // pieces * GRID, cells * (piece + 1) // pieces * GRID

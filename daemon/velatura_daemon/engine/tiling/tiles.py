"""Pictures larger than memory: an objective a tile at a time, exactly (Galerne et al. 2024, 'Scaling painting style
transfer').

Two passes. The first adds up what the tiles give to the sums that style looks at. From these sums follow the
losses, and how each sum should change. The second goes over the tiles again with that as the slope of their sums, and
keeps the inner part of the slope of each tile's pixels. Nothing is approximated: with overlaps as wide as the network
sees, the result is the whole picture's but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.losses.objective import Losses, Objective, PixelTerms
from velatura_daemon.engine.losses.statistics import Moments, sum_of
from velatura_daemon.engine.malloc import blocks_kept, give_memory_back
from velatura_daemon.engine.network import STRIDE_OF, Network, reach_of
from velatura_daemon.engine.regions import Box, cut
from velatura_daemon.memory_plan import GRID


@dataclass(frozen=True)
class Tile:
    """inner: its share of the picture. outer: that and the overlap."""

    inner: Box
    outer: Box

    def inner_of(self, tensor: Tensor, stride: int = 1) -> Tensor:
        """The inner part of a map of the outer box."""
        return self.inner.inside(self.outer).at(stride).of(tensor)


def tiles(height: int, width: int, side: int, overlap: int, circular: bool = False) -> Iterator[Tile]:
    """Tiles of at most `side` pixels a side that cover a picture, whose own sides are multiples of GRID, as evenly as
    that grid allows. overlap: pixels to each side, as far as there is a picture; with wraps it goes on at the opposite
    edge."""
    for top, bottom in _spans(height, side):
        for left, right in _spans(width, side):
            inner = Box(left, top, right - left, bottom - top)
            yield Tile(inner, _around(inner, overlap, height, width, circular))


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    """[0, length) in pieces of at most `side`, all multiples of GRID."""
    cells, most = length // GRID, max(1, side // GRID)
    pieces = -(-cells // most)
    for piece in range(pieces):
        yield cells * piece // pieces * GRID, cells * (piece + 1) // pieces * GRID


def _around(inner: Box, overlap: int, height: int, width: int, circular: bool) -> Box:
    """inner and so much more to each side, as far as there is a picture."""
    if circular:
        return Box(inner.left - overlap, inner.top - overlap, inner.width + 2 * overlap, inner.height + 2 * overlap)
    left, top = max(0, inner.left - overlap), max(0, inner.top - overlap)
    right, bottom = min(width, inner.left + inner.width + overlap), min(height, inner.top + inner.height + overlap)
    return Box(left, top, right - left, bottom - top)


class Tiled:
    """An objective whose picture is looked at in tiles of `side` pixels; the picture may lie elsewhere than the
    network.

    The last tile's features are kept from the first pass for the second, which begins with that tile, so it goes
    through the network once instead of twice.
    """

    def __init__(self, objective: Objective, side: int) -> None:
        self.objective = objective
        self.device = objective.network.mean.device
        self.tiles = list(tiles(*objective.size, side, 2 * objective.reach, objective.circular))

    def evaluate(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the slope of the total, (3, H, W), where the image lies."""
        sums, pixel_terms, kept = self._sums(image)
        self._give_memory_back()
        losses, slopes = self._combine(sums, pixel_terms)
        slope = self._slope(image, slopes, kept)
        self._give_memory_back()
        return losses, slope

    def _sums(self, image: Tensor) -> tuple[list[Tensor], PixelTerms, list[_Seen]]:
        """Pass 1: what every tile gives, added up; and, in a list that pass 2 empties to free its memory, the last tile
        with its features."""
        total: list[Tensor] = []
        content = steps = torch.zeros((), device=self.device)
        kept: list[_Seen] = []
        for number, tile in enumerate(_one_by_one(self.tiles), 1):
            if number == len(self.tiles):
                kept.append(self._seen(image, tile))
            sums, pixel_terms = (
                self._given(tile, tile.outer, kept[0].outer, kept[0].features) if kept else self._looked_at(image, tile)
            )
            total = [a + b for a, b in zip(total, sums, strict=True)] if total else sums
            content, steps = content + pixel_terms.content, steps + pixel_terms.steps
        return total, PixelTerms(content, steps), kept

    def _combine(self, sums: list[Tensor], pixel_terms: PixelTerms) -> tuple[Losses, list[Tensor]]:
        """Between the passes: the losses of the whole picture from what its tiles gave, and the slope of the total by
        each sum."""
        leaves = [total.requires_grad_(True) for total in sums]
        losses = self.objective.combine(leaves, pixel_terms)
        wanted = torch.autograd.grad(losses.total, leaves, allow_unused=True) if leaves else ()
        slopes = [
            torch.zeros_like(leaf) if slope is None else slope for slope, leaf in zip(wanted, leaves, strict=True)
        ]
        return Losses(losses.total.detach(), pixel_terms.content, losses.style.detach()), slopes

    def _slope(self, image: Tensor, slopes: list[Tensor], kept: list[_Seen]) -> Tensor:
        """Pass 2. slopes: of the total by each of the sums."""
        result = torch.empty_like(image)
        for tile in _one_by_one(reversed(self.tiles)):
            # Held by no name here: the next tile's features come when these have gone.
            tile.inner.of(result).copy_(self._slope_of(tile, slopes, kept.pop() if kept else self._seen(image, tile)))
        return result

    @torch.no_grad()
    def _looked_at(self, image: Tensor, tile: Tile) -> tuple[list[Tensor], PixelTerms]:
        """Without the way back the overlap of one way is enough."""
        objective = self.objective
        box = _around(tile.inner, objective.reach, *objective.size, objective.circular)
        pixels = cut(image, box, objective.circular).to(self.device)
        return self._given(tile, box, pixels, objective.network(pixels, objective.layers))

    @torch.no_grad()
    def _given(
        self, tile: Tile, box: Box, pixels: Tensor, features: Mapping[str, Tensor]
    ) -> tuple[list[Tensor], PixelTerms]:
        """By the inner part of a tile. pixels, features: of `box`."""
        here = tile.inner.inside(box)
        inner = {name: here.at(STRIDE_OF[name]).of(maps) for name, maps in features.items()}
        beyond = pixels[:, here.top : here.top + here.height + 1, here.left : here.left + here.width + 1]
        part = self.objective.part(tile.inner)
        return part.sums(inner), part.pixel_terms(inner, beyond)

    def _seen(self, image: Tensor, tile: Tile) -> _Seen:
        outer = cut(image, tile.outer, self.objective.circular).to(self.device).detach().requires_grad_(True)
        return _Seen(outer, self.objective.network(outer, self.objective.layers))

    def _slope_of(self, tile: Tile, slopes: list[Tensor], seen: _Seen) -> Tensor:
        """By a tile's inner pixels, (3, h, w)."""
        objective, w = self.objective, self.objective.weighting
        part = objective.part(tile.outer)
        sums, pixel_terms = part.sums(seen.features), part.pixel_terms(seen.features, seen.outer)
        total = w.alpha * pixel_terms.content + w.tau * pixel_terms.steps / objective.pixels
        for slope, given in zip(slopes, sums, strict=True):
            total = total + (slope * given).sum()
        (own,) = torch.autograd.grad(total, seen.outer)
        return tile.inner_of(own)

    def _give_memory_back(self) -> None:
        """Between the passes, since the second takes blocks of other sizes, and after them, when it is the optimiser's.
        A tile alone is looked at once, and its blocks are kept for the next evaluation: finding them anew takes a good
        part of its time."""
        if len(self.tiles) > 1:
            give_memory_back()


@dataclass(frozen=True)
class _Seen:
    """outer: a tile's pixels, (3, h, w), a leaf. features: of them, by layer, with the way back."""

    outer: Tensor
    features: dict[str, Tensor]


def _one_by_one(tiles: Iterable[Tile]) -> Iterator[Tile]:
    """Each tile's feature maps in the memory of the last one's."""
    for tile in tiles:
        with blocks_kept():
            yield tile


@torch.no_grad()
def features_of(network: Network, image: Tensor, layer: str, side: int, circular: bool = False) -> Tensor:
    """One layer's features of an image (3, H, W), (C, H / stride, W / stride), in the network's own numbers, where the
    image lies. side: of tiles, 0 for the whole at once."""
    if not side:
        features: Tensor = network(image.to(network.mean.device), (layer,), circular=circular)[layer]
        return features.to(image.device)
    stride, result = STRIDE_OF[layer], None
    height, width = image.shape[1:]
    for tile in _one_by_one(tiles(height, width, side, reach_of([layer]), circular)):
        outer = network(cut(image, tile.outer, circular).to(network.mean.device), (layer,))[layer]
        if result is None:
            result = torch.empty(len(outer), height // stride, width // stride, dtype=outer.dtype, device=image.device)
        tile.inner.at(stride).of(result).copy_(tile.inner_of(outer, stride))
    assert result is not None
    return result


@torch.no_grad()
def moments_of(
    network: Network, image: Tensor, layers: Iterable[str], weights: dict[str, Tensor], side: int
) -> dict[str, Moments]:
    """Moments by layer of an image (3, H, W) over the places that count. weights: (H, W) by layer. side: of tiles, 0
    for the whole at once; then the sides need not be multiples of GRID."""
    layers = list(layers)
    height, width = image.shape[1:]
    whole = Tile(Box(0, 0, width, height), Box(0, 0, width, height))
    sums: dict[str, list[Tensor]] = {}
    for tile in _one_by_one(tiles(height, width, side, reach_of(layers))) if side else [whole]:
        features = network(tile.outer.of(image).to(network.mean.device), layers)
        for name in layers:
            stride = STRIDE_OF[name]
            inner = tile.inner_of(features[name], stride)
            weight = tile.inner.at(stride).of(weights[name]).to(inner.device)
            given = [sum_of(inner, weight), gram(inner, weight), weight.sum()]
            sums[name] = [a + b for a, b in zip(sums[name], given, strict=True)] if name in sums else given
    return {
        name: Moments(first / n.clamp_min(1e-6), second / n.clamp_min(1e-6))
        for name, (first, second, n) in sums.items()
    }

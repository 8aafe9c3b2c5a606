"""Pictures larger than memory: an objective a tile at a time, exactly (Galerne et al. 2024, 'Scaling painting style transfer').

Two passes. The first, without gradients, adds up what the tiles give to the sums that style and palette look at. From these
sums follow the losses, and how each sum should change. The second goes over the tiles again with that as the slope of
their sums, and keeps the inner part of the slope of each tile's pixels. Nothing is approximated: with overlaps as wide as
the network sees, the result is the whole picture's but for rounding.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiche_daemon.allocation import blocks_kept, give_memory_back
from pastiche_daemon.engine.gram import gram
from pastiche_daemon.engine.moments import Moments, sum_of
from pastiche_daemon.engine.network import STRIDE_OF, Network
from pastiche_daemon.engine.objective import Local, Losses, Objective
from pastiche_daemon.engine.regions import Box, cut
from pastiche_daemon.room import GRID, REACH


@dataclass(frozen=True)
class Tile:
    """inner: its share of the picture. outer: that and the overlap."""

    inner: Box
    outer: Box

    def inner_of(self, tensor: Tensor, stride: int = 1) -> Tensor:
        """The inner part of a map of the outer box."""
        return self.inner.inside(self.outer).at(stride).of(tensor)


def tiles(height: int, width: int, side: int, overlap: int, wraps: bool = False) -> Iterator[Tile]:
    """Tiles of at most `side` pixels a side that cover a picture, whose own sides are multiples of GRID, as evenly as that grid
    allows. overlap: pixels to each side, as far as there is a picture; with wraps it goes on at the opposite edge."""
    for top, bottom in _spans(height, side):
        for left, right in _spans(width, side):
            inner = Box(left, top, right - left, bottom - top)
            if wraps:
                outer = Box(left - overlap, top - overlap, inner.width + 2 * overlap, inner.height + 2 * overlap)
            else:
                first, upper = max(0, left - overlap), max(0, top - overlap)
                outer = Box(first, upper, min(width, right + overlap) - first, min(height, bottom + overlap) - upper)
            yield Tile(inner, outer)


def _spans(length: int, side: int) -> Iterator[tuple[int, int]]:
    """[0, length) in pieces of at most `side`, both multiples of GRID."""
    cells, most = length // GRID, max(1, side // GRID)
    pieces = -(-cells // most)
    for piece in range(pieces):
        yield cells * piece // pieces * GRID, cells * (piece + 1) // pieces * GRID


class Tiled:
    """An objective whose picture is looked at in tiles of `side` pixels; the picture may lie elsewhere than the network."""

    def __init__(self, objective: Objective, side: int) -> None:
        self.objective = objective
        self.side = side

    def evaluate(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the slope of the total, (3, H, W), where the image lies."""
        sums, local = self._sums(image)
        give_memory_back()  # the second pass takes blocks of other sizes
        leaves = [total.requires_grad_(True) for total in sums]
        losses = self.objective.judged(leaves, local)
        wanted = torch.autograd.grad(losses.total, leaves, allow_unused=True) if leaves else ()
        slopes = [torch.zeros_like(leaf) if slope is None else slope for slope, leaf in zip(wanted, leaves, strict=True)]
        slope = self._slope(image, slopes)
        give_memory_back()  # the tiles' share is the optimiser's now
        return Losses(losses.total.detach(), local.content, losses.style.detach()), slope

    @torch.no_grad()
    def _sums(self, image: Tensor) -> tuple[list[Tensor], Local]:
        """Pass 1: what every tile gives, added up."""
        objective, device = self.objective, self.objective.network.mean.device
        total: list[Tensor] = []
        content = steps = torch.zeros((), device=device)
        for tile in self._tiles(image, REACH):
            outer = cut(image, tile.outer, objective.wraps).to(device)
            features = objective.network(outer, objective.layers)
            inner = {name: tile.inner_of(f, STRIDE_OF[name]) for name, f in features.items()}
            here = tile.inner.inside(tile.outer)
            beyond = outer[:, here.top : here.top + here.height + 1, here.left : here.left + here.width + 1]
            part = objective.part(tile.inner)
            sums, local = part.sums(inner, beyond), part.local(inner, beyond)
            total = [a + b for a, b in zip(total, sums, strict=True)] if total else sums
            content, steps = content + local.content, steps + local.steps
        return total, Local(content, steps)

    def _slope(self, image: Tensor, slopes: list[Tensor]) -> Tensor:
        """Pass 2. slopes: of the total by each of the sums."""
        objective, device = self.objective, self.objective.network.mean.device
        w, result = objective.weighting, torch.empty_like(image)
        for tile in self._tiles(image, 2 * REACH):
            outer = cut(image, tile.outer, objective.wraps).to(device).detach().requires_grad_(True)
            features = objective.network(outer, objective.layers)
            part = objective.part(tile.outer)
            sums, local = part.sums(features, outer), part.local(features, outer)
            total = w.alpha * local.content + w.tau * local.steps / objective.pixels
            for slope, given in zip(slopes, sums, strict=True):
                total = total + (slope * given).sum()
            (own,) = torch.autograd.grad(total, outer)
            tile.inner.of(result).copy_(tile.inner_of(own))
        return result

    def _tiles(self, image: Tensor, overlap: int) -> Iterator[Tile]:
        return _one_by_one(tiles(image.shape[1], image.shape[2], self.side, overlap, self.objective.wraps))


def _one_by_one(tiles: Iterable[Tile]) -> Iterator[Tile]:
    """Each tile's feature maps in the memory of the last one's."""
    for tile in tiles:
        with blocks_kept():
            yield tile


@torch.no_grad()
def features_of(network: Network, image: Tensor, layer: str, side: int, wraps: bool = False) -> Tensor:
    """One layer's features of an image (3, H, W), (C, H / stride, W / stride), in the network's own numbers, where the image
    lies. side: of tiles, 0 for the whole at once."""
    if not side:
        features: Tensor = network(image.to(network.mean.device), (layer,), wraps=wraps)[layer]
        return features.to(image.device)
    stride, result = STRIDE_OF[layer], None
    height, width = image.shape[1:]
    for tile in _one_by_one(tiles(height, width, side, REACH, wraps)):
        outer = network(cut(image, tile.outer, wraps).to(network.mean.device), (layer,))[layer]
        if result is None:
            result = torch.empty(len(outer), height // stride, width // stride, dtype=outer.dtype, device=image.device)
        tile.inner.at(stride).of(result).copy_(tile.inner_of(outer, stride))
    assert result is not None
    return result


@torch.no_grad()
def moments_of(
    network: Network, image: Tensor, layers: Iterable[str], weights: dict[str, Tensor], side: int
) -> dict[str, Moments]:
    """Moments by layer of an image (3, H, W) over the places that count. weights: (H, W) by layer. side: of tiles, 0 for the
    whole at once; then the sides need not be multiples of GRID."""
    layers = list(layers)
    height, width = image.shape[1:]
    whole = Tile(Box(0, 0, width, height), Box(0, 0, width, height))
    sums: dict[str, list[Tensor]] = {}
    for tile in _one_by_one(tiles(height, width, side, REACH)) if side else [whole]:
        features = network(tile.outer.of(image).to(network.mean.device), layers)
        for name in layers:
            stride = STRIDE_OF[name]
            inner = tile.inner_of(features[name], stride)
            weight = tile.inner.at(stride).of(weights[name]).to(inner.device)
            given = [sum_of(inner, weight), gram(inner, weight), weight.sum()]
            sums[name] = [a + b for a, b in zip(sums[name], given, strict=True)] if name in sums else given
    return {name: Moments(first / n.clamp_min(1e-6), second / n.clamp_min(1e-6)) for name, (first, second, n) in sums.items()}

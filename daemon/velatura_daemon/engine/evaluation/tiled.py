"""An evaluation of an image that is larger than memory: tile by tile, and exact.

Galerne et al. 2024, 'Scaling painting style transfer'. Two passes. The first adds up the tiles' sums, on which the
style loss depends. From these follow the losses, and the gradient of the total by each sum. The second pass visits the
tiles again, back-propagates that gradient from the tile's sums, and keeps the inner part of the gradient by the tile's
pixels. Nothing is approximated: with overlaps as wide as the network's receptive field, the result is that of the whole
image up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from velatura_daemon.engine.evaluation.plain import Evaluation
from velatura_daemon.engine.geometry import Box, crop
from velatura_daemon.engine.losses.objective import Features, Losses, Objective, StyleSums
from velatura_daemon.engine.losses.pixel_terms import PixelTerms
from velatura_daemon.engine.losses.statistics import LayerSums
from velatura_daemon.engine.malloc import trim_heap
from velatura_daemon.engine.network import STRIDE_OF
from velatura_daemon.engine.tiles import Tile, one_by_one, tiles, with_overlap


class TiledEvaluation(Evaluation):
    """An objective evaluated in tiles of `side` pixels. The image may lie on another device than the network.

    The last tile's features are kept from the first pass for the second, which begins with that tile: it passes through
    the network once instead of twice.
    """

    def __init__(self, objective: Objective, side: int) -> None:
        self.objective = objective
        self.side = side
        canvas = objective.canvas
        self.tiles = list(tiles(*canvas.size, side, 2 * objective.receptive_radius, canvas.circular))

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the gradient of the total, (3, H, W)."""
        sums, terms, last_tile = self._sum_over_tiles(image)
        self._trim_heap()
        losses, gradients = self._losses_and_gradients(sums, terms)
        gradient = self._gradient_by_image(image, gradients, last_tile)
        self._trim_heap()
        # On the image's device, which may be the host: so are all decisions that depend on them.
        on_device = (loss.to(image.device) for loss in (losses.total, losses.content, losses.style))
        return Losses(*on_device), gradient

    def _sum_over_tiles(self, image: Tensor) -> tuple[StyleSums, PixelTerms, list[_TileFeatures]]:
        """Pass 1: the sums of all tiles, and the last tile's features.

        Those are in a list that pass 2 empties to free their memory.
        """
        total: StyleSums = {}
        zero = torch.zeros((), device=self.objective.network.device)
        terms = PixelTerms(zero, zero)
        last_tile: list[_TileFeatures] = []
        for number, tile in enumerate(one_by_one(self.tiles), 1):
            if number == len(self.tiles):
                last_tile.append(self._with_gradient(image, tile))
                sums, tile_terms = self._tile_sums(tile, tile.outer, last_tile[0].pixels, last_tile[0].features)
            else:
                sums, tile_terms = self._without_gradient(image, tile)
            total = {key: total[key] + sums[key] for key in sums} if total else sums
            terms = terms + tile_terms
        return total, terms, last_tile

    def _losses_and_gradients(self, sums: StyleSums, terms: PixelTerms) -> tuple[Losses, StyleSums]:
        """Between the passes: the losses of the whole image, and the gradient of the total by each sum."""
        leaves = [leaf.requires_grad_(True) for layer in sums.values() for leaf in layer.tensors]
        losses = self.objective.combine(sums, terms)
        if leaves:
            torch.autograd.backward(losses.total, inputs=leaves)
        gradients = {
            key: LayerSums(None if layer.first is None else _gradient_of(layer.first), _gradient_of(layer.second))
            for key, layer in sums.items()
        }
        return Losses(losses.total.detach(), terms.content, losses.style.detach()), gradients

    def _gradient_by_image(self, image: Tensor, gradients: StyleSums, last_tile: list[_TileFeatures]) -> Tensor:
        """Pass 2. gradients: of the total by each of the sums."""
        result = torch.empty_like(image)
        for tile in one_by_one(reversed(self.tiles)):
            # No variable here holds the tile's features: they are freed before the next tile's are computed.
            by_tile = self._gradient_by_tile(
                tile, gradients, last_tile.pop() if last_tile else self._with_gradient(image, tile)
            )
            tile.inner.crop(result).copy_(by_tile)
        return result

    def _gradient_by_tile(self, tile: Tile, gradients: StyleSums, seen: _TileFeatures) -> Tensor:
        """By a tile's inner pixels, (3, h, w)."""
        objective = self.objective
        sums = objective.style_sums(seen.features, tile.outer)
        terms = objective.pixel_terms(seen.features, seen.pixels, tile.outer)
        total = objective.weighting.alpha * terms.content + objective.total_variation(terms)
        if terms.temporal is not None:
            total = total + objective.temporal_loss(terms)
        for key, layer in sums.items():
            for gradient, value in zip(gradients[key].tensors, layer.tensors, strict=True):
                total = total + (gradient * value).sum()
        (by_pixel,) = torch.autograd.grad(total, seen.pixels)
        return tile.crop_inner(by_pixel)

    def _with_gradient(self, image: Tensor, tile: Tile) -> _TileFeatures:
        """The features of a tile with twice the receptive radius as overlap, forward and backward."""
        device, circular = self.objective.network.device, self.objective.canvas.circular
        pixels = crop(image, tile.outer, circular).to(device).detach().requires_grad_(True)
        return _TileFeatures(pixels, self.objective.network(pixels, self.objective.layers))

    @torch.no_grad()
    def _without_gradient(self, image: Tensor, tile: Tile) -> tuple[StyleSums, PixelTerms]:
        """The sums of a tile; without a backward pass an overlap of one receptive radius is enough."""
        objective, canvas = self.objective, self.objective.canvas
        box = with_overlap(tile.inner, objective.receptive_radius, canvas.size, canvas.circular)
        pixels = crop(image, box, canvas.circular).to(objective.network.device)
        return self._tile_sums(tile, box, pixels, objective.network(pixels, objective.layers))

    @torch.no_grad()
    def _tile_sums(self, tile: Tile, box: Box, pixels: Tensor, features: Features) -> tuple[StyleSums, PixelTerms]:
        """The sums of a tile's inner part. pixels, features: of `box` around it."""
        inner = tile.inner.relative_to(box)
        inner_features = {name: inner.at_stride(STRIDE_OF[name]).crop(maps) for name, maps in features.items()}
        with_neighbours = Box(inner.left, inner.top, inner.width + 1, inner.height + 1).crop(pixels)
        sums = self.objective.style_sums(inner_features, tile.inner)
        return sums, self.objective.pixel_terms(inner_features, with_neighbours, tile.inner)

    def _trim_heap(self) -> None:
        """Between the passes, since the second allocates blocks of other sizes, and after them, for the optimiser.

        A single tile is computed once, and its blocks are kept for the next evaluation: allocating them anew takes a
        good part of its time.
        """
        if len(self.tiles) > 1:
            trim_heap()


@dataclass(frozen=True)
class _TileFeatures:
    """The features of a tile with its overlap.

    Attributes:
        pixels: (3, h, w), a leaf.
        features: The features of these pixels, by layer, with gradients.
    """

    pixels: Tensor
    features: Features


def _gradient_of(leaf: Tensor) -> Tensor:
    """What a backward pass has found for a leaf: 0 if the loss does not depend on it."""
    return torch.zeros_like(leaf) if leaf.grad is None else leaf.grad

"""Feature maps and statistics of a fixed image, such as the content or a style: whole or in tiles."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from velatura_daemon.engine.geometry import Box, crop
from velatura_daemon.engine.losses.statistics import LayerSums, Statistics, layer_sums
from velatura_daemon.engine.network import STRIDE_OF, Network, receptive_radius
from velatura_daemon.engine.tiles import Tile, one_by_one, tiles


@torch.no_grad()
def extract_features(network: Network, image: Tensor, layer: str, tile_side: int = 0, circular: bool = False) -> Tensor:
    """One layer's features of an image: (3, H, W) → (C, H / stride, W / stride), in the network's precision, on the
    image's device. tile_side: 0 for the whole image at once."""
    if not tile_side:
        features: Tensor = network(image.to(network.device), (layer,), circular=circular)[layer]
        return features.to(image.device)
    stride, result = STRIDE_OF[layer], None
    height, width = image.shape[1:]
    for tile in one_by_one(tiles(height, width, tile_side, receptive_radius([layer]), circular)):
        outer = network(crop(image, tile.outer, circular).to(network.device), (layer,))[layer]  # (C, h, w)
        if result is None:
            result = torch.empty(len(outer), height // stride, width // stride, dtype=outer.dtype, device=image.device)
        tile.inner.at_stride(stride).crop(result).copy_(tile.crop_inner(outer, stride))
    assert result is not None
    return result


@torch.no_grad()
def extract_statistics(
    network: Network, image: Tensor, weights: Mapping[str, Tensor], tile_side: int = 0
) -> dict[str, Statistics]:
    """Statistics of an image (3, H, W), by layer.

    weights: how much each position counts, (H / stride, W / stride) for each of the layers. tile_side: 0 for the whole
    image at once; otherwise the image's sides are multiples of GRID.
    """
    height, width = image.shape[1:]
    whole = Tile(Box(0, 0, width, height), Box(0, 0, width, height))
    parts = one_by_one(tiles(height, width, tile_side, receptive_radius(weights))) if tile_side else [whole]
    sums: dict[str, LayerSums] = {}
    positions: dict[str, Tensor] = {}
    for tile in parts:
        features = network(tile.outer.crop(image).to(network.device), weights)
        for layer, layer_weight in weights.items():
            stride = STRIDE_OF[layer]
            maps = tile.crop_inner(features[layer], stride)  # (C, h, w)
            weight = tile.inner.at_stride(stride).crop(layer_weight).to(maps.device)
            part, count = layer_sums(maps, weight), weight.sum()
            sums[layer] = sums[layer] + part if layer in sums else part
            positions[layer] = positions[layer] + count if layer in positions else count
    return {layer: sums[layer].divided_by(positions[layer].clamp_min(1e-6)) for layer in sums}

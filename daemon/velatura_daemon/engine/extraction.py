"""Feature maps and statistics of a fixed image, such as the content or a style: whole or in tiles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from velatura_daemon.engine.geometry import Box, crop
from velatura_daemon.engine.losses.statistics import LayerSums, Statistics, layer_sums
from velatura_daemon.engine.network import STRIDE_OF, STYLE_LAYERS, Network, receptive_radius
from velatura_daemon.engine.tiles import Tile, one_by_one, tiles

# Pixels around a sampled tile: half of the radius of the deepest layer's receptive field, so its outermost cells see
# repeated edges.
SAMPLE_OVERLAP = 48
GOLDEN_RATIO = (math.sqrt(5) - 1) / 2


@torch.no_grad()
def extract_features(network: Network, image: Tensor, layer: str, tile_side: int = 0, circular: bool = False) -> Tensor:
    """Computes one layer's features of an image.

    Args:
        network: The network that computes them.
        image: (3, H, W), on any device.
        layer: Its name.
        tile_side: Side of the tiles in pixels; 0 for the whole image at once. Both give the same.
        circular: The image continues at its opposite edge.

    Returns:
        (C, H / stride, W / stride), in the network's precision, on the image's device.
    """
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
    """Computes the statistics of an image, exactly.

    Args:
        network: The network that computes the features.
        image: (3, H, W). With tiles, its sides are multiples of GRID.
        weights: How much each position counts, (H / stride, W / stride), for each of the layers.
        tile_side: Side of the tiles in pixels; 0 for the whole image at once.

    Returns:
        Statistics by layer.
    """
    height, width = image.shape[1:]
    whole = Tile(Box(0, 0, width, height), Box(0, 0, width, height))
    parts = list(tiles(height, width, tile_side, receptive_radius(weights))) if tile_side else [whole]
    return _statistics_of(network, image, weights, parts)


@torch.no_grad()
def sample_statistics(
    network: Network, image: Tensor, weights: Mapping[str, Tensor], tile_side: int, pixels: int
) -> dict[str, Statistics]:
    """Estimates the statistics of an image from tiles scattered over it. For previews; `extract_statistics` is exact.

    Args:
        network: The network that computes the features.
        image: (3, H, W); its sides are multiples of GRID.
        weights: How much each position counts, (H / stride, W / stride), for each of the layers.
        tile_side: Side of the tiles in pixels.
        pixels: About how many pixels all tiles have together.

    Returns:
        Statistics by layer.
    """
    height, width = image.shape[1:]
    counts = weights[STYLE_LAYERS[0]]  # (H, W)
    parts = [part for part in tiles(height, width, tile_side, SAMPLE_OVERLAP) if part.inner.crop(counts).any()]
    if not parts:
        return extract_statistics(network, image, weights, tile_side)
    # Multiples of the golden ratio, modulo 1, are spread evenly over rows and columns alike.
    parts = [parts[i] for i in sorted(range(len(parts)), key=lambda i: i * GOLDEN_RATIO % 1)]
    wanted = max(1, round(pixels / (parts[0].inner.width * parts[0].inner.height)))
    return _statistics_of(network, image, weights, parts[:wanted])


def _statistics_of(
    network: Network, image: Tensor, weights: Mapping[str, Tensor], parts: Sequence[Tile]
) -> dict[str, Statistics]:
    sums: dict[str, LayerSums] = {}
    positions: dict[str, Tensor] = {}
    for tile in one_by_one(parts) if len(parts) > 1 else parts:
        features = network(tile.outer.crop(image).to(network.device), weights)
        for layer, layer_weight in weights.items():
            stride = STRIDE_OF[layer]
            maps = tile.crop_inner(features[layer], stride)  # (C, h, w)
            weight = tile.inner.at_stride(stride).crop(layer_weight).to(maps.device)
            part, count = layer_sums(maps, weight), weight.sum()
            sums[layer] = sums[layer] + part if layer in sums else part
            positions[layer] = positions[layer] + count if layer in positions else count
    return {layer: sums[layer].divided_by(positions[layer].clamp_min(1e-6)) for layer in sums}

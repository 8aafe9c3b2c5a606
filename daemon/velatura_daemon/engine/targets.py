"""What the image is compared with at a scale: the content's features there, and the styles' statistics at the matching
size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura.errors import BadWeights, NothingToRestyle
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.extraction import extract_features, extract_statistics
from velatura_daemon.engine.geometry import pad, resize
from velatura_daemon.engine.losses.objective import Canvas, ContentTarget, Objective, StyleTarget
from velatura_daemon.engine.losses.statistics import Statistics, mixed
from velatura_daemon.engine.losses.weighting import style_distance_for, weighting_for
from velatura_daemon.engine.masks import fill_hidden, resize_weight, weights_by_layer
from velatura_daemon.engine.network import STYLE_LAYERS, Network
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import StyleRegion, weight_at
from velatura_daemon.memory_plan import GRID

# Longest side of a style in pixels, whatever the stroke size. A larger one than ALIGNED_STYLE_SIDE has sides that are
# multiples of GRID, since it may be processed in tiles.
SMALLEST_STYLE, LARGEST_STYLE, ALIGNED_STYLE_SIDE = 32, 4096, 512


def content_at(content: Source, scale: Scale, circular: bool = False) -> Tensor:
    """The content's pixels at a scale, padded to the grid: (3, H, W)."""
    image = resize(content.image, scale.height, scale.width, circular)
    if image is not content.image:
        image = image.clamp_(0, 1)
    return pad(image, *scale.padded)


@dataclass(frozen=True)
class TargetExtractor:
    """Extracts targets with a network, or takes them from the cache. tile_side: of tiles in pixels, 0 for whole
    images."""

    network: Network
    settings: StyleSettings
    cache: TargetCache
    tile_side: int = 0

    def content_target(self, content: Source, scale: Scale, pixels: Tensor) -> ContentTarget:
        """pixels: (3, H, W), the content at this scale. Raises BadWeights if the network lacks the content layer."""
        network, settings, layer = self.network, self.settings, self.settings.content_layer
        if layer not in network.layers:
            raise BadWeights(
                f"The chosen weights end at {network.layers[-1]}, so content cannot be compared at {layer}. "
                "Choose another content layer, or weights with all sixteen layers."
            )
        weight = weight_at(content.weight, scale)
        features = (TargetCache(0) if self.tile_side else self.cache).get(  # an image that fills the memory: not cached
            ("content", network.name, content.key, scale.padded, settings.pooling, layer, settings.seamless),
            lambda: extract_features(network, pixels, layer, self.tile_side, settings.seamless),
        )
        return ContentTarget(layer, features, None if weight is None else weights_by_layer(weight, (layer,))[layer])

    def style_target(self, region: StyleRegion, scale: Scale, longest_side: float) -> StyleTarget:
        """longest_side: of the styles, in pixels."""
        weight = weight_at(region.weight, scale)
        weights = dict.fromkeys(STYLE_LAYERS) if weight is None else weights_by_layer(weight, STYLE_LAYERS)
        by_style = [self._statistics(style, longest_side) for style in region.styles]
        shares = [style.share for style in region.styles]
        statistics = {layer: mixed([s[layer] for s in by_style], shares) for layer in STYLE_LAYERS}
        return StyleTarget(statistics, weights, region.share)

    def _statistics(self, style: Source, longest_side: float) -> dict[str, Statistics]:
        """Of one style at one size, by layer."""
        height, width = _style_size(style, longest_side)

        def extract() -> dict[str, Statistics]:
            image = resize(fill_hidden(style.image, style.visible), height, width).clamp(0, 1)
            weights = weights_by_layer(resize_weight(style.weight, height, width), STYLE_LAYERS)
            in_tiles = self.tile_side and max(height, width) > max(self.tile_side, ALIGNED_STYLE_SIDE)
            return extract_statistics(self.network, image, weights, self.tile_side if in_tiles else 0)

        key = ("style", self.network.name, style.key, height, width, self.settings.pooling)
        return self.cache.get_statistics(key, self.network.device, extract)


@torch.no_grad()
def objective_at(
    scale: Scale, content: Source, pixels: Tensor, style_regions: Sequence[StyleRegion], targets: TargetExtractor
) -> Objective:
    """The objective at a scale. pixels: (3, H, W), the content there (`content_at`). Raises NothingToRestyle if no loss
    counts."""
    settings = targets.settings
    content_target = targets.content_target(content, scale, pixels)
    longest_side = content.uncropped_side * scale.width / content.size[1] * settings.stroke_size
    style_targets = [targets.style_target(region, scale, longest_side) for region in style_regions]
    positions = content_target.features[0].numel() if content_target.weight is None else content_target.weight.sum()
    weighting = weighting_for(settings, len(content_target.features), float(positions))
    if not (weighting.alpha or any(weighting.layer_weights.values())):
        raise NothingToRestyle(
            "The style alone is asked for, and none of it counts: fine, middle and coarse are 0 where the style is "
            "looked at."
        )
    canvas = Canvas(scale.padded, weight_at(content.weight, scale), settings.seamless)
    return Objective(targets.network, canvas, content_target, style_targets, weighting, style_distance_for(settings))


def _style_size(style: Source, longest_side: float) -> tuple[int, int]:
    """(height, width) of the style with this longest side, within SMALLEST_STYLE and LARGEST_STYLE."""
    factor = min(max(longest_side, SMALLEST_STYLE), LARGEST_STYLE) / max(style.size)
    height, width = (side * factor for side in style.size)
    if factor * max(style.size) > ALIGNED_STYLE_SIDE:
        return max(GRID, round(height / GRID) * GRID), max(GRID, round(width / GRID) * GRID)
    return max(GRID, round(height)), max(GRID, round(width))

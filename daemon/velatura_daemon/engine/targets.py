"""The targets at a scale: the content's features, and the styles' statistics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura.errors import BadWeights, NothingToRestyle
from velatura.i18n import lazy_text
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.extraction import extract_features, extract_statistics, sample_statistics
from velatura_daemon.engine.geometry import pad, resize
from velatura_daemon.engine.losses.objective import Canvas, ContentTarget, Objective, StyleTarget, TemporalTarget
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
# Of the tiles that represent a large style, and of all of them (docs/performance.md, 'Previews').
SAMPLE_SIDE, SAMPLED_PIXELS = 320, 500_000
SMALLEST_STYLE, LARGEST_STYLE, ALIGNED_STYLE_SIDE = 32, 4096, 512


def content_at(content: Source, scale: Scale, circular: bool = False) -> Tensor:
    """The content's pixels at a scale, padded to the grid: (3, H, W)."""
    image = resize(content.image, scale.height, scale.width, circular)
    if image is not content.image:
        image = image.clamp_(0, 1)
    return pad(image, *scale.padded)


@dataclass(frozen=True)
class TargetExtractor:
    """Extracts targets with a network, or takes them from the cache.

    Attributes:
        network: The network that computes the features.
        settings: The settings of the restyle.
        cache: Earlier targets.
        tile_side: Side of the tiles in pixels; 0 for whole images.
        sampled: A style of more than twice SAMPLED_PIXELS is represented by tiles of it; for the view of a preview.
        keeps_content: Whether the targets of contents are cached. Those of an image that fills the memory never are.
    """

    network: Network
    settings: StyleSettings
    cache: TargetCache
    tile_side: int = 0
    sampled: bool = False
    keeps_content: bool = True

    def content_target(self, content: Source, scale: Scale, pixels: Tensor) -> ContentTarget:
        """Returns the content's features at a scale.

        Args:
            content: The picture to restyle.
            scale: The scale.
            pixels: (3, H, W), the content at this scale (`content_at`).

        Returns:
            The target.

        Raises:
            BadWeights: The network lacks the content layer.
        """
        network, settings, layer = self.network, self.settings, self.settings.content_layer
        if layer not in network.layers:
            raise BadWeights(
                lazy_text(
                    "The chosen weights end at {last}, so content cannot be compared at {layer}. Choose another "
                    "content layer, or weights with all sixteen layers.",
                    last=network.layers[-1],
                    layer=layer,
                )
            )
        weight = weight_at(content.weight, scale)
        cache = self.cache if self.keeps_content and not self.tile_side else TargetCache(0)
        features = cache.get(
            ("content", network.name, content.key, scale.padded, settings.pooling, layer, settings.seamless),
            lambda: extract_features(network, pixels, layer, self.tile_side, settings.seamless),
        )
        return ContentTarget(layer, features, None if weight is None else weights_by_layer(weight, (layer,))[layer])

    def style_target(self, region: StyleRegion, scale: Scale, longest_side: float) -> StyleTarget:
        """Returns the statistics of a region's styles at a scale.

        Args:
            region: Where the styles go.
            scale: The scale.
            longest_side: The styles' longest side in pixels.

        Returns:
            The target, with the styles mixed by their shares.
        """
        weight = weight_at(region.weight, scale)
        weights = dict.fromkeys(STYLE_LAYERS) if weight is None else weights_by_layer(weight, STYLE_LAYERS)
        by_style = [self._statistics(style, longest_side) for style in region.styles]
        shares = [style.share for style in region.styles]
        statistics = {layer: mixed([s[layer] for s in by_style], shares) for layer in STYLE_LAYERS}
        return StyleTarget(statistics, weights, region.share, region.surroundings)

    def _statistics(self, style: Source, longest_side: float) -> dict[str, Statistics]:
        """Of one style at one size, by layer."""
        height, width = _style_size(style, longest_side)

        def extract() -> dict[str, Statistics]:
            image = resize(fill_hidden(style.image, style.visible), height, width).clamp(0, 1)
            weights = weights_by_layer(resize_weight(style.weight, height, width), STYLE_LAYERS)
            in_tiles = self.tile_side and max(height, width) > max(self.tile_side, ALIGNED_STYLE_SIDE)
            return extract_statistics(self.network, image, weights, self.tile_side if in_tiles else 0)

        def sample() -> dict[str, Statistics]:
            image = resize(fill_hidden(style.image, style.visible), height, width).clamp(0, 1)
            weights = weights_by_layer(resize_weight(style.weight, height, width), STYLE_LAYERS)
            return sample_statistics(self.network, image, weights, SAMPLE_SIDE, SAMPLED_PIXELS)

        key = ("style", self.network.name, style.key, height, width, self.settings.pooling)
        if self.sampled and height * width > 2 * SAMPLED_PIXELS:
            return self.cache.get_statistics(("sampled", *key), self.network.device, sample)
        return self.cache.get_statistics(key, self.network.device, extract)


@torch.no_grad()
def objective_at(
    scale: Scale,
    content: Source,
    pixels: Tensor,
    style_regions: Sequence[StyleRegion],
    targets: TargetExtractor,
    temporal: TemporalTarget | None = None,
) -> Objective:
    """Returns the objective at a scale.

    Args:
        scale: The scale.
        content: The picture to restyle.
        pixels: (3, H, W), the content there (`content_at`).
        style_regions: Where the styles go.
        targets: Extracts what the image is compared with.
        temporal: What a frame of a film follows.

    Returns:
        The objective.

    Raises:
        NothingToRestyle: No loss counts.
        BadWeights: The network lacks the content layer.
    """
    settings = targets.settings
    content_target = targets.content_target(content, scale, pixels)
    longest_side = content.uncropped_side * scale.width / content.size[1] * settings.stroke_size
    style_targets = [targets.style_target(region, scale, longest_side) for region in style_regions]
    positions = content_target.features[0].numel() if content_target.weight is None else content_target.weight.sum()
    weighting = weighting_for(settings, len(content_target.features), float(positions))
    if not (weighting.alpha or any(weighting.layer_weights.values())):
        raise NothingToRestyle(
            lazy_text(
                "Only the style is to be reconstructed, but fine, middle and coarse are 0 for all style layers in "
                "use. Set one of them above 0."
            )
        )
    canvas = Canvas(scale.padded, weight_at(content.weight, scale), settings.seamless)
    distance = style_distance_for(settings)
    return Objective(targets.network, canvas, content_target, style_targets, weighting, distance, temporal)


def _style_size(style: Source, longest_side: float) -> tuple[int, int]:
    """(height, width) of the style with this longest side, within SMALLEST_STYLE and LARGEST_STYLE."""
    factor = min(max(longest_side, SMALLEST_STYLE), LARGEST_STYLE) / max(style.size)
    height, width = (side * factor for side in style.size)
    if factor * max(style.size) > ALIGNED_STYLE_SIDE:
        return max(GRID, round(height / GRID) * GRID), max(GRID, round(width / GRID) * GRID)
    return max(GRID, round(height)), max(GRID, round(width))

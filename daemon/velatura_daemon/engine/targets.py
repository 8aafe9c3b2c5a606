"""What a picture is to become at a scale: the content's features there, the styles' moments at the size that goes with
it."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from velatura.errors import BadWeights, NothingToRestyle
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.losses.objective import ContentTarget, Objective, StyleTarget
from velatura_daemon.engine.losses.statistics import Moments, mixed
from velatura_daemon.engine.losses.weighting import style_distance_for, weighting_for
from velatura_daemon.engine.network import STYLE_LAYERS, Network
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.regions import fill_hidden, padded, resized, resized_weight, weights_by_layer
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import StyleRegion, place_weight
from velatura_daemon.engine.tiling.tiles import features_of, moments_of
from velatura_daemon.memory_plan import GRID

LARGEST_STYLE = 4096  # pixels, longest side: a style is looked at no larger than that, whatever the stroke size
ON_GRID = 512  # pixels: larger styles have sides that tiles can have, since they may be looked at in tiles
SMALLEST_STYLE = 32


def canvas_at(content: Source, scale: Scale, circular: bool = False) -> Tensor:
    """(3, H, W): the content at a scale, padded to the grid."""
    canvas = resized(content.image, scale.height, scale.width, circular)
    if canvas is not content.image:
        canvas = canvas.clamp_(0, 1)
    return padded(canvas, *scale.padded)


@torch.no_grad()
def objective_at(
    network: Network,
    content: Source,
    style_regions: Sequence[StyleRegion],
    canvas: Tensor,
    scale: Scale,
    settings: StyleSettings,
    cache: TargetCache,
    side: int = 0,
) -> Objective:
    """What is to become small at this scale. canvas: (3, H, W), the content there, padded. side: of tiles, 0 for the
    whole."""
    layer, circular = settings.content_layer, settings.seamless
    if layer not in network.layers:
        raise BadWeights(
            f"The chosen weights end at {network.layers[-1]}, so content cannot be compared at {layer}. "
            "Choose another content layer, or weights with all sixteen layers."
        )
    weight = place_weight(content.weight, scale)
    content_weight = None if weight is None else weights_by_layer(weight, (layer,))[layer]
    # Of a picture that fills the memory nothing is kept beyond its job.
    (features,) = (TargetCache(0) if side else cache).get(
        ("content", network.name, content.key, scale.padded, settings.pooling, layer, circular),
        lambda: (features_of(network, canvas, layer, side, circular),),
    )
    longest = content.whole * scale.width / content.size[1] * settings.stroke_size
    targets = []
    for territory in style_regions:
        here = place_weight(territory.weight, scale)
        weights = dict.fromkeys((*STYLE_LAYERS, "image")) if here is None else weights_by_layer(here, STYLE_LAYERS)
        by_style = [_style_moments(network, style, longest, settings, cache, side) for style in territory.styles]
        shares = [style.share for style in territory.styles]
        moments = {name: mixed([m[name] for m in by_style], shares) for name in STYLE_LAYERS}
        targets.append(StyleTarget(weights, moments, territory.share))
    places = features[0].numel() if content_weight is None else float(content_weight.sum())
    weighting = weighting_for(settings, features.shape[0], places)
    if not (weighting.alpha or any(weighting.layer_weights.values())):
        raise NothingToRestyle(
            "The style alone is asked for, and none of it counts: fine, middle and coarse are 0 where the style is "
            "looked at."
        )
    return Objective(
        network,
        ContentTarget(layer, features, content_weight),
        targets,
        weight,
        scale.padded,
        weighting,
        style_distance_for(settings),
        circular,
    )


def _style_size(style: Source, longest: float) -> tuple[int, int]:
    """(height, width) of the style so that its longest side is `longest`, within what is sensible."""
    factor = min(max(longest, SMALLEST_STYLE), LARGEST_STYLE) / max(style.size)
    height, width = (side * factor for side in style.size)
    if factor * max(style.size) > ON_GRID:
        return max(GRID, round(height / GRID) * GRID), max(GRID, round(width / GRID) * GRID)
    return max(GRID, round(height)), max(GRID, round(width))


def _style_moments(
    network: Network, style: Source, longest: float, settings: StyleSettings, cache: TargetCache, side: int
) -> dict[str, Moments]:
    """Of one style at one size, by layer. longest: pixels of its longest side. side: of tiles, if it is larger than
    one."""
    height, width = _style_size(style, longest)

    def make() -> tuple[Tensor, ...]:
        image = resized(fill_hidden(style.image, style.visible), height, width).clamp(0, 1)
        weights = weights_by_layer(resized_weight(style.weight, height, width), STYLE_LAYERS)
        in_tiles = side if side and max(height, width) > max(side, ON_GRID) else 0
        moments = moments_of(network, image, STYLE_LAYERS, weights, in_tiles)
        return tuple(t for name in STYLE_LAYERS for t in (moments[name].mean, moments[name].second))

    kept = cache.get(("style", network.name, style.key, height, width, settings.pooling), make)
    pairs = zip(kept[0::2], kept[1::2], strict=True)
    return {name: Moments(mean, second) for name, (mean, second) in zip(STYLE_LAYERS, pairs, strict=True)}

"""Which style goes where, and which pixels may change."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura.errors import NothingToRestyle
from velatura.i18n import lazy_text
from velatura_daemon.engine.losses.statistics import Statistics
from velatura_daemon.engine.masks import pad_weight, resize_weight
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.source import Source


@dataclass(frozen=True)
class StyleRegion:
    """A part of the content, and the styles that are mixed there.

    Attributes:
        weight: (H, W), how much each pixel counts for these styles, 0 to 1.
        styles: Those of the region.
        share: The region's share of the total weight of all pixels that are restyled, 0 to 1.
        surroundings: See `losses.objective.StyleTarget`.
    """

    weight: Tensor
    styles: list[Source]
    share: float
    surroundings: Mapping[str, Statistics] | None = None


def style_regions_of(content: Source, styles: Sequence[Source]) -> list[StyleRegion]:
    """Groups the styles by their regions. Regions that overlap share the pixels.

    Styles without a region go where no region is; without any such style, these pixels stay the content.

    Args:
        content: The picture to restyle.
        styles: At least one.

    Returns:
        The regions that cover anything.

    Raises:
        NothingToRestyle: No style has any pixel to go to.
    """
    groups: dict[Hashable, list[Source]] = {}
    for style in styles:
        groups.setdefault(style.region_key if style.region is not None else None, []).append(style)
    without_region = groups.pop(None, [])
    if not groups:
        return [StyleRegion(content.weight, without_region, 1.0)]
    regions = [(group[0].region, group) for group in groups.values()]
    claimed = _sum([region for region, _ in regions if region is not None])  # (H, W)
    parts = itertools.chain(  # one at a time: each has the content's size
        ((region / claimed.clamp_min(1), group) for region, group in regions if region is not None),
        [((1 - claimed).clamp_min(0), without_region)],
    )
    total = content.weight.sum()
    style_regions = []
    for part, group in parts:
        weight = part.to(content.weight) * content.weight
        share = float(weight.sum() / total)
        if group and share > 0:
            style_regions.append(StyleRegion(weight, group, share))
    if not style_regions:
        raise NothingToRestyle(
            lazy_text("The regions do not overlap the area to restyle. Paint them where the picture is visible.")
        )
    return style_regions


def style_coverage(styles: Sequence[Source]) -> Tensor | None:
    """Returns where any style goes: (H, W) of the content, 0 to 1. None if one has no region and so goes everywhere."""
    by_key = {style.region_key: style.region for style in styles}
    regions = [region for region in by_key.values() if region is not None]
    return _sum(regions).clamp_max_(1) if len(regions) == len(by_key) else None


def _sum(weights: Sequence[Tensor]) -> Tensor:
    total = weights[0].clone()
    for weight in weights[1:]:
        total += weight
    return total


def weight_at(weight: Tensor, scale: Scale) -> Tensor | None:
    """Returns how much each pixel counts at a scale.

    Args:
        weight: (H, W), 0 to 1.
        scale: The scale.

    Returns:
        scale.padded, 0 in the padding; None if each pixel counts fully.
    """
    if scale.padded == (scale.height, scale.width) and bool((weight == 1).all()):
        return None
    return pad_weight(resize_weight(weight, scale.height, scale.width), *scale.padded)


def trainable_mask(style_regions: Sequence[StyleRegion], scale: Scale, canvas: Tensor) -> Tensor:
    """Returns which pixels may change at a scale: those in any region.

    Args:
        style_regions: At least one.
        scale: The scale.
        canvas: (3, H, W), padded, whose type and device the mask takes.

    Returns:
        (H, W), 1 if a pixel may change, 0 if not.
    """
    weights = [weight_at(region.weight, scale) for region in style_regions]
    partial = [weight for weight in weights if weight is not None]
    if len(partial) < len(weights):
        return torch.ones(1).to(canvas).expand(canvas.shape[1:])
    return functools.reduce(torch.maximum, partial).gt(0).to(canvas)

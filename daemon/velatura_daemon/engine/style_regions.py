"""Which style goes where, and which pixels may change."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura.errors import NothingToRestyle
from velatura_daemon.engine.masks import pad_weight, resize_weight
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.source import Source


@dataclass(frozen=True)
class StyleRegion:
    """A part of the content, and the styles that are mixed there.

    weight: (H, W), how much each pixel counts for these styles, 0 to 1. share: of the total weight of all regions'
    pixels that are restyled, 0 to 1.
    """

    weight: Tensor
    styles: list[Source]
    share: float


def style_regions_of(content: Source, styles: Sequence[Source]) -> list[StyleRegion]:
    """Groups the styles by their regions. Regions that overlap share the pixels. Styles without a region go where no
    region is; without any such style, these pixels stay the content. Raises NothingToRestyle if no style has any pixel
    to go to."""
    groups: dict[Hashable, list[Source]] = {}
    for style in styles:
        groups.setdefault(style.region_key if style.region is not None else None, []).append(style)
    without_region = groups.pop(None, [])
    if not groups:
        return [StyleRegion(content.weight, without_region, 1.0)]
    regions = [(group[0].region, group) for group in groups.values()]
    claimed = torch.stack([region for region, _ in regions if region is not None]).sum(0)  # (H, W)
    parts = [(region / claimed.clamp_min(1), group) for region, group in regions if region is not None]
    parts.append(((1 - claimed).clamp_min(0), without_region))
    total = content.weight.sum()
    style_regions = []
    for part, group in parts:
        weight = part.to(content.weight) * content.weight
        share = float(weight.sum() / total)
        if group and share > 0:
            style_regions.append(StyleRegion(weight, group, share))
    if not style_regions:
        raise NothingToRestyle("The regions cover nothing that is to be restyled. Paint them where the picture is.")
    return style_regions


def style_coverage(styles: Sequence[Source]) -> Tensor | None:
    """Where any style goes: (H, W) of the content, 0 to 1. None if one of them has no region: everywhere."""
    by_key = {style.region_key: style.region for style in styles}
    regions = [region for region in by_key.values() if region is not None]
    return torch.stack(regions).sum(0).clamp_max(1) if len(regions) == len(by_key) else None


def weight_at(weight: Tensor, scale: Scale) -> Tensor | None:
    """How much each pixel counts at a scale, padded: (H, W) → scale.padded; None if each counts fully."""
    if scale.padded == (scale.height, scale.width) and bool((weight == 1).all()):
        return None
    return pad_weight(resize_weight(weight, scale.height, scale.width), *scale.padded)


def trainable_mask(style_regions: Sequence[StyleRegion], scale: Scale, canvas: Tensor) -> Tensor:
    """1 if a pixel may change at a scale, which is in any region, 0 if not: (H, W), padded, like canvas (3, H, W)."""
    weights = [weight_at(region.weight, scale) for region in style_regions]
    partial = [weight for weight in weights if weight is not None]
    if len(partial) < len(weights):
        return torch.ones(1).to(canvas).expand(canvas.shape[1:])
    return (torch.stack(partial).amax(0) > 0).to(canvas)

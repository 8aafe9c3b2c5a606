"""Which style goes where, and how much each place counts at a scale."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura.errors import NothingToRestyle
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.regions import padded_weight, resized_weight
from velatura_daemon.engine.source import Source


@dataclass(frozen=True)
class StyleRegion:
    """A part of the content, and the styles that go there. weight: (H, W), 0 to 1. share: of all that is restyled, 0 to
    1."""

    weight: Tensor
    styles: list[Source]
    share: float


def style_regions_of(content: Source, styles: Sequence[Source]) -> list[StyleRegion]:
    """Regions with their styles; where several overlap, they share the place. Styles without a region go where no
    region is. What is left over stays the content. Raises NothingToRestyle where no style has a place to go."""
    regions: dict[Hashable, list[Source]] = {}
    for style in styles:
        regions.setdefault(style.region_key if style.region is not None else None, []).append(style)
    everywhere = regions.pop(None, [])
    if not regions:
        return [StyleRegion(content.weight, everywhere, 1.0)]
    claims = [group[0].region for group in regions.values()]
    claimed = torch.stack([claim for claim in claims if claim is not None]).sum(0)
    parts = [
        (group[0].region / claimed.clamp_min(1), group) for group in regions.values() if group[0].region is not None
    ]
    parts.append(((1 - claimed).clamp_min(0), everywhere))
    all_places = content.weight.sum()
    style_regions = []
    for part, group in parts:
        weight = part.to(content.weight) * content.weight
        share = float(weight.sum() / all_places)
        if group and share > 0:
            style_regions.append(StyleRegion(weight, group, share))
    if not style_regions:
        raise NothingToRestyle("The regions cover nothing that is to be restyled. Paint them where the picture is.")
    return style_regions


def place_weight(weight: Tensor, scale: Scale) -> Tensor | None:
    """(H, W), padded: how much each place counts at this scale; None where each counts in full."""
    if scale.padded == (scale.height, scale.width) and bool((weight == 1).all()):
        return None
    return padded_weight(resized_weight(weight, scale.height, scale.width), *scale.padded)


def free_places(weights: Sequence[Tensor], scale: Scale, canvas: Tensor) -> Tensor:
    """(H, W), padded: 1 where the picture may move, which is where a style has a say, 0 elsewhere. weights: the
    territories'."""
    placed = [place_weight(weight, scale) for weight in weights]
    somewhere = [weight for weight in placed if weight is not None]
    if len(somewhere) < len(placed):
        return torch.ones(1).to(canvas).expand(canvas.shape[1:])
    return (torch.stack(somewhere).amax(0) > 0).to(canvas)


def covered_by(styles: Sequence[Source]) -> Tensor | None:
    """(H, W) of the content, 0 to 1: where any style goes. None where one has no region: everywhere."""
    regions = {style.region_key: style.region for style in styles}
    claims = [region for region in regions.values() if region is not None]
    return torch.stack(claims).sum(0).clamp_max(1) if len(claims) == len(regions) else None

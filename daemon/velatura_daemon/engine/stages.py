"""The stages of a restyle: the whole picture at each scale, or a view.

For a view, the picture's coarse scales come first, and then only the part that is looked at.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.geometry import Box, magnify, resize, with_context
from velatura_daemon.engine.guide import guided_scales
from velatura_daemon.engine.losses.statistics import Statistics, layer_sums
from velatura_daemon.engine.masks import resize_weight, weights_by_layer
from velatura_daemon.engine.network import STYLE_LAYERS, Network
from velatura_daemon.engine.pyramid import Scale, scales_for
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import StyleRegion
from velatura_daemon.memory_plan import GRID

WHOLE_SIDE = 512  # pixels: up to this longest side a view's picture is optimised as a whole
# Of a draft that follows a changed content: the next stroke brings the next step (docs/performance.md, 'Previews').
FOLLOWING_STEPS = 1
VIEW_CONTEXT = 64  # pixels of context around a view, at each scale


@dataclass(frozen=True)
class WarmStart:
    """An earlier image to continue from: coarser scales than its own are left out.

    Attributes:
        image: (3, h, w).
        steps_done: How many steps of the image's own scale are left out.
        content: What the image was made of (`following.reference`): what has changed in the content since then is added
            to the image. None: the same content.
        content_key: That content's key, by which the curvature is found.
    """

    image: Tensor
    steps_done: int = 0
    content: Tensor | None = None
    content_key: Hashable = None


@dataclass(frozen=True)
class Stage:
    """One optimisation: of the whole picture at a scale, or of a part of it.

    Attributes:
        scale: The scale of the whole picture.
        part: The part of it that is optimised, in the scale's pixels. None: all of it.
    """

    scale: Scale
    part: Box | None = None

    @property
    def optimised(self) -> Scale:
        """The size of what is optimised, with the steps."""
        part = self.part
        return self.scale if part is None else replace(self.scale, width=part.width, height=part.height)

    def source(self, content: Source) -> Source:
        """What is optimised of the content; a part is already at this scale."""
        if self.part is None:
            return content
        height, width = self.scale.height, self.scale.width
        return replace(
            content,
            image=self.part.crop(resize(content.image, height, width)).clamp(0, 1),
            weight=self.part.crop(resize_weight(content.weight, height, width)),
            visible=self.part.crop(resize_weight(content.visible, height, width)),
            key=("part", content.key, width, height, self.part),
            uncropped_side=content.uncropped_side * width / content.size[1],
        )

    def regions(self, regions: Sequence[StyleRegion], part: Source) -> list[StyleRegion]:
        """Returns where the styles go in what is optimised.

        Args:
            regions: The regions of the whole picture.
            part: From `source`.

        Returns:
            The regions; empty if nothing is restyled there.
        """
        if self.part is None:
            return list(regions)
        total = float(part.weight.sum())
        if total <= 0:
            return []
        if len(regions) == 1 and regions[0].share == 1.0:
            return [replace(regions[0], weight=part.weight)]
        height, width = self.scale.height, self.scale.width
        weights = [self.part.crop(resize_weight(region.weight, height, width)) for region in regions]
        return [
            replace(region, weight=weight, share=share)
            for region, weight in zip(regions, weights, strict=True)
            if (share := float(weight.sum()) / total) > 0
        ]


def stages_for(
    width: int,
    height: int,
    settings: StyleSettings,
    warm_start: WarmStart | None = None,
    view: Box | None = None,
    guided: bool = False,
) -> list[Stage]:
    """Returns the stages of a restyle.

    Args:
        width: Width of the content in pixels.
        height: Height of the content in pixels.
        settings: The settings of the restyle.
        warm_start: An earlier image to continue from.
        view: The part of the content to restyle at its own resolution. The whole picture is optimised up to WHOLE_SIDE,
            unless there is an image to start from.
        guided: A frame of a film that follows others; it has no view.

    Returns:
        The stages in their order.
    """
    if view is None:
        scales = guided_scales(width, height, settings) if guided else scales_for(width, height, settings)
        remaining = remaining_scales(scales, warm_start)
        follows = warm_start is not None and warm_start.content is not None
        if follows and settings.quality == "draft" and not settings.iterations:
            remaining[-1] = replace(remaining[-1], steps=FOLLOWING_STEPS)
        return [Stage(scale) for scale in remaining]
    whole: list[Scale] = []
    if warm_start is None:
        whole = [s for s in scales_for(width, height, settings) if max(s.width, s.height) <= WHOLE_SIDE]
        known = whole[-1].width if whole else 0
    else:
        known = warm_start.image.shape[-1]
    scales = scales_for(width, height, replace(settings, seamless=False), to_full_size=True)
    finer = [scale for scale in scales if scale.width > known]
    if not finer and not (whole and (whole[-1].width, whole[-1].height) == (width, height)):
        finer = scales[-1:]
    return [*map(Stage, whole), *(Stage(scale, _part(view, scale, width, height)) for scale in finer)]


def _part(view: Box, scale: Scale, width: int, height: int) -> Box:
    """A view of a content of this size, on the content at a scale, with its context."""
    box = view.scaled(scale.width / width, scale.height / height)
    inside = box.intersection(Box(0, 0, scale.width, scale.height))
    assert inside is not None, "the view is outside the content"  # not translated: a mistake of ours
    return with_context(inside, scale.height, scale.width, VIEW_CONTEXT)


@torch.no_grad()
def with_surroundings(
    regions: Sequence[StyleRegion], image: Tensor, network: Network, view: Box, content_size: tuple[int, int]
) -> list[StyleRegion]:
    """Adds to each region the difference between the statistics of the whole picture and those of a view.

    The styles apply to the whole picture: where it is sky, it need not have the painting's earth. A view alone would be
    given all of the painting. The difference is measured in an image of the whole picture, and holds about for finer
    scales too.

    Args:
        regions: The regions of the whole picture.
        image: (3, h, w), an image of the whole picture, at any scale.
        network: The network that computes the features.
        view: In the content's pixels.
        content_size: (height, width) of the content.

    Returns:
        The regions with their `surroundings`.
    """
    factor = min(1.0, WHOLE_SIDE / max(image.shape[1:]))
    height, width = (max(GRID, round(side * factor / GRID) * GRID) for side in image.shape[1:])
    small = resize(image, height, width).clamp(0, 1)
    # A pixel counts for the view by how much of it lies inside.
    inside = torch.zeros(content_size)
    view.crop(inside).fill_(1)
    inside = resize_weight(inside, height, width).to(small)
    weights = [resize_weight(region.weight, height, width).to(small) for region in regions]
    everywhere = [weights_by_layer(weight, STYLE_LAYERS) for weight in weights]
    in_view = [weights_by_layer(weight * inside, STYLE_LAYERS) for weight in weights]
    features = network(small.to(network.device), STYLE_LAYERS)

    def statistics(layer: str, weight: Tensor) -> Statistics:
        return layer_sums(features[layer], weight).divided_by(weight.sum().clamp_min(1e-6))

    return [
        replace(
            region,
            surroundings={
                name: statistics(name, whole[name]) - statistics(name, part[name])
                for name in STYLE_LAYERS
                if float(part[name].sum()) > 0
            },
        )
        for region, whole, part in zip(regions, everywhere, in_view, strict=True)
    ]


def remaining_scales(scales: list[Scale], warm_start: WarmStart | None) -> list[Scale]:
    """Returns the scales and steps that remain after a warm start: at least one step of the last scale."""
    if warm_start is None:
        return scales
    width = warm_start.image.shape[-1]
    scales = [scale for scale in scales if scale.width >= width] or scales[-1:]
    if warm_start.steps_done and scales[0].width == width:
        scales[0] = replace(scales[0], steps=max(1, scales[0].steps - warm_start.steps_done))
    return scales


def seen_in(image: Tensor, stage: Stage, view: Box, size: tuple[int, int]) -> Tensor:
    """Cuts the view out of an image of a stage.

    Args:
        image: (3, H, W), of the whole picture or of the stage's part.
        stage: The stage of the image.
        view: In the content's pixels.
        size: (height, width) of the content.

    Returns:
        (3, h, w), at the stage's resolution, but not finer than the content.
    """
    x, y = stage.scale.width / size[1], stage.scale.height / size[0]
    origin = stage.part or Box(0, 0, stage.scale.width, stage.scale.height)
    if x == 1 and y == 1:
        return view.relative_to(origin).crop(image)
    left, top = view.left * x - origin.left, view.top * y - origin.top
    width, height = view.width * x, view.height * y
    return magnify(image, left, top, width, height, (max(1, round(height)), max(1, round(width))))


def upsample_part(image: Tensor, of: Stage, to: Stage, pixels: Tensor, content: Tensor, detail: float) -> Tensor:
    """Upsamples an image to the part of a finer stage, with the content's own detail.

    `upsampling.upsample` does it for whole pictures.

    Args:
        image: (3, h, w), of the coarser stage.
        of: The coarser stage.
        to: The finer stage, which has a part.
        pixels: (3, H, W), the content in that part.
        content: (3, height, width), whole.
        detail: How much of the content's detail, 0 to 1.

    Returns:
        (3, H, W).
    """
    assert to.part is not None
    x, y = of.scale.width / to.scale.width, of.scale.height / to.scale.height
    origin, part = of.part or Box(0, 0, of.scale.width, of.scale.height), to.part
    left, top = part.left * x - origin.left, part.top * y - origin.top
    rectangle = left, top, part.width * x, part.height * y
    upsampled = magnify(image, *rectangle, (part.height, part.width))
    if not detail:
        return upsampled
    coarse = origin.crop(resize(content, of.scale.height, of.scale.width)).to(image.device)
    return torch.add(upsampled, pixels - magnify(coarse, *rectangle, (part.height, part.width)), alpha=detail)

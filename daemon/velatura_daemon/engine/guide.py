"""Steady films: a frame follows an image made from earlier frames.

The method is that of Ruder, Dosovitskiy and Brox 2016, 'Artistic style transfer for videos'.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.colour import luminance
from velatura_daemon.engine.geometry import interpolate, pad, resize
from velatura_daemon.engine.losses.objective import TemporalTarget
from velatura_daemon.engine.losses.weighting import BETA
from velatura_daemon.engine.pyramid import Scale, scales_for

# Of a still's steps at each scale: most of a frame is there already, and the coarse scales are needed only where
# something comes into view (docs/film.md, 'Measurements').
GUIDED_SHARE = 0.45
# γ/β at steadiness 100; it grows with the square of the steadiness (docs/film.md, 'Measurements').
GAMMA_OVER_BETA = 30.0


@dataclass(frozen=True)
class Guide:
    """Earlier results, warped to a frame that follows them, at any size of the content's proportions.

    Attributes:
        image: (3, h, w), 0 to 1, what to follow.
        weight: (h, w), 0 to 1, how far each place is to be followed.
        start: (3, h, w), 0 to 1, what to start from.
        detailed: (h, w), 0 to 1, how far `start` is a result already: elsewhere, the coarser scales know better.
    """

    image: Tensor
    weight: Tensor
    start: Tensor
    detailed: Tensor

    def seen_with(self, keep_colours: str) -> Guide:
        """Returns the guide in the colours that the network sees (`colour.match_colours`)."""
        if keep_colours != "luminance":
            return self
        image, start = (luminance(picture).expand(3, -1, -1) for picture in (self.image, self.start))
        return replace(self, image=image, start=start)

    def started(self, size: tuple[int, int], coarser: Tensor | None) -> Tensor:
        """Returns the image to start from at a scale.

        Args:
            size: (H, W), of the scale.
            coarser: (3, H, W), the image of the coarser scale at this size; None at the first scale.

        Returns:
            (3, H, W), 0 to 1, not padded.
        """
        start = resize(self.start, *size)
        if coarser is not None:
            start = coarser + _resized_weight(self.detailed, size).to(coarser) * (start.to(coarser) - coarser)
        return start.clamp(0, 1)

    def target_at(self, scale: Scale, pixels: Tensor, settings: StyleSettings) -> TemporalTarget:
        """Returns the target of the temporal loss at a scale.

        Args:
            scale: The scale.
            pixels: (3, H, W), the content there, padded.
            settings: The settings of the restyle.

        Returns:
            The target of the temporal loss, padded. Padding does not count.
        """
        image = resize(self.image.to(pixels), scale.height, scale.width).clamp(0, 1)
        weight = torch.zeros_like(pixels[0])
        weight[: scale.height, : scale.width] = _resized_weight(self.weight, (scale.height, scale.width)).to(pixels)
        return TemporalTarget(pad(image, *scale.padded), weight, gamma(settings))


def gamma(settings: StyleSettings) -> float:
    """γ, the weight of the temporal loss (Ruder 2016, eq. 8): it grows with the square of the steadiness."""
    return GAMMA_OVER_BETA * BETA * (settings.steadiness / 100) ** 2


def guided_scales(width: int, height: int, settings: StyleSettings) -> list[Scale]:
    """Returns the scales of a frame that follows others: those of a still, with GUIDED_SHARE of the steps."""
    scales = scales_for(width, height, settings)
    return [replace(scale, steps=max(1, round(GUIDED_SHARE * scale.steps))) for scale in scales]


def last_share(width: int, height: int, settings: StyleSettings) -> float:
    """Of all steps of a still, how many a frame that follows others takes at its last scale."""
    last = guided_scales(width, height, settings)[-1]
    return last.steps / sum(scale.steps for scale in scales_for(width, height, settings))


def guide_size(width: int, height: int, settings: StyleSettings) -> tuple[int, int]:
    """Returns the largest useful size of a guide, which is that of the last scale: (height, width)."""
    last = scales_for(width, height, settings)[-1]
    return last.height, last.width


def _resized_weight(weight: Tensor, size: tuple[int, int]) -> Tensor:
    """(h, w) → (H, W)."""
    if weight.shape == size:
        return weight
    resized: Tensor = interpolate(weight[None, None], *size, "bilinear")[0, 0]
    return resized

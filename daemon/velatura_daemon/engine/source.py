"""An image that enters the engine: the content or a style."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Source:
    """An input image and how much each of its pixels counts.

    Attributes:
        image: (3, H, W), RGB in 0..1, sRGB-encoded.
        weight: (H, W), how much each pixel counts, 0 to 1.
        visible: (H, W), the alpha, 0 to 1. The colours of hidden pixels are ignored.
        key: Identifies the pixels, for the cache.
        uncropped_side: Longest side, in this image's pixels, of the picture that it was cut from. Stroke sizes refer to
            it.
        share: The proportion of a style among several, any positive number.
        region: Where a style goes: (H, W) of the content, 0 to 1. None: wherever no other region is.
        region_key: Identifies the region.
    """

    image: Tensor
    weight: Tensor
    visible: Tensor
    key: Hashable
    uncropped_side: float
    share: float = 1.0
    region: Tensor | None = None
    region_key: Hashable = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.image.shape[-2], self.image.shape[-1]

    @property
    def pixels(self) -> int:
        """The number of pixels."""
        return self.image.shape[-2] * self.image.shape[-1]

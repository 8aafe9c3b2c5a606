"""An image that enters the engine: the content or a style."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Source:
    """An input image and what counts of it.

    image: (3, H, W), RGB in 0..1, sRGB-encoded.
    weight: (H, W), how much each pixel counts, 0 to 1.
    visible: (H, W), the alpha, 0 to 1: the colours of hidden pixels are ignored.
    key: identifies the pixels, for the cache.
    uncropped_side: longest side, in pixels, of the picture that the image was cut from. Stroke sizes refer to it.

    For styles only: share, the proportion among several styles (any positive numbers); region, (H, W) of the content,
    0 to 1, where the style goes (None: wherever no other region is); region_key identifies the region.
    """

    image: Tensor
    weight: Tensor
    visible: Tensor
    key: Hashable
    uncropped_side: int
    share: float = 1.0
    region: Tensor | None = None
    region_key: Hashable = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.image.shape[-2], self.image.shape[-1]

"""A picture that goes into the engine."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Source:
    """A picture that goes in: image (3, H, W), RGB in 0..1, sRGB-coded; weight (H, W), how much each place counts,
    0 to 1. visible: (H, W), what may be seen of it (its alpha). key names the pixels, for the cache.
    whole: longest side of the picture that it was cut from, for stroke sizes in picture units.
    Of a style: share, among several; region: (H, W) of the content, 0 to 1, where it goes, None: wherever no region
    is."""

    image: Tensor
    weight: Tensor
    visible: Tensor
    key: Hashable
    whole: int
    share: float = 1.0
    region: Tensor | None = None
    region_key: Hashable = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.image.shape[-2], self.image.shape[-1]

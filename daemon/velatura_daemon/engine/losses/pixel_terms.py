"""The content loss and the total variation: losses that are plain sums over positions and pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PixelTerms:
    """Sums over the positions of an image, or of one of its tiles. content: the content loss. squared_differences:
    between neighbouring pixels, for the total variation."""

    content: Tensor
    squared_differences: Tensor

    def __add__(self, other: PixelTerms) -> PixelTerms:
        return PixelTerms(self.content + other.content, self.squared_differences + other.squared_differences)


def content_loss(features: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """L_content = 1/2 Σ_ik w_k (F_ik − P_ik)² (Gatys 2015, eq. 1).

    features, target: (C, H, W). weight: (H, W), how much each position counts, 0 to 1; None if each counts fully.
    Differs from the paper: positions are weighted; with all weights 1 it is the paper's.
    """
    squares = (features - target).square()
    dtype = torch.float32 if squares.dtype == torch.bfloat16 else squares.dtype
    return 0.5 * (squares if weight is None else weight * squares).sum(dtype=dtype)


def squared_differences(image: Tensor, weight: Tensor | None, height: int, width: int) -> Tensor:
    """Σ of squared differences between each pixel in the first `height` rows and `width` columns and its neighbours to
    the right and below. A pair counts by the product of its two weights.

    image: (3, H, W), H ≥ height, W ≥ width: one row and column more, if there are, hold the last pixels' neighbours.
    weight: (H, W), or None if each pixel counts fully.
    """
    right = (image[:, :height, 1 : width + 1] - image[:, :height, : min(width, image.shape[2] - 1)]).square()
    below = (image[:, 1 : height + 1, :width] - image[:, : min(height, image.shape[1] - 1), :width]).square()
    if weight is not None:
        right = weight[:height, 1 : width + 1] * weight[:height, : right.shape[2]] * right
        below = weight[1 : height + 1, :width] * weight[: below.shape[1], :width] * below
    return right.sum() + below.sum()

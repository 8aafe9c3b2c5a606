"""The content loss and the total variation: losses that are plain sums over positions and pixels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PixelTerms:
    """Sums over the positions of an image, or of one of its tiles.

    Attributes:
        content: The content loss.
        squared_differences: Between neighbouring pixels, for the total variation.
        temporal: Squared differences from what a frame of a film follows; None for a still.
    """

    content: Tensor
    squared_differences: Tensor
    temporal: Tensor | None = None

    def __add__(self, other: PixelTerms) -> PixelTerms:
        terms = [term for term in (self.temporal, other.temporal) if term is not None]
        return PixelTerms(
            self.content + other.content,
            self.squared_differences + other.squared_differences,
            torch.stack(terms).sum() if terms else None,
        )


def content_loss(features: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """L_content = 1/2 Σ_ik w_k (F_ik − P_ik)² (Gatys 2015, eq. 1).

    Differs from the paper: positions are weighted; with all weights 1 it is the paper's.

    Args:
        features: (C, H, W), F.
        target: (C, H, W), P.
        weight: (H, W), how much each position counts, 0 to 1; None if each counts fully.

    Returns:
        A scalar, in float32 if the features are bfloat16.
    """
    squares = (features - target).square()
    dtype = torch.float32 if squares.dtype == torch.bfloat16 else squares.dtype
    return 0.5 * (squares if weight is None else weight * squares).sum(dtype=dtype)


def temporal_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Σ_ik c_k (x_ik − ω_ik)² over colours i and pixels k (Ruder 2016, eq. 7, without its mean).

    Args:
        image: (3, H, W), x.
        target: (3, H, W), ω.
        weight: (H, W), c, how far each pixel is to be followed, 0 to 1.

    Returns:
        A scalar.
    """
    return (weight * (image - target).square()).sum()


def squared_differences(image: Tensor, weight: Tensor | None, height: int, width: int) -> Tensor:
    """Σ of squared differences between each pixel and its neighbours to the right and below.

    A pair counts by the product of its two weights.

    Args:
        image: (3, H, W), H ≥ height, W ≥ width: one row and column more, if there are, hold the last pixels'
            neighbours.
        weight: (H, W), 0 to 1, or None if each pixel counts fully.
        height: How many rows of pixels are compared with their neighbours.
        width: How many columns.

    Returns:
        A scalar.
    """
    right = (image[:, :height, 1 : width + 1] - image[:, :height, : min(width, image.shape[2] - 1)]).square()
    below = (image[:, 1 : height + 1, :width] - image[:, : min(height, image.shape[1] - 1), :width]).square()
    if weight is not None:
        right = weight[:height, 1 : width + 1] * weight[:height, : right.shape[2]] * right
        below = weight[1 : height + 1, :width] * weight[: below.shape[1], :width] * below
    return right.sum() + below.sum()

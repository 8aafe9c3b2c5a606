"""The palette as numbers: mean and covariance of a picture's RGB, for weights whose Grams leave the colours open.

Not in the paper. A Gram matrix of filters that were trained to know a style in any colours says little of its colours;
the pixels' own first and second moments do, at full size and averaged over blocks, where the palette of areas
rather than of marks shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

BLOCKS = (1, 4)  # pixels a side: the picture itself, and a quarter of its size


def colour_sums(image: Tensor, weight: Tensor | None) -> tuple[Tensor, ...]:
    """Σ_k w_k x_k x_kᵀ with x = (1, R, G, B), for each size of BLOCKS; what parts of a picture give adds up to the whole's.

    image: (3, H, W), sRGB-coded; the sides are cut to whole blocks. weight: (H, W), how much each place counts, 0 to 1;
    None where each counts in full. Returns (4, 4) each; [0, 0] is the sum of weights.
    """
    weight = torch.ones_like(image[0]) if weight is None else weight
    sums = []
    for block in BLOCKS:
        small, counts = image, weight
        if block > 1:
            counts = F.avg_pool2d(weight[None], block)[0]
            small = F.avg_pool2d((image * weight)[None], block)[0] / counts.clamp_min(1e-6)  # (3, H/b, W/b)
        x = torch.cat([torch.ones_like(small[:1]), small]).flatten(1)  # (4, M)
        sums.append((x * counts.flatten()) @ x.T)
    return tuple(sums)


def colour_moments(image: Tensor, weight: Tensor | None = None) -> tuple[Tensor, ...]:
    """The sums as means, (4, 4) each: a mixture of styles has the mean of its parts' moments."""
    return tuple(as_means(sums) for sums in colour_sums(image, weight))


def as_means(sums: Tensor) -> Tensor:
    """(4, 4) of `colour_sums`, divided by the sum of weights."""
    return sums / sums[0, 0].clamp_min(1e-6)


def colour_loss(moments: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """L_colour = mean over sizes of |μ − μ*|² + |Σ − Σ*|² / (4 σ*²), with σ*² = tr Σ* / 3.

    moments, targets: (4, 4) each, of `colour_moments`. The divisor makes an error of the deviations count as much
    as one of the means: d(σ²) = 2σ dσ.
    """
    losses = []
    for moment, target in zip(moments, targets, strict=True):
        (mean, covariance), (mean_aim, covariance_aim) = _gaussian(moment), _gaussian(target)
        variance = covariance_aim.diagonal().mean().clamp_min(1e-3)
        losses.append((mean - mean_aim).square().sum() + (covariance - covariance_aim).square().sum() / (4 * variance))
    return torch.stack(losses).mean()


def _gaussian(moment: Tensor) -> tuple[Tensor, Tensor]:
    """(4, 4) → mean (3,) and covariance (3, 3)."""
    mean = moment[0, 1:]
    return mean, moment[1:, 1:] - torch.outer(mean, mean)

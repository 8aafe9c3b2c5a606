"""Style distances: how far a feature map's statistics are from a style's. Each is 0 if they agree.

`paper` is the paper's distance. The others are relative: they are divided by the size of the style's own statistics, so
that a pale drawing and a dark oil painting, conv1_1 and conv5_1, and networks of any scale weigh the same.

Gram matrices alone leave means and variances undetermined (Risser 2017): a weak filter that always fires has the Gram
matrix of a strong one that seldom does. `moments` and `wasserstein` determine them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from velatura_daemon.engine.losses.statistics import Statistics, square_roots, to_float64

MOMENTS_WEIGHT = 2.0  # of means and deviations beside the Gram term, in `moments`; docs/quality.md, 'What won, ...'
TINY = 1e-12  # keeps divisors above 0


@dataclass(frozen=True)
class StyleDistance:
    """A distance between the statistics of the image and of the style, and what it needs.

    Attributes:
        function: From the statistics of image and style to a scalar.
        uses_means: It depends on Statistics.mean.
        float32_sums: It needs sums of float32 products even if the feature maps are bfloat16.
        recordable: A CUDA graph can record it: nothing in it waits for the device.
    """

    function: Callable[[Statistics, Statistics], Tensor]
    uses_means: bool = True
    float32_sums: bool = False
    recordable: bool = True

    def __call__(self, statistics: Statistics, target: Statistics) -> Tensor:
        """A scalar, 0 if the two agree."""
        return self.function(statistics, target)


def paper_distance(statistics: Statistics, target: Statistics) -> Tensor:
    """E = 1/(4 N²) Σ_ij (E[F_i F_j] − E*[F_i F_j])² (Gatys 2015, eq. 4).

    Differs from the paper: Gram matrices are divided by M, the number of positions, so that image and style may differ
    in size.
    """
    difference: Tensor = (statistics.second_moment - target.second_moment).square().sum()
    return difference / (4 * len(statistics.mean) ** 2)


def gram_distance(statistics: Statistics, target: Statistics) -> Tensor:
    """E = ‖G − A‖² / ‖A‖²: the squared relative error of the Gram matrix."""
    difference: Tensor = (statistics.second_moment - target.second_moment).square().sum()
    return difference / target.second_moment.square().sum().clamp_min(TINY)


def moments_distance(statistics: Statistics, target: Statistics) -> Tensor:
    """The Gram term plus MOMENTS_WEIGHT (‖μ − μ*‖² + ‖σ − σ*‖²) / tr A.

    Means and deviations beside Gram matrices: Galerne et al. 2024.
    """
    means = (statistics.mean - target.mean).square().sum()
    deviations = (statistics.deviation() - target.deviation()).square().sum()
    return gram_distance(statistics, target) + MOMENTS_WEIGHT * (means + deviations) / _energy(target)


def wasserstein_distance(statistics: Statistics, target: Statistics) -> Tensor:
    """The Gram term plus W₂² / tr A between Gaussians: (‖μ − μ*‖² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½)) / tr A.

    Σ and Σ* have the style's `Statistics.ridge` added to their diagonals, and everything is in float64: a covariance
    has eigenvalues of a millionth of its largest, and the inner product squares them. The Newton-Schulz iteration,
    products only, would not make a GPU wait, but in float32 its gradients were not finite at 7 of 12 positions
    (docs/performance.md).
    """
    root = target.covariance_root
    covariance = to_float64(statistics.covariance()) + target.ridge * torch.eye(len(root)).to(root)
    inner = root @ covariance @ root
    common: Tensor = _TraceOfRoot.apply((inner + inner.T) / 2)
    spread = covariance.diagonal().sum() + root.square().sum() - 2 * common
    means = (statistics.mean - target.mean).square().sum()
    return gram_distance(statistics, target) + (means + spread.to(means)) / _energy(target)


def _energy(target: Statistics) -> Tensor:
    """The mean square of the style's features, summed over channels: tr A = ‖μ*‖² + ‖σ*‖²."""
    energy: Tensor = target.second_moment.diagonal().sum()
    return energy.clamp_min(TINY)


class _TraceOfRoot(torch.autograd.Function):
    """The trace of a root, tr A^½ of a symmetric (C, C); its gradient is A^-½ / 2."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        root, inverse = square_roots(matrix)
        ctx.save_for_backward(inverse)
        trace: Tensor = root.diagonal().sum()
        return trace

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        result: Tensor = gradient * inverse / 2
        return result


STYLE_DISTANCES: dict[str, StyleDistance] = {
    "paper": StyleDistance(paper_distance, uses_means=False),
    "gram": StyleDistance(gram_distance, uses_means=False),
    "moments": StyleDistance(moments_distance),
    # Sums of bfloat16 products are too inexact here: a covariance that has lost its small eigenvalues has no root. And
    # eigenvectors are found by iteration, which asks the device after each step whether it was the last.
    "wasserstein": StyleDistance(wasserstein_distance, float32_sums=True, recordable=False),
}

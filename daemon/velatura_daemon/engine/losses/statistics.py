"""First and second moments of a feature map: everything that the style loss depends on.

`LayerSums` are sums over positions, so those of a whole image are the sums of its tiles'. `Statistics` are the means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from velatura_daemon.engine.devices import has_float64
from velatura_daemon.engine.losses.gram import gram

# Share of the mean variance that is added to each variance: covariances of flat images have no inverse.
RIDGE_SHARE = 1e-3
# Smallest variance, and smallest mean variance: below it the gradient of a square root is without bound.
MIN_VARIANCE = 1e-6
MIN_EIGENVALUE_SHARE = 1e-12  # of the largest eigenvalue, in float64: anything smaller is rounding


@dataclass(frozen=True)
class LayerSums:
    """Sums over the positions of one layer's feature map F, or over some of them.

    Attributes:
        first: (C,), Σ_k w_k F_k, or None if the style distance does not use means.
        second: (C, C), Σ_k w_k F_k F_kᵀ, the Gram matrix.
    """

    first: Tensor | None
    second: Tensor

    def __add__(self, other: LayerSums) -> LayerSums:
        first = None if self.first is None or other.first is None else self.first + other.first
        return LayerSums(first, self.second + other.second)

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The sums that are not None."""
        return (self.second,) if self.first is None else (self.first, self.second)

    def divided_by(self, positions: Tensor | float) -> Statistics:
        """Returns the means.

        Args:
            positions: M, the sum of the weights.

        Returns:
            Statistics. A mean that is not known is 0.
        """
        mean = torch.zeros_like(self.second[0]) if self.first is None else self.first / positions
        return Statistics(mean, self.second / positions)


def layer_sums(features: Tensor, weight: Tensor | None, with_means: bool = True) -> LayerSums:
    """Computes the sums over a feature map.

    Args:
        features: (C, H, W).
        weight: (H, W), how much each position counts, 0 to 1; None if each counts fully.
        with_means: Whether the style distance uses means.

    Returns:
        The sums, in float32 if the features are bfloat16.
    """
    return LayerSums(weighted_sum(features, weight) if with_means else None, gram(features, weight))


def weighted_sum(features: Tensor, weight: Tensor | None) -> Tensor:
    """Σ_k w_k F_k: (C, H, W), (H, W) → (C,), in float32 if features are bfloat16."""
    dtype = torch.float32 if features.dtype == torch.bfloat16 else features.dtype
    weighted = features if weight is None else features * weight.to(features.dtype)
    return weighted.sum((1, 2), dtype=dtype)


@dataclass(frozen=True)
class Statistics:
    """Moments of one layer's feature map F over the positions that count.

    Moments of a mixture of styles are the means of the styles' moments; covariances and deviations are not, so they are
    always computed from these and never mixed.

    Attributes:
        mean: (C,), μ = E[F].
        second_moment: (C, C), E[F Fᵀ], the Gram matrix divided by the number of positions.
    """

    mean: Tensor
    second_moment: Tensor

    def __add__(self, other: Statistics) -> Statistics:
        return Statistics(self.mean + other.mean, self.second_moment + other.second_moment)

    def __sub__(self, other: Statistics) -> Statistics:
        return Statistics(self.mean - other.mean, self.second_moment - other.second_moment)

    @property
    def nbytes(self) -> int:
        """The size in bytes."""
        return self.mean.nbytes + self.second_moment.nbytes

    def covariance(self) -> Tensor:
        """(C, C): Σ = E[F Fᵀ] − μ μᵀ."""
        return self.second_moment - torch.outer(self.mean, self.mean)

    def deviation(self) -> Tensor:
        """(C,): the standard deviations σ, from variances of MIN_VARIANCE at least."""
        return (self.second_moment.diagonal() - self.mean.square()).clamp_min(MIN_VARIANCE).sqrt()

    @cached_property
    def ridge(self) -> Tensor:
        """What is added to each variance before a root is taken: RIDGE_SHARE of the mean variance, in float64."""
        return RIDGE_SHARE * to_float64(self.covariance()).diagonal().mean().clamp_min(MIN_VARIANCE)

    @cached_property
    def covariance_root(self) -> Tensor:
        """(C, C): (Σ + ridge I)^½, in float64. Computed once per style."""
        covariance = to_float64(self.covariance())
        return square_roots(covariance + self.ridge * torch.eye(len(covariance)).to(covariance))[0]


def to_float64(tensor: Tensor) -> Tensor:
    """Converts to float64, on the CPU if the device has none."""
    return (tensor if has_float64(tensor.device) else tensor.cpu()).double()


def square_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Computes A^½ and A^-½ of a symmetric matrix.

    Args:
        matrix: (C, C). Eigenvalues below MIN_EIGENVALUE_SHARE of the largest are raised to it.

    Returns:
        Both, (C, C).
    """
    values, vectors = torch.linalg.eigh(matrix)
    roots = torch.maximum(values, MIN_EIGENVALUE_SHARE * values[-1].clamp_min(1e-200)).sqrt()
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


def mixed(statistics: Sequence[Statistics], shares: Sequence[float]) -> Statistics:
    """Mixes the statistics of several styles.

    Args:
        statistics: One for each style.
        shares: Any positive numbers, one for each style.

    Returns:
        The mean of the moments, by shares.
    """
    total = sum(shares)
    parts = [(share / total, s) for share, s in zip(shares, statistics, strict=True)]
    mean = torch.stack([share * s.mean for share, s in parts]).sum(0)
    return Statistics(mean, torch.stack([share * s.second_moment for share, s in parts]).sum(0))

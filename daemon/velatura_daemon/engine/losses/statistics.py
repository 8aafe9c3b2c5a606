"""First and second moments of a feature map: all that the style losses look at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

FLAT = 1e-3  # of the mean variance, added to each: covariances of flat pictures have no inverse


@dataclass(frozen=True)
class Moments:
    """Over the places that count: mean, (C,), μ = E[F]; second, (C, C), E[F Fᵀ]. Moments of a mixture are the means of
    its parts' moments; covariances and deviations are not, so they are made from these and never mixed."""

    mean: Tensor
    second: Tensor

    def covariance(self) -> Tensor:
        """(C, C): Σ = E[F Fᵀ] − μ μᵀ."""
        return self.second - torch.outer(self.mean, self.mean)

    def deviation(self) -> Tensor:
        """(C,): σ; never the root of less than a millionth, whose slope would be without bound."""
        return (self.second.diagonal() - self.mean.square()).clamp_min(1e-6).sqrt()

    @cached_property
    def floor(self) -> Tensor:
        """What is added to each variance before a root is taken, in float64."""
        return FLAT * exact(self.covariance()).diagonal().mean().clamp_min(1e-6)

    @cached_property
    def root(self) -> Tensor:
        """(C, C): (Σ + floor)^½, in float64. Of a style it is taken once."""
        covariance = exact(self.covariance())
        return square_roots(covariance + self.floor * torch.eye(len(covariance)).to(covariance))[0]


def exact(tensor: Tensor) -> Tensor:
    """In float64, on the host where the device has none (MPS)."""
    return (tensor.cpu() if tensor.device.type == "mps" else tensor).double()


def square_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A^½ and A^-½ of a symmetric (C, C). Eigenvalues under 1e-12 of the largest, which are rounding, count as that."""
    values, vectors = torch.linalg.eigh(matrix)
    roots = torch.maximum(values, 1e-12 * values[-1].clamp_min(1e-200)).sqrt()
    return (vectors * roots) @ vectors.T, (vectors / roots) @ vectors.T


def sum_of(features: Tensor, weight: Tensor | None) -> Tensor:
    """Σ_k w_k F_k, (C,), in float32 where features are in bfloat16. features: (C, H, W). weight: (H, W), 0 to 1, None
    where each place counts in full."""
    accurate = torch.float32 if features.dtype == torch.bfloat16 else features.dtype
    counted = features if weight is None else features * weight.to(features.dtype)
    return counted.sum((1, 2), dtype=accurate)


def mixed(moments: Sequence[Moments], shares: Sequence[float]) -> Moments:
    """Of several styles at once. shares: any positive numbers."""
    total = sum(shares)
    parts = [(share / total, m) for share, m in zip(shares, moments, strict=True)]
    mean = torch.stack([share * m.mean for share, m in parts]).sum(0)
    return Moments(mean, torch.stack([share * m.second for share, m in parts]).sum(0))

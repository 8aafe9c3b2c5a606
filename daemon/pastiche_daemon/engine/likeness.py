"""How like a style a picture's feature maps are: three measures of two pairs of moments, each 0 where they are the same.

Gram matrices alone leave means and variances open (Risser 2017): a weak filter that always fires has the Gram matrix of a
strong one that seldom does. `moments` and `wasserstein` close that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from pastiche_daemon.engine.moments import Moments

MEANS = 0.5  # weight of means and deviations beside the Gram term, in `moments`; by eye
FLAT = 1e-3  # of the mean variance, added to each: covariances of flat pictures have no inverse
NEWTON_STEPS = 12

Likeness = Callable[[Moments, Moments], Tensor]


def gram_likeness(found: Moments, wanted: Moments) -> Tensor:
    """E = 1/(4 N²) Σ_ij (E[F_i F_j] − E*[F_i F_j])² (Gatys 2015, eq. 4, with Gram matrices divided by their places)."""
    apart: Tensor = (found.second - wanted.second).square().sum()
    return apart / (4 * len(found.mean) ** 2)


def moments_likeness(found: Moments, wanted: Moments) -> Tensor:
    """The Gram term, and λ/N (|μ − μ*|² + |σ − σ*|²) (Galerne et al. 2024; λ is ours)."""
    apart = (found.mean - wanted.mean).square().sum() + (found.deviation() - wanted.deviation()).square().sum()
    return gram_likeness(found, wanted) + MEANS * apart / len(found.mean)


def wasserstein_likeness(found: Moments, wanted: Moments) -> Tensor:
    """W₂² / N between Gaussians: (|μ − μ*|² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½)) / N.

    Σ has FLAT of its mean variance added on the diagonal. That it can end below 0 by rounding does no harm: only its slope
    moves the picture.
    """
    channels = len(found.mean)
    wanted_covariance = wanted.covariance()
    floor = FLAT * wanted_covariance.diagonal().mean().clamp_min(1e-6) * torch.eye(channels).to(wanted_covariance)
    covariance, aim = found.covariance() + floor, wanted_covariance + floor
    root, _ = square_roots(aim.detach())
    inner = root @ covariance @ root
    common: Tensor = _TraceOfRoot.apply((inner + inner.T) / 2)
    apart = (found.mean - wanted.mean).square().sum()
    return (apart + covariance.diagonal().sum() + aim.diagonal().sum() - 2 * common) / channels


def square_roots(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """A^½ and A^-½ of a symmetric positive (C, C), by Newton and Schulz's iteration in coupled form (Higham 2008, eq. 6.35):
    products only, so that a GPU is not waited for. Eigenvalues under some 1e-7 of the largest stay a little short."""
    size = matrix.square().sum().sqrt()
    identity = torch.eye(len(matrix)).to(matrix)
    y, z = matrix / size, identity
    for _ in range(NEWTON_STEPS):
        step = 1.5 * identity - 0.5 * z @ y
        y, z = y @ step, step @ z
    return y * size.sqrt(), z / size.sqrt()


class _TraceOfRoot(torch.autograd.Function):
    """tr A^½; its slope is A^-½ / 2, which the iteration gives beside it: no way back through the steps."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        root, inverse = square_roots(matrix)
        ctx.save_for_backward(inverse)
        trace: Tensor = root.diagonal().sum()
        return trace

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        own: Tensor = slope * (inverse + inverse.T) / 4
        return own


LIKENESSES: dict[str, Likeness] = {
    "gram": gram_likeness,
    "moments": moments_likeness,
    "wasserstein": wasserstein_likeness,
}

"""How far a picture's feature maps are from a style's: distances between their first and second moments, each 0 if they
agree.

`paper` is the article's distance. The others are relative: divided by the style's own size, so that a pale drawing and
a dark oil painting, conv1_1 and conv5_1, and networks of any scale weigh the same. Gram matrices alone leave means and
variances open (Risser 2017): a weak filter that always fires has the Gram matrix of a strong one that seldom does.
`moments` and `wasserstein` close that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from velatura_daemon.engine.losses.statistics import Moments, exact, square_roots

MEANS = 2.0  # weight of means and deviations beside the Gram term, in `moments` (docs/quality.md)
TINY = 1e-12  # keeps a divisor from being zero

StyleDistance = Callable[[Moments, Moments], Tensor]


def paper_distance(found: Moments, wanted: Moments) -> Tensor:
    """E = 1/(4 N²) Σ_ij (E[F_i F_j] − E*[F_i F_j])² (Gatys 2015, eq. 4, with Gram matrices divided by their places)."""
    apart: Tensor = (found.second - wanted.second).square().sum()
    return apart / (4 * len(found.mean) ** 2)


def gram_distance(found: Moments, wanted: Moments) -> Tensor:
    """E = ‖G − A‖² / ‖A‖²: the square of the relative error of the Gram matrix."""
    apart: Tensor = (found.second - wanted.second).square().sum()
    return apart / wanted.second.square().sum().clamp_min(TINY)


def moments_distance(found: Moments, wanted: Moments) -> Tensor:
    """The Gram term, and MEANS (‖μ − μ*‖² + ‖σ − σ*‖²) / tr A (means and deviations beside Gram matrices: Galerne et
    al. 2024)."""
    apart = (found.mean - wanted.mean).square().sum() + (found.deviation() - wanted.deviation()).square().sum()
    return gram_distance(found, wanted) + MEANS * apart / _energy(wanted)


def wasserstein_distance(found: Moments, wanted: Moments) -> Tensor:
    """The Gram term, and W₂² / tr A between Gaussians: (‖μ − μ*‖² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½)) / tr A.

    Σ and Σ* have a little of the style's mean variance added on the diagonal (`moments.FLAT`), and it is all in
    float64: a covariance has eigenvalues of a millionth of its largest, and the inner product has them squared. Newton
    and Schulz's iteration, products only, would not make a GPU wait; in float32 it gave gradients that are no numbers
    at 7 of 12 places.
    """
    root = wanted.root
    covariance = exact(found.covariance()) + wanted.floor * torch.eye(len(root)).to(root)
    inner = root @ covariance @ root
    common: Tensor = _TraceOfRoot.apply((inner + inner.T) / 2)
    spread = covariance.diagonal().sum() + root.square().sum() - 2 * common
    apart = (found.mean - wanted.mean).square().sum()
    return gram_distance(found, wanted) + (apart + spread.to(apart)) / _energy(wanted)


def _energy(wanted: Moments) -> Tensor:
    """tr A = ‖μ*‖² + ‖σ*‖²: the mean square of the style's features, summed over channels."""
    energy: Tensor = wanted.second.diagonal().sum()
    return energy.clamp_min(TINY)


class _TraceOfRoot(torch.autograd.Function):
    """tr A^½; its slope is A^-½ / 2."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor) -> Tensor:
        root, inverse = square_roots(matrix)
        ctx.save_for_backward(inverse)
        trace: Tensor = root.diagonal().sum()
        return trace

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        own: Tensor = slope * inverse / 2
        return own


# Sums of bfloat16 products are not accurate enough for these: a covariance that has lost its small eigenvalues has no
# root.
NEEDS_EXACT_SUMS = ("wasserstein",)
# Eigenvectors are found step by step, and each asks whether it was the last: no CUDA graph can hold them.
NOT_RECORDABLE = ("wasserstein",)

STYLE_DISTANCES: dict[str, StyleDistance] = {
    "paper": paper_distance,
    "gram": gram_distance,
    "moments": moments_distance,
    "wasserstein": wasserstein_distance,
}

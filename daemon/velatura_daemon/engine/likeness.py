"""How like a style a picture's feature maps are: three measures of two pairs of moments, each 0 where they are the same.

Gram matrices alone leave means and variances open (Risser 2017): a weak filter that always fires has the Gram matrix of a
strong one that seldom does. `moments` and `wasserstein` close that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from velatura_daemon.engine.moments import Moments, exact, square_roots

# By eye, at 320 px and 80 steps on three pairs, against Gram matrices at equal steps and at an equal distance from the content:
# with MEANS at 0.5 the slope is that of Gram matrices (cosine 0.99) and so is the picture; at 4 strokes come to flat skies too,
# and at 10 nothing more is gained.
MEANS = 4.0  # of means and deviations beside the Gram term, in `moments`
# So that a strength means about what it does with Gram matrices: strength 60 ends at 1.0 to 1.35 times (moments) and 0.9 to 1.1
# times (Wasserstein) their distance from the content, in the same pictures; with 1 it was 1.1 to 1.6 times.
CLOSENESS, TRANSPORT = 0.4, 0.4

Likeness = Callable[[Moments, Moments], Tensor]


def gram_likeness(found: Moments, wanted: Moments) -> Tensor:
    """E = 1/(4 N²) Σ_ij (E[F_i F_j] − E*[F_i F_j])² (Gatys 2015, eq. 4, with Gram matrices divided by their places)."""
    apart: Tensor = (found.second - wanted.second).square().sum()
    return apart / (4 * len(found.mean) ** 2)


def moments_likeness(found: Moments, wanted: Moments) -> Tensor:
    """The Gram term, and λ/N (|μ − μ*|² + |σ − σ*|²) (Galerne et al. 2024; λ is ours), times CLOSENESS."""
    apart = (found.mean - wanted.mean).square().sum() + (found.deviation() - wanted.deviation()).square().sum()
    return CLOSENESS * (gram_likeness(found, wanted) + MEANS * apart / len(found.mean))


def wasserstein_likeness(found: Moments, wanted: Moments) -> Tensor:
    """W₂² / N between Gaussians: (|μ − μ*|² + tr(Σ + Σ* − 2 (Σ*^½ Σ Σ*^½)^½)) / N, times TRANSPORT.

    Σ and Σ* have a little of the style's mean variance added on the diagonal (`moments.FLAT`), and it is all in float64: a
    covariance has eigenvalues of a millionth of its largest, and the inner product has them squared. Newton and Schulz's
    iteration, products only, would not make a GPU wait; in float32 it gave slopes that are no numbers at 7 of 12 places.
    """
    root = wanted.root
    covariance = exact(found.covariance()) + wanted.floor * torch.eye(len(root)).to(root)
    inner = root @ covariance @ root
    common: Tensor = _TraceOfRoot.apply((inner + inner.T) / 2)
    spread = covariance.diagonal().sum() + root.square().sum() - 2 * common
    apart = (found.mean - wanted.mean).square().sum()
    return TRANSPORT * (apart + spread.to(apart)) / len(found.mean)


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


# Sums of bfloat16 products are not accurate enough for these: a covariance that has lost its small eigenvalues has no root.
WANT_EXACT_SUMS = ("wasserstein",)
# Eigenvectors are found step by step, and each asks whether it was the last: no CUDA graph can hold them.
WAIT_FOR_THE_DEVICE = ("wasserstein",)

LIKENESSES: dict[str, Likeness] = {
    "gram": gram_likeness,
    "moments": moments_likeness,
    "wasserstein": wasserstein_likeness,
}

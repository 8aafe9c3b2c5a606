"""The losses written out as the papers state them: pure functions of feature maps (C, H, W), in a few lines each.

What the engine is compared with. No weights, tiles, mixed precision or closed-form gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from velatura_daemon.engine.losses.statistics import MIN_VARIANCE, RIDGE_SHARE
from velatura_daemon.engine.losses.style_distance import MOMENTS_WEIGHT

Features = Mapping[str, Tensor]


def content_loss(features: Tensor, target: Tensor) -> Tensor:
    """1/2 Σ_ij (F_ij − P_ij)² (Gatys 2015, eq. 1)."""
    return 0.5 * (features - target).square().sum()


def gram_matrix(features: Tensor) -> Tensor:
    """G_ij = Σ_k F_ik F_jk (Gatys 2015, eq. 3)."""
    rows = features.flatten(1)
    return rows @ rows.T


def paper_distance(features: Tensor, style: Tensor) -> Tensor:
    """1/(4 N² M²) Σ_ij (G_ij − A_ij)² (Gatys 2015, eq. 4); each Gram matrix is divided by its own M."""
    difference = gram_matrix(features) / features[0].numel() - gram_matrix(style) / style[0].numel()
    return difference.square().sum() / (4 * len(features) ** 2)


def gram_distance(features: Tensor, style: Tensor) -> Tensor:
    """‖G − A‖² / ‖A‖²."""
    target = gram_matrix(style) / style[0].numel()
    return (gram_matrix(features) / features[0].numel() - target).square().sum() / target.square().sum()


def moments_distance(features: Tensor, style: Tensor) -> Tensor:
    """The Gram distance plus MOMENTS_WEIGHT (‖μ − μ*‖² + ‖σ − σ*‖²) / E‖F*‖², with variances ≥ MIN_VARIANCE."""
    rows, style_rows = features.flatten(1), style.flatten(1)
    means = (rows.mean(1) - style_rows.mean(1)).square().sum()
    sigma, style_sigma = (x.var(1, correction=0).clamp_min(MIN_VARIANCE).sqrt() for x in (rows, style_rows))
    deviations = (sigma - style_sigma).square().sum()
    return gram_distance(features, style) + MOMENTS_WEIGHT * (means + deviations) / _energy(style)


def wasserstein_distance(features: Tensor, style: Tensor) -> Tensor:
    """The Gram distance plus W₂² / E‖F*‖² between Gaussians. tr (Σ*^½ Σ Σ*^½)^½ is the sum of the square roots of the
    eigenvalues of Σ Σ*, which needs no root of a matrix."""
    rows, style_rows = features.flatten(1), style.flatten(1)
    covariance, target = (torch.cov(x, correction=0).reshape(len(x), len(x)) for x in (rows, style_rows))
    ridge = RIDGE_SHARE * target.diagonal().mean() * torch.eye(len(target)).to(target)
    covariance, target = covariance + ridge, target + ridge
    common = torch.linalg.eigvals(covariance @ target).real.clamp_min(0).sqrt().sum()
    transport = (rows.mean(1) - style_rows.mean(1)).square().sum() + covariance.trace() + target.trace() - 2 * common
    distance: Tensor = gram_distance(features, style) + transport / _energy(style)
    return distance


def _energy(style: Tensor) -> Tensor:
    return style.flatten(1).square().mean(1).sum()


DISTANCES: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {
    "paper": paper_distance,
    "gram": gram_distance,
    "moments": moments_distance,
    "wasserstein": wasserstein_distance,
}


def style_loss(features: Features, style: Features, layer_weights: Mapping[str, float], distance: str) -> Tensor:
    """L_style = Σ_l w_l E_l (Gatys 2015, eq. 5)."""
    layers = [layer for layer, weight in layer_weights.items() if weight]
    terms = [layer_weights[layer] * DISTANCES[distance](features[layer], style[layer]) for layer in layers]
    return torch.stack(terms).sum()


def total_variation(image: Tensor) -> Tensor:
    """The mean over pixels of the squared differences to the neighbours to the right and below."""
    differences = image.diff(dim=2).square().sum() + image.diff(dim=1).square().sum()
    return differences / image[0].numel()

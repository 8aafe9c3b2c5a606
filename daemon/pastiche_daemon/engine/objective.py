"""What a good picture is: content, style and total variation, as formulas.

Notation of Gatys 2015: F, P feature maps of the picture in work and of the content, N channels, M places;
G, A Gram matrices of the picture in work and of the style.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from pastiche_daemon.engine.colour_statistics import colour_loss, colour_moments
from pastiche_daemon.engine.gram import gram
from pastiche_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS, Network


def content_loss(features: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """L_content = 1/2 Σ_ik w_k (F_ik − P_ik)² (Gatys 2015, eq. 1).

    features, target: (C, H, W). weight: (H, W), how much each place counts, 0 to 1; with all 1 it is the paper's.
    """
    return 0.5 * (weight * (features - target).square()).sum()


def style_layer_loss(gram_matrix: Tensor, target: Tensor, places: Tensor | float) -> Tensor:
    """E = 1/(4 N² M²) Σ_ij (G_ij − A_ij)² (Gatys 2015, eq. 4).

    gram_matrix: (C, C), sum over the picture's places. target: (C, C), a *mean* over the style's places.
    places: M, the sum of the picture's weights.
    Differs from the paper, where style and picture are of one size: A is taken as M times the style's mean,
    which is the paper's A when the sizes agree.
    """
    channels = gram_matrix.shape[0]
    return (gram_matrix / places - target).square().sum() / (4 * channels**2)


def total_variation(image: Tensor, weight: Tensor) -> Tensor:
    """Mean squared difference of neighbours, over the places that count. Not in the paper.

    image: (3, H, W). weight: (H, W). A mean, not a sum, so that it means the same at each size.
    """
    across = weight[:, 1:] * weight[:, :-1] * (image[:, :, 1:] - image[:, :, :-1]).square()
    down = weight[1:] * weight[:-1] * (image[:, 1:] - image[:, :-1]).square()
    return (across.sum() + down.sum()) / weight.sum().clamp_min(1)


@dataclass(frozen=True)
class Weighting:
    """Total = α L_content + β L_style + γ L_colour + τ TV; layer_weights: w_l by layer (the paper's: 1/5 each)."""

    alpha: float
    beta: float
    gamma: float
    tau: float
    layer_weights: Mapping[str, float]


@dataclass(frozen=True)
class Losses:
    """Scalars on the device, one evaluation's: total is what is minimised; content and style are unweighted."""

    total: Tensor
    content: Tensor
    style: Tensor


class Objective:
    """The total loss of a picture at one scale. Called with the image, returns its `Losses`."""

    def __init__(
        self,
        network: Network,
        content_target: Tensor,  # (C, H, W) at conv4_2
        style_targets: Mapping[str, Tensor],  # (C, C) by layer, means over the style's places
        place_weights: Mapping[str, Tensor],  # (H, W) by layer, and 'image' for the pixels themselves
        weighting: Weighting,
        colour_targets: Sequence[Tensor] = (),  # (4, 4) by colour scale, where γ is not 0
    ) -> None:
        self.network = network
        self.content_target = content_target
        self.style_targets = style_targets
        self.place_weights = place_weights
        self.places = {name: weight.sum().clamp_min(1e-6) for name, weight in place_weights.items()}
        # Where every place counts in full, as without a selection, no product with weights is needed.
        self.gram_weights = {n: None if bool((w == 1).all()) else w for n, w in place_weights.items()}
        self.weighting = weighting
        self.colour_targets = colour_targets

    def __call__(self, image: Tensor) -> Losses:
        """image: (3, H, W)."""
        features = self.network(image, (*STYLE_LAYERS, CONTENT_LAYER))
        w = self.weighting
        content = content_loss(features[CONTENT_LAYER], self.content_target, self.place_weights[CONTENT_LAYER])
        style = torch.zeros_like(content)
        for name in STYLE_LAYERS:
            g = gram(features[name], self.gram_weights[name])
            style = style + w.layer_weights[name] * style_layer_loss(g, self.style_targets[name], self.places[name])
        total = w.alpha * content + w.beta * style
        if w.gamma:
            total = total + w.gamma * colour_loss(
                colour_moments(image, self.place_weights["image"]), self.colour_targets
            )
        if w.tau:
            total = total + w.tau * total_variation(image, self.place_weights["image"])
        return Losses(total, content, style)

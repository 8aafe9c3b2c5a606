"""How close a result is to its style and to its content, measured with the original VGG19.

These scores are close to what the engine minimises, so they compare settings of one method better than different
methods. They depend on the size of the pictures: compare only scores of the same size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS, Network

FINE, COARSE = STYLE_LAYERS[:2], STYLE_LAYERS[3:]


@dataclass(frozen=True)
class Scores:
    """style: mean over the five style layers of ‖G − A‖ / ‖A‖; 0 for the style itself. content: correlation of the
    conv4_2 features with those of the content, after subtracting each channel's mean; 1 for the content itself. fine:
    the style score at conv1_1 and conv2_1 only (grain, colour). coarse: at conv4_1 and conv5_1 only (shapes)."""

    style: float
    content: float
    fine: float
    coarse: float

    def __str__(self) -> str:
        return f"{self.style:.2f} / {self.content:.2f}"


@torch.no_grad()
def judge(network: Network, style: Tensor, content: Tensor, result: Tensor) -> Scores:
    """Score a result. style, content, result: (3, H, W), RGB in 0..1; content and result have the same size. Scaling
    the layers of the network does not change the scores."""
    network.set_pooling("average")
    of_style, of_content, of_result = (
        network(picture, (*STYLE_LAYERS, CONTENT_LAYER)) for picture in (style, content, result)
    )
    errors = {name: _relative_error(_gram(of_result[name]), _gram(of_style[name])) for name in STYLE_LAYERS}
    return Scores(
        _mean(errors, STYLE_LAYERS),
        _correlation(of_result[CONTENT_LAYER], of_content[CONTENT_LAYER]),
        _mean(errors, FINE),
        _mean(errors, COARSE),
    )


def _gram(features: Tensor) -> Tensor:
    """Return the Gram matrix of (C, H, W) features, divided by the number of positions: (C, C)."""
    rows = features.flatten(1).float()
    return rows @ rows.T / rows.shape[1]


def _relative_error(actual: Tensor, target: Tensor) -> float:
    return float((actual - target).norm() / target.norm().clamp_min(1e-12))


def _correlation(one: Tensor, other: Tensor) -> float:
    """Return the correlation of two (C, H, W) features, after subtracting each channel's mean."""
    a, b = (features.float() - features.float().mean((1, 2), keepdim=True) for features in (one, other))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-12))


def _mean(errors: Mapping[str, float], layers: tuple[str, ...]) -> float:
    return sum(errors[name] for name in layers) / len(layers)

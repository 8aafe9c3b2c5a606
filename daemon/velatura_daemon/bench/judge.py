"""How near a restyle is to its style and to its content, as the original VGG19 sees them.

The marks are close to what the engine minimises, so they compare settings of one method better than they compare
methods. They depend on the pictures' size: compare marks of one size only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS, Network

FINE, COARSE = STYLE_LAYERS[:2], STYLE_LAYERS[3:]


@dataclass(frozen=True)
class Marks:
    """style: mean over the five style layers of ‖G − A‖ / ‖A‖; 0 is the style itself. content: correlation of conv4_2's
    features with the content's, after the mean of each channel is taken off; 1 is the content itself. fine: style's
    part at conv1_1 and conv2_1 (grain, colour). coarse: at conv4_1 and conv5_1 (forms)."""

    style: float
    content: float
    fine: float
    coarse: float

    def __str__(self) -> str:
        return f"{self.style:.2f} / {self.content:.2f}"


@torch.no_grad()
def judge(network: Network, style: Tensor, content: Tensor, result: Tensor) -> Marks:
    """style, content, result: (3, H, W), RGB in 0..1; content and result of one size. Scaling a layer of the network
    changes no mark."""
    network.set_pooling("average")
    of_style, of_content, of_result = (
        network(picture, (*STYLE_LAYERS, CONTENT_LAYER)) for picture in (style, content, result)
    )
    errors = {name: _relative_error(_gram(of_result[name]), _gram(of_style[name])) for name in STYLE_LAYERS}
    return Marks(
        _mean(errors, STYLE_LAYERS),
        _correlation(of_result[CONTENT_LAYER], of_content[CONTENT_LAYER]),
        _mean(errors, FINE),
        _mean(errors, COARSE),
    )


def _gram(features: Tensor) -> Tensor:
    """(C, H, W) → (C, C), divided by the places."""
    rows = features.flatten(1).float()
    return rows @ rows.T / rows.shape[1]


def _relative_error(found: Tensor, wanted: Tensor) -> float:
    return float((found - wanted).norm() / wanted.norm().clamp_min(1e-12))


def _correlation(one: Tensor, other: Tensor) -> float:
    """Of (C, H, W), each channel about its mean."""
    a, b = (features.float() - features.float().mean((1, 2), keepdim=True) for features in (one, other))
    return float((a * b).sum() / (a.norm() * b.norm()).clamp_min(1e-12))


def _mean(errors: Mapping[str, float], layers: tuple[str, ...]) -> float:
    return sum(errors[name] for name in layers) / len(layers)

"""Seeded random filters: what stands in for layers that nobody has trained or brought.

Random filters see palette and grain; strokes want trained ones before them. Each channel is calibrated so that it fires
for half of what it sees: then the Grams of deep layers say something too.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from velatura_daemon.engine.calibration import procedural_pictures
from velatura_daemon.engine.network import INPUT_MEAN, INPUT_STD, LAYERS, Network, channels_of, width_of

SEED = 19

# What filters are mixed from: a blur, its slopes across and down, and their product. Plain white filters answer mostly
# to single pixels, and what they made was noise; these leave grain alone and give a weave of soft dabs.
_BLUR, _SLOPE = torch.tensor([0.25, 0.5, 0.25]), torch.tensor([-1.0, 0.0, 1.0])
MARKS = torch.stack(
    [torch.outer(_BLUR, _BLUR), torch.outer(_BLUR, _SLOPE), torch.outer(_SLOPE, _BLUR), torch.outer(_SLOPE, _SLOPE) / 2]
)  # (4, 3, 3)


@torch.no_grad()
def random_weights(given: Mapping[str, Tensor] | None = None) -> dict[str, Tensor]:
    """Weights by layer name, the same on every machine but for float rounding.

    given: layers that are known; the others are drawn, and calibrated on what the known ones show them.
    """
    random = torch.Generator().manual_seed(SEED)
    mean, std = torch.tensor(INPUT_MEAN).view(3, 1, 1), torch.tensor(INPUT_STD).view(3, 1, 1)
    x = torch.stack([(picture - mean) / std for picture in procedural_pictures()])  # (B, 3, H, W)
    weights: dict[str, Tensor] = dict(given or {})
    names = iter(LAYERS)
    width = width_of(weights)
    for layer in Network().stack:
        if isinstance(layer, nn.Conv2d):
            name = next(names)
            mixture = torch.randn(channels_of(name, width), x.shape[1], len(MARKS), generator=random)
            filters = (mixture[..., None, None] * MARKS).sum(2)  # (C_out, C_in, 3, 3)
            if f"{name}.weight" not in weights:
                weights[f"{name}.weight"], weights[f"{name}.bias"] = _calibrated(filters, x, name)
            x = F.conv2d(x, weights[f"{name}.weight"], weights[f"{name}.bias"], padding=1)
        elif isinstance(layer, nn.MaxPool2d):
            x = F.avg_pool2d(x, 2)
        else:
            x = layer(x)
    return weights


def _calibrated(filters: Tensor, x: Tensor, name: str) -> tuple[Tensor, Tensor]:
    """filters: (C_out, C_in, 3, 3), x: (B, C_in, H, W). Returns weight and bias that give each channel mean 0 and
    deviation 1 before the ReLU."""
    if name != LAYERS[0]:
        # The first layer must see plain colour, for the palette; deeper ones see more when flat areas do not drown it.
        filters = filters - filters.mean(dim=(1, 2, 3), keepdim=True)
    response = F.conv2d(x, filters, padding=1)
    mu = response.mean(dim=(0, 2, 3))  # (C_out,)
    sigma = response.std(dim=(0, 2, 3)).clamp_min(1e-6)
    return filters / sigma.view(-1, 1, 1, 1), -mu / sigma

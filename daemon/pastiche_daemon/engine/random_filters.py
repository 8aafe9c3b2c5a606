"""The embedded default: VGG19 with seeded random filters, so that a machine without a network works at once.

Random filters see palette and grain; strokes want trained ones. Each channel is calibrated so that it fires
for half of what it sees: then the Grams of deep layers say something too.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from pastiche_daemon.engine.calibration import procedural_pictures
from pastiche_daemon.engine.network import INPUT_MEAN, INPUT_STD, LAYERS, Network

SEED = 19


@torch.no_grad()
def random_weights() -> dict[str, Tensor]:
    """Weights by layer name, the same on every machine but for float rounding."""
    random = torch.Generator().manual_seed(SEED)
    network = Network()
    mean, std = torch.tensor(INPUT_MEAN).view(3, 1, 1), torch.tensor(INPUT_STD).view(3, 1, 1)
    x = torch.stack([(picture - mean) / std for picture in procedural_pictures()])  # (B, 3, H, W)
    weights = {}
    for layer in network.stack:
        if isinstance(layer, nn.Conv2d):
            name = LAYERS[len(weights) // 2]
            filters = torch.randn(layer.weight.shape, generator=random)
            response = F.conv2d(x, filters, padding=1)
            mu = response.mean(dim=(0, 2, 3))  # (C,)
            sigma = response.std(dim=(0, 2, 3)).clamp_min(1e-6)
            weights[f"{name}.weight"] = filters / sigma.view(-1, 1, 1, 1)
            weights[f"{name}.bias"] = -mu / sigma
            x = (response - mu.view(1, -1, 1, 1)) / sigma.view(1, -1, 1, 1)
        elif isinstance(layer, nn.MaxPool2d):
            x = F.avg_pool2d(x, 2)
        else:
            x = layer(x)
    return weights

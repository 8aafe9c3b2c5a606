"""Networks for tests: VGG19 at an eighth of its width, with random filters; and weights of its full width."""

from __future__ import annotations

import torch
from torch import Tensor

from velatura_daemon.engine.network import LAYERS, Network, channels_of
from velatura_daemon.models.calibration import calibrate


def random_weights(width: float = 1 / 8, seed: int = 19) -> dict[str, Tensor]:
    """Return weights by layer name, initialised as in He et al. 2015: the variance of features is the same in all
    layers."""
    random = torch.Generator().manual_seed(seed)
    weights, channels = {}, 3
    for layer in LAYERS:
        filters = round(width * channels_of(layer))
        spread = (2 / (9 * channels)) ** 0.5
        weights[f"{layer}.weight"] = spread * torch.randn(filters, channels, 3, 3, generator=random)
        weights[f"{layer}.bias"] = 0.1 * torch.randn(filters, generator=random)
        channels = filters
    return weights


def weights_of_vgg19s_shapes(last: str = "conv5_4", seed: int = 4) -> dict[str, Tensor]:
    """Return random weights up to a layer. After the first layer, each filter is the same for all its inputs: torch
    saves that compactly, while a .safetensors file has 40 to 80 MB."""
    random = torch.Generator().manual_seed(seed)
    weights, channels = {}, 3
    for layer in LAYERS[: LAYERS.index(last) + 1]:
        filters, alike = channels_of(layer), layer != "conv1_1"
        filter = torch.randn(filters, 1 if alike else channels, 3, 3, generator=random) / (9 * channels) ** 0.5
        weights[f"{layer}.weight"] = filter.expand(filters, channels, 3, 3)
        weights[f"{layer}.bias"] = 0.1 * torch.randn(filters, generator=random)
        channels = filters
    return weights


def small_network(width: float = 1 / 8) -> Network:
    """Return a calibrated network on the CPU."""
    network = Network(random_weights(width), "small")
    calibrate(network)
    return network

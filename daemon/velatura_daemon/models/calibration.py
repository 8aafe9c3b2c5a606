"""One factor per layer, so that the same settings give the same picture with any VGG19, whatever its scale.

Gatys, Ecker and Bethge 2015, 'Methods', scale each filter to a mean activation of 1 over ImageNet's photographs. ReLU
and pooling commute with a positive factor, so the features stay the same otherwise. Differs from the paper: all filters
of a layer share one factor. With one per filter, filters that hardly fire become as loud as the rest, and few of them
decide the losses (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from velatura_daemon.engine.network import Network

PROBE_SIDE = 96  # pixels
PROBE_CONTRAST = 0.2  # standard deviation, of the 0..1 range
SILENT = 1e-12  # a layer with a smaller mean activation has no scale to go by, and is left as it is

# What each layer's mean activation over the probe is when it is 1 over photographs: measured with the original VGG19
# (python -m tests.bench.calibration). The probe stands in for photographs when a network is loaded.
PROBE_MEANS: Mapping[str, float] = {
    "conv1_1": 1.122,
    "conv1_2": 1.184,
    "conv2_1": 1.068,
    "conv2_2": 1.289,
    "conv3_1": 0.813,
    "conv3_2": 0.977,
    "conv3_3": 1.020,
    "conv3_4": 1.121,
    "conv4_1": 0.932,
    "conv4_2": 0.935,
    "conv4_3": 0.904,
    "conv4_4": 0.575,
    "conv5_1": 0.623,
    "conv5_2": 0.573,
    "conv5_3": 0.807,
    "conv5_4": 0.970,
}


def probe() -> Tensor:
    """(3, PROBE_SIDE, PROBE_SIDE) in 0..1: noise with the spectrum of photographs, amplitudes ∝ 1/f (Field 1987),
    always the same. Mostly grey, as photographs are."""
    random = torch.Generator().manual_seed(0)
    spectrum = torch.fft.rfft2(torch.randn(4, PROBE_SIDE, PROBE_SIDE, generator=random))
    down = torch.fft.fftfreq(PROBE_SIDE)[:, None]
    frequency = torch.hypot(down, torch.fft.rfftfreq(PROBE_SIDE)).clamp_min(1 / PROBE_SIDE)
    noise = torch.fft.irfft2(
        spectrum / frequency, s=(PROBE_SIDE, PROBE_SIDE)
    )  # (4, H, W): a grey one and three colours
    noise = noise[:1] + 0.3 * noise[1:]
    picture: Tensor = (0.5 + PROBE_CONTRAST * (noise - noise.mean()) / noise.std()).clamp(0, 1)
    return picture


@torch.no_grad()
def mean_activations(network: Network, pictures: Iterable[Tensor]) -> dict[str, float]:
    """Of each layer, over all its filters and places. pictures: (3, H, W) each, in 0..1."""
    sums, places = dict.fromkeys(network.layers, 0.0), dict.fromkeys(network.layers, 0)
    for picture in pictures:
        for name, features in network(picture, network.layers).items():
            sums[name] += float(features.sum())
            places[name] += features.numel()
    return {name: sums[name] / places[name] for name in network.layers}


@torch.no_grad()
def scale_layers(network: Network, means: Mapping[str, float], wanted: Mapping[str, float]) -> None:
    """Scale each layer so that a mean activation of `means` becomes the one of `wanted`."""
    before = 1.0
    for name in network.layers:
        factor = wanted[name] / means[name] if means[name] > SILENT else 1.0
        convolution = network.convolution(name)
        convolution.weight.mul_(factor / before)
        convolution.bias.mul_(factor)  # type: ignore[union-attr]
        before = factor


def calibrate(network: Network) -> None:
    """Scale each layer to a mean activation of 1 over photographs, as the probe tells it."""
    network.set_pooling("average")  # whichever pooling a restyle takes: one measure for all
    scale_layers(network, mean_activations(network, [probe()]), PROBE_MEANS)

"""Scales each layer of a network by one factor, so that the same settings give the same image with any VGG19.

Gatys, Ecker and Bethge 2015, 'Methods', scale each filter to a mean activation of 1 over ImageNet's photographs. ReLU
and pooling commute with a positive factor, so the features do not change otherwise. Differs from the paper: all filters
of a layer share one factor. With one per filter, filters that hardly fire become as strong as the rest, and a few of
them dominate the losses (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from velatura_daemon.engine.network import Network

PROBE_SIDE = 96  # pixels
PROBE_CONTRAST = 0.2  # standard deviation, of the 0..1 range
MIN_ACTIVATION = 1e-12  # a layer with a smaller mean activation never fires and is left as it is

# Each layer's mean activation over the probe if it is 1 over photographs: measured with the original VGG19
# (python -m tests.bench.calibration). When a network is loaded, the probe stands in for photographs.
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
    """A fixed image (3, PROBE_SIDE, PROBE_SIDE) in 0..1: noise with the spectrum of photographs, amplitudes ∝ 1/f
    (Field 1987), and mostly grey, as photographs are."""
    random = torch.Generator().manual_seed(0)
    spectrum = torch.fft.rfft2(torch.randn(4, PROBE_SIDE, PROBE_SIDE, generator=random))
    down = torch.fft.fftfreq(PROBE_SIDE)[:, None]
    frequency = torch.hypot(down, torch.fft.rfftfreq(PROBE_SIDE)).clamp_min(1 / PROBE_SIDE)
    noise = torch.fft.irfft2(spectrum / frequency, s=(PROBE_SIDE, PROBE_SIDE))  # (4, H, W): one grey, three coloured
    noise = noise[:1] + 0.3 * noise[1:]  # (3, H, W)
    image: Tensor = (0.5 + PROBE_CONTRAST * (noise - noise.mean()) / noise.std()).clamp(0, 1)
    return image


@torch.no_grad()
def mean_activations(network: Network, images: Iterable[Tensor]) -> dict[str, float]:
    """The mean activation of each layer over all its filters and positions. images: (3, H, W) each, in 0..1."""
    sums, counts = dict.fromkeys(network.layers, 0.0), dict.fromkeys(network.layers, 0)
    for image in images:
        for name, features in network(image, network.layers).items():
            sums[name] += float(features.sum())
            counts[name] += features.numel()
    return {name: sums[name] / counts[name] for name in network.layers}


@torch.no_grad()
def scale_layers(network: Network, means: Mapping[str, float], target_means: Mapping[str, float]) -> None:
    """Scales each layer's features, in place, by the ratio of its target mean to its mean."""
    previous_factor = 1.0
    for name in network.layers:
        factor = target_means[name] / means[name] if means[name] > MIN_ACTIVATION else 1.0
        convolution = network.convolution(name)
        convolution.weight.mul_(factor / previous_factor)  # its input is scaled by the previous layer's factor
        convolution.bias.mul_(factor)  # type: ignore[union-attr]
        previous_factor = factor


def calibrate(network: Network) -> None:
    """Scales each layer to a mean activation of 1 over photographs, as estimated by the probe. Sets average pooling,
    whichever pooling a restyle uses later: one measure for all."""
    network.set_pooling("average")
    scale_layers(network, mean_activations(network, [probe()]), PROBE_MEANS)

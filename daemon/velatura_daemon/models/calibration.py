"""One factor per layer, so that the same settings give the same result with any VGG19, whatever the scale of its
weights.

Gatys, Ecker and Bethge 2015, 'Methods', scale each filter to a mean activation of 1 over ImageNet's photographs. ReLU
and pooling commute with a positive factor, so the features do not change otherwise. Differs from the paper: all filters
of a layer share one factor. With one factor per filter, filters that rarely activate become as strong as the others,
and a few of them dominate the losses (docs/quality.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from velatura_daemon.engine.network import Network

PROBE_SIDE = 96  # pixels
PROBE_CONTRAST = 0.2  # standard deviation of pixel values in 0..1
MIN_ACTIVATION = 1e-12  # a layer with a smaller mean activation has no measurable scale and is not changed

# The mean activation of each layer over the probe when its mean over photographs is 1, measured with the original VGG19
# (python -m tests.bench.calibration). The probe recounts photographs when a network is loaded.
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
    """Return the probe image (3, PROBE_SIDE, PROBE_SIDE) in 0..1: fixed noise with the spectrum of photographs,
    amplitudes ∝ 1/f (Field 1987). It is mostly grey, as photographs are."""
    random = torch.Generator().manual_seed(0)
    spectrum = torch.fft.rfft2(torch.randn(4, PROBE_SIDE, PROBE_SIDE, generator=random))
    vertical, horizontal = torch.fft.fftfreq(PROBE_SIDE)[:, None], torch.fft.rfftfreq(PROBE_SIDE)
    frequency = torch.hypot(vertical, horizontal).clamp_min(1 / PROBE_SIDE)
    noise = torch.fft.irfft2(spectrum / frequency, s=(PROBE_SIDE, PROBE_SIDE))  # (4, H, W)
    noise = noise[:1] + 0.3 * noise[1:]  # a grey plane plus weaker noise for each colour
    image: Tensor = (0.5 + PROBE_CONTRAST * (noise - noise.mean()) / noise.std()).clamp(0, 1)
    return image


@torch.no_grad()
def mean_activations(network: Network, pictures: Iterable[Tensor]) -> dict[str, float]:
    """Return the mean activation of each layer over all its filters and positions. pictures: (3, H, W) each, in
    0..1."""
    sums, counts = dict.fromkeys(network.layers, 0.0), dict.fromkeys(network.layers, 0)
    for picture in pictures:
        for name, features in network(picture, network.layers).items():
            sums[name] += float(features.sum())
            counts[name] += features.numel()
    return {name: sums[name] / counts[name] for name in network.layers}


@torch.no_grad()
def scale_layers(network: Network, means: Mapping[str, float], targets: Mapping[str, float]) -> None:
    """Scale each layer so that a mean activation of `means` becomes the one in `targets`."""
    previous = 1.0
    for name in network.layers:
        factor = targets[name] / means[name] if means[name] > MIN_ACTIVATION else 1.0
        convolution = network.convolution(name)
        convolution.weight.mul_(factor / previous)
        convolution.bias.mul_(factor)  # type: ignore[union-attr]
        previous = factor


def calibrate(network: Network) -> None:
    """Scale each layer to a mean activation of 1 over photographs, estimated with the probe."""
    network.set_pooling("average")  # always, so that the scale does not depend on a restyle's pooling
    scale_layers(network, mean_activations(network, [probe()]), PROBE_MEANS)

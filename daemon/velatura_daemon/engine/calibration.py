"""Filters on one footing: each scaled to mean activation 1, so that a strength means the same with any weights.

Gatys 2015, 'Methods': the network is rescaled so that the mean activation of each filter, over images and
positions, is one; ReLU and pooling commute with a positive scale, so the features stay the same but for it.
The article measures on ImageNet's photographs; here it is procedural pictures, drawn from a seed.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from velatura_daemon.engine.network import LAYERS, Network

SIDE = 96
COUNT = 6
LOUDEST = 4.0  # root mean square of a filter whose mean would be under a quarter of it


def procedural_pictures() -> list[Tensor]:
    """COUNT pictures (3, SIDE, SIDE) in 0..1: soft noise of a falling spectrum under dead leaves (disks that
    cover one another, radii ∝ r⁻³), which share the statistics of edges and flats with photographs."""
    random = torch.Generator().manual_seed(20150826)
    y, x = torch.meshgrid(torch.arange(SIDE), torch.arange(SIDE), indexing="ij")
    pictures = []
    for _ in range(COUNT):
        picture = torch.zeros(3, SIDE, SIDE)
        for side in (3, 6, 12, 24, 48, 96):
            octave = torch.randn(1, 3, side, side, generator=random)
            picture += F.interpolate(octave, size=(SIDE, SIDE), mode="bilinear")[0] * (3.0 / side)
        picture = (0.5 + 0.18 * picture).clamp(0, 1)  # (3, SIDE, SIDE)
        for _ in range(120):
            radius = 2.0 / (1e-3 + torch.rand((), generator=random)).sqrt()
            cx, cy = torch.rand(2, generator=random) * SIDE
            inside = (x - cx) ** 2 + (y - cy) ** 2 < radius.clamp(max=SIDE / 3) ** 2
            colour = torch.rand(3, 1, 1, generator=random)
            shade = 0.85 + 0.15 * torch.sin((x + 2 * y) / radius)
            picture = torch.where(inside, colour * shade, picture)
        pictures.append(picture)
    return pictures


@torch.no_grad()
def rescale_to_mean_activation_one(network: Network, pictures: Sequence[Tensor] = ()) -> None:
    """Scale every filter so that its mean activation over the pictures is 1.

    pictures: (3, H, W) each, 0..1; the procedural pictures where none are given.
    Differs from the paper: a filter that hardly ever fires is scaled as if it fired at a hundredth of its
    layer's median, and one that fires seldom and hard so that its root mean square is LOUDEST, since what
    losses see is squares: no filter becomes louder than the rest together.
    """
    network.set_pooling("average")
    count = 0
    sums = {name: torch.zeros(2, network.convolution(name).out_channels) for name in LAYERS}
    for picture in pictures or procedural_pictures():
        count += 1
        for name, features in network(picture, LAYERS).items():
            sums[name] += torch.stack([features.mean(dim=(1, 2)), features.square().mean(dim=(1, 2))])
    before = torch.ones(3)
    for name in LAYERS:
        mean, square = sums[name] / count  # (C,) each
        mean = torch.maximum(mean, square.sqrt() / LOUDEST)
        mean = mean.clamp_min(float(mean.median()) * 0.01 + 1e-12)
        convolution = network.convolution(name)
        convolution.weight.mul_(before.view(1, -1, 1, 1)).div_(mean.view(-1, 1, 1, 1))
        convolution.bias.div_(mean)  # type: ignore[union-attr]
        before = mean

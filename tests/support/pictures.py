"""Pictures for tests that resemble photographs: smooth noise under overlapping disks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 96
COUNT = 6


def procedural_pictures() -> list[Tensor]:
    """Return COUNT pictures (3, SIDE, SIDE) in 0..1: smooth noise with a falling spectrum under dead leaves
    (overlapping disks, radii ∝ r⁻³), whose edges and flat areas have statistics similar to those of photographs."""
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

"""The task for both implementations: a sample scene in the style of a sample painting, the `paper` objective, one
square scale."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from velatura.settings import StyleSettings
from velatura_daemon.bench.pictures import drawn
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.losses.objective import Objective
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.targets import TargetExtractor, objective_at
from velatura_daemon.models.load import load_default

PAPER = StyleSettings(quality="paper")
SCENE, PAINTING = "harbour_town", "night_swirls"


def source(name: str, side: int, device: torch.device) -> Source:
    """Return a square sample picture in which every pixel counts."""
    pixels = np.ascontiguousarray(drawn(name, side, side).transpose(2, 0, 1))
    image = torch.from_numpy(pixels).to(device, torch.float32) / 255  # (3, side, side)
    everywhere = torch.ones(side, side, device=device)
    return Source(image, everywhere, everywhere, (name, side), side)


@dataclass(frozen=True)
class Problem:
    """side: pixels, a multiple of 16."""

    side: int
    device: torch.device
    scene: str = SCENE
    painting: str = PAINTING

    def objective(self, network: Network) -> Objective:
        """Return the paper's loss for this scene and painting, computed with this network."""
        content, style = (source(name, self.side, self.device) for name in (self.scene, self.painting))
        scale = Scale(self.side, self.side, 1)
        network.set_pooling(PAPER.pooling)
        targets = TargetExtractor(network, PAPER, TargetCache(0))
        return objective_at(scale, content, content.image, style_regions_of(content, [style]), targets)


def network(device: torch.device) -> Network:
    """Return the paper's network on a device, in float32."""
    return load_default().to(device)

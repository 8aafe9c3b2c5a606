"""From a checkpoint to the file that is shipped: batch norms folded, missing layers drawn, calibrated, float16."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from training.pupil import Pupil
from training.recipe import draw_style
from training.render import render
from training.train import Plan
from velatura_daemon.engine.calibration import rescale_to_mean_activation_one
from velatura_daemon.engine.network import LAYERS, Network
from velatura_daemon.engine.random_filters import random_weights

CALIBRATION_SEED = 1_000_000


def folded(plan: Plan, checkpoint: Path) -> dict[str, Tensor]:
    """The trained layers, for torchvision's input."""
    pupil = Pupil(plan.styles, plan.width, plan.depth)
    pupil.load_state_dict(torch.load(checkpoint, map_location="cpu", weights_only=True)["pupil"])
    return pupil.eval().folded()


def calibration_pictures() -> list[Tensor]:
    """(3, 160, 160) each, 0..1: one picture of each of the first styles, of seeds that training does not reach."""
    drawn = (render(draw_style(number), CALIBRATION_SEED + number, 160) for number in range(84))
    return [torch.from_numpy(picture).permute(2, 0, 1).float().div(255) for picture in drawn]


def ready(weights: dict[str, Tensor]) -> Network:
    """Complete and calibrated. Layers that were not trained are drawn at random on what the trained ones show them."""
    network = Network(random_weights(weights), sees_colour_poorly=True)
    rescale_to_mean_activation_one(network, calibration_pictures())
    return network


def export(network: Network, path: Path, note: dict[str, str]) -> None:
    """Write the network's layers in float16. Raises ValueError where a number does not fit."""
    layers = {
        f"{name}.{kind}": getattr(network.convolution(name), kind).half().contiguous()
        for name in LAYERS
        for kind in ("weight", "bias")
    }
    for name, tensor in layers.items():
        if not bool(torch.isfinite(tensor).all()):
            raise ValueError(f"{name} does not fit float16.")
    save_file(layers, path, metadata=note)
    path.chmod(0o644)  # safetensors writes it for its owner alone

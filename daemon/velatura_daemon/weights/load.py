"""From a name to a network that is ready to look: loaded, completed, every filter at mean activation 1."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from velatura.errors import BadWeights
from velatura_daemon.engine.calibration import rescale_to_mean_activation_one
from velatura_daemon.engine.network import LAYERS, Network
from velatura_daemon.engine.random_filters import random_weights
from velatura_daemon.weights.check import read_weights
from velatura_daemon.weights.store import Weights


def load_network(weights: Weights) -> tuple[Network, str]:
    """A network on the CPU and the label that says what is in it. Layers that a file lacks are drawn at random,
    calibrated on what the file's layers show them. Raises BadWeights."""
    if weights.ours:
        assert weights.path is not None
        return load_ours(weights.path, weights.name), weights.label
    given = read_weights(weights.path) if weights.path else {}
    network = Network(random_weights(given), weights.name)
    rescale_to_mean_activation_one(network)
    layers = sum(f"{name}.weight" in given for name in LAYERS)
    partly = f", {layers} of {len(LAYERS)} layers, the rest random" if 0 < layers < len(LAYERS) else ""
    return network, weights.label + partly


def load_ours(path: Path, name: str) -> Network:
    """A file that training wrote: complete, in float16, calibrated already. Raises BadWeights."""
    try:
        tensors = load_file(path)
    except (SafetensorError, OSError) as error:
        raise BadWeights(
            f"Velatura's own weights cannot be read ({path}: {str(error)[:120]}). Install Velatura again."
        ) from error
    return Network({key: tensor.float() for key, tensor in tensors.items()}, name, sees_colour_poorly=True)

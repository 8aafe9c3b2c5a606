"""From a name to a network that is ready to look: loaded, completed, every filter at mean activation 1."""

from __future__ import annotations

from pastiche_daemon.engine.calibration import rescale_to_mean_activation_one
from pastiche_daemon.engine.network import LAYERS, Network
from pastiche_daemon.engine.random_filters import random_weights
from pastiche_daemon.weights.check import read_weights
from pastiche_daemon.weights.store import Weights


def load_network(weights: Weights) -> tuple[Network, str]:
    """A network on the CPU and the label that says what is in it. Layers that a file lacks come from the embedded
    default, calibrated on what the file's layers show them. Raises BadWeights."""
    given = read_weights(weights.path) if weights.path else {}
    network = Network(random_weights(given))
    rescale_to_mean_activation_one(network)
    layers = sum(f"{name}.weight" in given for name in LAYERS)
    partly = f", {layers} of {len(LAYERS)} layers, the rest random" if 0 < layers < len(LAYERS) else ""
    return network, weights.label + partly

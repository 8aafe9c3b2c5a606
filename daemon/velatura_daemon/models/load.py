"""Loading a network by the name of its weights: reading, checking, calibrating."""

from __future__ import annotations

from velatura_daemon.engine.network import LAYERS, Network
from velatura_daemon.models.calibration import calibrate
from velatura_daemon.models.check import read_weights
from velatura_daemon.models.store import DEFAULT, Weights
from velatura_daemon.models.vgg19 import read_vgg19, vgg19_file


def load_network(weights: Weights) -> tuple[Network, str]:
    """Return a network on the CPU, and a label that names its weights. Raises BadWeights."""
    layers = read_weights(weights.path) if weights.path else read_vgg19(vgg19_file())
    network = Network(layers, weights.name)
    calibrate(network)
    truncated = "" if len(network.layers) == len(LAYERS) else f", up to {network.layers[-1]}"  # not translated: a name
    return network, weights.label + truncated


def load_default() -> Network:
    """Return the paper's network, the original VGG19. Raises BadWeights."""
    return load_network(DEFAULT)[0]

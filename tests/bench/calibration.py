"""`python -m tests.bench.calibration`: measure the constants of models/calibration.py on scikit-image's photographs."""

from __future__ import annotations

import skimage.data

from velatura_daemon.bench.quality import as_tensor
from velatura_daemon.engine.network import Network
from velatura_daemon.models.calibration import mean_activations, probe
from velatura_daemon.models.vgg19 import read_vgg19, vgg19_file

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
SIDE = 256  # pixels; at 512 the means are 4 to 16 % lower


def main() -> None:
    """Print for each layer its mean activation over the photographs, over the probe, and their ratio for
    PROBE_MEANS."""
    network = Network(read_vgg19(vgg19_file()))
    photographs = mean_activations(network, [as_tensor(getattr(skimage.data, name)(), SIDE) for name in PHOTOGRAPHS])
    noise = mean_activations(network, [probe()])
    for name in network.layers:
        print(
            f"{name}: photographs {photographs[name]:.2f}, probe {noise[name]:.2f}, PROBE_MEANS "
            f"{noise[name] / photographs[name]:.3f}"
        )


if __name__ == "__main__":
    main()

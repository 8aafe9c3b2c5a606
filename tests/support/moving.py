"""Pictures whose motion is known."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.noise import Array, fractal

HEIGHT, WIDTH = 64, 96


def texture(seed: int, right: float = 0.0, down: float = 0.0) -> Array:
    """(HEIGHT, WIDTH, 3), smooth forms moved so many pixels right and down."""
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    channels = [fractal((x - right) / 24, (y - down) / 24, seed + 10 * channel, 4) for channel in range(3)]
    picture: Array = np.clip(0.5 + 0.4 * np.stack(channels, axis=2), 0, 1).astype(np.float32)
    return picture


def disc(x: float, y: float, radius: float = 14.0) -> Array:
    """(HEIGHT, WIDTH), whether a pixel lies in a disc."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    inside: Array = np.hypot(columns - x, rows - y) < radius
    return inside

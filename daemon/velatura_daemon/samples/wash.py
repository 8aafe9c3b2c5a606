"""Watercolour: thin washes that multiply, dry darker at their edges and settle in the grain of the paper."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.noise import Array, fractal
from velatura_daemon.samples.raster import Sheet, blur, ink, smoothstep


class Paper:
    """A sheet of rough paper. Call `glaze` for each wash, then `dry` for the picture."""

    def __init__(self, sheet: Sheet, colour: str) -> None:
        u, v = sheet.u, sheet.v
        self.sheet = sheet
        self.colour = ink(colour)
        self.grain = fractal(110 * u, 110 * v, 301, 2)
        self.creep = fractal(9 * u, 9 * v, 305, 4, 0.62)
        bloom = fractal(4.5 * u, 4.5 * v, 311, 4, 0.55)
        tide = smoothstep(0.10, 0.0, np.abs(bloom - 0.12)) * smoothstep(0.0, 0.03, bloom - 0.05)
        self.pools = 0.72 * (1 + 0.42 * bloom + 0.20 * self.grain) + 0.28 * tide
        self.density = np.zeros((sheet.height, sheet.width, 3), np.float32)

    def glaze(self, pigment: str, field: Array, strength: Array | float = 1.0, softness: float = 0.008) -> None:
        """Apply a wash where `field` is above 0.

        pigment: colour of the paper under a full load of pigment. field: (H, W), distance inside the wash, as a
        fraction of the longest side. strength: of the load, a number or (H, W). softness: width of the edge on wet
        paper.
        """
        depth = field + self.creep * (0.004 + 0.5 * softness)
        wetted = np.nonzero(depth > -0.15 * softness)
        depth = depth[wetted]
        wet = smoothstep(-0.15 * softness, softness, depth)
        rim = np.exp(-((depth / 0.006) ** 2)) * wet * (0.008 / (0.008 + softness))
        load = (wet * self.pools[wetted] + 0.75 * rim) * np.broadcast_to(strength, field.shape)[wetted]
        self.density[wetted] -= load[:, None] * np.log(np.clip(ink(pigment), 0.02, 0.999))

    def dry(self) -> Array:
        """Return (H, W, 3), 0 to 1: light reflected through the pigment, with the texture of the paper."""
        down, right = np.gradient(blur(self.grain, 1))
        tooth = 1 + 0.09 * np.tanh(2 * (right + down))[..., None]
        return np.asarray(self.colour * np.exp(-self.density) * tooth)

"""CIE L*a*b* with 16 bits, as in TIFF and PSD files, to sRGB."""

from __future__ import annotations

import numpy as np

from velatura_daemon.imaging.files.raster import Array, by_rows, to_sample
from velatura_daemon.srgb import srgb_encoded

D50 = np.array([0.9642, 1.0, 0.8249], np.float32)  # the white of ICC profiles
# Linear sRGB from XYZ under D50: the inverse of the matrix in the sRGB profile of the ICC, which is adapted from D65.
SRGB_FROM_XYZ = np.linalg.inv(
    np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
).astype(np.float32)
DELTA = 6 / 29


def lab16_to_srgb(pixels: Array, *, signed: bool) -> Array:
    """Convert (H, W, 3) of u16 to sRGB of u16; colours outside sRGB are clipped. L* is 0 to 100 over the full range.
    a* and b* have 256 steps per unit: signed (TIFF's CIELab), or with 0 at 32768 (PSD, TIFF's ICCLab)."""

    def converted(band: Array) -> Array:
        lightness = band[..., 0].astype(np.float32) * np.float32(100 / 65535)
        opponents = band[..., 1:].astype(np.int32)
        opponents = np.where(opponents > 32767, opponents - 65536, opponents) if signed else opponents - 32768
        a, b = np.moveaxis(opponents.astype(np.float32) / 256, 2, 0)
        y = (lightness + 16) / 116
        roots = np.stack([y + a / 500, y, y - b / 200], axis=2)
        xyz = np.where(roots > DELTA, roots**3, 3 * DELTA**2 * (roots - np.float32(4 / 29))) * D50
        light = (xyz @ SRGB_FROM_XYZ.T).clip(0, 1)
        return to_sample(srgb_encoded(light), "u16")

    return by_rows(pixels, converted, "u16", 3)

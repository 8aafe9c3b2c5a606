"""The sRGB transfer function and its inverse (IEC 61966-2-1), on NumPy arrays.

Both are defined for all real numbers: above 1 the curve continues, below 0 it is mirrored (f(-x) = -f(x)), so that
values outside 0 to 1 survive a round trip.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]


def srgb_encoded(linear: Array) -> Array:
    """Linear light to sRGB values: 12.92 x up to x = 0.0031308, 1.055 x^(1/2.4) - 0.055 above. Any shape."""
    size = np.abs(linear)
    curve = 1.055 * np.maximum(size, 0.0031308) ** (1 / 2.4) - 0.055
    encoded: Array = np.sign(linear) * np.where(size <= 0.0031308, 12.92 * size, curve)
    return encoded


def srgb_decoded(encoded: Array) -> Array:
    """sRGB values to linear light, the inverse of `srgb_encoded`: x / 12.92 up to x = 0.04045,
    ((x + 0.055) / 1.055)^2.4 above. Any shape."""
    size = np.abs(encoded)
    linear: Array = np.sign(encoded) * np.where(size <= 0.04045, size / 12.92, ((size + 0.055) / 1.055) ** 2.4)
    return linear

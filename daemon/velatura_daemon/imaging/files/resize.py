"""Scaling in float32. Colour is weighted by alpha, so that invisible colours do not bleed in."""

from __future__ import annotations

import numpy as np

from velatura.pixels import SMALLEST_SIDE
from velatura_daemon.imaging.files.raster import SAMPLE_NAMES, Array, to_float, to_sample


def fitted_size(width: int, height: int, longest_side: int | None) -> tuple[int, int]:
    """Return the size with the same proportions whose longest side is longest_side; no side gets below
    SMALLEST_SIDE."""
    if longest_side is None:
        return width, height
    scale = longest_side / max(width, height)
    return max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale))


def resized(pixels: Array, width: int, height: int) -> Array:
    """Scale (H, W, C) to (height, width, C) of the same sample type, with a Lanczos filter; integers are clipped."""
    if pixels.shape[:2] == (height, width):
        return pixels
    values = to_float(pixels)
    scaled = _with_alpha(values, width, height) if values.shape[2] in (2, 4) else _lanczos(values, width, height)
    return to_sample(scaled, SAMPLE_NAMES[pixels.dtype])


def _with_alpha(values: Array, width: int, height: int) -> Array:
    colour, alpha = values[..., :-1], values[..., -1:]
    lowest, highest = colour.min(axis=(0, 1)), colour.max(axis=(0, 1))
    scaled_alpha = _lanczos(alpha, width, height)
    scaled = _lanczos(colour * alpha, width, height)
    np.divide(scaled, scaled_alpha, out=scaled, where=scaled_alpha > 0)
    # Near the edge of the visible area both are small, so their quotient can be anything.
    return np.concatenate([scaled.clip(lowest, highest), scaled_alpha.clip(0, 1)], axis=2)


def _lanczos(values: Array, width: int, height: int) -> Array:
    from PIL import Image

    scaled = np.empty((height, width, values.shape[2]), np.float32)
    for channel in range(values.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(values[..., channel]))
        scaled[..., channel] = plane.resize((width, height), Image.Resampling.LANCZOS)
    return scaled

"""Scaling in float32. Colour is weighted by alpha, so that invisible colours do not bleed in."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from velatura.pixels import SMALLEST_SIDE
from velatura_daemon.imaging.files.raster import SAMPLE_NAMES, Array, to_float, to_sample

LANCZOS_RADIUS = 3  # pixels of the smaller picture, on each side
BAND_PIXELS = 1 << 18  # of the larger picture that are scaled at a time, if MIN_BAND_ROWS allows
MIN_BAND_ROWS = 32  # of the result: with 8, almost half of the work would be on rows that bands share


def fitted_size(width: int, height: int, longest_side: int | None) -> tuple[int, int]:
    """Return the size with the same proportions whose longest side is longest_side; no side gets below
    SMALLEST_SIDE."""
    if longest_side is None:
        return width, height
    scale = longest_side / max(width, height)
    return max(SMALLEST_SIDE, round(width * scale)), max(SMALLEST_SIDE, round(height * scale))


def reduced_size(width: int, height: int, at_most: int | None) -> tuple[int, int]:
    """As `fitted_size`, but a smaller picture keeps its size."""
    return fitted_size(width, height, at_most if at_most is not None and max(width, height) > at_most else None)


def resized(pixels: Array, width: int, height: int) -> Array:
    """Scale (H, W, C) to (height, width, C) of the same sample type, with a Lanczos filter; integers are clipped.

    Works on bands of rows, each with the rows around it that the filter reaches.
    """
    if pixels.shape[:2] == (height, width):
        return pixels
    old_height, old_width, channels = pixels.shape
    scale, sample = old_height / height, SAMPLE_NAMES[pixels.dtype]
    reach = math.ceil(LANCZOS_RADIUS * max(1.0, scale)) + 1
    has_alpha = channels in (2, 4)
    if has_alpha:
        lowest, highest = (to_float(end(axis=(0, 1))) for end in (pixels[..., :-1].min, pixels[..., :-1].max))
    scaled = np.empty((height, width, channels), pixels.dtype)
    step = max(MIN_BAND_ROWS, int(BAND_PIXELS / max(old_width * scale, width)))
    for top in range(0, height, step):
        bottom = min(top + step, height)
        first, last = max(0, int(top * scale) - reach), min(old_height, math.ceil(bottom * scale) + reach)
        values = to_float(pixels[first:last])
        view = View(width, bottom - top, (0, top * scale - first, old_width, min(bottom * scale, old_height) - first))
        band = _with_alpha(values, view, lowest, highest) if has_alpha else _lanczos(values, view)
        scaled[top:bottom] = to_sample(band, sample)
    return scaled


class View(NamedTuple):
    """The size of a part of the scaled picture, and where it is in the original: (left, top, right, bottom)."""

    width: int
    height: int
    box: tuple[float, float, float, float]


def _with_alpha(values: Array, view: View, lowest: Array, highest: Array) -> Array:
    """lowest, highest: the picture's range of colours, (C - 1,)."""
    colour, alpha = values[..., :-1], values[..., -1:]
    scaled_alpha = _lanczos(alpha, view)
    scaled = _lanczos(colour * alpha, view)
    np.divide(scaled, scaled_alpha, out=scaled, where=scaled_alpha > 0)
    # Near the edge of the visible area both are small, so their quotient can be anything.
    return np.concatenate([scaled.clip(lowest, highest), scaled_alpha.clip(0, 1)], axis=2)


def _lanczos(values: Array, view: View) -> Array:
    from PIL import Image

    scaled = np.empty((view.height, view.width, values.shape[2]), np.float32)
    for channel in range(values.shape[2]):
        plane = Image.fromarray(np.ascontiguousarray(values[..., channel]))
        scaled[..., channel] = plane.resize((view.width, view.height), Image.Resampling.LANCZOS, view.box)
    return scaled

"""Seeded gradient noise at any position, and sums of it: fractal clouds, sharp ridges. The same at every picture
size."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

LATTICE = 256  # gradients per side before the noise repeats; a power of two, so that a bit mask wraps indices
BLOCK = 1 << 15  # positions at a time, whose arrays fit into the cache: 1.5 to 5 times as fast from a megapixel on
ROTATION = (0.8, 0.6)  # cosine and sine of the rotation between octaves, so that their lattices do not align


@lru_cache(maxsize=64)
def _gradients(seed: int) -> tuple[Array, Array]:
    """The x and y of LATTICE² unit vectors."""
    angle = np.random.default_rng(seed).uniform(0, 2 * np.pi, LATTICE * LATTICE)
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def noise(x: Array, y: Array, seed: int) -> Array:
    """Perlin's gradient noise with features about 1 unit in size. x, y: arrays of the same shape. Returns about -1 to
    1."""
    result = np.empty(np.shape(x), np.float32)
    x, y, values = np.ravel(x), np.ravel(y), result.reshape(-1)
    for start in range(0, len(values), BLOCK):
        block = slice(start, start + BLOCK)
        values[block] = _noise(x[block], y[block], seed)
    return result


def _noise(x: Array, y: Array, seed: int) -> Array:
    gradients_x, gradients_y = _gradients(seed)
    left, top = np.floor(x), np.floor(y)
    fx, fy = (x - left).astype(np.float32), (y - top).astype(np.float32)
    column, row = left.astype(np.intp) & (LATTICE - 1), top.astype(np.intp) & (LATTICE - 1)
    next_column, next_row = (column + 1) & (LATTICE - 1), (row + 1) & (LATTICE - 1)
    row *= LATTICE
    next_row *= LATTICE

    def contribution(rows: Array, columns: Array, dx: Array, dy: Array) -> Array:
        index = rows + columns
        return np.asarray(gradients_x.take(index) * dx + gradients_y.take(index) * dy)  # take is fast for intp

    ease_x, ease_y = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    a, b = contribution(row, column, fx, fy), contribution(row, next_column, fx - 1, fy)
    c, d = contribution(next_row, column, fx, fy - 1), contribution(next_row, next_column, fx - 1, fy - 1)
    upper, lower = a + (b - a) * ease_x, c + (d - c) * ease_x
    return np.asarray((upper + (lower - upper) * ease_y) * 1.5)


def fractal(x: Array, y: Array, seed: int, octaves: int = 5, gain: float = 0.5) -> Array:
    """Sum of octaves of noise, each twice as fine and `gain` times as strong. Returns about -1 to 1."""
    total, weight, total_weight = np.zeros(np.shape(x), np.float32), 1.0, 0.0
    for octave in range(octaves):
        total += weight * noise(x, y, seed + octave)
        total_weight += weight
        weight *= gain
        x, y = 2 * (ROTATION[0] * x - ROTATION[1] * y), 2 * (ROTATION[1] * x + ROTATION[0] * y)
    return np.asarray(total / np.float32(total_weight**0.75))


def ridged(x: Array, y: Array, seed: int, octaves: int = 7, gain: float = 0.5) -> Array:
    """Mountains: folded noise in which fine ridges grow only on high ground (after Musgrave). Returns about 0 to 1."""
    total, weight, total_weight = np.zeros(np.shape(x), np.float32), 1.0, 0.0
    high: Array = np.ones(np.shape(x), np.float32)
    for octave in range(octaves):
        fold = (1 - np.abs(noise(x, y, seed + octave))) ** 2 * high
        total += weight * fold
        high = np.clip(fold * 1.6, 0, 1)
        total_weight += weight
        weight *= gain
        x, y = 2 * (ROTATION[0] * x - ROTATION[1] * y), 2 * (ROTATION[1] * x + ROTATION[0] * y)
    return np.asarray(total / np.float32(total_weight))

"""The coordinates that samples are drawn in, and mixing, blurring and converting pixels."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy

import numpy as np
from PIL import Image

from velatura_daemon.samples.noise import Array

OVERSAMPLING = 2  # samples are drawn this many times larger, then averaged, which smooths edges
LIGHT_FROM = (-0.6, -0.8)  # direction towards the light, (right, down)


class Sheet:
    """Coordinates of the pixels of a drawing, which is OVERSAMPLING times larger than the picture of width × height
    that it becomes.

    x, y: (H, W), 0 to 1 from left to right and from top to bottom. u, v: (H, W), the same as fractions of the longest
    side, so that noise and circles keep their shape in any format.
    """

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width * OVERSAMPLING, height * OVERSAMPLING
        self.longest = max(self.width, self.height)
        self.breadth, self.tallness = self.width / self.longest, self.height / self.longest
        across = (np.arange(self.width, dtype=np.float32) + 0.5) / self.width
        down = (np.arange(self.height, dtype=np.float32) + 0.5) / self.height
        self._place(across, down[:, None])

    def _place(self, across: Array, down: Array) -> None:
        shape = (self.height, self.width)
        self.x, self.y = np.broadcast_to(across, shape), np.broadcast_to(down, shape)
        self.u, self.v = self.x * np.float32(self.breadth), self.y * np.float32(self.tallness)

    def part(self, left: float, top: float, right: float, bottom: float) -> tuple[Sheet, tuple[slice, slice]]:
        """Return a rectangle of the sheet, given as fractions of the whole, and its slices: for `picture[where]`."""
        first_x, first_y = int(np.clip(left, 0, 1) * self.width), int(np.clip(top, 0, 1) * self.height)
        last_x = max(first_x + 1, int(np.ceil(np.clip(right, 0, 1) * self.width)))
        last_y = max(first_y + 1, int(np.ceil(np.clip(bottom, 0, 1) * self.height)))
        where = (slice(first_y, last_y), slice(first_x, last_x))
        piece = copy(self)
        piece.height, piece.width = self.x[where].shape
        piece._place(self.x[0, where[1]], self.y[where[0], :1])
        return piece, where

    def offset(self, x: float, y: float) -> tuple[Array, Array]:
        """Return the distance of each pixel to the right of and below the point (x, y), as fractions of the longest
        side."""
        return self.u - x * self.breadth, self.v - y * self.tallness

    def away(self, x: float, y: float) -> Array:
        """Return the distance of each pixel from the point (x, y), as a fraction of the longest side."""
        return np.hypot(*self.offset(x, y))


def smoothstep(low: float, high: float, value: Array) -> Array:
    """Interpolate smoothly from 0 at `low` to 1 at `high`. If low > high, it falls from 1 to 0."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def mix(one: Array, other: Array | Sequence[float], share: Array) -> Array:
    """Blend `one` towards `other`, both (H, W, 3), by a share (H, W) of 0 to 1."""
    return np.asarray(one + (np.asarray(other, np.float32) - one) * share[..., None])


def ramp(value: Array, *colours: str) -> Array:
    """Map values 0 to 1 to a gradient of colours "#rrggbb" at equal distances: (H, W) → (H, W, 3), 0 to 1."""
    stops = np.array([ink(colour) for colour in colours])
    places = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(value, places, stops[:, c]) for c in range(3)], axis=-1).astype(np.float32)


def ink(colour: str) -> Array:
    """Return "#rrggbb" as (3,), 0 to 1."""
    return np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)], np.float32)


def flat(sheet: Sheet, colour: str) -> Array:
    """Return (H, W, 3) of one colour."""
    return np.tile(ink(colour), (sheet.height, sheet.width, 1))


def blur(image: Array, radius: float) -> Array:
    """Blur with three box filters, which approximate a Gaussian of `radius` pixels: (H, W) or (H, W, 3). Edges are
    extended."""
    half = max(1, round(radius))
    for axis in (0, 1):
        for _ in range(3):
            image = _box(image, half, axis)
    return image


def _box(image: Array, half: int, axis: int) -> Array:
    around = [(half + 1, half) if a == axis else (0, 0) for a in range(image.ndim)]
    sums = np.cumsum(np.pad(image, around, mode="edge"), axis=axis, dtype=np.float64)
    size = image.shape[axis]
    ahead = np.take(sums, range(2 * half + 1, 2 * half + 1 + size), axis=axis)
    behind = np.take(sums, range(size), axis=axis)
    return ((ahead - behind) / (2 * half + 1)).astype(np.float32)


def to_bytes(image: Array) -> Array:
    """Average a drawing (OVERSAMPLING·H, OVERSAMPLING·W, 3), 0 to 1, into the picture (H, W, 3), uint8."""
    fine = Image.fromarray((np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8))
    return np.asarray(fine.reduce(OVERSAMPLING))

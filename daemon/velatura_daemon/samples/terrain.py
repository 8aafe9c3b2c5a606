"""Mountains in perspective: a fractal height field seen from the shore, with sun, shade, snow and haze."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from velatura_daemon.samples.noise import Array, fractal, ridged
from velatura_daemon.samples.raster import Sheet, ink, mix, ramp, smoothstep

SLICES = 130  # depths at which the height of the ground is sampled
DEEP = 2.2  # depth of a range
EYE = 0.08  # height of the eye above the lake
TREE_LINE, SNOW_LINE = 0.36, 0.62  # heights, in the units of `relief`
SUN = np.array([-0.78, 0.42, -0.46])  # direction towards the sun: right, up, away from the viewer


@dataclass(frozen=True)
class Range:
    """A mountain range. Lengths are in the width of the field of view at distance 1."""

    distance: float
    relief: float
    pace: float  # mountains per unit
    seed: int
    haze: float  # 0: clear; 1: invisible
    foot: float  # the horizon, as a fraction of the picture's height


def _height(layer: Range, x: Array, z: Array, octaves: int) -> Array:
    """Height of the ground, 0 to about `relief`, at positions to the right of (x) and away from (z) the viewer."""
    across, away = x * layer.pace, z * layer.pace
    back = np.clip((z - layer.distance) / (0.75 * DEEP), 0, 1)
    massif = 0.55 + 0.6 * fractal(0.8 * across + 3.1, 0.8 * away, layer.seed + 60, 2)
    hump = np.sin(np.pi * np.clip(0.08 + 0.62 * back, 0, 1))
    return np.asarray(layer.relief * hump * massif * (0.20 + 0.8 * ridged(across, away, layer.seed, octaves, 0.46)))


def view(sheet: Sheet, picture: Array, layer: Range, haze: Array) -> Array:
    """Draw the range onto a picture: (H, W, 3) → (H, W, 3). haze: (3,), colour of distant things."""
    scale = sheet.longest
    z = layer.distance + np.linspace(0, 1, SLICES, dtype=np.float32) ** 1.2 * DEEP
    bearing = (np.arange(sheet.width, dtype=np.float32) + 0.5 - sheet.width / 2) / scale
    seen = (_height(layer, bearing * z[:, None], z[:, None] + 0 * bearing, 6) - EYE) / z[:, None]
    highest = np.maximum.accumulate(seen, axis=0)  # (SLICES, W), rises with depth, so sight lines can be interpolated
    top = layer.foot * sheet.height - highest[-1] * scale
    rows = np.arange(sheet.height, dtype=np.float32)
    sight = (layer.foot * sheet.height - rows) / scale
    depth = np.empty((sheet.height, sheet.width), np.float32)
    steps = np.arange(SLICES) * 1e-7  # makes the values strictly increasing, as np.interp requires
    for column in range(sheet.width):
        depth[:, column] = np.interp(sight, highest[:, column] + steps, z)
    land = smoothstep(-0.75, 0.75, rows[:, None] - top)
    first, last = int(np.clip(top.min() - 2, 0, sheet.height - 1)), int(min(layer.foot + 0.03, 1) * sheet.height)
    part = slice(first, max(last, first + 1))
    picture = picture.copy()
    picture[part] = mix(picture[part], _ground(sheet, layer, depth[part], bearing, haze), land[part])
    return picture


def _ground(sheet: Sheet, layer: Range, depth: Array, bearing: Array, haze: Array) -> Array:
    """Rock, snow and woods with their lighting, where sight lines meet the ground. depth: (h, W) → (h, W, 3)."""
    x, z = depth * bearing, depth
    small = 0.012
    here = _height(layer, x, z, 8)
    right = (_height(layer, x + small, z, 8) - here) / small
    back = (_height(layer, x, z + small, 8) - here) / small
    steep = np.sqrt(1 + right**2 + back**2)
    sun = SUN / np.linalg.norm(SUN)
    light = np.clip((-right * sun[0] + sun[1] - back * sun[2]) / steep, 0, 1)
    rough = fractal(9 * x, 9 * z, layer.seed + 80, 3)
    rock = ramp(np.clip(0.5 + 0.5 * rough, 0, 1), "#4a4647", "#77706c", "#a0968a")
    woods = ramp(np.clip(0.45 + 0.6 * rough, 0, 1), "#16261f", "#2b4030", "#4f6140")
    ground = mix(woods, rock, smoothstep(-0.10, 0.12, here - TREE_LINE + 0.10 * rough + 0.06 * (steep - 2)))
    lies = smoothstep(-0.08, 0.16, here - SNOW_LINE + 0.12 * rough) * smoothstep(4.2, 2.2, steep)
    ground = mix(ground, ink("#e6ebf4"), lies)
    lit = ground * (0.26 * ink("#8fb0e6") + 1.05 * light[..., None] * ink("#fff0d8"))
    low = np.exp(-np.maximum(here - EYE, 0) / (0.25 * layer.relief))
    return mix(lit, haze, np.clip(layer.haze + 0.35 * low * (0.4 + layer.haze), 0, 0.92))

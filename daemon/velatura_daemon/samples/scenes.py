"""Photograph-like scenes to restyle: functions of (width, height) → (H, W, 3), uint8."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.boats import Boat, moor
from velatura_daemon.samples.buildings import House, build, tower
from velatura_daemon.samples.nature import broadleaf, clouds, lake, meadow, pine
from velatura_daemon.samples.noise import Array, fractal, noise
from velatura_daemon.samples.raster import Sheet, blur, ink, mix, ramp, smoothstep, to_bytes
from velatura_daemon.samples.terrain import Range, view

# The houses along the quay: left, right, eaves, ridge (fractions of the picture), wall colour, storeys, windows.
HOUSES = (
    House(-0.03, 0.075, 0.455, 0.385, "#a8563f", 3, 3),
    House(0.075, 0.185, 0.405, 0.310, "#d8b25c", 4, 3),
    House(0.185, 0.275, 0.470, 0.385, "#e3dccb", 3, 2),
    House(0.275, 0.400, 0.425, 0.315, "#9c3f33", 3, 4),
    House(0.400, 0.490, 0.385, 0.300, "#7f98a3", 4, 2),
    House(0.490, 0.600, 0.450, 0.350, "#d99a4e", 3, 3),
    House(0.600, 0.700, 0.410, 0.330, "#e8dfce", 4, 3),
    House(0.700, 0.820, 0.460, 0.360, "#b8664a", 3, 4),
    House(0.820, 0.915, 0.420, 0.325, "#8fa07c", 4, 2),
    House(0.915, 1.030, 0.470, 0.380, "#dcc08a", 3, 3),
)
QUAY, WATER = 0.640, 0.672  # fractions of the height: where the houses stand, where the river begins
BOATS = (
    Boat(0.20, 0.745, 0.15, "#27415c", mast=True),
    Boat(0.55, 0.712, 0.09, "#8c2f28", mast=True),
    Boat(0.80, 0.800, 0.17, "#e4dccb", mast=False),
)


def harbour_town(width: int, height: int) -> Array:
    """Gabled houses and a church on a quay in evening sun, with street trees, boats, and reflections in the river."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    sky = ramp(np.clip(y / 0.50, 0, 1), "#34609c", "#5f8abd", "#a5b4cc", "#ecc6a4", "#f6b878")
    picture = clouds(sheet, sky, seed=401, lit="#ffe6cc", shaded="#8f8aa8")
    hill = 0.455 - 0.11 * np.exp(-(((x - 0.78) / 0.35) ** 2)) - 0.03 * fractal(4 * u, 0 * v, 411, 3)
    hill = hill - 0.008 * fractal(40 * u, 40 * v, 414, 3)
    wood = 0.5 + 0.5 * fractal(30 * u, 34 * v, 417, 4) + 0.25 * noise(90 * u, 90 * v, 419)
    far_trees = mix(ramp(wood, "#34463f", "#56684c", "#8b8f62", "#b9ab76"), ink("#c8b7a6"), np.full_like(u, 0.45))
    picture = mix(picture, far_trees, smoothstep(-0.002, 0.002, y - hill))

    picture = tower(sheet, picture, middle=0.655, half=0.026, foot=QUAY, eaves=0.235, tip=0.055)
    for house in HOUSES:
        picture = build(sheet, picture, house, foot=QUAY)
    for spot, size, seed in ((0.035, 0.115, 5), (0.455, 0.060, 6), (0.955, 0.095, 7)):
        picture = broadleaf(sheet, picture, spot, QUAY + 0.004, size, seed)
    stones = 0.5 + 0.35 * fractal(60 * u, 130 * v, 431, 3)
    courses = smoothstep(0.06, 0.0, np.abs((y - QUAY) / 0.0085 % 1 - 0.5) - 0.42)
    wall = ramp(stones, "#4b4540", "#7d7266", "#a89a86") * (1 - 0.30 * courses[..., None])
    wall = wall * (1.05 - 0.75 * smoothstep(QUAY, WATER, y))[..., None]
    wall = np.where((y < QUAY + 0.006)[..., None], ink("#cbb99e") * (0.8 + 0.3 * stones[..., None]), wall)
    picture = np.where((y > QUAY)[..., None], wall, picture)

    picture = lake(sheet, picture, shore=WATER, deep="#1d3340", calm=0.35, seed=441)
    for boat in BOATS:
        picture = moor(sheet, picture, boat)
    return to_bytes(_photographed(sheet, picture, warm=(1.04, 1.0, 0.95)))


def mountain_lake(width: int, height: int) -> Array:
    """Snowy mountain ranges in morning haze, reflected in a lake, with pines on the near shore."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    shore = 0.635
    sun_x, sun_y = 0.22, 0.20
    sky = ramp(np.clip(y / shore, 0, 1), "#3d6fae", "#6d9bcb", "#a9c5dc", "#e2dccf", "#f4dcb8")
    picture = clouds(sheet, sky, seed=453, lit="#fffaf0", shaded="#a3acc4")
    away = sheet.away(sun_x, sun_y)
    picture = picture + (0.30 * np.exp(-away / 0.09))[..., None] * ink("#ffe9bd")
    picture = mix(picture, ink("#fffdf2"), smoothstep(0.030, 0.024, away))

    haze = ink("#a9bdd6")
    for layer in (
        Range(distance=6.5, relief=2.6, pace=0.50, seed=506, haze=0.36, foot=0.63),
        Range(distance=4.4, relief=1.25, pace=0.80, seed=517, haze=0.20, foot=0.63),
        Range(distance=3.0, relief=0.55, pace=0.95, seed=531, haze=0.07, foot=0.64),
    ):
        picture = view(sheet, picture, layer, haze)
    mist = np.exp(-(((y - shore + 0.012) / 0.022) ** 2)) * (0.45 + 0.3 * fractal(5 * u, 20 * v, 541, 3))
    picture = mix(picture, ink("#f1e6d6"), np.clip(mist, 0, 0.8))
    picture = lake(sheet, picture, shore=shore, deep="#16384a", calm=0.8, seed=551)

    bank = 0.945 - 0.10 * np.exp(-(((x - 0.96) / 0.25) ** 2)) - 0.055 * np.exp(-((x / 0.20) ** 2))
    bank = bank - 0.012 * fractal(9 * u, 0 * v, 561, 4)
    picture = meadow(sheet, picture, bank, seed=563)
    for spot, foot, tall, seed in (
        (0.800, 0.895, 0.36, 3),
        (0.965, 0.885, 0.46, 4),
        (0.875, 0.900, 0.56, 1),
        (0.735, 0.945, 0.20, 8),
        (0.115, 0.925, 0.27, 6),
        (0.035, 0.920, 0.42, 2),
        (0.185, 0.960, 0.15, 9),
    ):
        picture = pine(sheet, picture, spot, foot, tall, seed)
    return to_bytes(_photographed(sheet, picture, warm=(1.03, 1.0, 0.97)))


def _photographed(sheet: Sheet, picture: Array, warm: tuple[float, float, float]) -> Array:
    """Imitate a lens and film: glow around lights, darker corners, a soft tone curve, grain."""
    bright = np.clip(picture - 0.75, 0, 1)
    picture = picture + 0.6 * blur(bright, 0.012 * sheet.longest)
    corner = np.hypot(sheet.x - 0.5, sheet.y - 0.5)
    picture = picture * np.array(warm, np.float32) * (1.04 - 0.38 * corner**2)[..., None]
    picture = 1.1 * (1 - np.exp(-1.85 * np.maximum(picture, 0) ** 1.35))
    grain = np.random.default_rng(9).normal(0, 0.016, picture.shape[:2])
    return np.asarray(picture + grain[..., None])

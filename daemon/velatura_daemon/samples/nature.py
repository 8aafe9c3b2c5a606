"""Clouds, still water, broad-leaved trees, pines and grass."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.brush import Brush, Canvas
from velatura_daemon.samples.noise import Array, fractal, noise
from velatura_daemon.samples.raster import Sheet, ink, mix, ramp, smoothstep


def clouds(sheet: Sheet, sky: Array, seed: int, lit: str, shaded: str) -> Array:
    """Draw fair-weather clouds onto a sky (H, W, 3): flatter towards the horizon, lit from the upper left."""
    flatter = 2.2 + 5.5 * sheet.y
    u, v = sheet.u * 2.9 + 0.3, sheet.v * flatter
    warp = 0.18 * fractal(u * 1.7, v * 1.7, seed + 20, 3)
    body = fractal(u + warp, v + warp, seed, 6, 0.52)
    towards_light = fractal(u + warp - 0.07, v + warp - 0.12, seed, 4, 0.52)
    cover = smoothstep(-0.04, 0.34, body)
    thick = smoothstep(-0.10, 0.30, towards_light - 0.55 * body + 0.1)
    return mix(sky, mix(np.broadcast_to(ink(lit), sky.shape), ink(shaded), 0.75 * thick), 0.88 * cover)


def lake(sheet: Sheet, picture: Array, shore: float, deep: str, calm: float, seed: int) -> Array:
    """Replace the picture below `shore` (fraction of the height) with water that mirrors the part above. calm: 0 to
    1."""
    near = np.clip((sheet.y - shore) / (1 - shore), 0, 1)
    depth = 1 / (0.035 + near)
    swell = fractal(7 * (sheet.x - 0.5) * depth**0.55, 7.5 * depth**0.9, seed, 4)
    fine = noise(24 * (sheet.x - 0.5) * depth**0.7, 26 * depth, seed + 7)
    ripple = (1 - calm) * (0.045 * swell + 0.012 * fine) * (0.25 + near) ** 0.7 + 0.012 * calm * swell * (0.2 + near)
    row = (2 * shore - sheet.y - ripple) * sheet.height
    row = np.clip(row, 0, shore * sheet.height - 1).astype(np.int32)
    shift = (0.006 * swell * (0.2 + near) * sheet.width).astype(np.int32)
    column = np.clip(np.arange(sheet.width)[None, :] + shift, 0, sheet.width - 1)
    mirrored = picture[row, column]
    facing = np.clip(0.18 + 0.50 * near + 0.55 * (1 - calm) * np.maximum(swell, 0) * near, 0, 0.85)
    water = mix(mirrored * ink("#e3ecee"), ink(deep), facing)
    glint = np.clip(ripple * 9, 0, 1) * (1 - calm) + 0.25 * smoothstep(0.45, 0.8, fine) * (1 - near) * 0.5
    water = water + 0.10 * glint[..., None] * ink("#ffe8c8")
    edge = np.exp(-np.maximum(sheet.y - shore, 0) / 0.006)
    return np.where((sheet.y > shore)[..., None], water * (1 - 0.35 * edge[..., None]), picture)


def broadleaf(sheet: Sheet, picture: Array, spot: float, foot: float, size: float, seed: int) -> Array:
    """Draw a tree with a round crown; size: height and width, as a fraction of the longest side. (spot, foot): where it
    stands."""
    wide, tall = 0.8 * size / sheet.breadth, 1.4 * size / sheet.tallness
    whole, (sheet, where) = picture.copy(), sheet.part(spot - wide, foot - tall, spot + wide, foot + 0.02)
    picture = whole[where]
    dx, dy = sheet.offset(spot, foot)
    trunk = smoothstep(0.0012, 0.0, np.abs(dx + 0.1 * dy * np.sin(seed)) - 0.028 * size) * (dy < 0) * (dy > -0.6 * size)
    picture = mix(picture, ink("#3b2e26") * (1 - 6 * dx / size)[..., None].clip(0.5, 1.4), trunk)
    lobes = fractal(6 / size * 0.5 * dx + seed, 6 / size * 0.5 * dy, 660 + seed, 4)
    from_middle = np.hypot(dx / 0.52, (dy + 0.66 * size) / 0.46) / size
    crown = smoothstep(0.0, 0.16, 1 - from_middle + 0.42 * lobes)
    sun = np.clip(0.42 - 0.55 * (dx + 1.1 * (dy + 0.62 * size)) / size + 0.55 * lobes, 0, 1)
    leaves = ramp(sun, "#141f16", "#2c4226", "#5a7035", "#a3a04e", "#d8c474")
    canvas = Canvas(sheet, picture, seed)
    leaf = Brush(0.012, 0.006, 2.5, taper=0.5, jitter=0.05, impasto=0, strays=2.0, edge=2)
    canvas.lay(leaf, leaves * 0.8, 0 * dx, where=crown)
    canvas.lay(
        Brush(0.007, 0.0035, 1.6, taper=0.5, jitter=0.07, impasto=0, strays=2.0, edge=2), leaves, 0 * dx, where=crown
    )
    whole[where] = canvas.dull()
    return np.asarray(whole)


def pine(sheet: Sheet, picture: Array, spot: float, foot: float, tall: float, seed: int) -> Array:
    """Draw a pine with drooping boughs, lit from the left. tall: fraction of the picture's height. (spot, foot): where
    it stands."""
    size = tall * sheet.tallness
    wide = 0.36 * size / sheet.breadth
    whole, (sheet, where) = picture.copy(), sheet.part(spot - wide, foot - 1.1 * tall, spot + wide, foot + 0.02)
    picture = whole[where]
    dx, dy = sheet.offset(spot, foot)
    rise = np.minimum(-dy / size, 1)  # 0 at the foot, 1 at the tip
    tiers = 15 + seed % 4
    phase = rise * tiers - 1.9 * np.abs(dx) / (0.2 * size) + 0.8 * noise(5 * dx / size, 9 * rise, 680 + seed)
    bough = 1 - (phase % 1)
    reach = (
        0.21
        * size
        * (1 - rise) ** 0.85
        * (0.55 + 0.45 * bough)
        * (1 + 0.35 * noise(rise * tiers, 3 * np.sign(dx) + seed, 690))
    )
    crown = smoothstep(0.0, 0.02 * size, reach - np.abs(dx)) * (rise > 0.06) * (rise < 0.985)
    sun = np.clip(
        0.22 + 0.50 * bough - 0.9 * dx / (0.2 * size) * 0.4 + 0.2 * noise(40 * dx / size, 40 * rise, 695), 0, 1
    )
    needles = ramp(sun, "#070f0d", "#12231b", "#24402a", "#4b6238", "#8c8a50")
    trunk = (np.abs(dx) < 0.010 * size * (1.1 - rise)) & (rise > -0.01) & (rise < 1)
    picture = np.where(trunk[..., None], ink("#2a1d16"), picture)
    flow = np.where(dx > 0, 0.55, np.pi - 0.55)
    canvas = Canvas(sheet, picture, seed)
    needle = Brush(
        0.016 + 0.03 * size, 0.0024 + 0.003 * size, 2.2, taper=0.6, jitter=0.025, impasto=0, strays=0.3, edge=2
    )
    canvas.lay(needle, needles * 0.7, flow, where=crown)
    fine = Brush(0.010 + 0.015 * size, 0.0016, 1.2, taper=0.6, jitter=0.035, impasto=0, strays=0.4, edge=2)
    canvas.lay(fine, needles, flow, where=crown)
    whole[where] = canvas.dull()
    return np.asarray(whole)


def meadow(sheet: Sheet, picture: Array, bank: Array, seed: int) -> Array:
    """Draw grass below `bank` (H, W, fraction of the height): blades in tufts, sunlit along the edge."""
    whole, (sheet, where) = picture.copy(), sheet.part(0, float(bank.min()) - 0.05, 1, 1)
    bank = bank[where]
    u, v, below = sheet.u, sheet.v, sheet.y - bank
    tufts = 0.5 + 0.5 * fractal(26 * u, 60 * v, seed, 4)
    sun = np.clip(
        0.75 * tufts + 0.55 * np.exp(-np.maximum(below, 0) / 0.012) - 0.10 + 0.2 * fractal(3 * u, 6 * v, seed + 9, 2),
        0,
        1,
    )
    grass = ramp(sun, "#0e1610", "#243018", "#4f5526", "#95863f", "#dcc274")
    canvas = Canvas(sheet, mix(whole[where], grass * 0.5, smoothstep(0, 0.004, below)), seed)
    flow = -np.pi / 2 + 0.35 * fractal(5 * u, 5 * v, seed + 20, 2)
    turf = smoothstep(-0.004, 0.010, below)
    for length, width in ((0.034, 0.0036), (0.024, 0.0022)):
        blade = Brush(length, width, 2.0, taper=0.7, jitter=0.04, impasto=0, strays=0.28, edge=2)
        canvas.lay(blade, grass, flow, where=turf, scale=np.clip(0.45 + 4 * below, 0.4, 1))
    whole[where] = canvas.dull()
    return np.asarray(whole)

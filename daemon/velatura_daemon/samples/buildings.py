"""Houses and a church tower in low sun from the left: plaster, tiles, windows, and shadows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from velatura_daemon.samples.noise import Array, fractal, noise
from velatura_daemon.samples.raster import Sheet, ink, mix, ramp, smoothstep

SOFT = 0.0012  # softness of edges, as a fraction of the picture


@dataclass(frozen=True)
class House:
    """A house seen from its gable side. left, right, eaves, ridge: positions as fractions of the picture's width and
    height."""

    left: float
    right: float
    eaves: float
    ridge: float
    wall: str
    storeys: int
    windows: int


def build(sheet: Sheet, picture: Array, house: House, foot: float) -> Array:
    """Draw a house onto a picture (H, W, 3), standing at height `foot`. Returns (H, W, 3)."""
    first, last = int((house.left - 0.02) * sheet.width), int((house.right + 0.02) * sheet.width) + 1
    columns = slice(max(first, 0), min(last, sheet.width))
    x, y, u, v = sheet.x[:, columns], sheet.y[:, columns], sheet.u[:, columns], sheet.v[:, columns]
    behind = picture[:, columns]
    seed = 700 + round(1000 * house.right)
    rng = np.random.default_rng(seed)
    wide = house.right - house.left
    s = (x - house.left) / wide  # 0 to 1 over the front
    slope = 1 - np.abs(2 * s - 1)  # 0 at the eaves, 1 under the ridge
    gable = house.eaves + (house.ridge - house.eaves) * slope
    front = smoothstep(-SOFT, SOFT, y - gable) * smoothstep(-SOFT, SOFT, (0.5 - np.abs(s - 0.5)) * wide) * (y < foot)

    stain = fractal(14 * u, 6 * v, seed, 4)
    grit = noise(170 * u, 170 * v, seed + 1)
    light = 1.02 - 0.16 * s + 0.10 * stain + 0.04 * grit
    light = light * (1 - 0.30 * smoothstep(0.06, 0.0, (foot - y)) - 0.30 * smoothstep(0.022, 0.0, y - gable))
    light = light * (1 - 0.35 * smoothstep(0.16, 0.06, s + 0.10 * (y - house.eaves)))
    wall = ink(house.wall) * light[..., None]
    boards = smoothstep(0.10, 0.0, np.abs((y / 0.0105) % 1 - 0.5) - 0.40)
    wall = wall * (1 - 0.10 * boards[..., None])

    floor = (foot - 0.012 - house.eaves) / house.storeys
    storey = np.floor((y - house.eaves) / floor)
    p = (s - 0.08) / 0.84 * house.windows
    q = ((y - house.eaves) / floor) % 1
    pane_x, pane_y = p % 1 - 0.5, q - 0.52
    number = np.clip(storey, 0, 9) * house.windows + np.clip(np.floor(p), 0, house.windows - 1)
    in_front = (p > 0) & (p < house.windows) & (y > house.eaves) & (storey < house.storeys)
    wall = _windows(wall, pane_x, pane_y, number, in_front, rng, u, v)
    attic = (y < house.eaves) & (slope > 0.3)
    attic_y = (y - (0.55 * house.eaves + 0.45 * house.ridge)) / floor
    wall = _windows(wall, (s - 0.5) * 0.84 * house.windows, attic_y, np.full_like(s, 63), attic, rng, u, v)

    band = smoothstep(0.0022, 0.0012, np.abs(y - house.eaves - floor * (house.storeys - 1) - 0.004))
    wall = mix(wall, ink(house.wall) * 0.7 + 0.25, 0.6 * band)
    behind = mix(behind, wall, front)
    thick = 0.010 + 0.004 * slope
    verge = (y > gable - thick) & (y < gable + 0.004) & (np.abs(s - 0.5) < 0.5 + 0.035)
    tiles = ramp(
        np.clip(0.5 + 0.4 * noise(120 * u, 60 * v, seed + 2) + 0.25 * (s < 0.5), 0, 1), "#3a2420", "#7c4433", "#b56a48"
    )
    behind = np.where(verge[..., None], tiles * np.where(y > gable, 0.55, 1.0)[..., None], behind)
    chimney = (np.abs(s - 0.74) < 0.045) & (y > house.ridge - 0.002) & (y < gable - thick + 0.003)
    behind = np.where(chimney[..., None], ink("#7d4a3a") * (1.15 - 0.7 * (s - 0.69)[..., None] / 0.1), behind)
    picture = picture.copy()
    picture[:, columns] = behind
    return picture


def _windows(
    wall: Array, x: Array, y: Array, number: Array, there: Array, rng: np.random.Generator, u: Array, v: Array
) -> Array:
    """Draw windows with a white frame and a cross; some are lit. x, y: position relative to the middle of the window,
    in bays."""
    lit = rng.uniform(0, 1, 64) < 0.30
    tint = rng.uniform(0.75, 1.15, 64)
    which = number.astype(np.int32) % 64
    edge = np.maximum(np.abs(x) / 0.25, np.abs(y) / 0.31)
    frame = smoothstep(1.0, 0.93, edge) * there
    glass = smoothstep(0.80, 0.74, edge) * there
    cross = np.maximum(smoothstep(0.030, 0.018, np.abs(x)), smoothstep(0.030, 0.018, np.abs(y + 0.06)))
    shadow = smoothstep(1.25, 1.0, np.maximum(np.abs(x - 0.03) / 0.25, np.abs(y - 0.04) / 0.31)) * there
    wall = wall * (1 - 0.30 * shadow[..., None])
    wall = mix(wall, ink("#ece4d4"), frame * 0.92)
    dark = ramp(np.clip(0.45 - 0.9 * y + 0.3 * noise(30 * u, 30 * v, 640), 0, 1), "#1a2029", "#34424f", "#7f95a6")
    warm = (
        ramp(np.clip(0.55 + 0.9 * y + 0.3 * noise(50 * u, 50 * v, 641), 0, 1), "#d9822b", "#f8bd5a", "#ffe6a6") * 1.25
    )
    pane = np.where(lit[which][..., None], warm * tint[which][..., None], dark * tint[which][..., None])
    return mix(wall, pane, glass * (1 - 0.8 * cross))


def tower(sheet: Sheet, picture: Array, middle: float, half: float, foot: float, eaves: float, tip: float) -> Array:
    """Draw a church tower with a tall copper spire, a clock and belfry openings: picture (H, W, 3) → (H, W, 3)."""
    x, y, u, v = sheet.x, sheet.y, sheet.u, sheet.v
    s = (x - middle) / half
    stone = 0.5 + 0.4 * fractal(50 * u, 70 * v, 651, 3)
    courses = smoothstep(0.12, 0.0, np.abs((y / 0.008) % 1 - 0.5) - 0.40)
    side = smoothstep(0.30, 0.36, s)
    light = (1.08 - 0.48 * side) * (1 - 0.14 * courses)
    body = ramp(stone, "#8d7a68", "#bda78c", "#d8c6a8") * light[..., None]
    belfry = np.maximum(np.abs(np.abs(s + 0.32) - 0.27) / 0.15, np.abs(y - eaves - 0.040) / 0.022)
    body = mix(body, ink("#2a2528"), smoothstep(1.05, 0.9, belfry))
    clock = np.hypot((s + 0.32) * half * sheet.width, (y - eaves - 0.095) * sheet.height) / (half * sheet.width)
    body = mix(body, ink("#e9dcb8"), smoothstep(0.42, 0.38, clock))
    body = mix(body, ink("#33302f"), smoothstep(0.05, 0.03, np.abs(clock - 0.36)))
    picture = mix(picture, body, smoothstep(1.02, 0.98, np.abs(s)) * (y > eaves) * (y < foot))
    cornice = (np.abs(s) < 1.12) & (np.abs(y - eaves) < 0.005)
    picture = np.where(cornice[..., None], ink("#d8c6a8") * (1.0 - 0.4 * side[..., None]), picture)

    rise = np.clip((y - tip) / (eaves - tip), 0, 1)
    girth = 0.06 + 0.98 * rise**1.12
    copper = ramp(
        np.clip(0.62 - 0.45 * s / girth + 0.2 * stone + 0.15 * noise(20 * u, 8 * v, 655), 0, 1),
        "#2e4a46",
        "#4f7a70",
        "#86b09c",
        "#c4d6b8",
    )
    ribs = smoothstep(0.10, 0.0, np.abs((s / girth * 3) % 1 - 0.5) - 0.42)
    copper = copper * (1 - 0.18 * ribs[..., None])
    spire = smoothstep(0.06, -0.06, np.abs(s) - girth) * (y > tip) * (y < eaves - 0.004)
    picture = mix(picture, copper, spire)
    vane = (np.abs(s) < 0.05) & (y > tip - 0.028) & (y <= tip + 0.01)
    arm = (np.abs(s) < 0.22) & (np.abs(y - tip + 0.018) < 0.0018)
    return np.where((vane | arm)[..., None], ink("#4a3c2a"), picture)

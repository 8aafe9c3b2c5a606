"""Boats moored on still water: a hull, a cabin, an optional mast, and the reflection."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from velatura_daemon.samples.noise import Array, noise
from velatura_daemon.samples.raster import Sheet, ink, mix, smoothstep


@dataclass(frozen=True)
class Boat:
    """x, waterline: position of its middle, 0 to 1 across and down the picture. length: as a fraction of the picture's
    longest side."""

    x: float
    waterline: float
    length: float
    hull: str
    mast: bool


def moor(sheet: Sheet, picture: Array, boat: Boat) -> Array:
    """Draw a boat with its shadow and its reflection onto a picture: (H, W, 3) → (H, W, 3)."""
    reach, tall = 0.6 * boat.length / sheet.breadth, 1.4 * boat.length / sheet.tallness
    whole: Array = picture.copy()
    sheet, where = sheet.part(boat.x - reach, boat.waterline - tall, boat.x + reach, boat.waterline + tall)
    across, down = sheet.offset(boat.x, boat.waterline)
    across, down = across / boat.length, down / boat.length
    shadow = np.exp(-((down / 0.05) ** 2)) * smoothstep(0.52, 0.40, np.abs(across)) * (down > 0)
    ripple = 0.03 * np.sin(90 * down + 3 * across) + 0.04 * noise(12 * across, 60 * down, 601)
    image = _side_on(whole[where] * (1 - 0.35 * shadow[..., None]), boat, across + ripple, -down, dim=0.6)
    whole[where] = _side_on(image, boat, across, down, dim=1)
    return whole


def _side_on(picture: Array, boat: Boat, x: Array, y: Array, dim: float) -> Array:
    """Draw a boat from the side. x, y: (H, W), distance from the middle of its waterline, in boat lengths, y downwards.
    dim: 1 for the boat, less for its reflection."""
    sheer = -0.145 - 0.10 * (2 * x) ** 2  # the deck line, higher at both ends
    flare = np.abs(x) * (1 + 0.45 * np.clip(y + 0.1, 0, 1)) - 0.30 * np.clip(-y - 0.1, -1, 0.1)
    inside = smoothstep(0.0, 0.015, y - sheer) * smoothstep(0.008, -0.008, y) * smoothstep(0.0, 0.02, 0.5 - flare)
    tone = 0.72 + 0.45 * smoothstep(-0.02, -0.16, y) - 0.25 * smoothstep(-0.2, 0.5, x)
    hull = ink(boat.hull) * tone[..., None] + 0.03 * noise(60 * x, 200 * y, 603)[..., None]
    hull = mix(hull, ink("#d9c29a"), 0.9 * smoothstep(0.028, 0.018, np.abs(y - sheer - 0.012)))
    picture = mix(picture, hull * dim, inside * dim)

    cabin = smoothstep(0.0, 0.01, 0.14 - np.abs(x + 0.08)) * smoothstep(-0.30, -0.29, y) * smoothstep(-0.12, -0.14, y)
    panes = smoothstep(0.035, 0.03, np.abs(y + 0.235)) * smoothstep(0.045, 0.04, np.abs((x + 0.08) % 0.14 - 0.07))
    boards = ink("#e9e2d2") * (0.91 - 0.5 * x)[..., None]
    picture = mix(picture, mix(boards, ink("#2b3440"), panes) * dim, cabin * dim)
    if not boat.mast:
        return picture
    pole = smoothstep(0.011, 0.006, np.abs(x - 0.16)) * smoothstep(-1.25, -1.24, y) * (y < -0.15)
    boom = smoothstep(0.016, 0.010, np.abs(y + 0.36 + 0.05 * x)) * (x > -0.32) * (x < 0.16)
    stays = smoothstep(0.006, 0.003, np.abs(np.abs(x - 0.16) - 0.30 * (y + 1.24))) * (y < -0.2) * (y > -1.24)
    return mix(picture, ink("#5b4430"), np.clip(pole + boom + 0.5 * stays, 0, 1) * dim)

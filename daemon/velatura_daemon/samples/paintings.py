"""Sample paintings in brush strokes, to use as styles. Functions of (width, height) → (H, W, 3), uint8."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.brush import Brush, Canvas
from velatura_daemon.samples.noise import Array, fractal, noise
from velatura_daemon.samples.raster import Sheet, flat, ink, mix, ramp, smoothstep, to_bytes

# Whirls in the night sky: x, y, radius as a fraction of the longest side, direction of rotation.
WHIRLS = ((0.30, 0.27, 0.15, 1.0), (0.60, 0.40, 0.11, -1.0), (0.93, 0.52, 0.09, 1.0), (0.03, 0.50, 0.09, -1.0))
# Lights in the night sky: x, y, radius of the halo as a fraction of the longest side. The first is the moon.
LIGHTS = (
    (0.83, 0.17, 0.095),
    (0.10, 0.13, 0.045),
    (0.47, 0.09, 0.036),
    (0.63, 0.17, 0.030),
    (0.13, 0.37, 0.034),
    (0.47, 0.44, 0.028),
    (0.76, 0.47, 0.032),
    (0.97, 0.33, 0.026),
)
SHORE = 0.735  # of the bay, as a fraction of the height
LAMPS = (0.10, 0.17, 0.26, 0.33, 0.37, 0.48, 0.62, 0.66, 0.79, 0.90)  # positions along the shore: x

SUN, SEA_LEVEL = (0.60, 0.50), 0.60  # of the dusk: position of the sun (x, y), height of the horizon


def night_swirls(width: int, height: int) -> Array:
    """A whirling night over a bay: ultramarine to turquoise, lemon lights, long curved strokes of thick paint."""
    sheet = Sheet(width, height)
    wander = fractal(3 * sheet.u, 3 * sheet.v, 11, 4)
    picture, flow, halo, core = _night_sky(sheet, wander)
    picture, flow, glitter = _bay(sheet, picture, flow, wander)

    canvas = Canvas(sheet, 0.9 * picture, seed=1)
    canvas.lay(Brush(0.17, 0.026, 6.5, jitter=0.05, edge=0.5), picture, flow)
    canvas.lay(Brush(0.12, 0.015, 1.5, jitter=0.07, streaks=0.10, edge=0.28), picture, flow)
    canvas.lay(Brush(0.07, 0.010, 0.8, jitter=0.08, streaks=0.10, edge=0.2), picture, flow)
    canvas.lay(
        Brush(0.032, 0.008, 1.2, jitter=0.05, impasto=0.5, edge=0.25),
        picture,
        flow,
        where=np.clip(halo * 1.5 - 0.3, 0, 1) + core,
    )
    canvas.lay(Brush(0.030, 0.007, 2.0, impasto=0.5, edge=0.4), picture, flow, where=smoothstep(0.15, 0.5, glitter))
    for lamp in LAMPS:
        spot = smoothstep(0.007, 0.004, sheet.away(lamp, SHORE - 0.016))
        canvas.lay(Brush(0.012, 0.008, 3.0, impasto=0.6, strays=0.6), flat(sheet, "#ffdf6e"), flow, where=spot)
    return to_bytes(canvas.lit())


def _night_sky(sheet: Sheet, wander: Array) -> tuple[Array, Array, Array, Array]:
    """Return the sky (H, W, 3); and, each (H, W), the flow of the strokes, the halos and the cores of the lights."""
    u, v, y = sheet.u, sheet.v, sheet.y
    right = np.ones_like(wander)
    down = 0.55 * np.sin(7.5 * u + 1.2 * wander) + 0.25 * wander
    bands = 0.5 + 0.30 * np.sin(38 * (v + 0.05 * np.sin(7.5 * u)) + 2.5 * wander)
    for cx, cy, radius, spin in WHIRLS:
        dx, dy = sheet.offset(cx, cy)
        away = np.hypot(dx, dy)
        pull = np.exp(-((away / radius) ** 2) * 0.9)
        inwards = 0.22 * spin
        right += pull * 6 * (-spin * dy - inwards * dx) / (away + 0.01)
        down += pull * 6 * (spin * dx - inwards * dy) / (away + 0.01)
        arms = 0.5 + 0.42 * np.sin(away / radius * 11 - spin * np.arctan2(dy, dx))
        bands += (arms - bands) * np.clip(pull * 1.3, 0, 1)
    halo, core = np.zeros_like(wander), np.zeros_like(wander)
    for cx, cy, radius in LIGHTS:
        dx, dy = sheet.offset(cx, cy)
        away = np.hypot(dx, dy)
        pull = np.exp(-((away / radius) ** 2) * 0.8)
        right += pull * 14 * -dy / (away + 0.004)
        down += pull * 14 * dx / (away + 0.004)
        rings = 0.85 + 0.15 * np.cos(away / radius * 9)
        halo = np.maximum(halo, pull * rings)
        core = np.maximum(core, smoothstep(0.40 * radius, 0.22 * radius, away))
    flow = np.arctan2(down, right)

    sky = ramp(
        np.clip(0.10 + 0.58 * bands + 0.26 * y + 0.14 * wander, 0, 1),
        "#0b1440",
        "#152a78",
        "#2149a6",
        "#3f7cc4",
        "#7db8d4",
        "#d6e6d2",
    )
    picture = mix(sky, ramp(halo, "#2a5aa8", "#5c9fb8", "#bcd08a", "#f0dc6a", "#fbe98a"), smoothstep(0.12, 0.75, halo))
    return mix(picture, ink("#fff3b0"), core), flow, halo, core


def _bay(sheet: Sheet, picture: Array, flow: Array, wander: Array) -> tuple[Array, Array, Array]:
    """Draw hills and the bay. Returns the picture, the flow, and the reflections of the lamps (H, W)."""
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    hills = (("#3d64a4", 0.60, 0.055, 1.7), ("#24507a", 0.66, 0.045, 2.6), ("#12343f", 0.712, 0.020, 4.3))
    for number, (colour, level, relief, pace) in enumerate(hills):
        crest = level - relief * (np.sin(pace * 2.2 * x + 2.1 * number) + 0.5 * np.sin(pace * 5.1 * x + number))
        land = smoothstep(-0.002, 0.002, y - crest)
        lit = (
            ink(colour) * (0.8 + 0.8 * np.exp(-np.abs(y - crest) / 0.012) + 0.35 * noise(9 * u, 40 * v, 31))[..., None]
        )
        picture = mix(picture, lit, land)
        slope = -relief * pace * (2.2 * np.cos(pace * 2.2 * x + 2.1 * number) + 2.5 * np.cos(pace * 5.1 * x + number))
        flow = np.where(land > 0.5, np.arctan(slope * sheet.height / sheet.width) + 0.25 * wander, flow)
    water = y > SHORE
    ripples = 0.5 + 0.5 * np.sin(90 * (v - 0.5) / (0.35 + 1.2 * (y - SHORE)) + 4 * wander)
    bay = ramp(
        np.clip(0.25 + 0.5 * ripples * (1.1 - y) + 0.25 * (y - SHORE), 0, 1), "#0c1644", "#16307c", "#2a5fae", "#63a6c8"
    )
    picture = np.where(water[..., None], bay, picture)
    flow = np.where(water, 0.12 * np.sin(14 * u + 6 * wander), flow)
    glitter = np.zeros_like(wander)
    for lamp in (*LAMPS, LIGHTS[0][0]):
        moon = lamp == LIGHTS[0][0]
        broad = (0.05 if moon else 0.012) * (0.7 + 2.2 * (y - SHORE))
        path = np.exp(-((((x - lamp) + 0.02 * wander * (y - SHORE) * 6) / broad) ** 2)) * (0.45 + 0.55 * ripples)
        reach = smoothstep(SHORE + (0.40 if moon else 0.22), SHORE, y) * water
        gold = path * reach
        glitter = np.maximum(glitter, gold)
        picture = mix(picture, ramp(path, "#e08a2a", "#f8c84c", "#fff0a8"), np.clip(gold * 1.6, 0, 1))
    return picture, flow, glitter


def poppy_field(width: int, height: int) -> Array:
    """Poppies under a milky summer sky, in short dabs: vermilion against sage, ochre and pale violet."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    horizon = 0.40 - 0.03 * np.sin(2.5 * x + 0.4)
    near = np.clip((y - horizon) / (1 - horizon), 0, 1)
    depth = 1 / (0.06 + near)
    wander = fractal(4 * u, 4 * v, 21, 4)
    picture, flow = _summer_sky(sheet, horizon, wander)

    field = smoothstep(-0.003, 0.003, y - horizon)
    across = (x - 0.5) * depth
    rows = fractal(2.2 * across, 3.2 * depth, 51, 4)
    grass = ramp(
        np.clip(0.5 + 0.45 * rows + 0.30 * (1 - near) + 0.12 * wander - 0.14, 0, 1),
        "#2d4a30",
        "#57743f",
        "#8f9c4f",
        "#c9b863",
        "#e6d48a",
    )
    picture = mix(picture, grass, field)
    lane_middle = 0.62 - 0.30 * near + 0.10 * np.sin(5 * near)
    lane = smoothstep(1, 0.55, np.abs(x - lane_middle) / (0.012 + 0.11 * near)) * field
    picture = mix(picture, ramp(0.5 + 0.5 * wander, "#b98f72", "#dcb98c", "#efdcb4"), 0.85 * lane)
    flow = np.where(field > 0.5, -1.45 + 0.6 * (x - 0.5) + 0.55 * wander, flow)
    flow = np.where(lane > 0.4, 0.25 * wander, flow)
    size = np.where(field > 0.5, 0.25 + 0.75 * near, 1.0).astype(np.float32)

    canvas = Canvas(sheet, picture * ink("#f2e2cc"), seed=2)
    sky = 1 - field
    canvas.lay(Brush(0.09, 0.030, 8.0, jitter=0.03, streaks=0.05, strays=0.15, edge=0.3), picture, flow, where=sky)
    canvas.lay(Brush(0.06, 0.016, 1.6, jitter=0.045, streaks=0.05, strays=0.2, edge=0.2), picture, flow, where=sky)
    canvas.lay(Brush(0.04, 0.010, 0.5, jitter=0.05, streaks=0.06, strays=0.25, edge=0.15), picture, flow, where=sky)
    canvas.lay(Brush(0.06, 0.026, 3.5, jitter=0.05, strays=0.3, edge=0.4), picture, flow, where=field, scale=size)
    canvas.lay(Brush(0.036, 0.013, 1.6, jitter=0.07, strays=0.35, edge=0.25), picture, flow, where=field, scale=size)
    canvas.lay(Brush(0.024, 0.008, 0.8, jitter=0.08, strays=0.35, edge=0.2), picture, flow, where=field, scale=size)
    drifts = (
        smoothstep(0.0, 0.6, fractal(1.3 * across + 3, 1.6 * depth, 61, 3) + 0.05 + 0.2 * near) * field * (1 - lane)
    )
    reds = ramp(0.5 + 0.5 * fractal(30 * u, 30 * v, 63, 2), "#8f1c1e", "#cf2f22", "#e8482c", "#f47a4c")
    dark = ramp(0.5 + 0.5 * wander, "#5a1420", "#8f1c22")
    bloom = (0.16 + 0.84 * near).astype(np.float32)
    canvas.lay(Brush(0.024, 0.021, 0.40, taper=0.3, strays=1.5, edge=2), dark, flow, where=drifts, scale=bloom)
    canvas.lay(
        Brush(0.021, 0.018, 0.75, taper=0.35, streaks=0.03, dryness=0.1, strays=1.0, impasto=0.3, edge=2),
        reds,
        0 * flow,
        where=drifts,
        scale=bloom,
    )
    blue = ramp(0.5 + 0.5 * wander, "#5f6fb8", "#a9b4e6", "#f6f1e2")
    canvas.lay(
        Brush(0.012, 0.010, 0.07, strays=1.5, impasto=0.4, edge=2), blue, flow, where=field * (1 - lane), scale=bloom
    )
    blades = ramp(0.5 + 0.5 * rows, "#35552f", "#7f9a4a", "#d8cf86")
    canvas.lay(
        Brush(0.075, 0.0045, 0.30, taper=0.7, strays=0.2, edge=2),
        blades,
        flow,
        where=field * (1 - lane) * near,
        scale=bloom,
    )
    return to_bytes(canvas.lit())


def _summer_sky(sheet: Sheet, horizon: Array, wander: Array) -> tuple[Array, Array]:
    """Return the sky with distant hills and trees (H, W, 3), and the flow of the strokes (H, W)."""
    u, v, y = sheet.u, sheet.v, sheet.y
    clouds = smoothstep(-0.15, 0.65, fractal(2.2 * u, 5.0 * v, 24, 4) + 0.1)
    sky = mix(ramp(np.clip(y / 0.42, 0, 1), "#5f93cc", "#93bbe0", "#e8dccb"), ink("#fbf3e4"), clouds)
    shade = smoothstep(0.1, 0.8, fractal(2.2 * u, 5.0 * (v + 0.03), 24, 3)) * clouds
    picture = mix(sky, ink("#b9b4cf"), 0.55 * shade * smoothstep(0.0, 0.3, y))
    flow = 0.35 * wander - 0.15

    for colour, level, relief, pace, seed in (("#9fb0cc", 0.055, 0.04, 3, 41), ("#7f9bb0", 0.025, 0.03, 5, 42)):
        crest = horizon - level - relief * fractal(pace * u, 0 * v, seed, 4)
        picture = mix(picture, ink(colour) + 0.06 * wander[..., None], smoothstep(-0.004, 0.004, y - crest))
    leaf = 0.5 + 0.5 * fractal(26 * u, 26 * v, 45, 3)
    crowns = horizon - 0.03 - 0.13 * np.clip(fractal(7 * u, 0 * v, 44, 4) + 0.15, 0, 1) - 0.02 * leaf
    trees = smoothstep(-0.004, 0.004, y - crowns)
    sunlit = np.clip(0.75 * leaf + 0.9 * (1 - (y - crowns) / 0.1) * 0.5, 0, 1)
    picture = mix(picture, ramp(sunlit, "#27463f", "#3f6a4a", "#7d9a55", "#c0c279"), trees)
    flow = np.where((trees > 0.5), 1.2 + 0.9 * wander, flow)
    return picture, flow


def ember_waves(width: int, height: int) -> Array:
    """A burning dusk over a fjord: long wavy bands of vermilion, orange and straw against petrol and plum."""
    sheet = Sheet(width, height)
    u, v = sheet.u, sheet.v
    wander = fractal(2.2 * u, 2.2 * v, 71, 4)
    swell = np.sin(6.2 * u + 5.0 * v + 1.5 * wander) + 0.5 * np.sin(13 * u - 7 * v + 2 * wander)
    picture, flow = _dusk(sheet, wander, swell)
    picture, flow, fire = _fjord(sheet, picture, flow, wander)

    disc = sheet.away(*SUN)
    around = np.arctan2(sheet.offset(*SUN)[1], sheet.offset(*SUN)[0]) + np.pi / 2
    flow = np.where((disc < 0.062) & (sheet.y < SEA_LEVEL), around, flow)  # the sun is round
    canvas = Canvas(sheet, 0.85 * picture, seed=3)
    canvas.lay(Brush(0.05, 0.016, 3.0, jitter=0.05, streaks=0.07, strays=0.1, edge=0.5), picture, flow)
    canvas.lay(Brush(0.34, 0.030, 6.5, jitter=0.05, streaks=0.07, strays=0.05, edge=0.5), picture, flow)
    canvas.lay(Brush(0.26, 0.016, 1.5, jitter=0.08, streaks=0.09, strays=0.05, edge=0.30), picture, flow)
    canvas.lay(Brush(0.14, 0.010, 0.8, jitter=0.09, streaks=0.10, strays=0.08, edge=0.22), picture, flow)
    canvas.lay(
        Brush(0.05, 0.008, 1.3, jitter=0.05, impasto=0.4, edge=0.2),
        picture,
        flow,
        where=np.clip(fire + smoothstep(0.075, 0.05, disc), 0, 1),
    )
    return to_bytes(canvas.lit())


def _dusk(sheet: Sheet, wander: Array, swell: Array) -> tuple[Array, Array]:
    """Return the sky with the sun and the mountains (H, W, 3), and the flow of the strokes (H, W)."""
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    sun_x, sun_y = SUN

    heat = np.exp(-((sheet.away(sun_x, sun_y) / 0.42) ** 2))
    layers = 0.5 + 0.5 * np.sin(46 * (v + 0.030 * swell) + 1.6 * wander)
    sky = ramp(
        np.clip(0.08 + 0.55 * heat + 0.34 * layers + 0.18 * y + 0.10 * wander, 0, 1),
        "#3c1838",
        "#86202f",
        "#c8341f",
        "#ea6a1e",
        "#f7a531",
        "#fbd867",
        "#fdf0b4",
    )
    veil = smoothstep(0.55, 0.95, 0.5 + 0.5 * np.sin(23 * (v + 0.05 * swell) + 3)) * smoothstep(0.45, 0.05, y)
    picture = mix(sky, ink("#3f7f86"), 0.75 * veil)
    picture = mix(picture, ink("#fff6cf"), smoothstep(0.062, 0.050, sheet.away(sun_x, sun_y)))
    flow = 0.42 * np.cos(6.2 * u + 5.0 * v + 1.5 * wander) + 0.25 * np.cos(13 * u - 7 * v + 2 * wander)

    ridges = (("#a8473a", 0.555, 0.10, 2.3, 81), ("#6b2a3f", 0.585, 0.13, 3.1, 85), ("#2c2440", 0.615, 0.12, 4.0, 89))
    for number, (colour, level, relief, pace, seed) in enumerate(ridges):
        open_water = np.exp(-(((x - sun_x) / 0.30) ** 2))
        crest = level - relief * (0.45 + fractal(pace * u, 0 * v, seed, 4)) * (1 - open_water)
        glow = np.exp(-np.abs(y - crest) / 0.012) * np.exp(-(((x - sun_x) / 0.4) ** 2))
        stone = ink(colour) * (0.85 + 0.35 * noise(12 * u + 9 * v, 30 * v - 9 * u, seed))[..., None]
        land = (y > crest) & (y < SEA_LEVEL)
        picture = np.where(land[..., None], mix(stone, ink("#f08a3c"), 0.8 * glow), picture)
        flow = np.where(land, (0.7 - 0.2 * number) * np.sign(x - sun_x) + 0.3 * wander, flow)

    return picture, flow


def _fjord(sheet: Sheet, picture: Array, flow: Array, wander: Array) -> tuple[Array, Array, Array]:
    """Draw the water. Returns the picture, the flow, and the reflection of the sun on the water (H, W)."""
    u, x, y = sheet.u, sheet.x, sheet.y
    near = np.clip((y - SEA_LEVEL) / (1 - SEA_LEVEL), 0, 1)
    water = y > SEA_LEVEL
    waves = 0.5 + 0.5 * np.sin(26 / (0.28 + near) + 2.6 * np.sin(5 * u + 2 * wander) + 2 * wander)
    fjord = ramp(
        np.clip(0.10 + 0.62 * waves * (1 - 0.45 * near) + 0.12 * wander, 0, 1),
        "#10222e",
        "#15404d",
        "#1f6670",
        "#4f9a90",
        "#c9a865",
    )
    drift = x - SUN[0] + 0.05 * np.sin(16 * near + 2 * wander)
    fire = np.exp(-((drift / (0.06 + 0.16 * near)) ** 2)) * smoothstep(0.25, 0.75, waves + 0.25 * (1 - near))
    fjord = mix(fjord, ramp(np.clip(fire + 0.1 * wander, 0, 1), "#b5321f", "#ee6c1d", "#f9b23e", "#fde79a"), fire)
    picture = np.where(water[..., None], fjord, picture)
    flow = np.where(water, 0.34 * np.sin(5 * u + 9 * near + 2 * wander), flow)
    return picture, flow, fire * water

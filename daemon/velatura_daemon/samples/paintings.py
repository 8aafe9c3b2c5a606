"""Paintings of the project's own, one function each: (width, height) → (H, W, 3), uint8. The styles to try first."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.brush import Brush, Canvas
from velatura_daemon.samples.noise import Array, fractal, noise
from velatura_daemon.samples.raster import Sheet, blur, flat, ink, mix, ramp, smoothstep, to_bytes
from velatura_daemon.samples.tesserae import tessellate
from velatura_daemon.samples.wash import Paper

# Whirls in the night sky: x, y, radius in longest sides, and which way round.
WHIRLS = ((0.30, 0.27, 0.15, 1.0), (0.60, 0.40, 0.11, -1.0), (0.93, 0.52, 0.09, 1.0), (0.03, 0.50, 0.09, -1.0))
# Lights in it: x, y, radius of the halo in longest sides. The first is the moon.
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
LAMPS = (0.10, 0.17, 0.26, 0.33, 0.37, 0.48, 0.62, 0.66, 0.79, 0.90)  # along the shore: x


def night_swirls(width: int, height: int) -> Array:
    """A whirling night over a bay: ultramarine to turquoise, lemon lights, long curved strokes of thick paint."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    wander = fractal(3 * u, 3 * v, 11, 4)
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
    picture = mix(picture, ink("#fff3b0"), core)

    shore = 0.735
    hills = (("#3d64a4", 0.60, 0.055, 1.7), ("#24507a", 0.66, 0.045, 2.6), ("#12343f", 0.712, 0.020, 4.3))
    for number, (colour, level, relief, pace) in enumerate(hills):
        crest = level - relief * (np.sin(pace * 2.2 * x + 2.1 * number) + 0.5 * np.sin(pace * 5.1 * x + number))
        land = smoothstep(-0.002, 0.002, y - crest)
        lit = (
            ink(colour) * (0.8 + 0.8 * np.exp(-np.abs(y - crest) / 0.012) + 0.35 * noise(9 * u, 40 * v, 31))[..., None]
        )
        picture = mix(picture, lit, land)
        slope = -relief * pace * (2.2 * np.cos(pace * 2.2 * x + 2.1 * number) + 2.5 * np.cos(pace * 5.1 * x + number))
        flow = np.where(land > 0.5, np.arctan(slope * height / width) + 0.25 * wander, flow)
    water = y > shore
    ripples = 0.5 + 0.5 * np.sin(90 * (v - 0.5) / (0.35 + 1.2 * (y - shore)) + 4 * wander)
    bay = ramp(
        np.clip(0.25 + 0.5 * ripples * (1.1 - y) + 0.25 * (y - shore), 0, 1), "#0c1644", "#16307c", "#2a5fae", "#63a6c8"
    )
    picture = np.where(water[..., None], bay, picture)
    flow = np.where(water, 0.12 * np.sin(14 * u + 6 * wander), flow)
    glitter = np.zeros_like(wander)
    for lamp in (*LAMPS, LIGHTS[0][0]):
        moon = lamp == LIGHTS[0][0]
        broad = (0.05 if moon else 0.012) * (0.7 + 2.2 * (y - shore))
        path = np.exp(-((((x - lamp) + 0.02 * wander * (y - shore) * 6) / broad) ** 2)) * (0.45 + 0.55 * ripples)
        reach = smoothstep(shore + (0.40 if moon else 0.22), shore, y) * water
        gold = path * reach
        glitter = np.maximum(glitter, gold)
        picture = mix(picture, ramp(path, "#e08a2a", "#f8c84c", "#fff0a8"), np.clip(gold * 1.6, 0, 1))

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
        spot = smoothstep(0.007, 0.004, sheet.away(lamp, shore - 0.016))
        canvas.lay(Brush(0.012, 0.008, 3.0, impasto=0.6, strays=0.6), flat(sheet, "#ffdf6e"), flow, where=spot)
    return to_bytes(canvas.lit())


def poppy_field(width: int, height: int) -> Array:
    """Poppies under a milky summer sky, in short dabs: vermilion against sage, ochre and pale violet."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    horizon = 0.40 - 0.03 * np.sin(2.5 * x + 0.4)
    near = np.clip((y - horizon) / (1 - horizon), 0, 1)
    depth = 1 / (0.06 + near)
    wander = fractal(4 * u, 4 * v, 21, 4)

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
    canvas.lay(Brush(0.06, 0.026, 3.5, jitter=0.06, strays=0.3, edge=0.4), picture, flow, scale=size)
    canvas.lay(Brush(0.036, 0.013, 1.6, jitter=0.10, strays=0.4, edge=0.25), picture, flow, scale=size)
    canvas.lay(Brush(0.024, 0.008, 0.8, jitter=0.12, strays=0.4, edge=0.2), picture, flow, scale=size)
    drifts = (
        smoothstep(0.0, 0.6, fractal(1.3 * across + 3, 1.6 * depth, 61, 3) + 0.05 + 0.2 * near) * field * (1 - lane)
    )
    reds = ramp(0.5 + 0.5 * fractal(30 * u, 30 * v, 63, 2), "#8f1c1e", "#cf2f22", "#e8482c", "#f47a4c")
    dark = ramp(0.5 + 0.5 * wander, "#5a1420", "#8f1c22")
    bloom = (0.16 + 0.84 * near).astype(np.float32)
    canvas.lay(Brush(0.024, 0.021, 0.40, taper=0.3, strays=1.5, edge=2), dark, flow, where=drifts, scale=bloom)
    canvas.lay(
        Brush(0.022, 0.018, 0.75, taper=0.3, strays=1.0, impasto=0.45, edge=2),
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


def ember_waves(width: int, height: int) -> Array:
    """A burning dusk over a fjord: long wavy bands of vermilion, orange and straw against petrol and plum."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    wander = fractal(2.2 * u, 2.2 * v, 71, 4)
    swell = np.sin(6.2 * u + 5.0 * v + 1.5 * wander) + 0.5 * np.sin(13 * u - 7 * v + 2 * wander)
    sea_level = 0.60
    sun_x, sun_y = 0.60, 0.50

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
        land = (y > crest) & (y < sea_level)
        picture = np.where(land[..., None], mix(stone, ink("#f08a3c"), 0.8 * glow), picture)
        flow = np.where(land, (0.7 - 0.2 * number) * np.sign(x - sun_x) + 0.3 * wander, flow)

    near = np.clip((y - sea_level) / (1 - sea_level), 0, 1)
    water = y > sea_level
    waves = 0.5 + 0.5 * np.sin(26 / (0.28 + near) + 2.6 * np.sin(5 * u + 2 * wander) + 2 * wander)
    fjord = ramp(
        np.clip(0.10 + 0.62 * waves * (1 - 0.45 * near) + 0.12 * wander, 0, 1),
        "#10222e",
        "#15404d",
        "#1f6670",
        "#4f9a90",
        "#c9a865",
    )
    drift = x - sun_x + 0.05 * np.sin(16 * near + 2 * wander)
    fire = np.exp(-((drift / (0.06 + 0.16 * near)) ** 2)) * smoothstep(0.25, 0.75, waves + 0.25 * (1 - near))
    fjord = mix(fjord, ramp(np.clip(fire + 0.1 * wander, 0, 1), "#b5321f", "#ee6c1d", "#f9b23e", "#fde79a"), fire)
    picture = np.where(water[..., None], fjord, picture)
    flow = np.where(water, 0.34 * np.sin(5 * u + 9 * near + 2 * wander), flow)

    canvas = Canvas(sheet, 0.85 * picture, seed=3)
    canvas.lay(Brush(0.34, 0.030, 6.5, jitter=0.05, streaks=0.07, strays=0.05, edge=0.5), picture, flow)
    canvas.lay(Brush(0.26, 0.016, 1.5, jitter=0.08, streaks=0.09, strays=0.05, edge=0.30), picture, flow)
    canvas.lay(Brush(0.14, 0.010, 0.8, jitter=0.09, streaks=0.10, strays=0.08, edge=0.22), picture, flow)
    canvas.lay(
        Brush(0.05, 0.008, 1.3, jitter=0.05, impasto=0.4, edge=0.2),
        picture,
        flow,
        where=np.clip(fire * water + smoothstep(0.075, 0.05, sheet.away(sun_x, sun_y)), 0, 1),
    )
    return to_bytes(canvas.lit())


def woodcut(width: int, height: int) -> Array:
    """Sun, hills and surf carved into a block and printed on cream paper: indigo-black, vermilion, a worn jade."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    wander = fractal(3 * u, 3 * v, 91, 3)
    sun_x, sun_y, radius = 0.36, 0.36, 0.135
    dx, dy = sheet.offset(sun_x, sun_y)
    away = np.hypot(dx, dy)
    bearing = np.arctan2(dy, dx)

    rays = 0.5 + 0.5 * np.cos(28 * bearing + 0.5 * wander)
    colours = flat(sheet, "#efe2c4")
    tone = np.clip(0.60 - 0.55 * (away - radius) + 0.25 * (rays - 0.5) + 0.1 * wander, 0.22, 0.85)
    flow = bearing.copy()
    sun = away < radius
    colours[sun], tone = ink("#cf3a26"), np.where(sun, 0.9, tone)
    flow = np.where(sun, bearing + np.pi / 2, flow)

    hills = (("#8fb09a", 0.56, 0.16, 1.6, 1.5), ("#4f8577", 0.66, 0.14, 2.3, 0.2), ("#d9b877", 0.73, 0.07, 3.2, 4.0))
    for colour, level, relief, pace, phase in hills:
        turn = pace * 2.6 * x + phase
        crest = level - relief * (0.5 + 0.5 * np.sin(turn)) - 0.02 * np.sin(3.1 * turn)
        slope = (
            (-relief * 0.5 * np.cos(turn) * pace * 2.6 - 0.02 * np.cos(3.1 * turn) * 3.1 * pace * 2.6) * height / width
        )
        land = y > crest
        depth = np.clip((y - crest) / 0.16, 0, 1)
        outline = (y - crest) < 0.010
        colours[land] = ink(colour)
        shade = np.clip(0.72 - 0.55 * depth - 0.30 * np.clip(slope, -1, 1) + 0.12 * wander, 0.12, 0.9)
        tone = np.where(land, np.where(outline, 0.0, shade), tone)
        flow = np.where(land, np.arctan(slope) + 1.05 * np.exp(-depth) + 0.2 * wander, flow)

    shore = 0.75 + 0.012 * np.sin(9 * x)
    near = np.clip((y - shore) / 0.25, 0, 1)
    sea = y > shore
    surf = np.sin(15 * near**0.7 + 2.2 * np.sin(6.5 * u + 1.4 * wander) + wander)
    foam = smoothstep(0.25, 0.9, surf)
    colours = np.where(
        sea[..., None], mix(flat(sheet, "#2f6f86"), ink("#efe2c4"), (foam > 0.4).astype(np.float32)), colours
    )
    mirror = sea & (np.abs(x - sun_x + 0.02 * np.sin(40 * near)) < 0.05 + 0.05 * near) & (surf > -0.1)
    colours[mirror] = ink("#cf3a26")
    tone = np.where(sea, np.clip(0.36 + 0.28 * surf + 0.12 * (1 - near), 0.06, 0.8), tone)
    flow = np.where(sea, 0.55 * np.cos(6.5 * u + 1.4 * wander) * (0.4 + 0.6 * near), flow)

    black = ink("#171a2b")
    canvas = Canvas(sheet, flat(sheet, "#171a2b"), seed=4)
    rim = np.clip(1 - tone, 0.12, 0.9).astype(np.float32)
    cut = (tone > 0.02).astype(np.float32)
    for gouge in (
        Brush(0.085, 0.0150, 2.6, 0.55, 0.02, 0.0, 0.1, 0.0, 0.06, 0.12),
        Brush(0.050, 0.0095, 1.3, 0.70, 0.02, 0.0, 0.1, 0.0, 0.08, 0.12),
    ):
        canvas.lay(gouge, colours, flow, where=cut, rim=rim, rim_ink=black)
    printed = canvas.lit(gloss=0)
    grain = fractal(5 * u + 0.5 * wander, 130 * v, 97, 3) + 0.6 * fractal(160 * u, 160 * v, 98, 2)
    worn = smoothstep(0.75, 1.25, grain)
    return to_bytes(mix(printed, ink("#efe2c4"), 0.55 * worn) * (1 + 0.03 * grain[..., None]))


def mosaic(width: int, height: int) -> Array:
    """Two fish under a gilded sun, in squared stones that follow the drawing: gold, turquoise, lapis and terracotta."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    wander = fractal(4 * u, 4 * v, 111, 3)
    sun_x, sun_y = 0.76, 0.20
    dx, dy = sheet.offset(sun_x, sun_y)
    away = np.hypot(dx, dy)
    bearing = np.arctan2(dy, dx)

    picture = ramp(np.clip(0.55 + 0.35 * wander - 0.5 * (away - 0.2), 0, 1), "#9a6a24", "#c9963a", "#e6bd5a", "#f5dd8c")
    flow = bearing + np.pi / 2
    petals = 0.150 + 0.022 * np.cos(14 * bearing)
    picture = mix(picture, ink("#b8452b"), (away < petals).astype(np.float32))
    for radius, colour in ((0.118, "#e9c463"), (0.088, "#f7ecc8"), (0.060, "#d9772f"), (0.030, "#f9e7a4")):
        picture[away < radius] = ink(colour)

    level = 0.43 + 0.030 * np.sin(8.5 * x + 0.6)
    sea = y > level
    bands = v + 0.020 * np.sin(10 * u + 0.6) + 0.012 * np.sin(19 * u + 2)
    row = np.floor(bands / 0.042)
    tint = (row * 0.37) % 1
    water = ramp(
        np.clip(0.15 + 0.62 * tint + 0.25 * (1 - y) + 0.12 * wander, 0, 1),
        "#12305e",
        "#1c5a8c",
        "#2a8fa3",
        "#5dbcb0",
        "#cfe3c4",
    )
    water[(y - level) < 0.030] = ink("#f1ead2")
    picture = np.where(sea[..., None], water, picture)
    flow = np.where(sea, -np.arctan(0.20 * np.cos(10 * u + 0.6) + 0.23 * np.cos(19 * u + 2)), flow)

    for cx, cy, long, way, tones in (
        (0.36, 0.62, 0.215, 1.0, ("#7c2318", "#c4472a", "#e98a3c", "#f6d79a")),
        (0.70, 0.84, 0.150, -1.0, ("#2b2a4a", "#6b4a86", "#c67a9a", "#f3dcc4")),
    ):
        fx, fy = sheet.offset(cx, cy)
        fx, fy = fx * way / long, (fy + 0.05 * long * np.sin(2.2 * fx / long)) / long
        girth = 0.40 * np.sqrt(np.clip(1 - ((fx - 0.12) / 0.88) ** 2, 0, 1)) * (0.72 + 0.28 * fx)
        body = (np.abs(fy) < girth) & (np.abs(fx - 0.12) < 0.88)
        tail = (fx < -0.58) & (fx > -1.12 - 0.10 * np.cos(5 * fy)) & (np.abs(fy) < 0.10 + 0.75 * (-fx - 0.60))
        fin = (np.abs(fx + 0.02) < 0.34) & (fy < -0.26) & (fy > -0.62 + 0.55 * np.abs(fx + 0.14))
        fish = body | tail | fin
        rows = np.cos(17 * fx + 2.2 * np.cos(9 * fy))
        shade = np.clip(0.50 + 0.9 * fy / 0.8 + 0.22 * rows, 0, 1)
        picture = np.where(fish[..., None], ramp(shade, *tones), picture)
        picture[(tail | fin) & ~body & (np.cos(26 * fy + 12 * fx * fin) > 0.1)] = ink(tones[0])
        picture[body & (fx > 0.50) & (fx < 0.56 + 0.06 * np.cos(4 * fy))] = ink(tones[3])
        eye = np.hypot(fx - 0.74, fy + 0.07) * (long / 0.215) ** 1.3
        picture[eye < 0.135] = ink("#fbf5e0")
        picture[eye < 0.082] = ink("#14162a")
        rim = blur(fish.astype(np.float32), 0.006 * sheet.longest)
        picture[(rim > 0.04) & ~fish] = ink("#16213f")
        bend = np.where(body, 0.55 * np.sign(fy) * np.clip((fx - 0.12) * np.abs(fy) * 3, -1, 1), 0.9 * np.sign(fy))
        flow = np.where(fish, way * bend, flow)
    stones = tessellate(sheet, picture.astype(np.float32), flow, 0.0155, 5, ink("#3a342f"))
    return to_bytes(stones)


def watercolour(width: int, height: int) -> Array:
    """A quiet bay in the morning, in wet washes on rough paper: rose, grey-violet, sap green, with bleeding edges."""
    sheet = Sheet(width, height)
    u, v, x, y = sheet.u, sheet.v, sheet.x, sheet.y
    tall = sheet.height / sheet.longest
    paper = Paper(sheet, "#fbf7ee")
    wander = fractal(2.5 * u, 2.5 * v, 201, 4)
    everywhere = np.full_like(u, 0.2)
    paper.glaze("#f6d9b8", everywhere, 0.8 * smoothstep(0.15, 0.55, y) * smoothstep(0.95, 0.5, y), 0.03)
    paper.glaze("#f0b7b4", 0.10 * (wander + 0.25), smoothstep(0.55, 0.2, y), 0.05)
    paper.glaze("#8fb4d8", 0.16 * (fractal(2.2 * u, 4.2 * v, 207, 4) + 0.45 - 1.2 * y), 1.0, 0.045)
    paper.glaze("#7d8fc0", 0.10 * (fractal(2.8 * u, 5 * v, 213, 4) - 0.05 - y), 0.7, 0.03)

    for pigment, level, relief, pace, seed, strength in (
        ("#a9a6cc", 0.50, 0.32, 1.8, 221, 0.75),
        ("#8b93bd", 0.53, 0.26, 2.6, 227, 0.85),
        ("#6c8fa0", 0.555, 0.15, 3.6, 233, 0.95),
    ):
        crest = level - relief * (0.35 + 0.8 * fractal(pace * u + 0.7, 0 * v, seed, 4))
        body = np.minimum((y - crest) * tall, (0.585 - y) * tall)
        paper.glaze(pigment, body, strength * (0.55 + 0.45 * smoothstep(0.25, 0.0, y - crest)), 0.006)

    paper.glaze("#8cbccb", (y - 0.592) * tall + 0.004 * wander, 0.40 + 0.75 * smoothstep(0.6, 1.0, y), 0.01)
    streaks = fractal(2.2 * u, 26 * v, 241, 3)
    paper.glaze("#5f93b4", 0.05 * (streaks - 0.12) * smoothstep(0.59, 0.66, y) - 0.02 * (y < 0.60), 0.7, 0.006)
    paper.glaze("#6f7fae", 0.05 * (fractal(3 * u, 34 * v, 247, 3) - 0.34 + 0.25 * y) - 0.05 * (y < 0.63), 0.6, 0.004)

    bank = (y - 0.83 + 0.18 * smoothstep(0.75, 0.0, x) * x + 0.11 * (x < 2) * np.cos(2.8 * x)) * tall
    bank = bank - 0.055 + 0.01 * wander
    paper.glaze("#b9c07a", bank, 1.0, 0.012)
    paper.glaze("#6f8f55", np.minimum(bank - 0.02, 0.06 * (fractal(7 * u, 12 * v, 251, 4) + 0.05)), 1.1, 0.008)
    boughs, leaves = fractal(9 * u, 9 * v, 257, 4), fractal(16 * u, 16 * v, 263, 3)
    for cx, cy, size, pigment in (
        (0.12, 0.50, 0.120, "#9fb568"),
        (0.20, 0.58, 0.085, "#7fa061"),
        (0.07, 0.61, 0.095, "#5d8457"),
        (0.27, 0.65, 0.050, "#c48a54"),
    ):
        crown = size - sheet.away(cx, cy) + 0.45 * size * boughs
        paper.glaze(pigment, crown, 0.85, 0.007)
        paper.glaze(pigment, np.minimum(crown - 0.25 * size, 0.05 * (leaves + 0.9 * (y - cy) / size)), 0.8, 0.005)
    for cx, foot, top, lean in ((0.115, 0.86, 0.52, 0.02), (0.195, 0.85, 0.60, -0.015)):
        bend = lean * (foot - y) * 3 + 0.012 * np.sin(11 * y + 40 * cx)
        trunk = 0.0045 * (0.25 + 2.4 * (y - top)) - np.abs(sheet.offset(cx, 0)[0] - bend)
        paper.glaze("#5a4a4c", np.where((y > top) & (y < foot), trunk, -0.05), 1.3, 0.003)
    for cx, cy, size in ((0.63, 0.69, 0.060), (0.80, 0.635, 0.030)):
        bx, by = sheet.offset(cx, cy)
        bx, by = bx / size, by / size
        hull = np.minimum(0.20 - np.abs(by - 0.02), 1.0 - np.abs(bx) - 0.5 * np.maximum(by, 0)) * size
        sail = np.minimum(np.minimum(-0.25 - by, bx + 0.05), (by + 2.3) * 0.55 - bx) * size
        image = np.minimum(by - 0.22, 0.9 - np.abs(bx + 0.15 * np.sin(30 * by)) - 0.5 * by) * size
        paper.glaze("#9c4a3c", hull, 1.3, 0.003)
        paper.glaze("#e0a070", sail, 1.0, 0.004)
        paper.glaze("#a8756c", image, 0.7, 0.006)
    return to_bytes(paper.dry())

"""Sample styles in other techniques: woodcut, mosaic, watercolour. Functions of (width, height) → (H, W, 3), uint8."""

from __future__ import annotations

import numpy as np

from velatura_daemon.samples.brush import Brush, Canvas
from velatura_daemon.samples.noise import Array, fractal
from velatura_daemon.samples.raster import Sheet, blur, flat, ink, mix, ramp, smoothstep, to_bytes
from velatura_daemon.samples.tesserae import tessellate
from velatura_daemon.samples.wash import Paper


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

    bank = (y - 0.83 + 0.18 * smoothstep(0.75, 0.0, x) * x + 0.11 * (x < 2) * np.cos(2.8 * x)) * tall
    bank = bank - 0.055 + 0.01 * wander
    paper.glaze("#8cbccb", (y - 0.592) * tall + 0.004 * wander, 0.40 + 0.75 * smoothstep(0.6, 1.0, y), 0.01)
    streaks = fractal(2.2 * u, 26 * v, 241, 3)
    open_water = -bank - 0.012
    blue = 0.05 * (streaks - 0.12) * smoothstep(0.59, 0.66, y) - 0.02 * (y < 0.60)
    paper.glaze("#5f93b4", np.minimum(blue, open_water), 0.7, 0.006)
    violet = 0.05 * (fractal(3 * u, 34 * v, 247, 3) - 0.34 + 0.25 * y) - 0.05 * (y < 0.63)
    paper.glaze("#6f7fae", np.minimum(violet, open_water), 0.6, 0.004)

    paper.glaze("#b9c07a", bank, 1.0, 0.012)
    paper.glaze("#6f8f55", np.minimum(bank - 0.02, 0.06 * (fractal(7 * u, 12 * v, 251, 4) + 0.05)), 1.1, 0.008)
    _birches(paper)
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


def _birches(paper: Paper) -> None:
    """Two trees on the bank of the watercolour: crowns in loose clumps, then trunks with boughs."""
    sheet = paper.sheet
    y = sheet.y
    boughs, leaves = fractal(11 * sheet.u, 11 * sheet.v, 257, 4), fractal(26 * sheet.u, 26 * sheet.v, 263, 3)
    for cx, cy, size, pigment in (
        (0.15, 0.43, 0.085, "#b4c06a"),
        (0.07, 0.50, 0.090, "#93ad60"),
        (0.20, 0.53, 0.080, "#7fa061"),
        (0.03, 0.60, 0.070, "#6c9158"),
        (0.13, 0.60, 0.075, "#5d8457"),
    ):
        crown = size - sheet.away(cx, cy) + 0.75 * size * boughs
        paper.glaze(pigment, np.minimum(crown, 0.05 * (leaves + 0.42)), 0.80, 0.004)
        shade = np.minimum(crown - 0.15 * size, 0.04 * (leaves - 0.12 + 0.5 * (y - cy) / size))
        paper.glaze(pigment, shade, 0.9, 0.004)
    for cx, foot, top, lean in ((0.105, 0.865, 0.42, 0.10), (0.165, 0.845, 0.47, -0.07)):
        up = foot - y
        stem = np.abs(sheet.offset(cx, 0)[0] - lean * up - 0.006 * np.sin(17 * y + 40 * cx))
        width = 0.0012 + 0.010 * np.clip(y - top, 0, 1)
        trunk = np.minimum(width - stem, np.minimum(0.12 * up, 0.4 * (y - top)))
        paper.glaze("#4e4248", trunk, 1.5, 0.003)
        for fork, side in ((0.62, 1.0), (0.56, -1.0), (0.52, 1.0)):
            rise = fork - y
            bough = np.abs(sheet.offset(cx, 0)[0] - lean * (foot - fork) - side * 0.75 * rise)
            twig = np.minimum(0.0022 - 0.75 * bough, 0.4 * np.minimum(rise, 0.075 - rise))
            paper.glaze("#4e4248", twig, 1.3, 0.002)

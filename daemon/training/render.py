"""From a style and a number to a picture: forms, marks over them, screens, a surface."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from training.fields import Array, flow, grid, noise
from training.recipe import Marks, Screen, Style

INK = 0.12  # lightness of outlines and of what lies between stones


def render(style: Style, seed: int, side: int) -> Array:
    """(side, side, 3) uint8: the picture of this number in this style, always the same."""
    rng = np.random.default_rng((seed, 1888))
    forms = noise(rng, side, style.form_steepness)
    tone = _tone(forms)
    lie = flow(rng, forms, style.flow, style.angle, style.swirl)
    paint = _colours(style, tone)
    height = np.zeros((side, side), np.float32)
    if style.cells:
        paint = _mosaic(style, paint, lie, rng)
    for marks in style.marks:
        _lay(marks, style, paint, height, lie, rng)
    for screen in style.screens:
        _screen(screen, style, paint, tone, lie, rng)
    if style.impasto:
        down, right = np.gradient(_blurred(height, 0.6))
        paint *= (1 + 0.45 * style.impasto * np.tanh(-0.6 * right - 0.8 * down))[..., None]
    if style.grain:
        paint += style.grain * noise(rng, side, style.grain_steepness, 1, style.angle)[..., None]
    if style.blur:
        for channel in range(3):
            paint[..., channel] = _blurred(paint[..., channel], style.blur)
    return np.asarray(np.clip(paint, 0, 1) * 255 + 0.5, np.uint8)


def _tone(forms: Array) -> Array:
    """Forms as light and dark, 0 to 1."""
    return np.asarray(0.5 + 0.5 * np.tanh(0.8 * forms), np.float32)


def _colours(style: Style, tone: Array) -> Array:
    """(H, W, 3): the palette's colours along the forms' tones."""
    last = len(style.palette) - 1
    if style.steps:
        tone = np.floor(tone * style.steps * 0.999) / max(style.steps - 1, 1)
    at = tone * last
    low = np.minimum(at.astype(np.int32), last - 1)
    return np.asarray(
        style.palette[low] + (style.palette[low + 1] - style.palette[low]) * (at - low)[..., None], np.float32
    )


def _lay(marks: Marks, style: Style, paint: Array, height: Array, lie: Array, rng: np.random.Generator) -> None:
    """Marks in the forms' colours, each its own a little, the last on top."""
    side = len(paint)
    sizes = _sizes(marks, side, rng)
    count = len(sizes)
    middles = rng.uniform(-0.05 * side, 1.05 * side, (count, 2)).astype(np.float32)
    rows, columns = np.clip(middles.astype(np.int32), 0, side - 1).T
    angles = lie[rows, columns] + rng.normal(0, marks.spread, count)
    colours = (
        paint[rows, columns] + rng.normal(0, style.jitter, (count, 3)) + marks.light * rng.uniform(-1, 1, (count, 1))
    )
    phases = rng.uniform(0, 2 * np.pi, count)
    bends = marks.bend * rng.normal(0, 1, count)
    for middle, size, angle, colour, phase, bend in zip(middles, sizes, angles, colours, phases, bends, strict=True):
        _mark(
            marks,
            paint,
            height,
            middle,
            float(size),
            float(angle),
            np.asarray(colour, np.float32),
            float(phase),
            float(bend),
        )


def _sizes(marks: Marks, side: int, rng: np.random.Generator) -> Array:
    """Half widths, big ones first, so many that they would cover the picture `coverage` times."""
    low, high, power = marks.smallest, max(marks.largest, marks.smallest * 1.01), 1 - marks.law
    u = rng.uniform(0, 1, 600)
    sizes = (
        low * (high / low) ** u if abs(power) < 1e-3 else (low**power + u * (high**power - low**power)) ** (1 / power)
    )
    area = np.cumsum(3.2 * sizes**2 * marks.elongation)
    sizes = sizes[: int(np.searchsorted(area, marks.coverage * side * side)) + 4]
    return np.sort(sizes)[::-1].astype(np.float32)


def _mark(
    marks: Marks, paint: Array, height: Array, middle: Array, size: float, angle: float, colour: Array, phase: float, bend: float,
) -> None:  # fmt: skip
    """One mark, within its box."""
    side = len(paint)
    length = size * marks.elongation
    reach = length * (1 + abs(bend)) * (1 + marks.wobble) + marks.softness + 1
    top, left = (max(0, int(c - reach)) for c in middle)
    bottom, right = (min(side, int(c + reach) + 1) for c in middle)
    if bottom <= top or right <= left:
        return
    box = (slice(top, bottom), slice(left, right))
    x, y = grid(side)
    dx, dy = x[box] - middle[1], y[box] - middle[0]
    c, s = np.cos(angle, dtype=np.float32), np.sin(angle, dtype=np.float32)
    along, across = (dx * c + dy * s) / length, (dy * c - dx * s) / size
    if bend:
        across = across - bend * marks.elongation * (along * along - 0.3)
    a, b = np.abs(along), np.abs(across)
    if marks.squareness == 2:
        distance = np.sqrt(a * a + b * b)
    elif marks.squareness == 1:
        distance = a + b
    else:
        distance = (a**marks.squareness + b**marks.squareness) ** np.float32(1 / marks.squareness)
    if marks.corners:
        distance = distance * (1 + marks.wobble * np.sin(marks.corners * np.arctan2(across, along) + phase))
    inside = np.clip((1 - distance) * (size / marks.softness) + 0.5, 0, 1)  # 1 within, soft at the edge
    if not inside.any():
        return
    shade = _fill(marks, along * length, across * size, phase)
    if marks.pooling:
        shade = shade - marks.pooling * np.clip(distance, 0, 1) ** 6
    laid = colour + shade[..., None] if np.ndim(shade) else colour + shade
    if marks.outline:
        line = np.clip((distance - 1) * size + marks.outline, 0, 1)[..., None]
        laid = laid * (1 - line) + INK * line
    cover = (inside * marks.opacity)[..., None]
    paint[box] += cover * (laid - paint[box])
    if marks.height:
        body = marks.height * np.minimum(size, 3) * (1 - 0.5 * np.minimum(b, 1) ** 4 + 2 * shade)
        height[box] += inside * (body - 0.7 * height[box])


def _fill(marks: Marks, along: Array, across: Array, phase: float) -> Array:
    """Lighter and darker within a mark. along, across: pixels from its middle."""
    turn = np.float32(2 * np.pi / marks.fill_period)
    if marks.fill == "bristles":
        wave = np.sin(across * turn + phase) + 0.6 * np.sin(across * turn * 2.3 + 5 * phase + 0.15 * along)
        return np.asarray(marks.fill_depth * 0.6 * wave)
    if marks.fill == "stripes":
        return np.asarray(marks.fill_depth * np.sin(along * turn + phase))
    if marks.fill == "dots":
        return np.asarray(marks.fill_depth * np.sin(along * turn + phase) * np.sin(across * turn))
    if marks.fill == "cloud":
        slow = turn * 0.35
        return np.asarray(marks.fill_depth * np.sin(along * slow + phase) * np.cos(across * slow + 2 * phase))
    return np.asarray(0, np.float32)


def _mosaic(style: Style, paint: Array, lie: Array, rng: np.random.Generator) -> Array:
    """Stones of one colour each, the nearest stone to each place, with grout where two are as near."""
    side = len(paint)
    x, y = grid(side)
    count = int((side / style.cells + 2) ** 2)
    across = int(np.sqrt(count)) + 1
    rows, columns = np.divmod(np.arange(across * across), across)
    sites = np.stack([rows, columns], 1) * style.cells - style.cells
    sites = sites + rng.uniform(-0.4, 0.4, sites.shape) * style.cells * (0.2 + style.swirl)
    sites = sites[np.all((sites > -style.cells) & (sites < side + style.cells), axis=1)].astype(np.float32)
    nearest, second = np.full((2, side * side), np.inf, np.float32)
    who = np.zeros(side * side, np.int32)
    for i, (row, column) in enumerate(sites):
        distance = (x.ravel() - column) ** 2 + (y.ravel() - row) ** 2
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        nearest = np.where(closer, distance, nearest)
        who[closer] = i
    r, c = np.clip(sites.astype(np.int32), 0, side - 1).T
    stones = paint[r, c] + rng.normal(0, style.jitter + 0.03, (len(sites), 3))
    laid = stones[who].astype(np.float32).reshape(side, side, 3)
    gap = np.clip(style.grout + 0.5 - 0.5 * (np.sqrt(second) - np.sqrt(nearest)), 0, 1).reshape(side, side, 1)
    return np.asarray(laid * (1 - gap) + style.palette[0] * 0.5 * gap, np.float32)


def _screen(screen: Screen, style: Style, paint: Array, tone: Array, lie: Array, rng: np.random.Generator) -> None:
    """Ink where the pattern is under what the tone asks for."""
    side = len(paint)
    x, y = grid(side)
    c, s = np.cos(style.angle), np.sin(style.angle)
    wander = screen.warp * screen.period * noise(rng, side, 2.2)
    u, v = (x * c + y * s + wander) / screen.period, (y * c - x * s + wander) / screen.period
    turn = 2 * np.pi
    if screen.kind == "hatching":
        wave = np.cos(turn * u)
    elif screen.kind == "crosshatching":
        wave = np.maximum(np.cos(turn * u), np.cos(turn * v) - 1.2 * tone)
    elif screen.kind == "halftone":
        wave = 0.5 * (np.cos(turn * u) + np.cos(turn * v))
    elif screen.kind == "rings":
        cx, cy = rng.uniform(0, side, 2)
        wave = np.cos(turn * (np.hypot(x - cx, y - cy) + wander) / screen.period)
    else:  # marbling: colours drawn out along lines that have been combed twice
        comb = 1.5 * screen.period * np.sin(turn * v / 4)
        wave = np.cos(turn * (x * c + y * s + 2 * wander + comb) / (2 * screen.period))
    ink = 1 / (1 + np.exp(-screen.sharpness * (wave + 0.9 - 1.8 * tone)))
    paint += (screen.strength * ink)[..., None] * (style.palette[0] - paint)


@lru_cache(maxsize=8)
def _kernel(sigma: float) -> Array:
    reach = int(3 * sigma) + 1
    taps = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * sigma**2))
    return np.asarray(taps / taps.sum(), np.float32)


def _blurred(field: Array, sigma: float) -> Array:
    """(H, W) → (H, W), a Gaussian, wrapped around the edges as the forms are."""
    taps = _kernel(sigma)
    reach = len(taps) // 2
    for axis in (0, 1):
        field = sum(tap * np.roll(field, i - reach, axis) for i, tap in enumerate(taps))
    return field

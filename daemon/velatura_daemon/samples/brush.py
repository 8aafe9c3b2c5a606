"""Painting with brush strokes: bristle streaks and thick paint, in layers of strokes that follow a flow field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from velatura_daemon.samples.noise import Array
from velatura_daemon.samples.raster import LIGHT_FROM, Sheet, blur

BRUSHES = 48  # different bristle patterns
STEPS = 12  # straight pieces of a stroke's path
SPACING = 0.7  # pixels between the samples of a stroke; below 1, so that no pixel is skipped
# Axes of colour variation between strokes: lightness, warmth, green to pink. Each row is (red, green, blue).
VARIETY = np.array([[0.8, 0.8, 0.8], [0.5, 0.05, -0.5], [-0.15, 0.3, -0.15]], np.float32)
MAX_SAMPLES = 2_000_000  # drawn at a time, to limit memory


@dataclass(frozen=True)
class Brush:
    """A kind of stroke. Lengths are fractions of the picture's longest side, shares are 0 to 1."""

    length: float
    width: float
    coverage: float  # area of all strokes over the area of the picture
    taper: float = 0.25  # 0: square ends; 0.25: round; 1: pointed
    jitter: float = 0.06  # colour variation between strokes
    streaks: float = 0.08  # lightness variation between bristles
    dryness: float = 0.35  # share of bristles that run out of paint before the stroke ends
    impasto: float = 0.25  # thickness of the paint, in stroke widths
    strays: float = 0.12  # deviation from the flow, in radians
    edge: float = 0.35  # a stroke ends where the picture's colour differs from its own by more than this


class Canvas:
    """Paint and its thickness on a sheet. Call `lay` for each layer, from large brushes to small, then `lit` or
    `dull`."""

    def __init__(self, sheet: Sheet, ground: Array, seed: int) -> None:
        """ground: (H, W, 3), 0 to 1, visible where there are no strokes."""
        self.sheet = sheet
        self.paint = ground.astype(np.float32).reshape(-1, 3).copy()
        self.thickness = np.zeros(len(self.paint), np.float32)
        self.last = np.empty(len(self.paint), np.int32)  # for each pixel, the sample drawn there last
        self.rng = np.random.default_rng(seed)

    def lay(
        self,
        brush: Brush,
        colours: Array,
        flow: Array,
        where: Array | None = None,
        scale: Array | None = None,
        rim: Array | None = None,
        rim_ink: Array | None = None,
    ) -> None:
        """Paint a layer of strokes.

        colours: (H, W, 3), 0 to 1; a stroke has the colour at its middle. flow: (H, W), radians, clockwise from the
        right. where: (H, W), relative density of strokes, 0 to 1. scale: (H, W), factor for the brush size, up to 1.
        rim: (H, W), share of a stroke's width that becomes an outline of `rim_ink`, as a gouge leaves it.
        """
        sheet, rng = self.sheet, self.rng
        length, width = brush.length * sheet.longest, max(brush.width * sheet.longest, 1.5)
        density = np.ones((sheet.height, sheet.width), np.float32) if where is None else where.astype(np.float32)
        if scale is not None:
            density = density / np.maximum(scale, 0.05) ** 2
        count = int(np.ceil(brush.coverage * density.sum(dtype=np.float64) / (length * width)))
        chances = np.cumsum(density.ravel(), dtype=np.float64)
        if chances[-1] <= 0:
            return
        middles = np.minimum(np.searchsorted(chances, rng.uniform(0, chances[-1], count)), chances.size - 1)
        size = rng.uniform(0.7, 1.0, count).astype(np.float32)
        if scale is not None:
            size *= np.clip(scale.ravel()[middles], 0.05, 1)

        colour = colours.reshape(-1, 3)[middles]
        path, reach = self._paths(middles, size * length, colour, colours, flow, brush)
        colour = colour + rng.normal(0, brush.jitter, (count, 3)).astype(np.float32) @ VARIETY

        bristles = _Bristles(brush, length, width, rng)
        share = np.zeros(count, np.float32) if rim is None else rim.ravel()[middles]
        chunk = max(1, MAX_SAMPLES // bristles.samples)
        for first in range(0, count, chunk):
            part = slice(first, first + chunk)
            self._press(bristles, path[part], reach[part], size[part] * width, colour[part], share[part], rim_ink)

    def _paths(
        self, middles: Array, length: Array, colour: Array, colours: Array, flow: Array, brush: Brush
    ) -> tuple[Array, Array]:
        """Trace strokes both ways from their middle along the flow. Returns the paths, (N, STEPS + 1, 2) as x, y in
        pixels; and (N, 2), the fractions of each path at which its stroke begins and ends."""
        sheet, count = self.sheet, len(middles)
        stray = self.rng.normal(0, brush.strays, count).astype(np.float32)
        path = np.empty((count, STEPS + 1, 2), np.float32)
        within = np.ones((count, STEPS + 1), bool)
        half = STEPS // 2
        start = np.stack([middles % sheet.width, middles // sheet.width], axis=1).astype(np.float32)
        path[:, half] = start + self.rng.uniform(0, 1, (count, 2))
        for direction in (-1, 1):
            for step in range(1, half + 1):
                here = path[:, half + direction * (step - 1)]
                place = self._at(here)
                angle = flow.ravel()[place] + stray
                ahead = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (direction * length / STEPS)[:, None]
                there = here + ahead
                path[:, half + direction * step] = there
                differs = np.abs(colours.reshape(-1, 3)[self._at(there)] - colour).max(axis=1) > brush.edge
                within[:, half + direction * step] = within[:, half + direction * (step - 1)] & ~differs
        begin = (half - within[:, :half].sum(axis=1)) / STEPS
        end = (half + within[:, half + 1 :].sum(axis=1)) / STEPS
        short = end - begin < 2 / STEPS
        begin[short], end[short] = 0.5 - 1 / STEPS, 0.5 + 1 / STEPS
        return path, np.stack([begin, end], axis=1).astype(np.float32)

    def _at(self, points: Array) -> Array:
        """Return the flat index of the nearest pixel for points (N, 2) as x, y."""
        column = np.clip(points[:, 0].astype(np.int32), 0, self.sheet.width - 1)
        row = np.clip(points[:, 1].astype(np.int32), 0, self.sheet.height - 1)
        return row * self.sheet.width + column

    def _press(
        self,
        bristles: _Bristles,
        path: Array,
        reach: Array,
        width: Array,
        colour: Array,
        rim: Array,
        rim_ink: Array | None,
    ) -> None:
        """Paint n strokes in order, the last on top. Each is sampled across and along; a pixel takes its last
        sample."""
        n, across, along = len(path), len(bristles.across), len(bristles.along)
        s = reach[:, :1] + (reach[:, 1:] - reach[:, :1]) * bristles.along
        piece = np.minimum((s * STEPS).astype(np.int32), STEPS - 1)
        between = (s * STEPS - piece)[..., None]
        strokes = np.arange(n)[:, None]
        at = path[strokes, piece] * (1 - between) + path[strokes, piece + 1] * between
        forward = np.gradient(at, axis=1)
        forward /= np.maximum(np.linalg.norm(forward, axis=2, keepdims=True), 1e-6)
        half_width = 0.5 * width[:, None] * bristles.profile
        right = np.stack([-forward[..., 1], forward[..., 0]], axis=-1) * half_width[..., None]
        x = (at[:, None, :, 0] + right[:, None, :, 0] * bristles.across[:, None]).astype(np.int32)
        y = (at[:, None, :, 1] + right[:, None, :, 1] * bristles.across[:, None]).astype(np.int32)

        kind = self.rng.integers(0, BRUSHES, n)
        inside = (x >= 0) & (y >= 0) & (x < self.sheet.width) & (y < self.sheet.height) & bristles.touches[kind]
        sample, pixels = np.flatnonzero(inside), (y * self.sheet.width + x)[inside]
        self.last[pixels] = sample
        on_top = self.last[pixels] == sample
        sample, pixels = sample[on_top], pixels[on_top]
        stroke, rest = np.divmod(sample, across * along)
        t, s_index = np.divmod(rest, along)

        streak = bristles.streak[kind[stroke], t, s_index]
        laid = colour[stroke] + (streak * bristles.brush.streaks)[:, None]
        if rim_ink is not None:
            outline = np.abs(bristles.across[t]) > 1 - rim[stroke]
            laid = np.where(outline[:, None], rim_ink, laid)
        self.paint[pixels] = laid
        body = bristles.body[t] + 0.35 * streak
        self.thickness[pixels] = 0.3 * self.thickness[pixels] + bristles.brush.impasto * width[stroke] * body

    def dull(self) -> Array:
        """Return the colours without lighting, (H, W, 3)."""
        return np.asarray(self.paint.reshape(self.sheet.height, self.sheet.width, 3))

    def lit(self, gloss: float = 0.12) -> Array:
        """Return the canvas in slanting light, (H, W, 3): thick paint gets a bright side, a dark side and
        highlights."""
        height = blur(self.thickness.reshape(self.sheet.height, self.sheet.width), 1)
        down, right = np.gradient(height)
        slope = np.tanh(0.8 * (right * LIGHT_FROM[0] + down * LIGHT_FROM[1]))[..., None]
        return np.asarray(self.dull() * (1 + 0.38 * slope) + gloss * np.maximum(slope, 0) ** 3)


class _Bristles:
    """Bristle patterns: (BRUSHES, across, along) streaks, and where the bristles touch the canvas."""

    def __init__(self, brush: Brush, length: float, width: float, rng: np.random.Generator) -> None:
        self.brush = brush
        along, across = int(length / SPACING) + 2, int(width / SPACING) + 2
        self.samples = along * across
        self.along = np.linspace(0, 1, along, dtype=np.float32)
        self.across = np.linspace(-1, 1, across, dtype=np.float32)
        self.profile = np.maximum(4 * self.along * (1 - self.along), 1e-4) ** brush.taper
        self.body = (0.75 + 0.5 * self.across**2) * (1 - self.across**8)

        hairs = int(np.clip(across, 3, 18))
        of_hair = np.minimum((self.across + 1) / 2 * hairs, hairs - 1).astype(np.int32)
        tone = rng.normal(0, 1, (BRUSHES, hairs, 1)) + 0.5 * np.cumsum(rng.normal(0, 0.5, (BRUSHES, hairs, 7)), axis=2)
        place = self.along * 6
        left = np.minimum(place.astype(np.int32), 5)
        tone = tone[..., left] + (tone[..., left + 1] - tone[..., left]) * (place - left)
        self.streak = np.clip(tone, -2.2, 2.2)[:, of_hair].astype(np.float32)

        begins = rng.uniform(0, 0.06, (BRUSHES, hairs, 1))
        runs_out = 1 - rng.uniform(0, 1, (BRUSHES, hairs, 1)) ** 3 * brush.dryness * 1.6
        holds = (self.along > begins) & (self.along < runs_out)
        self.touches = holds[:, of_hair]

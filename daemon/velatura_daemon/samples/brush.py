"""A painter: brushes that leave bristle streaks and thick paint, strokes laid one over another along a flow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from velatura_daemon.samples.noise import Array
from velatura_daemon.samples.raster import LIGHT_FROM, Sheet, blur

BRUSHES = 48  # different bristle patterns in the jar
STEPS = 12  # straight pieces of a stroke's path
SPACING = 0.7  # pixels between the samples of a stroke: under 1, so that none is missed between two
# How strokes of one colour differ: lighter or darker, warmer or cooler, greener or pinker. Rows of red, green, blue.
VARIETY = np.array([[0.8, 0.8, 0.8], [0.5, 0.05, -0.5], [-0.15, 0.3, -0.15]], np.float32)
AT_ONCE = 2_000_000  # samples laid in one go: what bounds the memory


@dataclass(frozen=True)
class Brush:
    """How a layer of strokes is laid. Sizes in longest sides of the picture, shares from 0 to 1."""

    length: float
    width: float
    coverage: float  # how many times over the strokes would cover the picture
    taper: float = 0.25  # 0: square ends; 0.25: round; 1: pointed
    jitter: float = 0.06  # colour, from stroke to stroke
    streaks: float = 0.08  # lightness, from bristle to bristle
    dryness: float = 0.35  # share of the bristles that run out of paint before the end
    impasto: float = 0.25  # thickness of the paint, in widths
    strays: float = 0.12  # radians, from the flow
    edge: float = 0.35  # a stroke ends where the picture's colour differs by this from its own


class Canvas:
    """Paint and its thickness on a sheet. `lay` layers from big brushes to small, then take it `lit` or `dull`."""

    def __init__(self, sheet: Sheet, ground: Array, seed: int) -> None:
        """ground: (H, W, 3), 0 to 1: what shows where no stroke comes."""
        self.sheet = sheet
        self.paint = ground.astype(np.float32).reshape(-1, 3).copy()
        self.thickness = np.zeros(len(self.paint), np.float32)
        self.last = np.empty(len(self.paint), np.int32)  # at each pixel, the sample that came last there
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
        """One layer of strokes over what is there.

        colours: (H, W, 3), 0 to 1, what a stroke has in its middle. flow: (H, W), radians, clockwise from the right.
        where: (H, W), how often strokes begin there, 0 to 1. scale: (H, W), times the brush's size, up to 1.
        rim: (H, W), the share of a stroke's width that is left as an outline of `rim_ink`, as a gouge leaves it.
        """
        sheet, rng = self.sheet, self.rng
        length, width = brush.length * sheet.longest, max(brush.width * sheet.longest, 1.5)
        often = np.ones((sheet.height, sheet.width), np.float32) if where is None else where.astype(np.float32)
        if scale is not None:
            often = often / np.maximum(scale, 0.05) ** 2
        count = int(np.ceil(brush.coverage * often.sum(dtype=np.float64) / (length * width)))
        chances = np.cumsum(often.ravel(), dtype=np.float64)
        if chances[-1] <= 0:
            return
        middle = np.minimum(np.searchsorted(chances, rng.uniform(0, chances[-1], count)), chances.size - 1)
        size = rng.uniform(0.7, 1.0, count).astype(np.float32)
        if scale is not None:
            size *= np.clip(scale.ravel()[middle], 0.05, 1)

        colour = colours.reshape(-1, 3)[middle]
        path, reach = self._paths(middle, size * length, colour, colours, flow, brush)
        colour = colour + rng.normal(0, brush.jitter, (count, 3)).astype(np.float32) @ VARIETY

        bristles = _Bristles(brush, length, width, rng)
        share = np.zeros(count, np.float32) if rim is None else rim.ravel()[middle]
        chunk = max(1, AT_ONCE // bristles.samples)
        for first in range(0, count, chunk):
            part = slice(first, first + chunk)
            self._press(bristles, path[part], reach[part], size[part] * width, colour[part], share[part], rim_ink)

    def _paths(
        self, middle: Array, length: Array, colour: Array, colours: Array, flow: Array, brush: Brush
    ) -> tuple[Array, Array]:
        """Where strokes go: (N, STEPS + 1, 2) as x, y in pixels, followed both ways from the middle along the flow;
        and (N, 2), the shares of that path where the stroke begins and ends."""
        sheet, count = self.sheet, len(middle)
        stray = self.rng.normal(0, brush.strays, count).astype(np.float32)
        path = np.empty((count, STEPS + 1, 2), np.float32)
        within = np.ones((count, STEPS + 1), bool)
        half = STEPS // 2
        start = np.stack([middle % sheet.width, middle // sheet.width], axis=1).astype(np.float32)
        path[:, half] = start + self.rng.uniform(0, 1, (count, 2))
        for way in (-1, 1):
            for step in range(1, half + 1):
                here = path[:, half + way * (step - 1)]
                place = self._at(here)
                angle = flow.ravel()[place] + stray
                ahead = np.stack([np.cos(angle), np.sin(angle)], axis=1) * (way * length / STEPS)[:, None]
                there = here + ahead
                path[:, half + way * step] = there
                differs = np.abs(colours.reshape(-1, 3)[self._at(there)] - colour).max(axis=1) > brush.edge
                within[:, half + way * step] = within[:, half + way * (step - 1)] & ~differs
        begin = (half - within[:, :half].sum(axis=1)) / STEPS
        end = (half + within[:, half + 1 :].sum(axis=1)) / STEPS
        short = end - begin < 2 / STEPS
        begin[short], end[short] = 0.5 - 1 / STEPS, 0.5 + 1 / STEPS
        return path, np.stack([begin, end], axis=1).astype(np.float32)

    def _at(self, points: Array) -> Array:
        """(N, 2) as x, y → (N,) the nearest pixel's number, on the canvas."""
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
        """Lay n strokes in their order, the last on top. Each is sampled (across, along); a pixel takes its last."""
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
        """The canvas without a light on it, (H, W, 3): the colours alone."""
        return np.asarray(self.paint.reshape(self.sheet.height, self.sheet.width, 3))

    def lit(self, gloss: float = 0.12) -> Array:
        """The canvas in slanting light, (H, W, 3): thick paint has a bright and a dark side, and shines."""
        height = blur(self.thickness.reshape(self.sheet.height, self.sheet.width), 1)
        down, right = np.gradient(height)
        slope = np.tanh(0.8 * (right * LIGHT_FROM[0] + down * LIGHT_FROM[1]))[..., None]
        return np.asarray(self.dull() * (1 + 0.38 * slope) + gloss * np.maximum(slope, 0) ** 3)


class _Bristles:
    """What the brushes in the jar leave: (BRUSHES, across, along) of streaks and of where bristles touch."""

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

"""The scales and how many steps each: coarse to fine, so that strokes longer than the network sees find their place."""

from __future__ import annotations

import math
from dataclasses import dataclass

from velatura.settings import StyleSettings
from velatura_daemon.memory_plan import GRID

COARSEST = 128  # pixels, the longest side of the first scale
LEAST_GROWTH = 2**0.25  # a scale that the picture's own would be less than that much larger than is left out


@dataclass(frozen=True)
class Scale:
    """One level: the picture's own size there, and how many steps it gets."""

    width: int
    height: int
    steps: int

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) rounded up to the grid of the deepest layer, so that no pixel is left out by a pooling.
        Differs from the paper, where what does not fill a cell at the right and below is not seen by deep layers."""
        return math.ceil(self.height / GRID) * GRID, math.ceil(self.width / GRID) * GRID


@dataclass(frozen=True)
class Schedule:
    """Steps at the coarsest scale; each next, twice as fine, gets `falling` of the one before, `fewest` at least.
    largest: the longest side in pixels that is optimised; a larger picture is that one enlarged, with the content's own
    detail. last: steps of the last scale, if it has a number of its own."""

    first: int
    falling: float
    fewest: int
    largest: float = math.inf
    last: int = 0

    def steps(self, levels: int) -> list[int]:
        steps = [max(self.fewest, round(self.first * self.falling**level)) for level in range(levels)]
        return [*steps[:-1], self.last] if self.last and levels > 1 else steps


# Many steps where the picture is largest: there a scale starts farthest from where it ends (docs/performance.md).
SCHEDULES = {
    "draft": Schedule(first=24, falling=0.85, fewest=16, largest=512, last=6),
    "good": Schedule(first=60, falling=0.65, fewest=20),
    "best": Schedule(first=200, falling=0.7, fewest=60),
}
PAPER_STEPS = 500


def scales_for(width: int, height: int, settings: StyleSettings) -> list[Scale]:
    """The pyramid of a picture of this size: longest sides COARSEST, doubling, then the picture's own.

    Scales count from the coarsest, so that those of a picture and of the same picture made smaller are the same, but
    for the last: a restyle at the screen's size shows what the large one will be. `paper` has one scale, the picture's.
    Drafts end at `largest`. settings.iterations spreads that many steps in the same proportions. settings.seamless:
    sides are multiples of GRID, so that the network's cells go on over the edges; the last scale's may differ from the
    picture's own by half of it.
    """
    if settings.quality == "paper":
        return [_scale(width, height, settings.iterations or PAPER_STEPS, settings.seamless)]
    schedule, longest = SCHEDULES[settings.quality], max(width, height)
    finest = min(longest, schedule.largest)
    sides = [COARSEST * 2**level for level in range(40) if COARSEST * 2**level * LEAST_GROWTH <= finest] + [finest]
    steps = schedule.steps(len(sides))
    if settings.iterations:
        total = sum(steps)
        steps = [max(1, round(n * settings.iterations / total)) for n in steps]
    shares = [side / longest for side in sides]
    return [
        _scale(max(2, round(width * share)), max(2, round(height * share)), n, settings.seamless)
        for share, n in zip(shares, steps, strict=True)
    ]


def _scale(width: int, height: int, steps: int, on_grid: bool) -> Scale:
    if on_grid:
        width, height = (max(GRID, round(side / GRID) * GRID) for side in (width, height))
    return Scale(width, height, steps)

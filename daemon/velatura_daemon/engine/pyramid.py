"""The scales of a restyle and the steps at each, coarse to fine.

So strokes longer than the network's receptive field find their place.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from velatura.settings import StyleSettings
from velatura_daemon.memory_plan import GRID

COARSEST_SIDE = 128  # pixels, the longest side of the first scale
MIN_GROWTH = 2**0.25  # a scale is left out if the image's own size is less than this many times larger


@dataclass(frozen=True)
class Scale:
    """One level of the pyramid: the image's size in pixels, and the number of optimisation steps.

    Attributes:
        width: The width in pixels.
        height: The height in pixels.
        steps: The number of optimisation steps.
        check_last: Whether the last step's image is evaluated too (`optimise`).
    """

    width: int
    height: int
    steps: int
    check_last: bool = True

    @property
    def evaluations(self) -> int:
        """How often the losses are computed, at most."""
        return self.steps + self.check_last

    @property
    def padded(self) -> tuple[int, int]:
        """(height, width) rounded up to the grid of the deepest layer, so that no pooling drops a pixel.

        Differs from the paper, whose deep layers ignore what does not fill a cell at the right and below.
        """
        return math.ceil(self.height / GRID) * GRID, math.ceil(self.width / GRID) * GRID


@dataclass(frozen=True)
class Schedule:
    """How many steps each scale gets, and how far the pyramid goes.

    Attributes:
        first: Steps of the coarsest scale.
        decay: Each next scale gets this share of the previous one's steps.
        fewest: No scale gets less.
        largest: Longest side in pixels that is optimised; a larger image is upsampled from there, with the content's
            own detail.
        check_last: See Scale.
    """

    first: int
    decay: float
    fewest: int
    largest: float = math.inf
    check_last: bool = True

    def steps(self, levels: int) -> list[int]:
        """The steps of each scale, the coarsest first."""
        return [max(self.fewest, round(self.first * self.decay**level)) for level in range(levels)]


# Many steps at the finest scales: they start farthest from where they end (docs/performance.md, 'What helped').
# A draft makes its forms at 128 px, where a step takes a twelfth of one at 512 px, and checks no last step: three more
# evaluations would add a third to its work (docs/performance.md, 'Drafts').
SCHEDULES = {
    "draft": Schedule(first=13, decay=0.39, fewest=2, largest=512, check_last=False),
    "good": Schedule(first=60, decay=0.65, fewest=20),
    "best": Schedule(first=200, decay=0.7, fewest=60),
}
PAPER_STEPS = 500  # the paper names no number; docs/quality.md, 'The article's pair', shows what 500 give


def scales_for(width: int, height: int, settings: StyleSettings, *, to_full_size: bool = False) -> list[Scale]:
    """Returns the pyramid of an image: longest sides COARSEST_SIDE, doubling, then the image's own.

    Scales are counted from the coarsest, so that an image and a smaller version of it share all scales but the last: a
    restyle at screen size shows what the large one will be.

    - 'paper' has one scale, the image's own size; 'draft' ends at Schedule.largest.
    - settings.iterations distributes that many steps over the scales in the same proportions.
    - settings.seamless: sides are multiples of GRID, so that the network's cells continue over the edges; the last
      scale may differ from the image's own size by half of GRID.

    Args:
        width: The width in pixels.
        height: The height in pixels.
        settings: The settings of the restyle.
        to_full_size: A draft continues to the image's own size too.

    Returns:
        The scales, the coarsest first.
    """
    if settings.quality == "paper":
        return [_scale(width, height, settings.iterations or PAPER_STEPS, settings.seamless)]
    schedule, longest = SCHEDULES[settings.quality], max(width, height)
    finest = longest if to_full_size else min(longest, schedule.largest)
    sides = [COARSEST_SIDE * 2**level for level in range(40) if COARSEST_SIDE * 2**level * MIN_GROWTH <= finest]
    sides = [*sides, finest]
    steps = schedule.steps(len(sides))
    if settings.iterations:
        total = sum(steps)
        steps = [max(1, round(n * settings.iterations / total)) for n in steps]
    factors = [side / longest for side in sides]
    return [
        replace(
            _scale(max(2, round(width * factor)), max(2, round(height * factor)), n, settings.seamless),
            check_last=schedule.check_last,
        )
        for factor, n in zip(factors, steps, strict=True)
    ]


def _scale(width: int, height: int, steps: int, on_grid: bool) -> Scale:
    if on_grid:
        width, height = (max(GRID, round(side / GRID) * GRID) for side in (width, height))
    return Scale(width, height, steps)

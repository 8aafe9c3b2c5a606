"""How long a job keeps an H100: the pyramid's own scales and steps, each step as long as it was measured, and three numbers fitted to
whole jobs. All that was measured is docs/performance.md's, "On a GPU"; the fit's error is part of the report.

    seconds = job + pixels · megapixels + Σ over scales of (scale + (steps + looks) · step(megapixels of the scale))

looks: evaluations for the targets of a content and its styles, 2 a scale (as `executors.estimates` counts them), none where they are warm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from pastiche.settings import StyleSettings
from pastiche_daemon.engine.pyramid import scales_for

# Megapixels and seconds of an iteration (evaluation and step), square pictures. Beyond the last: as much a megapixel as there.
EMBEDDED = ((0.016, 0.0015), (0.066, 0.0015), (0.262, 0.0027), (1.049, 0.0081), (4.194, 0.0306), (16.777, 0.117))
THIN = ((0.262, 0.0016), (1.049, 0.0034), (4.194, 0.0116))

# Whole jobs through the daemon, warm: quality, width, height, seconds.
MEASURED = (
    ("draft", 512, 384, 0.28), ("draft", 1024, 768, 0.43), ("draft", 2048, 1536, 0.88),
    ("good", 512, 384, 0.46), ("good", 1024, 768, 0.74), ("good", 2048, 1536, 1.75),
    ("best", 512, 384, 1.01), ("best", 1024, 768, 2.23), ("best", 2048, 1536, 4.53),
)  # fmt: skip
FIRST = 0.25  # seconds that the first job of a network takes longer in a worker that has torch: 0.53 for 0.28 (a draft)
LOOKS = 2

SETTINGS = {quality: StyleSettings(quality=quality) for quality in ("draft", "good", "best")}


def step_seconds(quality: str, megapixels: float) -> float:
    """Of one iteration, between what was measured; beyond, in proportion."""
    curve = THIN if quality == "draft" else EMBEDDED
    sizes, seconds = zip(*curve, strict=True)
    if megapixels > sizes[-1]:
        return seconds[-1] * megapixels / sizes[-1]
    return float(np.interp(megapixels, sizes, seconds))


@lru_cache(maxsize=4096)
def scales_of(quality: str, width: int, height: int, only_last: bool) -> tuple[tuple[float, int], ...]:
    """(megapixels, steps) of each scale. only_last: of a job that goes on from the layer's last picture."""
    scales = scales_for(width, height, SETTINGS[quality])
    sizes = [(scale.padded[0] * scale.padded[1] / 1e6, scale.steps) for scale in scales]
    return tuple(sizes[-1:] if only_last else sizes)


@dataclass(frozen=True)
class Times:
    """Seconds: job, whatever its size; pixels, each megapixel; scale, each scale."""

    job: float
    pixels: float
    scale: float

    def work(self, quality: str, width: int, height: int, *, goes_on: bool = False, is_warm: bool = True) -> float:
        """Of a whole job. goes_on: from the layer's last picture. is_warm: its targets are there."""
        looks = 0 if is_warm else LOOKS
        scales = scales_of(quality, width, height, goes_on)
        steps = sum((count + looks) * step_seconds(quality, size) for size, count in scales)
        return self.job + self.pixels * width * height / 1e6 + self.scale * len(scales) + steps


def fitted() -> Times:
    """The three numbers that come nearest to MEASURED, in shares of each time; none is negative."""
    free = Times(0.0, 0.0, 0.0)
    rows, rest = [], []
    for quality, width, height, seconds in MEASURED:
        known = free.work(quality, width, height)
        scales = len(scales_of(quality, width, height, False))
        rows.append(np.array([1.0, width * height / 1e6, scales]) / seconds)
        rest.append((seconds - known) / seconds)
    best, least = np.zeros(3), float("inf")
    for kept in ([0, 1, 2], [0, 1], [0, 2], [1, 2], [0], [1], [2]):  # least squares without negatives, the plain way
        some, *_ = np.linalg.lstsq(np.array(rows)[:, kept], np.array(rest), rcond=None)
        error = float(np.sum((np.array(rows)[:, kept] @ some - rest) ** 2))
        if (some >= 0).all() and error < least:
            best, least = np.zeros(3), error
            best[kept] = some
    return Times(*map(float, best))


def check(times: Times) -> list[dict[str, float | str]]:
    """Each measured job beside what the model says."""
    return [{"quality": quality, "width": width, "height": height, "measured": seconds,
             "model": round(times.work(quality, width, height), 3)} for quality, width, height, seconds in MEASURED]  # fmt: skip

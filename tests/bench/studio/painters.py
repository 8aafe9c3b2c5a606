"""What painters do, as far as anybody has to assume it: nobody has been watched. Every number is a guess, stated here alone, and all of
them are drawn from a painter's own seeded source, so that the same painters come to any number of GPUs.

A painter paints; then takes a layer, a style, and tries drafts with a knob moved, looking at each; sometimes moves the knob again before
the result is there (the newer job takes the older's place); then has a good one made, now and then a best one; and paints on. Some have
a folder of frames done meanwhile.
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass

# Documents: pixels, and how many of them are such.
DOCUMENTS = (((1920, 1080), 0.25), ((2048, 1536), 0.25), ((2480, 3508), 0.25), ((3840, 2160), 0.15), ((4961, 3508), 0.10))
SELECTS = 0.6  # of the layers: a selection is restyled; of the layer's area …
SELECTED = (1.2, 3.0)  # … a share, Beta's (mean 0.29)
CONTEXT = 64  # pixels around a selection, restyled with it
MORE_TRIES = 4.0  # after the first, on the average (Poisson)
LOOKS_FOR = (5.0, 0.6)  # seconds at a result before the knob moves: median, and sigma of the logarithm
IMPATIENT, CANNOT_WAIT = 0.2, 1.0  # of the tries: the knob moves again after so many seconds, on the average, if nothing is there yet
GOOD, BEST = 0.6, 0.1  # of the bursts end with one
PAINTS_FOR = (240.0, 0.8)  # seconds between bursts, as above
NEW_LAYER, NEW_STYLE = 0.3, 0.3  # of the bursts; the first has both
FOLDERS_AN_HOUR, FRAMES, FRAME = 1 / 8, 240, (1920, 1080)  # of each painter; in good quality
AHEAD = 4  # frames of a folder that are asked for at a time
BYTES = 4  # a pixel, RGBA u8: what an editor sends and gets


@dataclass(frozen=True)
class Task:
    """One job as a painter means it. kind: try, good, best or frame. size: pixels that are worked on. layer_bytes: of the layer, which is
    sent whole, once; result_bytes: what comes back."""

    kind: str
    layer: str
    style: bytes
    quality: str
    size: tuple[int, int]
    layer_bytes: int
    result_bytes: int
    goes_on: bool


class Painter:
    """What one painter wants next. Knows no time but the seconds that it says."""

    def __init__(self, number: int, seed: int) -> None:
        self.name = f"painter-{number}"
        self._source = random.Random(f"{seed} {number}")
        self._layers = self._styles = 0
        self._tries = 0
        self._first = True
        self._take_layer()
        self._take_style()

    # --- how long ----------------------------------------------------------------------------------------
    def seconds_before_the_first(self) -> float:
        """All have been at it for a while."""
        return self._source.uniform(0, 1.5 * PAINTS_FOR[0])

    def seconds_painting(self) -> float:
        return self._around(PAINTS_FOR)

    def seconds_looking(self) -> float:
        return self._around(LOOKS_FOR)

    def seconds_of_patience(self) -> float | None:
        """With a try; None: as long as it takes."""
        impatient = self._source.random() < IMPATIENT
        seconds = self._source.expovariate(1 / CANNOT_WAIT)
        return seconds if impatient else None

    def seconds_to_a_folder(self) -> float:
        return self._source.expovariate(FOLDERS_AN_HOUR / 3600)

    def _around(self, time: tuple[float, float]) -> float:
        return time[0] * self._source.lognormvariate(0.0, time[1])

    # --- what --------------------------------------------------------------------------------------------
    def begin_burst(self) -> Task:
        """The first try of some."""
        if self._source.random() < NEW_LAYER:
            self._take_layer()
        if self._source.random() < NEW_STYLE:
            self._take_style()
        self._tries = _poisson(self._source, MORE_TRIES)
        self._first = True
        return self._task("try", "draft")

    def next_try(self) -> Task | None:
        """Another, or None: it has looked enough."""
        if self._tries <= 0:
            return None
        self._tries -= 1
        return self._task("try", "draft")

    def moved_again(self) -> Task:
        """The knob, before the result was there."""
        return self._task("try", "draft")

    def last_of_burst(self) -> Task | None:
        """The one that is kept, or None."""
        wish = self._source.random()
        if wish < GOOD:
            return self._task("good", "good", afresh=True)
        return self._task("best", "best", afresh=True) if wish < GOOD + BEST else None

    def frame(self, folder: int, number: int) -> Task:
        size = FRAME[0] * FRAME[1] * BYTES
        return Task("frame", f"folder {folder} frame {number}", self._style, "good", FRAME, size, size, False)

    def has_seen_a_result(self) -> None:
        """Of this burst's layer and style: the next try goes on from it."""
        self._first = False

    def _task(self, kind: str, quality: str, *, afresh: bool = False) -> Task:
        return Task(kind, self._layer, self._style, quality, self._size, self._layer_bytes, self._result_bytes,
                    not (self._first or afresh))  # fmt: skip

    def _take_layer(self) -> None:
        self._layers += 1
        self._layer = f"layer {self._layers}"
        sizes, shares = zip(*DOCUMENTS, strict=True)
        width, height = self._source.choices(sizes, shares)[0]
        self._layer_bytes = width * height * BYTES
        share = self._source.betavariate(*SELECTED)
        if self._source.random() < SELECTS:
            width, height = (min(side, round(side * share**0.5) + 2 * CONTEXT) for side in (width, height))
        self._size = (width, height)
        self._result_bytes = width * height * BYTES

    def _take_style(self) -> None:
        self._styles += 1
        self._style = hashlib.sha256(f"{self.name} {self._styles}".encode()).digest()


def _poisson(source: random.Random, mean: float) -> int:
    """As many arrivals as come in a time of `mean`."""
    count, time = 0, source.expovariate(1.0)
    while time < mean:
        count += 1
        time += source.expovariate(1.0)
    return count

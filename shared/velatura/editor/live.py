"""Notices that the painter has changed the layer and paused, so that the preview can follow.

Each tick reads a few rows of the layer. Nothing is read while a stroke is being painted or the document is being saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from velatura.editor.event_loop import Loop
from velatura.editor.power import Power

TICK = 150  # ms between two looks at the layer
PAUSE = 0.25  # seconds without a change after which strokes count as paused
SETS = 8  # different sets of rows that take turns, so that a thin line between the rows of one set is noticed too


class SampledCanvas(Protocol):
    """The part of a canvas that `LiveWatch` uses."""

    def sample(self, rows: int) -> int | None:
        """Return a checksum of some rows of the active layer, spread evenly over it, in at most a few ms.

        rows: which of the SETS of rows. None while the layer is being painted on, saved, or there is none.
        """


class LiveWatch:
    """Calls back once the layer has changed and the painter has paused."""

    def __init__(
        self, loop: Loop, canvas: SampledCanvas, is_allowed: Callable[[], bool], on_pause: Callable[[], object]
    ) -> None:
        """is_allowed: whether the preview may follow now, apart from the battery."""
        self._canvas, self._is_allowed, self._on_pause = canvas, is_allowed, on_pause
        self._timer, self._power, self.clock = loop.timer(self._tick), Power(), time.monotonic
        self._enabled = False
        self._checksums: dict[int, int] = {}  # of the layer as the last draft saw it, by set of rows
        self._turn = 0
        self._changed_at: float | None = None
        self.tick_seconds: list[float] = []  # how long the latest ticks took, for measurements

    @property
    def enabled(self) -> bool:
        return self._enabled

    def enable(self, enabled: bool) -> None:
        """Start or stop to follow the canvas."""
        self._enabled = enabled
        self.restart()
        if enabled:
            self._timer.start(TICK)
        else:
            self._timer.stop()

    def restart(self) -> None:
        """Take the layer as it is now for unchanged, for example since another layer was chosen."""
        self._checksums.clear()
        self._changed_at = None

    def _tick(self) -> None:
        if not self._is_allowed() or self._power.on_battery():
            return
        began = time.perf_counter()
        # The first set is read each time: a stroke that is still growing changes it again. The others take turns.
        self._turn = self._turn % (SETS - 1) + 1
        samples = {rows: self._canvas.sample(rows) for rows in (0, self._turn)}
        self.tick_seconds = [*self.tick_seconds[-999:], time.perf_counter() - began]
        if None in samples.values():
            return
        known = dict(self._checksums)
        self._checksums.update({rows: value for rows, value in samples.items() if value is not None})
        now = self.clock()
        if known.get(0, samples[0]) != samples[0]:
            self._changed_at = now
            self._checksums = {0: self._checksums[0]}  # the others have changed as well, and are read again
        elif self._changed_at is None and known.get(self._turn, samples[self._turn]) != samples[self._turn]:
            self._changed_at = now
            self._checksums = {0: self._checksums[0]}
        elif self._changed_at is not None and now - self._changed_at >= PAUSE:
            self._changed_at = None
            self._on_pause()

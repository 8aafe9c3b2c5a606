"""Time, as the daemon sees it: one clock for everything that waits or ages, so that tests can bring their own."""

from __future__ import annotations

import time

SLEPT = 3.0  # seconds beyond what was planned: the machine slept, or the daemon was stopped


class Clock:
    """`now` counts the seconds in which the daemon could do something: whoever slept with it has not been silent. `date` is the
    calendar's, for people and for ages of days; it may jump."""

    def __init__(self) -> None:
        self._lost = 0.0
        self._last = self.monotonic()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def date(self) -> float:
        """Seconds since 1970, by the machine's calendar."""
        return time.time()

    def now(self) -> float:
        """Seconds, for patience and heartbeats."""
        return self.monotonic() - self._lost

    def turn(self, planned: float | None) -> float:
        """Once a turn of the event loop, after its wait. planned: seconds that it meant to wait at most, None: for ever. What went
        by beyond that and SLEPT is lost time. Returns how much that was."""
        moment = self.monotonic()
        slept = moment - self._last - planned - SLEPT if planned is not None else 0.0
        self._last = moment
        if slept <= 0:
            return 0.0
        self._lost += slept + SLEPT
        return slept + SLEPT

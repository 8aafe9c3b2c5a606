"""Time, as the daemon sees it: one clock for everything that waits or ages, so that tests can bring their own."""

from __future__ import annotations

import time

SLEPT = 3.0  # seconds beyond what was planned: the machine slept, or the daemon was stopped


class Clock:
    """`now` counts the seconds in which the daemon could do something: whoever slept with it has not been silent.
    `date` is the calendar's, for people and for ages of days; it may jump."""

    def __init__(self) -> None:
        self._lost = self._told = 0.0
        self._last, self._allowed = self.monotonic(), SLEPT

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def date(self) -> float:
        """Seconds since 1970, by the machine's calendar."""
        return time.time()

    def waits(self, planned: float | None) -> None:
        """The event loop is about to wait for so many seconds at most; None: for as long as it takes."""
        self.now()
        self._allowed = float("inf") if planned is None else planned + SLEPT

    def now(self) -> float:
        """Seconds, for patience and heartbeats. Between two calls no more than SLEPT go by, or what was planned: the
        rest is lost."""
        moment = self.monotonic()
        if moment - self._last > self._allowed:
            self._lost += moment - self._last - self._allowed + SLEPT
        self._last, self._allowed = moment, SLEPT
        return moment - self._lost

    def slept(self) -> float:
        """Seconds that were lost since this was last asked."""
        slept, self._told = self._lost - self._told, self._lost
        return slept

"""The daemon's clock. Everything that waits or ages uses it, so that tests can replace it."""

from __future__ import annotations

import time

TOLERANCE = 3.0  # seconds over the planned wait; if it takes longer, the machine slept or the daemon was stopped


class Clock:
    """`now` counts only the seconds in which the daemon could run, so that clients which slept along with the machine
    are not taken for silent. `date` is the calendar date, for people and for ages in days; it may jump."""

    def __init__(self) -> None:
        self._lost = self._reported = 0.0
        self._last, self._allowed = self.monotonic(), TOLERANCE

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""
        return time.monotonic()

    def date(self) -> float:
        """Return seconds since 1970 by the system clock."""
        return time.time()

    def before_wait(self, planned: float | None) -> None:
        """Announce that the event loop is about to wait for at most `planned` seconds; None means without limit."""
        self.now()
        self._allowed = float("inf") if planned is None else planned + TOLERANCE

    def now(self) -> float:
        """Return seconds for timeouts and heartbeats. Between two calls, at most TOLERANCE (or the planned wait)
        passes; any more is lost time and not counted."""
        moment = self.monotonic()
        if moment - self._last > self._allowed:
            self._lost += moment - self._last - self._allowed + TOLERANCE
        self._last, self._allowed = moment, TOLERANCE
        return moment - self._lost

    def take_lost_seconds(self) -> float:
        """Return the seconds lost since the last call."""
        lost, self._reported = self._lost - self._reported, self._lost
        return lost

"""How many pictures are under way at once, and how fast they go."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from velatura_daemon.jobs.job import JOBS_PER_CLIENT
from velatura_daemon.storage.results import PER_CLIENT

# A picture is read, waits, is worked on, is fetched, is written: so many a worker keep it busy, and so many more read
# ahead.
A_WORKER = 2
AHEAD = 2
SPARE = 2  # of the jobs that a client may have: the command line's other commands are the same client
# More results than PER_CLIENT at a time would push each other out of the daemon's keeping before they are written.
MOST = min(PER_CLIENT, JOBS_PER_CLIENT - SPARE)
READ_AHEAD_BYTES = 1 << 30  # of pictures in hand beyond one a worker


def workers_in(report: Mapping[str, Any]) -> int:
    """How many work, or would where there were more to do, as the daemon's status tells; at least 1."""
    workers, hands = report.get("workers"), report.get("active_workers")
    return max(1, len(workers) if isinstance(workers, list) else 1, hands if isinstance(hands, int) else 1)


def room_for(workers: int) -> int:
    """Pictures that may be under way at once."""
    return min(MOST, A_WORKER * workers + AHEAD)


class Pace:
    """Pictures a minute, those in work counted as far as they are."""

    def __init__(self) -> None:
        self._began: float | None = None
        self.made = 0

    def begin(self) -> None:
        """The first step of all: starting the daemon and warming a network does not count."""
        if self._began is None:
            self._began = time.monotonic()

    def a_minute(self, under_way: float = 0.0) -> float:
        """under_way: the sum of how far each is, 0 to 1. Below 0 while nothing is known."""
        seconds = time.monotonic() - self._began if self._began is not None else 0.0
        done = self.made + under_way
        return 60 * done / seconds if seconds > 0 and done > 0 else -1.0

"""How many pictures are processed at a time, how fast, and how threads say that they are done."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from velatura_daemon.jobs.job import JOBS_PER_CLIENT
from velatura_daemon.storage.results import PER_CLIENT

# A picture is read, queued, restyled, fetched and written. This many per worker keep it busy.
PER_WORKER = 2
READ_AHEAD = 2  # pictures, in addition
# Jobs of a client that are left unused, because other commands of the command line are the same client.
RESERVED_JOBS = 2
# With more than PER_CLIENT results at a time, the daemon would drop some before they are written.
MAX_IN_FLIGHT = min(PER_CLIENT, JOBS_PER_CLIENT - RESERVED_JOBS)
READ_AHEAD_BYTES = 1 << 30  # of pictures in memory beyond one per worker


def worker_count(report: Mapping[str, Any]) -> int:
    """Return how many workers the daemon has, or would start if there were more jobs, from its status report; at least
    1."""
    workers, active = report.get("workers"), report.get("active_workers")
    return max(1, len(workers) if isinstance(workers, list) else 1, active if isinstance(active, int) else 1)


def in_flight_limit(workers: int) -> int:
    """Return how many pictures may be in flight at a time."""
    return min(MAX_IN_FLIGHT, PER_WORKER * workers + READ_AHEAD)


def wake_sockets() -> tuple[socket.socket, socket.socket]:
    """Return two sockets by which a thread ends a `select`: one to wait for, and one for `wake`."""
    receiver, sender = socket.socketpair()
    sender.setblocking(False)
    return receiver, sender


def wake(sender: socket.socket, _: Future[Any]) -> None:
    """Called when a thread is done. If enough bytes wait to be read, one more is not needed."""
    with contextlib.suppress(BlockingIOError):
        sender.send(b"!")


class Pace:
    """Measures pictures per minute. Running jobs count by their progress."""

    def __init__(self) -> None:
        self._started_at: float | None = None
        self.made = 0

    def begin(self) -> None:
        """Start measuring at the first step of the first job: starting the daemon and loading the network do not
        count."""
        if self._started_at is None:
            self._started_at = time.monotonic()

    def per_minute(self, running: float = 0.0) -> float:
        """Return pictures per minute; negative while nothing is known. running: sum of the progress (0 to 1) of running
        jobs."""
        seconds = time.monotonic() - self._started_at if self._started_at is not None else 0.0
        done = self.made + running
        return 60 * done / seconds if seconds > 0 and done > 0 else -1.0

"""Where the parts of a worker report what happens, and learn what was cancelled."""

from __future__ import annotations

from typing import Protocol

from velatura_daemon.jobs.commands import WorkerOptions
from velatura_daemon.jobs.events import WorkerEvent


class EventSink(Protocol):
    """The worker process, as its parts see it. cancelled: tickets of jobs to stop."""

    options: WorkerOptions
    cancelled: set[str]

    def emit(self, event: WorkerEvent) -> None: ...

    def wait_for_steps(self, ticket: str, count: int, patience: float) -> bool:
        """Wait until the client has `count` steps of the job, or the job is cancelled. patience: seconds without any
        step received, after which it returns False."""

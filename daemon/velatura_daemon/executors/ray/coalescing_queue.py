"""A queue of events that keeps only the newest progress, preview and checkpoint of a job.

A slow reader therefore costs no memory.
"""

from __future__ import annotations

from velatura_daemon.executors.ray.messages import ActorEvent
from velatura_daemon.jobs.events import (
    CheckpointSaved,
    Heartbeat,
    JobDone,
    JobFailed,
    JobPreview,
    JobProgress,
    JobStopped,
    Ready,
    WorkerEvent,
    WorkerGone,
)

ONLY_NEWEST = (JobPreview, JobProgress, CheckpointSaved, Heartbeat, Ready)


class CoalescingQueue:
    """Events in order. Not thread-safe."""

    def __init__(self) -> None:
        self._waiting: list[ActorEvent] = []

    def add(self, message: ActorEvent) -> None:
        event = message.event
        if isinstance(event, ONLY_NEWEST):
            self._drop(type(event), _ticket(event))
        elif isinstance(event, (JobDone, JobFailed, JobStopped)):
            self._drop(CheckpointSaved, event.ticket)  # an ended job is not resumed
        self._waiting.append(message)

    def has_any(self, *, checkpoints: bool) -> bool:
        """Whether `take` would return anything."""
        return any(checkpoints or not isinstance(message.event, CheckpointSaved) for message in self._waiting)

    def take(self, *, checkpoints: bool) -> list[ActorEvent]:
        """Remove and return the events.

        checkpoints: whether to include checkpoints, which are large. After a worker's death they are included in any
        case, since the job resumes from them.
        """
        checkpoints = checkpoints or any(isinstance(message.event, WorkerGone) for message in self._waiting)
        kept = [m for m in self._waiting if not checkpoints and isinstance(m.event, CheckpointSaved)]
        taken = [message for message in self._waiting if message not in kept]
        self._waiting = kept
        return taken

    def _drop(self, kind: type, ticket: str) -> None:
        self._waiting = [
            message
            for message in self._waiting
            if not (isinstance(message.event, kind) and _ticket(message.event) == ticket)
        ]


def _ticket(event: WorkerEvent) -> str:
    return getattr(event, "ticket", "")

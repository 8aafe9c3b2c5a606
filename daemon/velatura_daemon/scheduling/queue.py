"""The fair queue: clients take turns; within a client, first come, first served. Plain data, no sockets, no torch."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from velatura_daemon.jobs.job import QUEUED, RUNNING, Job


class Queue:
    """The jobs of all clients."""

    def __init__(self) -> None:
        # by client_id, who waited longest first; of each by job id, in order of arrival
        self._lines: dict[str, dict[str, Job]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Job]:
        return iter([job for line in self._lines.values() for job in line.values()])

    def get(self, client_id: str, job: str) -> Job | None:
        return self._lines.get(client_id, {}).get(job)

    def of(self, client_id: str) -> list[Job]:
        """A client's jobs, in order of arrival."""
        return list(self._lines.get(client_id, {}).values())

    def add(self, job: Job) -> list[Job]:
        """Take a job in. Returns the client's jobs for the same layer that it replaces; they are out already, and the
        client keeps its place in the line."""
        replaced = [old for old in self.of(job.client_id) if old.layer == job.layer]
        self._lines.setdefault(job.client_id, {})[job.id] = job
        self._size += 1
        for old in replaced:
            self.remove(old)
        return replaced

    def remove(self, job: Job) -> None:
        """Forget a job, whatever its state."""
        line = self._lines.get(job.client_id, {})
        if line.pop(job.id, None) is not None:
            self._size -= 1
        if not line:
            self._lines.pop(job.client_id, None)

    @property
    def waiting(self) -> list[Job]:
        """Queued jobs, in no order: a tenth of the work that `in_order` is."""
        return [job for line in self._lines.values() for job in line.values() if job.state == QUEUED]

    def in_order(self) -> list[Job]:
        """Queued jobs in the order in which they will run, if none comes in between."""
        lines = [[job for job in line.values() if job.state == QUEUED] for line in self._lines.values()]
        return [job for assignment in itertools.zip_longest(*lines) for job in assignment if job is not None]

    def begin(self, job: Job) -> None:
        """It is running now; its client goes to the end of the line."""
        job.state = RUNNING
        self._lines[job.client_id] = self._lines.pop(job.client_id)

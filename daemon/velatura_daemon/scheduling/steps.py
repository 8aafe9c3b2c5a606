"""The pictures of running jobs' steps, until their clients have received them."""

from __future__ import annotations

from collections import deque
from pathlib import Path

from velatura_daemon.jobs.job import Job
from velatura_daemon.storage.blobs import BlobStore


class Steps:
    """How many there are at a time is limited by the workers, which wait (MAX_UNRECEIVED_STEPS)."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        # By client and job, the oldest first: pictures, and the tickets of the runs that they are of.
        self._unreceived: dict[tuple[str, str], deque[tuple[bytes, str]]] = {}

    def add(self, job: Job, ticket: str, blob: bytes, path: Path) -> None:
        """Keep the picture in this file. ticket: of the job's run. Raises DiskTrouble."""
        self._blobs.adopt(blob, path)
        self._blobs.pin([blob])
        self._unreceived.setdefault((job.client_id, job.id), deque()).append((blob, ticket))

    def received(self, job: Job) -> str:
        """The client has the oldest one. Returns the ticket of its run, or '' if there is none."""
        steps = self._unreceived.get((job.client_id, job.id))
        if not steps:
            return ""
        blob, ticket = steps.popleft()
        self._release(blob)
        return ticket

    def forget(self, job: Job) -> None:
        """The job has ended."""
        for blob, _ in self._unreceived.pop((job.client_id, job.id), ()):
            self._release(blob)

    def picture_bytes(self, blob: bytes) -> memoryview | None:
        """The bytes of a step's picture; None if the blob belongs to no step."""
        waiting = any(blob == name for steps in self._unreceived.values() for name, _ in steps)
        return self._blobs.read(blob) if waiting else None

    def _release(self, blob: bytes) -> None:
        self._blobs.unpin([blob])
        self._blobs.discard([blob])

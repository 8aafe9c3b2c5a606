"""What outlives the daemon: results, checkpoints and history, kept consistent.

A result is on disk before the checkpoint of its restyle is deleted.
"""

from __future__ import annotations

import logging
from typing import Any

import msgpack

from velatura.app_dirs import AppDirs
from velatura.errors import DiskTrouble, TooBusy, VelaturaError
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.jobs.events import CheckpointSaved, JobDone
from velatura_daemon.jobs.job import Job
from velatura_daemon.storage.blobs import BlobStore, Upload
from velatura_daemon.storage.checkpoints import CheckpointStore
from velatura_daemon.storage.history import History
from velatura_daemon.storage.records import Key
from velatura_daemon.storage.results import ResultStore

log = logging.getLogger("velatura.storage")

EXPIRY_SECONDS = 3600.0  # between checks for expired entries
LIST_BYTES = p.MAX_FRAME - (64 << 10)  # of a list that is sent to a client


class JobStore:
    """Results, checkpoints, history, and the blobs that they need."""

    def __init__(self, dirs: AppDirs, budget: int, clock: Clock) -> None:
        """budget: bytes of the blob store. Raises DiskTrouble."""
        self._clock = clock
        self.results, self.checkpoints = ResultStore(dirs), CheckpointStore(dirs)
        self.blobs = BlobStore(dirs.spool, budget, self.results.blobs_needed | self.checkpoints.blobs_needed)
        self.results.attach_blobs(self.blobs)
        self.checkpoints.attach_blobs(self.blobs)
        self.history = History(dirs.state / "history.sqlite")
        self._next_expiry = clock.now()
        self.active: set[Key] = set()  # restyles that are in the queue or running

    @property
    def resumable(self) -> list[Key]:
        """Stopped restyles that can be resumed."""
        return [key for key in self.checkpoints.records if key not in self.active]

    def begin_upload(self, size: int) -> Upload:
        """Reserve space for a picture. The oldest stopped restyles are deleted before a new one is refused. Raises
        TooBusy, DiskTrouble."""
        while True:
            try:
                return self.blobs.begin(size)
            except TooBusy:
                stopped = next((key for key in self.checkpoints.records if key not in self.active), None)
                if stopped is None:
                    raise
                log.warning("stopped restyle %s is deleted to make room for a new one", stopped[1])
                self.checkpoints.drop(stopped)

    # --- the life of a job ----------------------------------------------------------------------------------
    def added(self, job: Job) -> None:
        """The job is in the queue. If the same restyle was stopped before, it continues from that checkpoint."""
        key = (job.client_id, job.id)
        earlier = None if job.resume else self.checkpoints.like(job)
        if earlier is not None and earlier not in self.active:
            try:
                self.checkpoints.move(earlier, key)
                job.resume = True
            except DiskTrouble as error:
                log.warning("restyle %s starts from the beginning: %s", job.id, error.sentence)
        self.active.add(key)

    def checkpoint_saved(self, job: Job, event: CheckpointSaved) -> None:
        """A worker has written the image so far."""
        if not job.resumable:
            return
        try:
            self.checkpoints.note(job, _about(job, event), event, self._clock.date())
        except VelaturaError as error:  # a full disk, or a deleted picture: the work itself continues
            log.warning("restyle %s could not be resumed after a crash: %s", job.id, error.sentence)

    def finished(self, job: Job, result: p.Result, done: JobDone) -> None:
        """Store the result, and an entry in the history."""
        about = _about(job, done)
        if self.results.keep(job.client_id, result, about, self._clock.date()):
            self.ended(job)
        else:
            self.stopped(job)  # the checkpoint stays until the client has the result, which is only in memory
        if job.request.remember:
            self.history.add(
                {
                    **about,
                    "at": self._clock.date(),
                    "width": job.content.width,
                    "height": job.content.height,
                    "seconds": result.seconds,
                    "weights": result.weights,
                    "device": result.device,
                    "settings": result.settings,
                }
            )

    def received(self, key: Key) -> None:
        """The client confirms that it has its result."""
        self.results.drop(key)
        if key not in self.active:
            self.checkpoints.drop(key)

    def ended(self, job: Job) -> None:
        """Done, cancelled or failed for good: nothing is left to resume."""
        self.stopped(job)
        self.checkpoints.drop((job.client_id, job.id))

    def stopped(self, job: Job) -> None:
        """The job does not run any more; its checkpoint stays."""
        self.active.discard((job.client_id, job.id))

    # --- lists for clients -------------------------------------------------------------------------------
    def listed(self, client_id: str | None) -> bytes:
        """The packed list of a `saved_list` message: a client's, or (None) everybody's."""
        keys = [
            (records[key]["at"], records, key)
            for records in (self.results.records, self.checkpoints.records)
            for key in records
        ]
        items, held = [], 0
        for _, records, key in sorted(keys, key=lambda item: item[0], reverse=True):
            if client_id in (None, key[0]) and key not in self.active:
                entry = dict(records[key])
                asked = entry.pop("asked", None)
                result = entry.setdefault("result", None)
                item = {"done": 1.0, "picture": result["picture"] if result else asked["content"], **entry}
                held += len(msgpack.packb(item))
                if held > LIST_BYTES:
                    break
                items.append(item)
        packed: bytes = msgpack.packb(items)
        return packed

    def past(self, before: int) -> bytes:
        """The packed list of a `history` message."""
        packed: bytes = msgpack.packb(self.history.entries(before, LIST_BYTES))
        return packed

    def drop(self, key: Key) -> None:
        """Delete a result or a stopped restyle; one that runs stays."""
        self.results.drop(key)
        if key not in self.active:
            self.checkpoints.drop(key)

    def forget(self) -> None:
        """Delete everything except running restyles."""
        for key in [*self.results.records, *self.checkpoints.records]:
            self.drop(key)
        self.history.forget()
        self.blobs.forget()

    # --- expiry ----------------------------------------------------------------------------------------
    def tidy(self) -> None:
        """Delete expired entries, once an hour."""
        if self._clock.now() < self._next_expiry:
            return
        self._next_expiry = self._clock.now() + EXPIRY_SECONDS
        date = self._clock.date()
        for key in [*self.results.records.aged_out(date), *self.checkpoints.records.aged_out(date)]:
            log.info("%s of %s has expired", key[1], key[0][:8])
            self.drop(key)

    def close(self) -> None:
        self.history.close()
        self.blobs.close()


def _about(job: Job, event: CheckpointSaved | JobDone) -> dict[str, Any]:
    """What lists show of a job."""
    pictures = [*event.style_thumbnails, *[b""] * len(job.styles)]
    styles = [
        {"name": style.name, "path": style.path, "share": style.share, "thumbnail": picture}
        for style, picture in zip(job.styles, pictures, strict=False)
    ]
    return {
        "layer": job.layer,
        "title": job.request.title,
        "note": job.request.note,
        "program": job.program,
        "styles": styles,
        "thumbnail": event.thumbnail,
    }

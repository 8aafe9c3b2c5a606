"""Keeps what outlives the daemon in step: a result is on the disk before the restyle it came from is forgotten."""

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

LOOK_EVERY = 3600.0  # seconds between looks at what has aged out
LIST_ROOM = p.MAX_FRAME - (64 << 10)  # bytes of a list that goes over the wire


class JobStore:
    """Results, works and history, and the blobs that they need."""

    def __init__(self, dirs: AppDirs, budget: int, clock: Clock) -> None:
        """budget: bytes of the blob store. Raises DiskTrouble."""
        self._clock = clock
        self.results, self.checkpoints = ResultStore(dirs), CheckpointStore(dirs)
        self.blobs = BlobStore(dirs.spool, budget, self.results.blobs_needed | self.checkpoints.blobs_needed)
        self.results.lie_in(self.blobs)
        self.checkpoints.lie_in(self.blobs)
        self.history = History(dirs.state / "history.sqlite")
        self._next_look = clock.now()
        self.active: set[Key] = set()  # restyles that are jobs now: not to be resumed again

    @property
    def resumable(self) -> list[Key]:
        """Stopped restyles."""
        return [key for key in self.checkpoints.records if key not in self.active]

    def begin_upload(self, size: int) -> Upload:
        """Room for a picture; restyles stopped long ago give theirs before a new one is refused. Raises TooBusy,
        DiskTrouble."""
        while True:
            try:
                return self.blobs.begin(size)
            except TooBusy:
                stopped = next((key for key in self.checkpoints.records if key not in self.active), None)
                if stopped is None:
                    raise
                log.warning("restyle %s, stopped midway, makes room for a new one", stopped[1])
                self.checkpoints.drop(stopped)

    # --- a job's life ----------------------------------------------------------------------------------
    def added(self, job: Job) -> None:
        """It is in the queue. One that was asked for before, and stopped, goes on from where it stood."""
        key = (job.client_id, job.id)
        earlier = None if job.resume else self.checkpoints.like(job)
        if earlier is not None and earlier not in self.active:
            try:
                self.checkpoints.move(earlier, key)
                job.resume = True
            except DiskTrouble as error:
                log.warning("restyle %s begins anew: %s", job.id, error.sentence)
        self.active.add(key)

    def checkpoint_saved(self, job: Job, event: CheckpointSaved) -> None:
        """A worker has written the image so far."""
        if not job.resumable:
            return
        try:
            self.checkpoints.note(job, _about(job, event), event, self._clock.date())
        except VelaturaError as error:  # a full disk, or a deleted picture: the work itself continues
            log.warning("restyle %s could not be gone on with after a crash: %s", job.id, error.sentence)

    def finished(self, job: Job, result: p.Result, done: JobDone) -> None:
        """Keep a result, and the memory of it; the work is done."""
        about = _about(job, done)
        if self.results.keep(job.client_id, result, about, self._clock.date()):
            self.ended(job)
        else:
            self.stopped(job)  # until its client says that it has it, the way back is the work itself
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
        """The client has its result."""
        self.results.drop(key)
        if key not in self.active:
            self.checkpoints.drop(key)

    def ended(self, job: Job) -> None:
        """Done, cancelled or wrong: there is nothing to go on with."""
        self.stopped(job)
        self.checkpoints.drop((job.client_id, job.id))

    def stopped(self, job: Job) -> None:
        """Nobody works on it any more; what it left stays."""
        self.active.discard((job.client_id, job.id))

    # --- what is asked ---------------------------------------------------------------------------------
    def listed(self, client_id: str | None) -> bytes:
        """The list of a `kept` message: a client's, or (None) everybody's."""
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
                if held > LIST_ROOM:
                    break
                items.append(item)
        packed: bytes = msgpack.packb(items)
        return packed

    def past(self, before: int) -> bytes:
        """The list of a `history` message."""
        packed: bytes = msgpack.packb(self.history.lines(before, LIST_ROOM))
        return packed

    def drop(self, key: Key) -> None:
        """A result, or a restyle that was stopped midway. One in work stays."""
        self.results.drop(key)
        if key not in self.active:
            self.checkpoints.drop(key)

    def forget(self) -> None:
        """Wipe all but what is being worked on."""
        for key in [*self.results.records, *self.checkpoints.records]:
            self.drop(key)
        self.history.forget()
        self.blobs.forget()

    # --- time ------------------------------------------------------------------------------------------
    def tidy(self) -> None:
        """Once in a while: what has aged out goes."""
        if self._clock.now() < self._next_look:
            return
        self._next_look = self._clock.now() + LOOK_EVERY
        date = self._clock.date()
        for key in [*self.results.records.aged_out(date), *self.checkpoints.records.aged_out(date)]:
            log.info("%s of %s has aged out", key[1], key[0][:8])
            self.drop(key)

    def close(self) -> None:
        self.history.close()
        self.blobs.close()


def _about(job: Job, event: CheckpointSaved | JobDone) -> dict[str, Any]:
    """What people want to know of a job later."""
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

"""What outlives the daemon: results, checkpoints and history, kept consistent.

A result is on disk before the checkpoint of its restyle is deleted.
"""

from __future__ import annotations

import logging
from typing import Any

import msgpack

from velatura.app_dirs import AppDirs
from velatura.client.saved_results import saved_items
from velatura.errors import DiskTrouble, VelaturaError
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.jobs.events import CheckpointSaved, JobDone
from velatura_daemon.jobs.job import Job
from velatura_daemon.storage.blobs import BlobStore, Upload
from velatura_daemon.storage.checkpoints import IMAGE_BYTES, CheckpointStore
from velatura_daemon.storage.history import History
from velatura_daemon.storage.quota import Quota
from velatura_daemon.storage.records import Key, RecordStore
from velatura_daemon.storage.results import ResultStore, blobs_of_result

log = logging.getLogger("velatura.storage")

EXPIRY_SECONDS = 3600.0  # between checks for expired entries
LIST_BYTES = p.MAX_FRAME - (64 << 10)  # of a list that is sent to a client


class JobStore:
    """Results, checkpoints, history, and the blobs that they need."""

    def __init__(self, dirs: AppDirs, budget: int, clock: Clock) -> None:
        """budget: bytes of the blob store. Raises DiskTrouble."""
        self._clock = clock
        self.results, self.checkpoints = ResultStore(dirs), CheckpointStore(dirs)
        for records in (self.results.records, self.checkpoints.records):
            for key in records:
                _set_aside_if_wrong(records, key)
        self.blobs = BlobStore(dirs.spool, budget, self.results.blobs_needed | self.checkpoints.blobs_needed)
        self.results.attach_blobs(self.blobs)
        self.checkpoints.attach_blobs(self.blobs)
        self.history = History(dirs.state / "history.sqlite")
        self._next_expiry = clock.now()
        self.active: set[Key] = set()  # restyles that are in the queue or running
        self.quota = Quota(self.blobs, self.results, self.checkpoints, self.active)

    @property
    def resumable(self) -> list[Key]:
        """Stopped restyles that can be resumed."""
        return [key for key in self.checkpoints.records if key not in self.active]

    def begin_upload(self, job: Job, size: int) -> Upload:
        """Reserve space for a picture that a job lacks, if there is space for all of them. Raises TooBusy,
        DiskTrouble."""
        lengths = {picture.blob: picture.length for picture in job.pictures if picture.blob in job.missing}
        self.quota.make_space(job.client_id, max(size, sum(lengths.values())))
        return self.blobs.begin(size)

    def check_may_resume(self, key: Key, client_id: str) -> None:
        """Whether a result of this restyle could be saved for a client. Raises TooBusy."""
        if key in self.checkpoints.records:
            content = PictureRef.from_wire(self.checkpoints.records[key]["asked"]["content"])
            self.quota.check_for_result(client_id, content.length)

    # --- the life of a job ----------------------------------------------------------------------------------
    def added(self, job: Job) -> None:
        """The job is in the queue. If the same restyle was stopped before, it continues from that checkpoint."""
        key = (job.client_id, job.id)
        earlier = None if job.resume or job.view is not None else self.checkpoints.like(job)
        if earlier is not None and earlier not in self.active:
            try:
                self.checkpoints.move(earlier, key)
                job.resume = job.has_begun = True
            except DiskTrouble as error:
                log.warning("restyle %s starts from the beginning: %s", job.id, error.sentence)
        self.active.add(key)

    def checkpoint_saved(self, job: Job, event: CheckpointSaved) -> bool:
        """A worker has written the image so far. Returns whether the job can be resumed from it. Raises VelaturaError
        if it could not be saved: there is no space, or a picture was deleted."""
        if not job.resumable:
            return False
        key = (job.client_id, job.id)
        try:
            if key not in self.checkpoints.records:
                image_bytes = 0 if event.elsewhere else IMAGE_BYTES * job.content.width * job.content.height
                self.quota.make_space(job.client_id, image_bytes, records=1)
            self.checkpoints.note(job, _about(job, event), event, self._clock.date())
        except VelaturaError:
            self.checkpoints.clear_up(key)
            raise
        return True

    def finished(self, job: Job, result: p.Result, done: JobDone) -> None:
        """Store the result, and an entry in the history. Raises TooBusy."""
        about = _about(job, done)
        has_checkpoint = (job.client_id, job.id) in self.checkpoints.records
        self.quota.make_space_for_result(job.client_id, blobs_of_result(result), records=0 if has_checkpoint else 1)
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
                item = _item(records[key])
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


def _item(record: dict[str, Any]) -> dict[str, Any]:
    """What a `saved_list` says of a result or a stopped restyle."""
    entry = dict(record)
    asked = entry.pop("asked", None)
    result = entry.setdefault("result", None)
    return {"done": 1.0, "picture": result["picture"] if result else asked["content"], **entry}


def _set_aside_if_wrong(records: RecordStore, key: Key) -> None:
    """A client that cannot read one entry of a list could read none of them."""
    try:
        saved_items(msgpack.packb([_item(records[key])]))
        _ = int(records[key].get("step", 0)), int(records[key].get("width", 0))
    except (VelaturaError, KeyError, TypeError, ValueError, OverflowError) as error:
        log.error("the record of %s was written by another version, and is set aside (%s)", key[1], error)
        records.set_aside(key)


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

"""Running and stopped restyles on disk: everything needed to resume them after a crash."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, sync_folder
from velatura.errors import BadMessage, UnknownBlob, VelaturaError
from velatura.i18n import lazy_text
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura_daemon.jobs.events import CheckpointSaved
from velatura_daemon.jobs.job import Job
from velatura_daemon.jobs.validation import job_from
from velatura_daemon.storage.blobs import BlobStore, disk_trouble
from velatura_daemon.storage.records import Key, RecordStore

log = logging.getLogger("velatura.storage")

PER_CLIENT = 32  # the oldest goes first
DAYS = 7.0
IMAGE_BYTES = 12  # per pixel of the content: the image has three float32 values, and at most as many pixels
NO_LIMIT = float("inf")  # of megapixels: checked when the job was submitted


@dataclass(frozen=True)
class Checkpoint:
    """The image so far. step: how many steps of its scale are done. width: of that scale, in pixels; 0 if it is not
    known."""

    path: Path
    step: int
    width: int


@dataclass(frozen=True)
class _Held:
    """The disk space of a checkpoint. image_bytes: reserved for its image, which grows from scale to scale."""

    blobs: frozenset[bytes]
    image_bytes: int


class CheckpointStore:
    """Checkpoints by client_id and job, from the first one until the restyle has ended. A worker writes the image to
    `image_path` every few seconds; then `note` is called."""

    def __init__(self, dirs: AppDirs) -> None:
        """Raises DiskTrouble."""
        self.records = RecordStore(dirs.state / "checkpoints", DAYS)
        self._blobs: BlobStore | None = None
        self._held: dict[Key, _Held] = {}
        known = {self.image_path(key) for key in self.records}
        for path in self.records.folder.glob("*.npy*"):
            if path not in known:
                with contextlib.suppress(OSError):
                    path.unlink()

    @property
    def blobs_needed(self) -> set[bytes]:
        return {blob for key in self.records for blob in self._needs(key)}

    def attach_blobs(self, blobs: BlobStore) -> None:
        """Set the store of their pictures. Checkpoints whose pictures are missing are dropped."""
        self._blobs = blobs
        for key in self.records:
            needed = self._needs(key)
            self._hold(key, needed)
            if (
                not needed
                or any(blob not in blobs for blob in needed)
                or not blobs.are_whole(self._pictures(key))
                or self.checkpoint(key) is None
            ):
                log.error("the pictures of restyle %s are missing; it cannot be resumed", key[1])
                self.drop(key)

    def image_path(self, key: Key) -> Path:
        """The file of the image so far: float32 (3, height, width), in numpy's format."""
        return self.records.path_beside(key, ".npy")

    def note(self, job: Job, about: dict[str, Any], event: CheckpointSaved, date: float) -> None:
        """A worker has written a checkpoint: record what is needed to resume from it. Raises DiskTrouble."""
        assert self._blobs is not None
        key = (job.client_id, job.id)
        fresh = key not in self.records
        entry = {
            **about,
            "asked": vars(job.request),
            "settings": job.request.settings,
            "done": event.done,
            "step": event.step,
            "width": event.width,
            "elsewhere": event.elsewhere,
        }
        if fresh and entry["elsewhere"]:
            self._blobs.sync(job.blobs)  # otherwise the worker has flushed them
        self.records.put(key, entry, date)
        self._release(key)
        self._hold(key, job.blobs)
        if fresh:
            for old in [(job.client_id, entry["job"]) for entry in self.records.of(job.client_id)][:-PER_CLIENT]:
                self.drop(old)

    def checkpoint(self, key: Key) -> Checkpoint | None:
        """The checkpoint of a restyle, or None."""
        if key not in self.records or not (self.records[key].get("elsewhere") or self.image_path(key).exists()):
            return None
        entry = self.records[key]
        return Checkpoint(self.image_path(key), int(entry["step"]), int(entry.get("width", 0)))

    def like(self, job: Job) -> Key | None:
        """A stopped restyle of the same client that is identical to this job."""
        for entry in reversed(self.records.of(job.client_id)):
            try:
                other = _job_of(entry)
            except VelaturaError:
                continue
            same = (other.layer, other.warm_start_key, other.settings, other.weights) == (
                job.layer,
                job.warm_start_key,
                job.settings,
                job.weights,
            )
            if same and other.id != job.id:
                return (job.client_id, other.id)
        return None

    def take_up(self, key: Key, session: bytes, client_id: str) -> Job:
        """A job that resumes it, for this session. Raises UnknownBlob if it is gone; BadMessage if this client has
        saved another restyle with the same id."""
        if key not in self.records or self.checkpoint(key) is None:
            raise UnknownBlob(lazy_text("This restyle is no longer saved. Restyle again."))
        job = _job_of(self.records[key])
        if key[0] != client_id and (client_id, job.id) in self.records:
            raise BadMessage(
                lazy_text(
                    "This program already has a saved restyle {job}. Resume or delete that one first.", job=repr(job.id)
                )
            )
        if self._blobs is None or not self._blobs.are_whole(job.pictures):
            self.drop(key)
            raise UnknownBlob(lazy_text("The pictures of this restyle are gone. Restyle again."))
        job.session, job.client_id, job.resume, job.has_begun = session, client_id, True, True
        self.move(key, (client_id, job.id))
        return job

    def move(self, key: Key, to: Key) -> None:
        """Give it to another client or job. Raises DiskTrouble; then nothing has changed."""
        if key == to:
            return
        entry = self.records[key]
        self.records.put(to, {**entry, "asked": {**entry["asked"], "job": to[1]}}, entry["at"])
        try:
            if self.image_path(key).exists():
                self.image_path(key).replace(self.image_path(to))
        except OSError as error:
            self.records.remove(to)
            raise disk_trouble(error, self.image_path(to)) from error
        self.records.remove(key)
        self._held[to] = self._held.pop(key)
        sync_folder(self.records.folder)

    def drop(self, key: Key) -> None:
        """Delete it: it has ended, or is not wanted any more."""
        if key in self.records:
            self.records.remove(key)
        self._release(key)
        self.clear_up(key)

    def blobs_of(self, key: Key) -> frozenset[bytes]:
        return self._held[key].blobs

    def image_bytes(self, key: Key) -> int:
        """What is reserved for its image on this disk."""
        return self._held[key].image_bytes

    def _hold(self, key: Key, blobs: set[bytes]) -> None:
        assert self._blobs is not None
        entry = self.records[key]
        content = entry["asked"]["content"] if blobs else {}
        pixels = 0 if entry.get("elsewhere") or not blobs else content["width"] * content["height"]
        self._held[key] = _Held(frozenset(blobs), pixels * IMAGE_BYTES)
        self._blobs.pin(blobs)
        self._blobs.bytes_beside += pixels * IMAGE_BYTES

    def _release(self, key: Key) -> None:
        held = self._held.pop(key, None)
        if held is not None and self._blobs is not None:
            self._blobs.unpin(held.blobs)
            self._blobs.bytes_beside -= held.image_bytes

    def clear_up(self, key: Key) -> None:
        """Delete an image that a worker wrote for a restyle without a record."""
        if key not in self.records:
            with contextlib.suppress(OSError):
                self.image_path(key).unlink(missing_ok=True)

    def _needs(self, key: Key) -> set[bytes]:
        return {blob for picture in self._pictures(key) for blob in picture.blobs}

    def _pictures(self, key: Key) -> list[PictureRef]:
        try:
            return _job_of(self.records[key]).pictures
        except VelaturaError:
            return []  # of another version: `attach_blobs` drops it


def _job_of(entry: dict[str, Any]) -> Job:
    """Raises VelaturaError if another version has written the entry."""
    try:
        return job_from(p.Restyle(**entry["asked"]), b"", entry["client"], entry["program"], NO_LIMIT, NO_LIMIT)
    except (KeyError, TypeError) as error:
        raise BadMessage(
            lazy_text("The saved restyle was written by another version ({problem}).", problem=str(error))
        ) from error

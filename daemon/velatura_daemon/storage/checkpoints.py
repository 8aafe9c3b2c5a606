"""Running and stopped restyles on disk: everything needed to resume them after a crash."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from velatura.app_dirs import AppDirs, sync_folder
from velatura.errors import BadMessage, UnknownBlob, VelaturaError
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
NO_LIMIT = float("inf")  # of megapixels: checked when the job was submitted


@dataclass(frozen=True)
class Checkpoint:
    """The image so far. step: how many steps of its scale are done."""

    path: Path
    step: int


class CheckpointStore:
    """Checkpoints by client_id and job, from the first one until the restyle has ended. A worker writes the image to
    `image_path` every few seconds; then `note` is called."""

    def __init__(self, dirs: AppDirs) -> None:
        """Raises DiskTrouble."""
        self.records = RecordStore(dirs.state / "checkpoints", DAYS)
        self._blobs: BlobStore | None = None
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
            blobs.pin(needed)
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
            "elsewhere": event.elsewhere,
        }
        if fresh and entry["elsewhere"]:
            self._blobs.sync(job.blobs)  # otherwise the worker has flushed them
        self.records.put(key, entry, date)
        if fresh:
            self._blobs.pin(job.blobs)
            for old in [(job.client_id, entry["job"]) for entry in self.records.of(job.client_id)][:-PER_CLIENT]:
                self.drop(old)

    def checkpoint(self, key: Key) -> Checkpoint | None:
        """The checkpoint of a restyle, or None."""
        if key not in self.records or not (self.records[key].get("elsewhere") or self.image_path(key).exists()):
            return None
        return Checkpoint(self.image_path(key), int(self.records[key]["step"]))

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
        """A job that resumes it, for this session. Raises UnknownBlob if it is gone."""
        if key not in self.records or self.checkpoint(key) is None:
            raise UnknownBlob("This restyle is not saved any more. Restyle again.")
        job = _job_of(self.records[key])
        if self._blobs is None or not self._blobs.are_whole(job.pictures):
            self.drop(key)
            raise UnknownBlob("The pictures of this restyle are gone. Restyle again.")
        job.session, job.client_id, job.resume = session, client_id, True
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
        sync_folder(self.records.folder)

    def drop(self, key: Key) -> None:
        """Delete it: it has ended, or is not wanted any more."""
        if key in self.records:
            needed = self._needs(key)
            self.records.remove(key)
            if self._blobs is not None:
                self._blobs.unpin(needed)
        self.clear_up(key)

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
        return job_from(p.Restyle(**entry["asked"]), b"", entry["client"], entry["program"], NO_LIMIT)
    except (KeyError, TypeError) as error:
        raise BadMessage(f"The saved restyle was written by another version ({error}).") from error

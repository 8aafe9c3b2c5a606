"""Finished results, stored on disk until their client confirms that it has them."""

from __future__ import annotations

import logging
from typing import Any

from velatura.app_dirs import AppDirs, sync_folder
from velatura.errors import VelaturaError
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura_daemon.storage.blobs import BlobStore
from velatura_daemon.storage.records import Key, RecordStore

log = logging.getLogger("velatura.storage")

PER_CLIENT = 32  # finished and not fetched; the oldest goes first
DAYS = 30.0


class ResultStore:
    """Results by client_id and job. Their pictures are pinned in the blob store."""

    def __init__(self, dirs: AppDirs) -> None:
        """Raises DiskTrouble."""
        self.records = RecordStore(dirs.state / "results", DAYS)
        for key in self.records:
            try:
                _ = p.Result(**self.records[key]["result"]), _pictures_of(self.records[key])
            except (KeyError, TypeError, VelaturaError):
                log.error("result %s was written by another version, and is set aside", key[1])
                self.records.set_aside(key)
        self._blobs: BlobStore | None = None

    @property
    def blobs_needed(self) -> set[bytes]:
        return {blob for key in self.records for blob in _blobs_of(self.records[key])}

    def attach_blobs(self, blobs: BlobStore) -> None:
        """Set the store of their pictures. Results whose picture is missing or incomplete are dropped."""
        self._blobs = blobs
        for key in self.records:
            needed = _blobs_of(self.records[key])
            blobs.pin(needed)
            if any(blob not in blobs for blob in needed) or not blobs.are_whole(_pictures_of(self.records[key])):
                log.error("the picture of result %s is missing or incomplete; the result is dropped", key[1])
                self.drop(key)

    def __len__(self) -> int:
        return len(self.records)

    def keep(self, client_id: str, result: p.Result, about: dict[str, Any], date: float) -> bool:
        """Store a result whose picture is in the blob store. about: title, note, program, styles, thumbnail.

        Returns False if the disk refuses: then the result is kept in memory, since its client may fetch it at once.
        """
        assert self._blobs is not None
        entry = {**about, "result": vars(result), "settings": result.settings}
        is_safe = True
        try:
            self._blobs.sync(_blobs_of(entry))
            sync_folder(self._blobs.folder)
            self.records.put((client_id, result.job), entry, date)
        except VelaturaError as error:
            log.error("result of job %s would not survive a crash: %s", result.job, error.sentence)
            self.records.hold((client_id, result.job), entry, date)
            is_safe = False
        self._blobs.pin(_blobs_of(entry))
        for old in [(client_id, entry["job"]) for entry in self.records.of(client_id)][:-PER_CLIENT]:
            log.warning("result of job %s dropped: %d others wait for the same client", old[1], PER_CLIENT)
            self.drop(old)
        while len(self.records) > 1 and self._bytes_held() > self._blobs.budget / 2:
            old = next(iter(self.records))
            log.warning("result of job %s dropped: results that were not fetched fill half of the spool", old[1])
            self.drop(old)
        return is_safe

    def _bytes_held(self) -> int:
        assert self._blobs is not None
        return sum(self._blobs.blob(blob).size for blob in self.blobs_needed if blob in self._blobs)

    def drop(self, key: Key) -> None:
        """Delete a result: the client has it, or it is not wanted any more."""
        if key in self.records:
            needed = _blobs_of(self.records[key])
            self.records.remove(key)
            if self._blobs is not None:
                self._blobs.unpin(needed)

    def of(self, client_id: str) -> list[p.Result]:
        """A client's results that it has not fetched yet."""
        return [p.Result(**entry["result"]) for entry in self.records.of(client_id)]

    def picture_bytes(self, blob: bytes) -> memoryview | None:
        """The bytes of a result's picture, profile or mask; None if the blob belongs to no result."""
        assert self._blobs is not None
        return self._blobs.read(blob) if blob in self.blobs_needed else None


def _pictures_of(entry: dict[str, Any]) -> list[PictureRef]:
    pictures = [entry["result"]["picture"], entry["result"]["mask"]]
    return [PictureRef.from_wire(picture) for picture in pictures if picture is not None]


def _blobs_of(entry: dict[str, Any]) -> set[bytes]:
    return {blob for picture in _pictures_of(entry) for blob in picture.blobs}

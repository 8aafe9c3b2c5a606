"""Finished results, stored on disk until their client confirms that it has them."""

from __future__ import annotations

import logging
from typing import Any

from velatura.app_dirs import AppDirs, sync_folder
from velatura.errors import VelaturaError
from velatura.i18n.wire import text_to_wire
from velatura.pixels import PictureRef
from velatura.protocol import codec
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
                _ = codec.result_from(self.records[key]["result"]), _pictures_of(self.records[key])
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
        entry = {**about, "result": _stored(result), "settings": result.settings}
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
        return is_safe

    def blobs_of(self, key: Key) -> frozenset[bytes]:
        return frozenset(_blobs_of(self.records[key]))

    def drop(self, key: Key) -> None:
        """Delete a result: the client has it, or it is not wanted any more."""
        if key in self.records:
            needed = _blobs_of(self.records[key])
            self.records.remove(key)
            if self._blobs is not None:
                self._blobs.unpin(needed)

    def of(self, client_id: str) -> list[p.Result]:
        """A client's results that it has not fetched yet."""
        return [codec.result_from(entry["result"]) for entry in self.records.of(client_id)]

    def picture_bytes(self, blob: bytes) -> memoryview | None:
        """The bytes of a result's picture, profile or mask; None if the blob belongs to no result."""
        assert self._blobs is not None
        return self._blobs.read(blob) if blob in self.blobs_needed else None


def _stored(result: p.Result) -> dict[str, Any]:
    """Its fields, with what its texts were made from: `codec.result_from` makes them translatable again."""
    texts: dict[str, Any] = {"notes": [text_to_wire(note) for note in result.notes]}
    texts |= {name: text_to_wire(value) for name, value in vars(result).items() if isinstance(value, str)}
    return {**vars(result), "texts": texts}


def blobs_of_result(result: p.Result) -> set[bytes]:
    """The blobs of its picture, profile and mask."""
    return {blob for picture in _pictures_in(vars(result)) for blob in picture.blobs}


def _pictures_in(result: dict[str, Any]) -> list[PictureRef]:
    return [PictureRef.from_wire(picture) for picture in (result["picture"], result["mask"]) if picture is not None]


def _pictures_of(entry: dict[str, Any]) -> list[PictureRef]:
    return _pictures_in(entry["result"])


def _blobs_of(entry: dict[str, Any]) -> set[bytes]:
    return {blob for picture in _pictures_of(entry) for blob in picture.blobs}

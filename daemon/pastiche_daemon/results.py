"""Finished results: kept until the client_id they belong to has them."""

from __future__ import annotations

import logging

from pastiche import protocol as p
from pastiche_daemon.blobs import BlobStore

log = logging.getLogger("pastiche")

PER_CLIENT = 16  # finished and not fetched; the oldest goes first


class Results:
    """By client_id and job. Their pictures stay in the blob store for as long."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs
        self._kept: dict[tuple[str, str], p.Result] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, client_id: str, result: p.Result) -> None:
        """Keep a result; its picture is in the blob store."""
        self._blobs.pin(_blobs_of(result))
        self._kept[client_id, result.job] = result
        for owner, job in [key for key in self._kept if key[0] == client_id][:-PER_CLIENT]:
            log.warning("result of job %s dropped: %d others wait for the same client", job, PER_CLIENT)
            self.drop(owner, job)
        while len(self._kept) > 1 and self._bytes_held() > self._blobs.budget / 2:
            owner, job = next(iter(self._kept))
            log.warning("result of job %s dropped: results that nobody fetches fill half the spool", job)
            self.drop(owner, job)

    def _bytes_held(self) -> int:
        return sum(
            self._blobs.blob(blob).size
            for result in self._kept.values()
            for blob in _blobs_of(result)
            if blob in self._blobs
        )

    def drop(self, client_id: str, job: str) -> None:
        """The client has it: it may be forgotten."""
        result = self._kept.pop((client_id, job), None)
        if result is not None:
            self._blobs.unpin(_blobs_of(result))

    def of(self, client_id: str) -> list[p.Result]:
        """A client's, finished and not yet fetched."""
        return [result for (owner, _), result in self._kept.items() if owner == client_id]

    def picture_bytes(self, client_id: str, blob: bytes) -> memoryview | None:
        """The bytes of a result's picture or profile, if it is one of this client's."""
        if any(blob in _blobs_of(result) for result in self.of(client_id)):
            return self._blobs.read(blob)
        return None


def _blobs_of(result: p.Result) -> list[bytes]:
    return [blob for blob in (result.picture["blob"], result.picture["profile"]) if blob]

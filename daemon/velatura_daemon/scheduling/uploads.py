"""Pictures on their way from clients: which to ask for next, and what has arrived."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from velatura.errors import VelaturaError
from velatura.protocol import messages as p
from velatura.protocol.transfer import Download
from velatura_daemon.jobs.job import Job
from velatura_daemon.storage.blobs import Upload
from velatura_daemon.storage.job_store import JobStore

PROFILE_LIMIT = 4 << 20  # bytes of an ICC profile, whose size is not known before it comes


@dataclass
class _PendingUpload:
    transfer: Download
    upload: Upload


class Uploads:
    """One picture at a time per session. `jobs_of` gives a session's jobs, in order of arrival."""

    def __init__(
        self,
        store: JobStore,
        jobs_of: Callable[[bytes], Iterable[Job]],
        notify: Callable[[bytes, p.Message], None],
        fail: Callable[[Job, VelaturaError], None],
    ) -> None:
        """notify(session, message). fail(job, error): its picture cannot be had."""
        self._store, self._jobs_of, self._notify, self._fail = store, jobs_of, notify, fail
        self._pending: dict[bytes, _PendingUpload] = {}

    def request_next(self, session: bytes) -> None:
        """Ask a session for the next picture that one of its jobs lacks, unless one is on its way."""
        if session in self._pending:
            return
        for job in list(self._jobs_of(session)):
            if not job.missing:
                continue
            blob = min(job.missing)
            size = next((picture.length for picture in job.pictures if picture.blob == blob), None)
            try:
                upload = self._store.begin_upload(job, size or PROFILE_LIMIT)
            except VelaturaError as error:
                self._fail(job, error)
                continue
            transfer = Download(blob, upload.write, size, PROFILE_LIMIT)
            self._pending[session] = _PendingUpload(transfer, upload)
            self._notify(session, transfer.first_get())
            return

    def take(self, session: bytes, put: p.Put) -> bytes | None:
        """A piece of a picture; one that was not asked for is dropped. Returns the blob when it is complete."""
        pending = self._pending.get(session)
        if pending is None or pending.transfer.ticket != put.ticket:
            return None
        blob = pending.transfer.blob  # whatever the piece calls itself
        try:
            credit = pending.transfer.add(put)
            if pending.transfer.finished:
                self._store.blobs.finish(blob, pending.upload)
        except VelaturaError as error:
            self.abandon(session)
            for job in list(self._jobs_of(session)):
                if blob in job.missing:
                    self._fail(job, error)
            self.request_next(session)
            return None
        if credit is not None:
            self._notify(session, credit)
        if not pending.transfer.finished:
            return None
        del self._pending[session]
        return blob

    def drop_unneeded(self) -> None:
        """Stop transfers that no job of their session waits for any more, and ask for what is needed next: another
        client may have sent the same picture meanwhile."""
        for session in list(self._unneeded()):
            self.abandon(session)
            self.request_next(session)

    def _unneeded(self) -> Iterator[bytes]:
        for session, pending in list(self._pending.items()):
            if not any(pending.transfer.blob in job.missing for job in self._jobs_of(session)):
                yield session

    def abandon(self, session: bytes) -> None:
        pending = self._pending.pop(session, None)
        if pending is not None:
            self._store.blobs.abandon(pending.upload)

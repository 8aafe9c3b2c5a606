"""The blobs of a client's jobs: uploads of what the daemon requests, and downloads of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from velatura.client.events import Finished
from velatura.errors import BadMessage
from velatura.pixels import Picture, PictureRef, zeroed_buffer
from velatura.protocol import messages as p
from velatura.protocol.transfer import Download, put_messages


@dataclass
class _Job:
    """uploads: the blobs that were sent or may be requested. owner: the client_id that the result belongs to, if that
    is another client. result: its description, once it is known. downloads: the received bytes, by blob name."""

    uploads: dict[bytes, memoryview] = field(default_factory=dict)
    owner: str = ""
    result: p.Result | None = None
    downloads: dict[bytes, memoryview | bytearray] = field(default_factory=dict)


class JobBlobs:
    """The jobs of a client whose result has not arrived yet, and their blobs."""

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self._send = send
        self.chunk = 0  # bytes of a piece that is sent, at most; 0: the protocol's limit
        self._jobs: dict[str, _Job] = {}
        self._downloads: dict[int, tuple[Download, str]] = {}  # by ticket, with the job

    def __contains__(self, job: str) -> bool:
        return job in self._jobs

    @property
    def jobs(self) -> list[str]:
        """The ids of the jobs."""
        return list(self._jobs)

    @property
    def is_downloading(self) -> bool:
        """Whether the pictures of a result are arriving."""
        return bool(self._downloads)

    def owner(self, job: str) -> str:
        """The client_id that the result of this job belongs to, '' for this client."""
        return self._jobs[job].owner

    def add(self, job: str, blobs: Mapping[bytes, memoryview]) -> None:
        """Add a new job. blobs: what the daemon may request, by name."""
        self._jobs[job] = _Job(dict(blobs))

    def add_saved(self, job: str, owner: str = "") -> None:
        """Add a job that the daemon has saved, unless it is known already."""
        self._jobs.setdefault(job, _Job(owner=owner))

    def upload(self, request: p.Get) -> None:
        """Send the requested bytes. Does nothing if no job has this blob any more; the daemon knows that too."""
        data = next((job.uploads[request.blob] for job in self._jobs.values() if request.blob in job.uploads), None)
        for put in put_messages(request, data, self.chunk) if data is not None else ():
            self._send(put)

    def fetch(self, result: p.Result) -> Finished | None:
        """Start to download the pictures of a result. Returns the finished job if nothing has to be downloaded."""
        job = self._jobs[result.job]
        job.result = result
        for ref in _pictures_of(result):
            for blob in ref.blobs:
                if blob in job.uploads or blob in job.downloads:
                    continue  # the profile and the mask of a result are usually those that were sent
                if blob == ref.blob:
                    buffer = job.downloads[blob] = zeroed_buffer(ref.length)
                    download = Download(blob, _in_place(buffer), ref.length)
                else:  # a profile, whose size is not known yet
                    profile = job.downloads[blob] = bytearray()
                    download = Download(blob, profile.extend)
                self._downloads[download.ticket] = (download, result.job)
                self._send(download.first_get())
        return self._finished(result.job)

    def receive(self, put: p.Put) -> Finished | None:
        """Add a piece to its download. Returns the finished job if this was its last piece."""
        if put.ticket not in self._downloads:
            return None
        download, job = self._downloads[put.ticket]
        credit = download.add(put)
        if credit is not None:
            self._send(credit)
        if not download.finished:
            return None
        del self._downloads[put.ticket]
        return self._finished(job)

    def _finished(self, name: str) -> Finished | None:
        job = self._jobs[name]
        if job.result is None or any(owner == name for _, owner in self._downloads.values()):
            return None
        data: dict[bytes, memoryview | bytearray] = {**job.uploads, **job.downloads}
        pictures = []
        for ref in _pictures_of(job.result):
            if any(blob not in data for blob in ref.blobs):
                raise BadMessage("The picture of the result is incomplete. Restyle again.")
            format_ = replace(ref.format, profile=bytes(data[ref.profile]) if ref.profile else b"")
            pictures.append(Picture(ref.width, ref.height, format_, data[ref.blob]))
        return Finished(name, pictures[0], job.result, pictures[1] if len(pictures) > 1 else None)

    def remove(self, job: str) -> None:
        """Remove a job, if it is known, and abandon its downloads."""
        self._jobs.pop(job, None)
        for ticket in [ticket for ticket, (_, owner) in self._downloads.items() if owner == job]:
            del self._downloads[ticket]

    def clear(self) -> None:
        """Remove all jobs."""
        self._jobs.clear()
        self._downloads.clear()


def _in_place(buffer: memoryview) -> Callable[[memoryview], None]:
    """Return a function that writes one piece after the other into a buffer of the final size."""

    def write(piece: memoryview) -> None:
        nonlocal buffer
        buffer[: piece.nbytes] = piece
        buffer = buffer[piece.nbytes :]

    return write


def _pictures_of(result: p.Result) -> list[PictureRef]:
    """The picture of a result, and its mask if it has one."""
    return [PictureRef.from_wire(value) for value in (result.picture, result.mask) if value is not None]

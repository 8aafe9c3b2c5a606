"""The blobs of a client's jobs: uploads of what the daemon requests, and downloads of results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from velatura.client.events import Finished, StepPicture
from velatura.errors import BadMessage
from velatura.i18n import lazy_text
from velatura.pixels import Picture, PictureRef, zeroed_buffer
from velatura.protocol import messages as p
from velatura.protocol.transfer import Download, put_messages


@dataclass
class _Job:
    """A job whose result has not arrived yet.

    Attributes:
        uploads: The blobs that were sent or may be requested, by name.
        owner: The client_id that the result belongs to, if that is another client.
        result: Its description, once it is known.
        downloads: The received bytes, by blob name.
        saved: Whether the daemon has a checkpoint.
    """

    uploads: dict[bytes, memoryview] = field(default_factory=dict)
    owner: str = ""
    result: p.Result | None = None
    downloads: dict[bytes, memoryview | bytearray] = field(default_factory=dict)
    saved: bool = False


class JobBlobs:
    """The jobs of a client whose result has not arrived yet, and their blobs.

    Args:
        send: Sends a message to the daemon.

    Attributes:
        chunk: Bytes of a piece that is sent, at most; 0 for the protocol's limit.
    """

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self._send = send
        self.chunk = 0  # bytes of a piece that is sent, at most; 0: the protocol's limit
        self._jobs: dict[str, _Job] = {}
        self._downloads: dict[int, tuple[Download, str]] = {}  # by ticket, with the job
        self._steps: dict[int, tuple[Download, p.Step, memoryview]] = {}  # by ticket, with what has arrived

    def __contains__(self, job: str) -> bool:
        return job in self._jobs

    @property
    def jobs(self) -> list[str]:
        """The ids of the jobs."""
        return list(self._jobs)

    @property
    def saved_jobs(self) -> set[str]:
        """The ids of the jobs that can be resumed if the daemon ends."""
        return {id for id, job in self._jobs.items() if job.saved}

    def note_saved(self, job: str) -> None:
        """The daemon has a checkpoint of this job."""
        if job in self._jobs:
            self._jobs[job].saved = True

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
        self._jobs.setdefault(job, _Job(owner=owner, saved=True))

    def upload(self, request: p.Get) -> None:
        """Send the requested bytes. Does nothing if no job has this blob any more; the daemon knows that too."""
        data = next((job.uploads[request.blob] for job in self._jobs.values() if request.blob in job.uploads), None)
        for put in put_messages(request, data, self.chunk) if data is not None else ():
            self._send(put)

    def fetch(self, result: p.Result) -> Finished | None:
        """Start to download the pictures of a result.

        Args:
            result: The result of a job that was added.

        Returns:
            The finished job if nothing has to be downloaded; otherwise None.
        """
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
        """Add a piece to its download.

        Args:
            put: The piece. One that no download expects is ignored.

        Returns:
            The finished job if this was its last piece; otherwise None.

        Raises:
            BadMessage: The piece is out of order, or the result incomplete.
            WrongHash: The picture was damaged in transfer.
        """
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

    def fetch_step(self, step: p.Step) -> None:
        """Start to download the picture of a step.

        Args:
            step: The message; ignored if its job has ended.

        Raises:
            BadMessage: Too many are on their way.
        """
        if step.job not in self._jobs:
            return
        # Twice, because a worker that died has left its last ones.
        if len(self._steps) >= 2 * p.MAX_UNRECEIVED_STEPS * len(self._jobs):
            raise BadMessage(lazy_text("The daemon sends steps before the previous ones have arrived."))
        ref = PictureRef.from_wire(step.picture)
        buffer = zeroed_buffer(ref.length)
        download = Download(ref.blob, _in_place(buffer), ref.length)
        self._steps[download.ticket] = (download, step, buffer)
        self._send(download.first_get())

    def receive_step(self, put: p.Put) -> StepPicture | None:
        """Like `receive`, for steps.

        Args:
            put: The piece.

        Returns:
            The picture if this was its last piece; otherwise None.

        Raises:
            BadMessage: The piece is out of order, or the picture has another profile than the content.
            WrongHash: The picture was damaged in transfer.
        """
        if put.ticket not in self._steps:
            return None
        download, step, buffer = self._steps[put.ticket]
        credit = download.add(put)
        if credit is not None:
            self._send(credit)
        if not download.finished:
            return None
        del self._steps[put.ticket]
        ref, uploads = PictureRef.from_wire(step.picture), self._jobs[step.job].uploads
        if ref.profile and ref.profile not in uploads:
            raise BadMessage(lazy_text("The picture of a step has a different colour profile from the content."))
        format_ = replace(ref.format, profile=bytes(uploads[ref.profile]) if ref.profile else b"")
        return StepPicture(step.job, step.number, Picture(ref.width, ref.height, format_, buffer))

    def _finished(self, name: str) -> Finished | None:
        job = self._jobs[name]
        if job.result is None or any(owner == name for _, owner in self._downloads.values()):
            return None
        data: dict[bytes, memoryview | bytearray] = {**job.uploads, **job.downloads}
        pictures = []
        for ref in _pictures_of(job.result):
            if any(blob not in data for blob in ref.blobs):
                raise BadMessage(lazy_text("The picture of the result is incomplete. Restyle again."))
            format_ = replace(ref.format, profile=bytes(data[ref.profile]) if ref.profile else b"")
            pictures.append(Picture(ref.width, ref.height, format_, data[ref.blob]))
        return Finished(name, pictures[0], job.result, pictures[1] if len(pictures) > 1 else None)

    def remove(self, job: str) -> None:
        """Remove a job, if it is known, and abandon its downloads."""
        self._jobs.pop(job, None)
        for ticket in [ticket for ticket, (_, owner) in self._downloads.items() if owner == job]:
            del self._downloads[ticket]
        for ticket in [ticket for ticket, (_, step, _) in self._steps.items() if step.job == job]:
            del self._steps[ticket]

    def clear(self) -> None:
        """Remove all jobs."""
        self._jobs.clear()
        self._downloads.clear()
        self._steps.clear()


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

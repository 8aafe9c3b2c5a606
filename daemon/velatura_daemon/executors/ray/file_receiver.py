"""Downloads the files that come with an actor's events: results and last images at a job's end, checkpoints before."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from pathlib import Path

from velatura.errors import DiskTrouble
from velatura.i18n import lazy_text
from velatura_daemon.executors.ray.actor_state import ActorState, Assignment
from velatura_daemon.executors.ray.config import device_at
from velatura_daemon.executors.ray.download import Damaged, receive
from velatura_daemon.executors.ray.messages import RemoteFile
from velatura_daemon.jobs.events import CheckpointSaved, Heartbeat, JobDone, JobFailed, JobStopped
from velatura_daemon.storage.atomic import sync_files
from velatura_daemon.storage.blobs import disk_trouble

log = logging.getLogger("velatura.farm")

TRANSFER_SHARE = 0.05  # of the time, at most, that the transfer of checkpoints may take: they are large


class FileReceiver:
    """Called on the thread that listens to the actor."""

    def __init__(self, state: ActorState) -> None:
        self._state = state
        self._next_checkpoint = 0.0

    @property
    def accepts_checkpoint(self) -> bool:
        """Whether a checkpoint may be transferred now."""
        return time.monotonic() >= self._next_checkpoint

    def receive_ending(
        self, assignment: Assignment, ending: JobDone | JobStopped | JobFailed, files: tuple[RemoteFile, ...]
    ) -> None:
        """Download a job's files to the paths in its spec, then report its end.

        If the result cannot be downloaded, the job has failed; a last image that cannot be downloaded is left out.
        """
        if isinstance(ending, JobDone):
            ending = replace(ending, device=device_at(ending.device, self._state.node))
        try:
            self._download(assignment, files)
        except _JobEnded:
            return
        except (OSError, Damaged) as error:
            if self._state.handle_connection_error(error):
                return
            if isinstance(ending, JobDone):
                failure = (
                    DiskTrouble(lazy_text("The result was damaged on its way from the cluster. Restyle again."))
                    if isinstance(error, Damaged)
                    else disk_trouble(error, assignment.spec.files.result)
                )
                ending = JobFailed(ending.ticket, failure.code, failure.sentence)
            elif isinstance(ending, JobStopped):
                ending = replace(ending, last_image=None)
        self._state.end_job(assignment, ending)

    def receive_checkpoint(self, assignment: Assignment, event: CheckpointSaved, files: tuple[RemoteFile, ...]) -> None:
        """Download a checkpoint, from which another worker resumes if this one dies."""
        began = time.monotonic()
        try:
            if not assignment.inputs_synced:
                sync_files(assignment.files.values())  # after a crash a checkpoint is useless without the inputs
                assignment.inputs_synced = True
            self._download(assignment, files)
        except _JobEnded:
            return
        except (OSError, Damaged) as error:
            log.warning("a checkpoint could not be saved: %s", error)
        else:
            self._state.emit(event)
        now = time.monotonic()
        self._next_checkpoint = now + (now - began) / TRANSFER_SHARE

    def _download(self, assignment: Assignment, files: tuple[RemoteFile, ...]) -> None:
        """Raises _JobEnded, OSError, Damaged, ActorSilent and Ray's errors."""
        actor = self._state.actor

        def fetch(blob: bytes, offset: int) -> bytes:
            if assignment.ended:
                raise _JobEnded
            data: bytes = self._state.wait_for_answer(actor, actor.piece.remote(blob, offset).future())
            return data

        for file in files:
            path: Path = getattr(assignment.spec.files, file.output)
            part = path.with_name(f".{path.name}.part")
            try:
                receive(file, part, fetch, lambda: self._state.emit(Heartbeat()))
                self._publish(assignment, part, path)
            finally:
                part.unlink(missing_ok=True)

    def _publish(self, assignment: Assignment, part: Path, path: Path) -> None:
        """Move a complete file to its place, unless another thread has ended the job: another run may have begun, and
        writes its checkpoints to the same path. Raises _JobEnded, OSError."""
        with self._state.lock:
            if assignment.ended:
                raise _JobEnded
            part.replace(path)


class _JobEnded(Exception):
    """The job was ended while its files were downloaded: nothing needs them any more."""

"""Orders: jobs, their pictures, the clients they are of. Who does them: `workshop.py`. Knows no sockets and no
torch."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from velatura.app_dirs import AppDirs
from velatura.errors import BadMessage, TooBusy, VelaturaError
from velatura.pixels import LARGEST_SIDE
from velatura.protocol import messages as p
from velatura.protocol.transfer import Download
from velatura.settings import StyleSettings
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.job import JOBS_PER_CLIENT, PARKED, QUEUED, RUNNING, WAITING, Job
from velatura_daemon.jobs.validation import job_from
from velatura_daemon.scheduling.queue import Queue
from velatura_daemon.scheduling.scheduler import Scheduler
from velatura_daemon.scheduling.truncate import truncate_to_bytes
from velatura_daemon.scheduling.worker_pool import WorkerPool
from velatura_daemon.storage.blobs import Upload
from velatura_daemon.storage.job_store import JobStore

log = logging.getLogger("velatura.jobs")

# Of a status, which has to fit a header: the first jobs, characters of their names, bytes of them all.
JOBS_TOLD, NAME_TOLD, JOBS_ROOM = 100, 64, 32 << 10
RESULTS_ROOM = 48 << 10  # bytes of a welcome's, which has to fit one too
PROFILE_LIMIT = 4 << 20  # bytes of an ICC profile
# Failures after which to go on makes sense, where a machine is back or another one is there.
WORTH_KEEPING = (
    "out_of_memory",
    "worker_died",
    "daemon_lost",
    "disk",
    "device_unavailable",
    "internal",
    "picture_too_large",
)

Tell = Callable[[bytes, p.Message], None]  # session, message


@dataclass
class PendingUpload:
    """A picture on its way in from one session."""

    incoming: Download
    upload: Upload


class JobService:
    """Takes orders from sessions and answers them by `tell(session, message)`."""

    def __init__(self, options: DaemonConfig, places: AppDirs, pool: WorkerPool, tell: Tell, clock: Clock) -> None:
        """Raises DiskTrouble."""
        self._options = options
        self.tell = tell
        self._clock = clock
        self.store = JobStore(places, options.spool_megabytes << 20, clock)
        self.blobs = self.store.blobs
        self.queue = Queue()
        self.scheduler = Scheduler(options, pool, self.queue, self.store, clock, self)
        self._pending_uploads: dict[bytes, PendingUpload] = {}  # by session: one picture at a time
        self._silent: set[bytes] = set()  # sessions that are not heard of
        self._client_of: dict[bytes, str] = {}  # sessions that have asked for something

    # --- orders ------------------------------------------------------------------------------------
    def submit(self, session: bytes, client_id: str, program: str, asked: p.Restyle) -> None:
        """Take a restyle in: check it, ask for the pictures that are missing. Raises VelaturaError."""
        job = job_from(asked, session, client_id, program, self._options.megapixel_limit)
        self._check_room_for(client_id, job.id)
        if (client_id, job.id) in self.store.checkpoints.records:
            raise BadMessage(
                f"A job {job.id!r} is kept, stopped midway: resume it, or give the new one an id of its own."
            )
        self._take_in(job)

    def resume(self, session: bytes, client_id: str, whose: str, asked: p.Resume) -> None:
        """Take up a restyle that was stopped midway, this client's or another's. Raises VelaturaError."""
        if asked.how not in ("go_on", "as_it_is"):
            raise BadMessage(f"A restyle is resumed to go_on, or as_it_is; {asked.how[:40]!r} is neither.")
        self._check_room_for(client_id, asked.job)
        if (whose, asked.job) in self.store.in_hand:
            raise BadMessage("This restyle is being worked on already.")
        job = self.store.checkpoints.take_up((whose, asked.job), session, client_id)
        job.as_it_is = asked.how == "as_it_is"
        self._take_in(job)

    def _check_room_for(self, client_id: str, job: str) -> None:
        if len(self.queue.of(client_id)) >= JOBS_PER_CLIENT:
            raise TooBusy(f"{JOBS_PER_CLIENT} restyles of this program are waiting already. Cancel some, or wait.")
        if self.queue.get(client_id, job) or (client_id, job) in self.store.results.records:
            raise BadMessage(f"There is a job {job!r} already; each has an id of its own.")

    def _take_in(self, job: Job) -> None:
        self._client_of[job.session] = job.client_id
        self.blobs.pin(job.blobs)
        job.came = self._clock.now()
        job.missing = {blob for blob in job.blobs if blob not in self.blobs}
        for old in self.queue.add(job):
            self.scheduler.halt(old)
            self._forget(old)
            self.store.ended(old)
            self.tell(old.session, p.Cancelled(old.id, replaced_by=job.id))
        self.store.taken_in(job)
        log.info(
            "job %s: %d × %d, %d style(s), %s, %d picture(s) to come",
            job.id,
            job.content.width,
            job.content.height,
            len(job.styles),
            job.settings.quality,
            len(job.missing),
        )
        self._ask_next(job.session)
        self._admit(job)

    def put(self, session: bytes, put: p.Put) -> None:
        """A piece of a picture. One that nobody asked for is dropped."""
        arriving = self._pending_uploads.get(session)
        if arriving is None or arriving.incoming.ticket != put.ticket:
            return
        blob = arriving.incoming.blob  # whatever the piece calls itself
        try:
            credit = arriving.incoming.take(put)
            if arriving.incoming.finished:
                self.blobs.finish(blob, arriving.upload)
        except VelaturaError as error:
            self._abandon(session)
            self._fail_those_missing(blob, session, error)
            self._ask_next(session)
            return
        if credit is not None:
            self.tell(session, credit)
        if arriving.incoming.finished:
            del self._pending_uploads[session]
            for job in self.queue:
                job.missing.discard(blob)
                self._admit(job)
            for other, theirs in list(self._pending_uploads.items()):
                if theirs.incoming.blob == blob and not self._waits_for(other, blob):
                    self._abandon(other)  # another client was sending the same picture
                    self._ask_next(other)
            self._ask_next(session)

    def cancel(self, client_id: str, name: str) -> None:
        """Answered at once; the work stops within one evaluation."""
        job = self.queue.get(client_id, name)
        if job is None:
            return
        self._drop(job)
        self.store.ended(job)
        self.tell(job.session, p.Cancelled(job.id))
        log.info("job %s: cancelled", job.id)

    def seen(self, client_id: str, name: str) -> None:
        """The client has shown a preview: another may follow."""
        job = self.queue.get(client_id, name)
        if job is not None:
            job.preview_due = True

    def estimate(self, session: bytes, asked: p.GetEstimate) -> None:
        """Have the worker, who knows the device, say how long it would take. Raises VelaturaError."""
        settings = StyleSettings.from_wire(asked.settings)
        if not (0 < asked.width <= LARGEST_SIDE and 0 < asked.height <= LARGEST_SIDE):
            raise BadMessage(f"A picture of {asked.width} × {asked.height} pixels is beyond the protocol.")
        self.scheduler.estimate(session, asked, settings)

    def forget(self) -> None:
        """Wipe pictures, results, restyles stopped midway, last images, the history; what is in work goes on."""
        self.scheduler.last.clear()
        self.store.forget()

    # --- clients that fall silent --------------------------------------------------------------------
    def park(self, session: bytes) -> None:
        """A silent client's jobs give the device back and wait for it."""
        self._silent.add(session)
        for job in self._jobs_of(session):
            if job.state in (QUEUED, RUNNING):
                self.scheduler.pause(job)
                job.state, job.resume, job.paused = PARKED, True, True
                log.info("job %s: parked, its client is silent", job.id)

    def unpark(self, session: bytes) -> None:
        """The client speaks again: its jobs go on from where they were."""
        self._silent.discard(session)
        for job in self._jobs_of(session):
            if job.state == PARKED:
                job.state = QUEUED
                log.info("job %s: its client is back", job.id)
        self.scheduler.dispatch()

    def end_session(self, session: bytes) -> None:
        """The client has said goodbye: its jobs go too; finished results stay for its client_id."""
        for job in self._leave(session):
            self.store.ended(job)
            log.info("job %s: dropped, its client has gone", job.id)

    def lose_session(self, session: bytes) -> None:
        """The client has gone without a word: what its jobs left is kept, to be gone on with."""
        for job in self._jobs_of(session):
            self.scheduler.pause(job)
        for job in self._leave(session):
            self.store.stopped(job)
            log.info("job %s: stopped, its client has vanished", job.id)

    def _leave(self, session: bytes) -> list[Job]:
        """Take a session's jobs out. Returns them."""
        self._silent.discard(session)
        self.scheduler.forget_estimates_of(session)
        self._abandon(session)
        gone = self._jobs_of(session)
        for job in gone:
            self._drop(job)
        self._client_of.pop(session, None)
        return gone

    def _jobs_of(self, session: bytes) -> list[Job]:
        return [job for job in self.queue.of(self._client_of.get(session, "")) if job.session == session]

    # --- what may be known ---------------------------------------------------------------------------
    def results_for(self, client_id: str) -> list[dict[str, Any]]:
        """What waits for a client, for its welcome: without settings and notes. With the longest names not all of them;
        the others come with the next welcome."""
        told = (
            {name: value for name, value in vars(result).items() if name not in ("settings", "notes")}
            for result in self.store.results.of(client_id)
        )
        return truncate_to_bytes(told, RESULTS_ROOM)

    def status(self) -> dict[str, Any]:
        """What docs/protocol.md promises of jobs, workers and pictures."""
        jobs = (
            {"job": job.id[:NAME_TOLD], "state": job.state, "layer": job.layer[:NAME_TOLD]}
            for job in itertools.islice(self.queue, JOBS_TOLD)
        )
        return {
            **self.scheduler.status(),
            "jobs": truncate_to_bytes(jobs, JOBS_ROOM),
            "queued": len(self.queue.waiting),
            "results_kept": len(self.store.results),
            "stopped_midway": len([key for key in self.store.checkpoints.records if key not in self.store.in_hand]),
            "pictures": len(self.blobs),
            "spool_bytes": self.blobs.bytes_held,
            "last_images": len(self.scheduler.last),
        }

    # --- inside: pictures on their way -------------------------------------------------------------------
    def _ask_next(self, session: bytes) -> None:
        """Ask a session for the next picture that one of its jobs lacks."""
        if session in self._pending_uploads:
            return
        for job in self._jobs_of(session):
            if not job.missing:
                continue
            blob = min(job.missing)
            size = next((picture.length for picture in job.pictures if picture.blob == blob), None)
            try:
                upload = self.store.begin_upload(size or PROFILE_LIMIT)
            except VelaturaError as error:
                self.fail(job, error)
                continue
            incoming = Download(blob, upload.write, size, PROFILE_LIMIT)
            self._pending_uploads[session] = PendingUpload(incoming, upload)
            self.tell(session, incoming.first_get())
            return

    def _admit(self, job: Job) -> None:
        """Into the queue, once all its pictures are here."""
        if job.state == WAITING and not job.missing:
            job.state = PARKED if job.session in self._silent else QUEUED
            self.tell(job.session, p.Accepted(job.id))
            self.scheduler.dispatch()

    def _waits_for(self, session: bytes, blob: bytes) -> bool:
        return any(blob in job.missing for job in self._jobs_of(session))

    def _abandon(self, session: bytes) -> None:
        arriving = self._pending_uploads.pop(session, None)
        if arriving is not None:
            self.blobs.abandon(arriving.upload)

    def _fail_those_missing(self, blob: bytes, session: bytes, error: VelaturaError) -> None:
        for job in self._jobs_of(session):
            if blob in job.missing:
                self.fail(job, error)

    # --- inside: a job's end -----------------------------------------------------------------------------
    def _drop(self, job: Job) -> None:
        """Out of the queue, and of the worker's hands."""
        self.scheduler.halt(job)
        self._forget(job)
        self.scheduler.dispatch()

    def _forget(self, job: Job) -> None:
        self.queue.remove(job)
        self.blobs.unpin(job.blobs)
        arriving = self._pending_uploads.get(job.session)
        if arriving is not None and not self._waits_for(job.session, arriving.incoming.blob):
            self._abandon(job.session)  # nobody waits for this picture any more
            self._ask_next(job.session)

    def fail(self, job: Job, error: VelaturaError) -> None:
        log.warning("job %s: failed (%s): %s", job.id, error.code, error.sentence)
        self._forget(job)
        if error.code in WORTH_KEEPING:
            self.store.stopped(job)
        else:
            self.store.ended(job)
        self.tell(job.session, p.Failed(job.id, error.code, error.sentence))

    def done(self, job: Job, result: p.Result, said: dict[str, Any]) -> None:
        """It has its result, which is kept."""
        self._forget(job)
        log.info("job %s: done in %.1f s with %s on %s", job.id, said["seconds"], said["weights"], said["device"])
        self.tell(job.session, result)

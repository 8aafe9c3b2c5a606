"""Clients' requests and what comes of them: jobs taken in, their pictures, results. No sockets, no torch."""

from __future__ import annotations

import itertools
import logging
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from velatura.app_dirs import AppDirs
from velatura.errors import BadMessage, BadSetting, TooBusy, VelaturaError
from velatura.i18n import lazy_text, sentences
from velatura.pixels import LARGEST_SIDE
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import CheckpointSaved, JobDone, JobStep, SavedImage
from velatura_daemon.jobs.job import JOBS_IN_ALL, JOBS_PER_CLIENT, PARKED, QUEUED, RUNNING, WAITING, Job
from velatura_daemon.jobs.spec import EstimateRequest
from velatura_daemon.jobs.validation import check_not_circular, estimate_inputs, job_from
from velatura_daemon.scheduling.queue import Queue
from velatura_daemon.scheduling.scheduler import Scheduler, no_worker
from velatura_daemon.scheduling.spec_builder import SpecBuilder
from velatura_daemon.scheduling.steps import Steps
from velatura_daemon.scheduling.truncate import truncate_to_bytes
from velatura_daemon.scheduling.uploads import Uploads
from velatura_daemon.scheduling.worker_pool import Assignment, WorkerPool
from velatura_daemon.storage.job_store import JobStore
from velatura_daemon.storage.warm_starts import WarmStarts

log = logging.getLogger("velatura.jobs")

# A status has to fit a header: the first jobs, characters of their names, bytes of jobs and of workers (some 80).
JOBS_SHOWN, NAME_SHOWN, JOBS_BYTES, WORKERS_BYTES = 100, 64, 32 << 10, 16 << 10
RESULTS_BYTES = 48 << 10  # of a welcome's results, which has to fit one too
# Errors after which resuming makes sense: on another machine, or when this one is back.
RESUMABLE_ERRORS = (
    "out_of_memory",
    "worker_died",
    "daemon_lost",
    "disk",
    "device_unavailable",
    "internal",
    "picture_too_large",
    "too_busy",
)
NO_LAST_IMAGE = lazy_text("No last result fits, so this restyle starts from the content.")

Notify = Callable[[bytes, p.Message], None]  # session, message


class JobService:
    """Takes requests of sessions, and answers them by `notify(session, message)`."""

    def __init__(self, config: DaemonConfig, dirs: AppDirs, pool: WorkerPool, notify: Notify, clock: Clock) -> None:
        """Raises DiskTrouble."""
        self._config = config
        self.notify = notify
        self.store = JobStore(dirs, config.spool_megabytes << 20, clock)
        self.blobs = self.store.blobs
        self.warm_starts = WarmStarts(self.store.blobs, self.store.checkpoints)
        self.queue = Queue()
        self.steps = Steps(self.blobs)
        self.uploads = Uploads(self.store, self._jobs_of, notify, self.on_failed)
        self._id = uuid.uuid4().hex  # in the `via` of the jobs that other daemons do for this one
        specs = SpecBuilder(config, self.store, self.warm_starts, self._id)
        self.scheduler = Scheduler(config, pool, self.queue, specs, self, clock)
        self._weights = specs.weights
        self._silent: set[bytes] = set()  # sessions that miss their heartbeats
        self._client_of: dict[bytes, str] = {}  # sessions that have requested something

    # --- requests ------------------------------------------------------------------------------------------
    def submit(self, session: bytes, client_id: str, program: str, request: p.Restyle) -> None:
        """Take a restyle in: check it, and ask for the pictures that are missing. Raises VelaturaError."""
        check_not_circular(request.via, self._id)
        limits = self._config.megapixel_limit, self._config.style_megapixel_limit
        job = job_from(request, session, client_id, program, *limits)
        if request.step_every and self._config.executor_kind != "local":
            raise BadSetting(
                lazy_text(
                    "The steps of a restyle are sent only by a daemon that works on its own machine; this one uses "
                    "{place}. Restyle without steps, or run the command there.",
                    place=self._config.remote_name,
                )
            )
        self._check_may_add(client_id, job.id)
        self.store.quota.check_for_result(client_id, job.result_bytes)
        if (client_id, job.id) in self.store.checkpoints.records:
            raise BadMessage(
                lazy_text(
                    "A stopped job {job} is saved: resume it, or give the new one an id of its own.", job=repr(job.id)
                )
            )
        self._add(job)

    def resume(self, session: bytes, client_id: str, owner: str, request: p.Resume) -> None:
        """Continue a stopped restyle, this client's or another's. Raises VelaturaError."""
        if request.how not in ("go_on", "as_it_is"):
            raise BadMessage(
                lazy_text("A restyle is resumed with go_on or as_it_is, not {how}.", how=repr(request.how[:40]))
            )
        self._check_may_add(client_id, request.job)
        if (owner, request.job) in self.store.active:
            raise BadMessage(lazy_text("This restyle is already running."))
        self.store.check_may_resume((owner, request.job), client_id)
        job = self.store.checkpoints.take_up((owner, request.job), session, client_id)
        job.finish_now = request.how == "as_it_is"
        # Whoever resumes it did not ask for steps, and it begins a new way through other daemons.
        job.request = replace(job.request, step_every=0, via=[])
        self._add(job)

    def _check_may_add(self, client_id: str, job: str) -> None:
        if len(self.queue.of(client_id)) >= JOBS_PER_CLIENT:
            raise TooBusy(
                lazy_text(
                    "{count} restyles of this program are already waiting. Cancel some, or wait.", count=JOBS_PER_CLIENT
                )
            )
        if len(self.queue) >= JOBS_IN_ALL:
            raise TooBusy(
                lazy_text(
                    "{count} restyles of all programs are already waiting. Cancel some, or wait.", count=JOBS_IN_ALL
                )
            )
        if self.queue.get(client_id, job) or (client_id, job) in self.store.results.records:
            raise BadMessage(lazy_text("There is already a job {job}; each job needs its own id.", job=repr(job)))

    def _add(self, job: Job) -> None:
        self._client_of[job.session] = job.client_id
        self.blobs.pin(job.blobs)
        job.missing = {blob for blob in job.blobs if blob not in self.blobs}
        for old in self.queue.add(job):
            self.scheduler.cancel(old)
            self._remove(old)
            self.store.ended(old)
            self.notify(old.session, p.Cancelled(old.id, replaced_by=job.id))
        self.store.added(job)
        log.info(
            "job %s: %d × %d, styles: %d, quality: %s, pictures to receive: %d",
            job.id,
            job.content.width,
            job.content.height,
            len(job.styles),
            job.settings.quality,
            len(job.missing),
        )
        self.uploads.request_next(job.session)
        self._enqueue_if_complete(job)

    def put(self, session: bytes, put: p.Put) -> None:
        """A piece of a picture."""
        blob = self.uploads.take(session, put)
        if blob is None:
            return
        for job in self.queue:
            job.missing.discard(blob)
            self._enqueue_if_complete(job)
        self.uploads.drop_unneeded()
        self.uploads.request_next(session)

    def _enqueue_if_complete(self, job: Job) -> None:
        if job.state == WAITING and not job.missing:
            job.state = PARKED if job.session in self._silent else QUEUED
            self.notify(job.session, p.Accepted(job.id))
            self.scheduler.dispatch()

    def cancel(self, client_id: str, job_id: str) -> None:
        """Answered at once; the work stops within one evaluation."""
        job = self.queue.get(client_id, job_id)
        if job is None:
            return
        self._drop(job)
        self.store.ended(job)
        self.notify(job.session, p.Cancelled(job.id))
        log.info("job %s: cancelled", job.id)

    def preview_shown(self, client_id: str, job_id: str) -> None:
        """Another preview may follow."""
        job = self.queue.get(client_id, job_id)
        if job is not None:
            job.preview_due = True

    def step_received(self, client_id: str, job_id: str) -> None:
        """The client has a step: the worker may send another one."""
        job = self.queue.get(client_id, job_id)
        if job is not None and (ticket := self.steps.received(job)):
            self.scheduler.step_taken(job, ticket)

    def estimate(self, session: bytes, request: p.GetEstimate) -> None:
        """Ask a worker, which knows its device. Raises VelaturaError."""
        check_not_circular(request.via, self._id)
        settings = StyleSettings.from_wire(request.settings)
        if not (0 < request.width <= LARGEST_SIDE and 0 < request.height <= LARGEST_SIDE):
            raise BadMessage(
                lazy_text(
                    "A picture of {width} × {height} pixels exceeds the limits of the protocol.",
                    width=request.width,
                    height=request.height,
                )
            )
        weights, inputs = self._weights(request.weights), estimate_inputs(request, self._config.style_megapixel_limit)
        via = (*request.via, self._id)
        question = EstimateRequest("", request.width, request.height, settings, weights, request.device, inputs, via)
        try:
            self.scheduler.estimates.ask(session, request.ticket, question)
        except OSError as error:
            raise no_worker(error) from error

    def tick(self, now: float) -> None:
        """What the clock brings."""
        self.scheduler.tick(now)
        self.store.tidy()

    def forget(self) -> None:
        """Delete pictures, results, stopped restyles, last images and the history; running jobs continue."""
        self.warm_starts.clear()
        self.store.forget()

    # --- sessions that fall silent -------------------------------------------------------------------------
    def park(self, session: bytes) -> None:
        """A silent client's jobs release their workers and wait for it."""
        self._silent.add(session)
        for job in self._jobs_of(session):
            if job.state == RUNNING:
                self.scheduler.pause(job)
                job.resume = job.paused = True
            if job.state in (QUEUED, RUNNING):
                job.state = PARKED
                log.info("job %s: parked, its client does not respond", job.id)

    def unpark(self, session: bytes) -> None:
        """The client is back: its jobs continue."""
        self._silent.discard(session)
        for job in self._jobs_of(session):
            if job.state == PARKED:
                job.state = QUEUED
                log.info("job %s: its client is back", job.id)
        self.scheduler.dispatch()

    def end_session(self, session: bytes) -> None:
        """The client closed its session: its jobs end; finished results stay for its client_id."""
        for job in self._leave(session):
            self.store.ended(job)
            log.info("job %s: dropped, its client closed the session", job.id)

    def lose_session(self, session: bytes) -> None:
        """The client vanished: its jobs stop, and can be resumed."""
        for job in self._jobs_of(session):
            self.scheduler.pause(job)
        for job in self._leave(session):
            self.store.stopped(job)
            log.info("job %s: stopped, its client disconnected", job.id)

    def _leave(self, session: bytes) -> list[Job]:
        """Take a session's jobs out. Returns them."""
        self._silent.discard(session)
        self.scheduler.estimates.forget(session)
        self.uploads.abandon(session)
        gone = self._jobs_of(session)
        for job in gone:
            self._drop(job)
        self._client_of.pop(session, None)
        return gone

    def _jobs_of(self, session: bytes) -> list[Job]:
        return [job for job in self.queue.of(self._client_of.get(session, "")) if job.session == session]

    # --- reports -------------------------------------------------------------------------------------------
    def results_for(self, client_id: str) -> list[dict[str, Any]]:
        """What waits for a client, for its welcome: without settings and notes. With the longest names not all of them
        fit; the others come with the next welcome."""
        results = (
            {name: value for name, value in vars(result).items() if name not in ("settings", "notes")}
            for result in self.store.results.of(client_id)
        )
        return truncate_to_bytes(results, RESULTS_BYTES)

    def status(self) -> dict[str, Any]:
        """The part of a status (docs/protocol.md) about jobs, workers and pictures."""
        jobs = (
            {"job": job.id[:NAME_SHOWN], "state": job.state, "layer": job.layer[:NAME_SHOWN]}
            for job in itertools.islice(self.queue, JOBS_SHOWN)
        )
        pool = self.scheduler.pool
        worker, workers = pool.status()
        return {
            "worker": worker,
            "workers": truncate_to_bytes(workers, WORKERS_BYTES),
            "active_workers": len(pool.active),
            "fallback_active": pool.fallback_active,
            "jobs": truncate_to_bytes(jobs, JOBS_BYTES),
            "queued": len(self.queue.waiting),
            "results_kept": len(self.store.results),
            "stopped_midway": len(self.store.resumable),
            "pictures": len(self.blobs),
            "spool_bytes": self.blobs.bytes_held,
            "last_images": len(self.warm_starts),
        }

    # --- a job's end ---------------------------------------------------------------------------------------
    def _drop(self, job: Job) -> None:
        """Out of the queue, and off its worker."""
        self.scheduler.cancel(job)
        self._remove(job)
        self.scheduler.dispatch()

    def _remove(self, job: Job) -> None:
        self.queue.remove(job)
        self.steps.forget(job)
        self.blobs.unpin(job.blobs)
        self.uploads.drop_unneeded()

    # --- what the scheduler reports: SchedulerListener -----------------------------------------------------
    def on_failed(self, job: Job, error: VelaturaError) -> None:
        log.warning("job %s: failed (%s): %s", job.id, error.code, error.sentence)
        self._remove(job)
        if error.code in RESUMABLE_ERRORS:
            self.store.stopped(job)
        else:
            self.store.ended(job)
        self.notify(job.session, p.Failed(job.id, error.code, error.sentence))

    def on_done(self, assignment: Assignment, result: JobDone) -> None:
        """Store the result, then send it to the client. Raises DiskTrouble, TooBusy."""
        job = assignment.job
        self.blobs.adopt(result.picture.blob, assignment.outputs.result)
        message = _result_message(job, result)
        self.store.finished(job, message, result)
        self._remove(job)
        log.info("job %s: done in %.1f s with %s on %s", job.id, result.seconds, result.weights, result.device)
        self.notify(job.session, message)

    def on_step(self, assignment: Assignment, step: JobStep) -> None:
        """Keep the picture until the client has it. Raises DiskTrouble."""
        job = assignment.job
        self.steps.add(job, assignment.ticket, step.picture.blob, assignment.outputs.step(step.number))
        self.notify(job.session, p.Step(job.id, step.number, step.picture.to_wire()))

    def on_image_saved(self, assignment: Assignment, image: SavedImage | None) -> None:
        self.warm_starts.keep(assignment.job, assignment.outputs.last_image, image)

    def on_checkpoint(self, job: Job, checkpoint: CheckpointSaved) -> None:
        try:
            saved = self.store.checkpoint_saved(job, checkpoint)
        except VelaturaError as error:  # no space, or a deleted picture: the work itself continues
            log.warning("restyle %s could not be resumed after a crash: %s", job.id, error.sentence)
            if not job.notified_unsaved:
                job.notified_unsaved = True
                sentence = sentences(lazy_text("The progress of this restyle is not saved."), error.sentence)
                self.notify(job.session, p.Notice(job.id, sentence))
            return
        if saved:
            self.notify(job.session, p.ProgressSaved(job.id, checkpoint.done))

    def on_damaged(self, job: Job) -> None:
        self.blobs.discard(job.blobs)


def _result_message(job: Job, result: JobDone) -> p.Result:
    notes = list(result.notes)
    if job.settings.start == "last" and result.started_from != "last" and NO_LAST_IMAGE not in notes:
        notes.append(NO_LAST_IMAGE)
    return p.Result(
        job=job.id,
        layer=job.layer,
        picture=result.picture.to_wire(),
        left=result.left,
        top=result.top,
        weights=result.weights,
        device=result.device,
        seconds=result.seconds,
        content_loss=result.content_loss,
        style_loss=result.style_loss,
        started_from=result.started_from,
        settings=job.settings.to_wire(),
        notes=notes,
        mask=job.mask.to_wire() if job.mask is not None and not job.settings.composite else None,
    )

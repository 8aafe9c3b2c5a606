"""Which job runs next and on which worker, and what becomes of it. No sockets, no torch."""

from __future__ import annotations

import itertools
import logging
from collections import Counter
from typing import Protocol

from velatura.errors import DaemonLost, DiskTrouble, PictureTooLarge, TooBusy, VelaturaError, WorkerDied, error_from
from velatura.i18n import lazy_text, sentences
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import (
    ENDINGS,
    Available,
    CheckpointSaved,
    Estimated,
    GpusFound,
    Heartbeat,
    JobDone,
    JobEvent,
    JobFailed,
    JobNotice,
    JobPreview,
    JobProgress,
    JobStep,
    JobStopped,
    Ready,
    SavedImage,
    WorkerEvent,
    WorkerGone,
)
from velatura_daemon.jobs.job import DEATHS_ALLOWED, MOVES_ALLOWED, QUEUED, Job
from velatura_daemon.jobs.validation import check_fits_locally
from velatura_daemon.scheduling.estimate_broker import EstimateBroker, estimate_message
from velatura_daemon.scheduling.queue import Queue
from velatura_daemon.scheduling.spec_builder import SpecBuilder, delete_outputs
from velatura_daemon.scheduling.worker_pool import Assignment, WorkerPool, WorkerSlot

log = logging.getLogger("velatura.scheduler")

# Positions up to this one are reported at each change; beyond, when they have changed by a tenth: with hundreds waiting
# they would be most of what is sent.
NEAR = 10
# Translators: a clause, after "The worker died": why.
NO_SIGN_OF_LIFE = lazy_text("it stopped responding and was ended")


class SchedulerListener(Protocol):
    """Receives the outcomes of jobs."""

    def notify(self, session: bytes, message: p.Message) -> None: ...

    def on_failed(self, job: Job, error: VelaturaError) -> None:
        """The job leaves the queue."""

    def on_done(self, assignment: Assignment, result: JobDone) -> None:
        """The job leaves the queue; its files are those of the assignment. Raises DiskTrouble, TooBusy."""

    def on_step(self, assignment: Assignment, step: JobStep) -> None:
        """Raises DiskTrouble."""

    def on_image_saved(self, assignment: Assignment, image: SavedImage | None) -> None:
        """The optimised image of a job that ended."""

    def on_checkpoint(self, job: Job, checkpoint: CheckpointSaved) -> None: ...

    def on_damaged(self, job: Job) -> None:
        """A worker found that a picture of the job is not what it should be."""


class Scheduler:
    """Gives the queue's jobs to the pool's workers."""

    def __init__(
        self,
        config: DaemonConfig,
        pool: WorkerPool,
        queue: Queue,
        specs: SpecBuilder,
        listener: SchedulerListener,
        clock: Clock,
    ) -> None:
        self._config, self.pool, self._queue, self._specs = config, pool, queue, specs
        self._listener, self._clock = listener, clock
        self.estimates = EstimateBroker(pool, listener.notify)
        self._tickets = itertools.count(1)
        self._fallback_was_active = pool.fallback_active
        self._positions_changed = False
        self.active_at = clock.now()  # when there last was anything to do

    # --- requests ------------------------------------------------------------------------------------------
    def dispatch(self) -> None:
        """Give free workers the next jobs. The others hear their positions once, after everything that came at once."""
        while (match := self._next()) is not None:
            self._start(*match)
        if waiting := self._queue.waiting:
            self._request_workers(waiting)
            self._make_way()
        self._positions_changed = True

    def cancel(self, job: Job) -> None:
        """Take a job from its worker, for good."""
        if (slot := self._slot_running(job)) is not None and slot.assignment is not None:
            slot.assignment.stopping = True
            slot.executor.cancel(slot.assignment.ticket)

    def pause(self, job: Job) -> None:
        """Take a job from its worker; it may be resumed."""
        if (slot := self._slot_running(job)) is not None and slot.assignment is not None:
            slot.assignment.stopping = True
            slot.executor.pause(slot.assignment.ticket)

    def step_taken(self, job: Job, ticket: str) -> None:
        """The client has a step of this run of the job: its worker may go on. Steps of earlier runs do not count."""
        slot = self._slot_running(job)
        if slot is not None and slot.assignment is not None and slot.assignment.ticket == ticket:
            slot.executor.step_taken(ticket)

    def _slot_running(self, job: Job) -> WorkerSlot | None:
        slot = self.pool.slot_of(job)
        return slot if slot is not None and slot.running is job else None

    def close(self) -> None:
        """End all workers, and delete what they were writing."""
        self.pool.close()
        for slot in self.pool.busy:
            if slot.assignment is not None:
                delete_outputs(slot.assignment.outputs)

    # --- the clock -----------------------------------------------------------------------------------------
    def tick(self, now: float) -> None:
        """Idle workers release their devices, hung ones are ended, a lost provider may be back."""
        while (slot := self.pool.next_idle(now, self.active_at, self.busy)) is not None:
            self._release(slot)
        for slot in self.pool.end_hung(now):
            silent_since = slot.progress_at if slot.assignment is not None else slot.heard_at
            log.error("a worker did not respond for %.0f s; ending it", now - silent_since)
        if self._fallback_was_active != self.pool.fallback_active:  # no event says so
            self._fallback_was_active = self.pool.fallback_active
            self.dispatch()
        self._notify_positions()

    def _release(self, slot: WorkerSlot) -> None:
        seconds = self._config.worker_seconds
        log.info("stopping a worker that was idle for %.0f s", seconds)
        slot.executor.release_device()
        slot.forget_caches()
        self.estimates.fail(
            slot, lazy_text("The worker did not answer for {seconds:.0f} s and was ended. Try again.", seconds=seconds)
        )

    @property
    def seconds_to_next(self) -> float | None:
        """Until `tick` has something to do; None: an idle daemon sleeps."""
        return self.pool.seconds_to_next(self.active_at, self.busy)

    @property
    def busy(self) -> bool:
        """Whether there is anything to do, now or for a client that may come back."""
        return bool(self.pool.busy) or len(self._queue) > 0

    # --- starting jobs -------------------------------------------------------------------------------------
    def _next(self) -> tuple[Job, WorkerSlot] | None:
        """The first job that a free worker may do, and the best worker for it.

        If the job's layer is still with a worker that is stopping, the job waits for that one: it has the layer's last
        image and its targets in the cache.
        """
        if not self.pool.any_free:
            return None
        running = {_layer_of(slot.assignment.job) for slot in self.pool.busy if slot.assignment is not None}
        for job in self._queue.in_order():
            if _layer_of(job) not in running and (slot := self.pool.best_for(job)) is not None:
                return job, slot
        return None

    def _make_way(self) -> None:
        """Pause background jobs for others that wait. They continue later from where they were."""
        stopping = sum(slot.assignment.stopping for slot in self.pool.busy if slot.assignment is not None)
        for job in self._queue.in_order():
            if job.background:
                return
            if stopping > 0:  # a worker that will be free within one evaluation
                stopping -= 1
            elif (slot := self.pool.background_slot_for(job)) is not None and (paused := slot.running) is not None:
                self.pause(paused)
                paused.state, paused.resume, paused.paused = QUEUED, True, True
                log.info("job %s: paused for job %s", paused.id, job.id)

    def _request_workers(self, waiting: list[Job]) -> None:
        self.pool.request_workers(len(waiting))
        if self.pool.busy:
            return
        for job in waiting:
            if not job.notified_waiting:
                job.notified_waiting = True
                self._notify(job, lazy_text("Starting a worker; the restyle will begin shortly."))

    def _start(self, job: Job, slot: WorkerSlot) -> None:
        self._queue.begin(job)
        assignment = Assignment(job, str(next(self._tickets)), self._specs.outputs_for(job))
        slot.assign(assignment)
        try:
            if self.pool.fallback_active:
                check_fits_locally(job, self._config)
            spec = self._specs.build(job, assignment.ticket, assignment.outputs, slot.executor.device)
            slot.executor.run(spec)
        except Exception as error:  # whatever it is, the worker does not have the job
            slot.assignment = None
            self._specs.clean_up(job, assignment.outputs)
            self._listener.on_failed(job, error if isinstance(error, VelaturaError) else no_worker(error))
            return
        job.notified_position = 0
        self._listener.notify(job.session, p.Queued(job.id, 0))
        if self.pool.fallback_active and not job.notified_fallback:
            job.notified_fallback = True
            self._notify(job, self._config.fallback_sentence)

    def _notify(self, job: Job, sentence: str) -> None:
        self._listener.notify(job.session, p.Notice(job.id, sentence))

    def _notify_positions(self) -> None:
        """Send each waiting job the number of jobs before it. Jobs that its own client has cancelled or replaced do not
        count while they stop. 0 is not sent, because it means running."""
        if not self._positions_changed:
            return
        self._positions_changed = False
        assignments = [slot.assignment for slot in self.pool.busy if slot.assignment is not None]
        own_stopping = Counter(assignment.job.client_id for assignment in assignments if assignment.stopping)
        for position, job in enumerate(self._queue.in_order(), len(assignments)):
            position -= own_stopping[job.client_id]
            if position > 0 and _changed_enough(job.notified_position, position):
                job.notified_position = position
                self._listener.notify(job.session, p.Queued(job.id, position))

    # --- events --------------------------------------------------------------------------------------------
    def poll(self) -> None:
        """Handle the events that have arrived."""
        for slot, event in self.pool.poll():
            if slot.assignment is not None or not isinstance(event, Heartbeat):
                self.active_at = self._clock.now()
            try:
                self._handle(slot, event)
            except Exception as error:  # a fault of ours: this job is lost, the daemon is not
                log.exception("an event of a worker could not be handled")
                self._fail_after_fault(slot, error, ended=isinstance(event, ENDINGS))
        self._notify_positions()

    def _handle(self, slot: WorkerSlot, event: WorkerEvent) -> None:
        if isinstance(event, Available):
            self.dispatch()
        elif isinstance(event, Ready):
            slot.executor.info = event.info
        elif isinstance(event, (Heartbeat, GpusFound)):
            pass  # the pool has noted it
        elif isinstance(event, WorkerGone):
            self._on_gone(slot, event)
        elif isinstance(event, Estimated) and self.estimates.answer(event):
            pass
        else:
            self._handle_job_event(slot, event)

    def _handle_job_event(self, slot: WorkerSlot, event: JobEvent) -> None:
        assignment = slot.assignment
        if assignment is None or assignment.ticket != event.ticket:
            return  # of an earlier job
        if isinstance(event, JobStopped):
            self._on_stopped(slot, assignment, event)
        elif isinstance(event, JobFailed):
            self._on_failed(slot, assignment, event)
        elif isinstance(event, JobDone):
            self._on_done(slot, assignment, event)
        elif isinstance(event, CheckpointSaved):
            if self._is_wanted(assignment.job):  # of a stopping job too: its client may come back
                self._listener.on_checkpoint(assignment.job, event)
        elif isinstance(event, JobStep):
            self._on_step(slot, assignment, event)
        elif not assignment.stopping:
            self._forward(assignment, event)

    def _on_step(self, slot: WorkerSlot, assignment: Assignment, event: JobStep) -> None:
        """A step that cannot be kept is left out: the restyle itself continues."""
        path = assignment.outputs.step(event.number)
        if assignment.stopping:
            path.unlink(missing_ok=True)
            return
        try:
            self._listener.on_step(assignment, event)
        except DiskTrouble as error:
            path.unlink(missing_ok=True)
            slot.executor.step_taken(event.ticket)
            self._notify(assignment.job, sentences(lazy_text("A step was skipped."), error.sentence))

    def _forward(self, assignment: Assignment, event: JobProgress | JobPreview | JobNotice | Estimated) -> None:
        """To the client, under the client's name for the job."""
        job = assignment.job
        if isinstance(event, Estimated):
            assignment.expected = event.seconds
            self._listener.notify(job.session, estimate_message(event, job.id))
        elif isinstance(event, JobNotice):
            self._notify(job, event.sentence)
        elif isinstance(event, JobProgress):
            job.has_begun = True
            values = {name: value for name, value in vars(event).items() if name != "ticket"}
            self._listener.notify(job.session, p.Progress(job.id, **values))
        elif job.preview_due:  # a slow client's previews are dropped, never queued
            job.preview_due = False
            preview = p.Preview(job.id, event.level, event.width, event.height, event.data)
            self._listener.notify(job.session, preview)

    def _on_stopped(self, slot: WorkerSlot, assignment: Assignment, event: JobStopped) -> None:
        self._listener.on_image_saved(assignment, event.last_image)
        if not assignment.stopping:  # the worker gives it back
            assignment.job.state = QUEUED
        self._finish(slot)

    def _on_failed(self, slot: WorkerSlot, assignment: Assignment, event: JobFailed) -> None:
        job = assignment.job
        if event.detail:
            log.error("job %s: %s", job.id, event.detail)
        if assignment.stopping:
            pass  # its client has been notified already
        elif event.code == DaemonLost.code and self.pool.fallback_active:
            meanwhile = lazy_text("This machine does the work meanwhile.")
            self._move_to_fallback(job, sentences(event.sentence, meanwhile))
        else:
            others = self._queue.in_order() if event.code == DaemonLost.code and self.pool.unreachable else []
            for one in [job, *others]:
                self._listener.on_failed(one, error_from(event.code, event.sentence))
            if event.code in ("wrong_hash", "wrong_length"):
                self._listener.on_damaged(job)
        self._finish(slot)

    def _on_done(self, slot: WorkerSlot, assignment: Assignment, event: JobDone) -> None:
        """A job that finished while its client fell silent is done too: the result waits for the client."""
        if assignment.stopping and not self._is_wanted(assignment.job):  # its last step was made as it was cancelled
            self._on_stopped(slot, assignment, JobStopped(event.ticket, event.last_image))
            return
        self._listener.on_image_saved(assignment, event.last_image)
        try:
            self._listener.on_done(assignment, event)
        except (DiskTrouble, TooBusy) as error:
            self._listener.on_failed(assignment.job, error)
        else:
            slot.executor.acknowledge(event.ticket)
        self._finish(slot)

    def _on_gone(self, slot: WorkerSlot, event: WorkerGone) -> None:
        """Retry its job once on another worker."""
        assignment = slot.assignment
        hung = slot.hung or (assignment is not None and assignment.hung)
        how = NO_SIGN_OF_LIFE if hung else event.how
        log.error("a worker died: %s", how)
        slot.executor.info = type(slot.executor.info)()
        slot.forget_caches()
        # Translators: {how} is a clause such as "it ended with code 1".
        self.estimates.fail(slot, lazy_text("The worker died ({how}) before it could answer.", how=how))
        if assignment is not None and not assignment.stopping:
            self._retry(assignment.job, how, event)
        self._finish(slot)

    def _retry(self, job: Job, how: str, event: WorkerGone) -> None:
        job.moves += event.blameless
        job.deaths += not event.blameless
        sentence = event.sentence
        if job.deaths > DEATHS_ALLOWED or job.moves > MOVES_ALLOWED:
            # Translators: {how} is a clause such as "it ended with code 1".
            twice = lazy_text(
                "The worker died twice during this restyle ({how}), so it is not tried again. Try a smaller picture or "
                "part; 'velatura doctor' shows where the log is.",
                how=how,
            )
            self._listener.on_failed(job, DaemonLost(sentence) if sentence else WorkerDied(twice))
        elif not sentence:
            # Translators: {how} is a clause such as "it ended with code 1".
            self._requeue(job, lazy_text("The worker died ({how}); another one continues the restyle.", how=how))
        elif self.pool.fallback_active:
            self._move_to_fallback(job, sentences(sentence, lazy_text("This machine continues the restyle.")))
        else:
            self._requeue(job, sentences(sentence, lazy_text("It is tried once more.")))

    def _move_to_fallback(self, job: Job, sentence: str) -> None:
        try:
            check_fits_locally(job, self._config)
        except PictureTooLarge as error:
            self._listener.on_failed(job, error)
            return
        job.notified_fallback = True
        self._requeue(job, sentence)

    def _requeue(self, job: Job, sentence: str) -> None:
        job.state = QUEUED
        self._notify(job, sentence)

    def _finish(self, slot: WorkerSlot) -> None:
        """The worker is free: clean up after its job, and start the next."""
        assignment, slot.assignment = slot.assignment, None
        if assignment is not None:
            self._specs.clean_up(assignment.job, assignment.outputs)
        self.dispatch()

    def _fail_after_fault(self, slot: WorkerSlot, error: Exception, *, ended: bool) -> None:
        """ended: the worker has no job any more; otherwise its job is cancelled."""
        assignment = slot.assignment
        if assignment is not None and not assignment.stopping and self._is_wanted(assignment.job):
            sentence = lazy_text(
                "An internal error stopped this job ({kind}). See the daemon's log.", kind=type(error).__name__
            )
            self._listener.on_failed(assignment.job, VelaturaError(sentence))
        if ended:
            self._finish(slot)
        elif assignment is not None and not assignment.stopping:
            assignment.stopping = True
            slot.executor.cancel(assignment.ticket)

    def _is_wanted(self, job: Job) -> bool:
        """Whether it is not cancelled, replaced or failed, though a worker may still have it."""
        return self._queue.get(job.client_id, job.id) is job


def no_worker(error: Exception) -> WorkerDied:
    log.error("no worker could be started", exc_info=error)
    return WorkerDied(lazy_text("No worker could be started ({problem}). See the daemon's log.", problem=str(error)))


def _layer_of(job: Job) -> tuple[str, str]:
    return job.client_id, job.layer


def _changed_enough(notified: int, position: int) -> bool:
    if notified < 0:
        return True
    if min(position, notified) <= NEAR:
        return position != notified
    return abs(position - notified) * 10 >= notified

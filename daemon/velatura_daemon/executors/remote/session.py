"""The session with another daemon on behalf of one executor: sends its jobs there and reports what becomes of them.

Everything here runs on the executor's own thread.
"""

from __future__ import annotations

import logging
import time
from typing import Any, Protocol

from velatura.app_dirs import AppDirs
from velatura.client.events import Connected, Event, Finished
from velatura.errors import BadMessage, DaemonLost, DiskTrouble, NotTrusted, TooBusy, VelaturaError
from velatura.i18n import Text, lazy_plural, lazy_text, sentences
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura_daemon.executors.remote.connection import RemoteConnection
from velatura_daemon.executors.remote.pictures import map_blobs, thumbnail_of_preview, thumbnail_of_style
from velatura_daemon.executors.remote.request import (
    CheckingClient,
    RemoteJob,
    estimated,
    internal_error,
    is_preview,
    label,
    notes_of,
    request_for,
    shortened,
)
from velatura_daemon.jobs.events import (
    SENDING,
    CheckpointSaved,
    Estimated,
    Heartbeat,
    JobDone,
    JobEnd,
    JobFailed,
    JobNotice,
    JobPreview,
    JobProgress,
    JobStopped,
    Ready,
    WorkerEvent,
    WorkerGone,
    WorkerInfo,
)
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.storage.atomic import write_file

log = logging.getLogger("velatura.remote")

HEARTBEAT = 2.0  # seconds
# Between checks whether the daemon is back, while others do the work; each interval is twice the one before.
RECONNECT_SECONDS, LAST_RECONNECT_SECONDS = 30.0, 120.0
LOOK_SECONDS = 3.0  # between looks at the other lost daemons, while a job waits for this one
RETRY_SECONDS = 2.0  # before a job is sent again that was refused because other jobs of this daemon run there
IDLE_SECONDS = 60.0  # without work before the session there is closed
SLEEP_SECONDS = 3600.0  # if there is nothing to wait for
# Translators: states of a worker on another machine.
IDLE, CONNECTING, CONNECTED = lazy_text("idle"), lazy_text("connecting"), lazy_text("connected")
# Translators: states of a worker on another machine.
WAITING_THERE, AT_WORK = lazy_text("waiting there"), lazy_text("at work")
# Translators: a clause, after "The worker died": why.
CONNECTION_LOST = lazy_text("the connection was lost")


def of_another_daemon(device: str) -> Text:
    return lazy_text("{device} of another daemon", device=device)


class SessionOwner(Protocol):
    """The executor, as its session sees it."""

    @property
    def is_first(self) -> bool:
        """Whether this is the provider's first executor, the one that checks whether the other daemon is back."""

    @property
    def others_running(self) -> bool:
        """Whether another executor of the provider has a job there."""

    def emit(self, event: WorkerEvent) -> None: ...


class ConnectionMonitor(Protocol):
    """The provider, as a session sees it: it knows whether the other daemon can be reached at all."""

    lost: bool

    @property
    def has_alternative(self) -> bool:
        """Whether jobs can run elsewhere while the other daemon is lost."""

    @property
    def others_reachable(self) -> bool:
        """Whether yet another daemon may take the job."""

    @property
    def work_goes_on(self) -> bool:
        """Whether yet another daemon, or this machine, can take the job at once."""

    def check_others(self) -> None:
        """Find out now whether other lost daemons are back."""

    def on_lost(self) -> None: ...

    def on_found(self) -> None: ...

    def on_welcome(self, limits: dict[str, Any]) -> None: ...


class RemoteSession:
    """One session with the other daemon, which runs one job at a time for it."""

    def __init__(
        self,
        connection: RemoteConnection,
        dirs: AppDirs,
        keep_seconds: float,
        monitor: ConnectionMonitor,
        owner: SessionOwner,
    ) -> None:
        """keep_seconds: between two CheckpointSaved events."""
        self.connection = connection
        self.client = CheckingClient("daemon", dirs=dirs, connection=connection)
        self.client.acknowledge_manually()
        if connection.route.machine:
            self.client.send_in_small_pieces()
        self._monitor, self._owner = monitor, owner
        self._keep_seconds = keep_seconds
        self.job: RemoteJob | None = None
        self.check_at = 0.0  # time.monotonic() of the next check whether the other daemon is back; 0: none is planned
        self._unacknowledged: dict[str, Finished] = {}  # the last result, by its ticket
        self._device, self._weights = "", ""  # of the other daemon's worker
        self._estimate_tickets: dict[str, str] = {}  # this daemon's tickets, by those of the other daemon
        self._check_seconds = RECONNECT_SECONDS
        self._busy_at = time.monotonic()
        self._next_heartbeat = 0.0
        self._notified_no_gpu = False
        self._next_look_at_others = 0.0
        self._state = ""

    # --- the loop ------------------------------------------------------------------------------------------
    def step(self) -> None:
        """Handle what has arrived, then what is due."""
        for event in self.client.drain(HEARTBEAT / 2):
            self.handle(shortened(event))
        self.tick()

    def wait_or(self, descriptor: int) -> None:
        """Wait until there is something to do, or until the descriptor can be read."""
        if not self.client.has_more:
            idle = self.job is None and not self._estimate_tickets and not self.connection.ready
            tend_in = self.connection.route.tend(in_use=self.connection.ready) or SLEEP_SECONDS
            self.connection.wait_or(descriptor, tend_in if idle and not self.check_at else HEARTBEAT / 2)

    def tick(self) -> None:
        now = time.monotonic()
        if 0 < self.check_at <= now:
            self.check_at, self._busy_at = now + self._check_seconds if self._monitor.lost else 0.0, now
            if self._monitor.lost:
                self._check_seconds = min(2 * self._check_seconds, LAST_RECONNECT_SECONDS)
                self.client.request_status()
                self.connection.patience = 0.0  # one try
        if self.job is None and not self._estimate_tickets:
            if self.connection.ready and now - self._busy_at > IDLE_SECONDS:
                self.client.close()
                self._set_state(IDLE)
            return
        self._busy_at = now
        if self.job is not None:
            self._tick_job(self.job, now)
        silent = now - self.connection.last_received_at
        if now >= self._next_heartbeat and (not self.connection.ready or silent < 3 * HEARTBEAT):
            self._next_heartbeat = now + HEARTBEAT
            if self._state == AT_WORK:
                self._owner.emit(Heartbeat())
            else:  # in a queue, or connecting: that may take longer than any step
                self._set_state(self._state)

    def _tick_job(self, job: RemoteJob, now: float) -> None:
        if self.connection.is_waiting:
            if now >= self._next_look_at_others:
                self._next_look_at_others = now + LOOK_SECONDS
                self._monitor.check_others()
            if self._monitor.work_goes_on:
                self.connection.patience = 0.0  # another one is back, and can take the job
        if self.connection.is_waiting and not job.notified_waiting:
            job.notified_waiting = True
            problem = self.connection.route.problem
            again = lazy_text("Trying again for a few seconds.")
            self._owner.emit(JobNotice(job.spec.ticket, sentences(problem, again)))
        if 0 < job.retry_at <= now:
            self._send(job.spec)

    def info(self, state: str) -> WorkerInfo:
        return WorkerInfo(state, self._device_there(), self._weights or "–")

    def _device_there(self) -> Text:
        machine, device = self.connection.route.machine, self._device
        if machine and device:
            return lazy_text("{device} on {machine}", device=device, machine=machine)
        if machine:
            return lazy_text("a device on {machine}", machine=machine)
        return of_another_daemon(device) if device else lazy_text("a device of another daemon")

    def _set_state(self, state: str) -> None:
        self._state = state
        self._owner.emit(Ready(self.info(state)))

    # --- the scheduler's calls -----------------------------------------------------------------------------
    def run(self, spec: JobSpec) -> None:
        if spec.finish_now:
            sentence = lazy_text("Another daemon does the work and has the unfinished image. Let the restyle finish.")
            self._fail(spec.ticket, VelaturaError(sentence))
            return
        try:
            self._send(spec)
        except Exception as error:
            if self.job is not None:
                raise
            log.exception("a job could not be sent")
            self._fail(spec.ticket, internal_error(error))

    def _send(self, spec: JobSpec) -> None:
        """Send a job, or connect first: what the other daemon knows decides what is sent."""
        notified = self.job is not None and self.job.notified_waiting
        self.job = RemoteJob(spec, request_for(spec), connected=self.connection.ready, notified_waiting=notified)
        if self.connection.ready:
            self._submit(self.job)
            return
        self._set_state(CONNECTING)
        if self.connection.route.greeting:
            self._owner.emit(JobNotice(spec.ticket, self.connection.route.greeting))
        self.client.request_status()
        self._monitor.check_others()
        if self._monitor.work_goes_on:
            self.connection.patience = 0.0  # one try: another one does the work meanwhile

    def _submit(self, job: RemoteJob) -> None:
        self._set_state(SENDING)
        try:
            job.request = request_for(job.spec, self.connection.route.known_settings, self.connection.daemon_version)
            blobs = {name: data for item in job.spec.inputs for name, data in map_blobs(item).items()}
        except VelaturaError as error:
            self._fail(job.spec.ticket, error)
            return
        except OSError as error:
            sentence = lazy_text(
                "A picture of this restyle cannot be read ({problem}). Restyle again.", problem=str(error.strerror)
            )
            self._fail(job.spec.ticket, DiskTrouble(sentence))
            return
        self.client.expected = job.request
        self.client.submit(job.request, blobs)

    def estimate(self, request: EstimateRequest) -> None:
        ticket = self.client.request_estimate(
            request.width,
            request.height,
            request.settings,
            weights=request.weights,
            device=request.device,
            style_pixels=request.inputs.styles,
            regions=request.inputs.regions,
            via=request.via,
        )
        self._estimate_tickets[ticket] = request.ticket

    def cancel(self, ticket: str) -> None:
        if self.job is None or self.job.spec.ticket != ticket:
            return
        if not self.job.retry_at and self.connection.ready:
            self.client.cancel(self.job.request.job)
            return
        never_arrived = not self.job.retry_at
        self._end(JobStopped(ticket))
        if never_arrived:
            self.client.fail_all(VelaturaError(lazy_text("The restyle was cancelled.")))

    def pause(self, ticket: str) -> None:
        """Without a cancel message to the other daemon, which saves the job's progress."""
        if self.job is not None and self.job.spec.ticket == ticket:
            self._end(JobStopped(ticket))
            self.client.fail_all(VelaturaError(lazy_text("The restyle was paused.")))

    def acknowledge(self, ticket: str) -> None:
        done = self._unacknowledged.pop(ticket, None)
        if done is not None:
            self.client.acknowledge(done)

    def close(self) -> None:
        """With a `bye` message; without one if a job runs there, so that the other daemon saves it for a resume."""
        if self.job is not None:
            self.client.disconnect()
        else:
            self.client.close()

    def check_connection(self) -> None:
        """If connected, check at once: perhaps only another executor lost its connection. The first executor goes on
        checking whatever the answer is."""
        if self._monitor.has_alternative and self._owner.is_first and not self.check_at:
            self._check_seconds = RECONNECT_SECONDS
            self.check_at = time.monotonic() + self._check_seconds
        if self.connection.ready:
            self.client.request_status()

    def check_now(self) -> None:
        """Find out whether the other daemon is back, without waiting for the next regular check."""
        if self._monitor.lost and self.job is None:
            self.check_at = time.monotonic()

    def terminate(self) -> None:
        if self.job is None:  # the scheduler assumes that there is one
            self._owner.emit(WorkerGone(CONNECTION_LOST))
        # Translators: {daemon} is "on a machine" or "of a connection file, which does this daemon's work,".
        idle = lazy_text("The daemon {daemon} reports no progress.")
        self.client.fail_all(self.connection.route.lost(idle))

    def on_internal_error(self, error: Exception) -> None:
        self.client.fail_all(internal_error(error))

    # --- messages of the other daemon ----------------------------------------------------------------------
    def handle(self, event: Event) -> None:
        job = self.job
        if isinstance(event, Connected):
            self.client.request_status()
            self._monitor.on_welcome(event.welcome.limits)
            if job is not None:
                job.connected = True
                self._submit(job)
        elif isinstance(event, p.Status):
            self._handle_status(event)
        elif isinstance(event, p.Estimate) and event.ticket in self._estimate_tickets:
            self._owner.emit(self._estimated(event, self._estimate_tickets.pop(event.ticket)))
        elif isinstance(event, p.Failed):
            self._handle_failure(event)
        elif job is not None and getattr(event, "job", getattr(event, "ticket", "")) == job.request.job:
            self._handle_job_event(job, event)

    def _handle_status(self, status: p.Status) -> None:
        if self._monitor.lost:
            self._monitor.on_found()
        worker = status.report.get("worker")
        if isinstance(worker, dict):
            self._device, self._weights = label(worker.get("device")), label(worker.get("weights"))
        self._set_state(self._state or CONNECTED)

    def _handle_job_event(self, job: RemoteJob, event: Event) -> None:
        ticket = job.spec.ticket
        if isinstance(event, p.Accepted):
            self._set_state(WAITING_THERE)
        elif isinstance(event, p.Queued):
            # Translators: the state of a worker. {count}: of jobs.
            waiting = lazy_plural("waiting there, {count} before it", "waiting there, {count} before it", event.place)
            self._set_state(waiting if event.place else AT_WORK)
        elif isinstance(event, p.Estimate):
            self._owner.emit(self._estimated(event, ticket))
            self._note_device(job, event.device)
        elif isinstance(event, p.Notice):
            self._owner.emit(JobNotice(ticket, event.sentence))
        elif isinstance(event, p.Progress):
            values = {name: value for name, value in vars(event).items() if name != "job"}
            self._owner.emit(JobProgress(ticket, **values))
            if self.connection.daemon_version < p.PROGRESS_SAVED_SINCE:
                self._report_checkpoint(job, event.done)
        elif isinstance(event, p.ProgressSaved):
            self._report_checkpoint(job, event.done)
        elif isinstance(event, p.Preview):
            if is_preview(event):
                job.preview = event
                self._owner.emit(JobPreview(ticket, event.level, event.width, event.height, bytes(event.data)))
        elif isinstance(event, p.Cancelled):
            self._end(JobStopped(ticket))
        elif isinstance(event, Finished):
            self._finish(job, event)

    def _report_checkpoint(self, job: RemoteJob, done: float) -> None:
        """The image is on the other machine; that it exists is recorded here, in case this daemon dies."""
        now = time.monotonic()
        if now < job.next_checkpoint:
            return
        job.next_checkpoint = now + self._keep_seconds
        styles = tuple(thumbnail_of_style(style.picture) for style in job.spec.styles)
        thumbnail = thumbnail_of_preview(job.preview)
        self._owner.emit(CheckpointSaved(job.spec.ticket, done, 0, thumbnail, styles, elsewhere=True))

    def _estimated(self, event: p.Estimate, ticket: str) -> Estimated:
        return estimated(event, ticket, self.connection.route.machine)

    def _note_device(self, job: RemoteJob, device: str) -> None:
        """Say once that there is no GPU, which is why people use another machine."""
        if device.startswith("cpu") and not self._notified_no_gpu and self.connection.route.no_gpu_notice:
            self._notified_no_gpu = True
            self._owner.emit(JobNotice(job.spec.ticket, self.connection.route.no_gpu_notice))

    def _finish(self, job: RemoteJob, done: Finished) -> None:
        """Write the result to this disk before it is reported. The other daemon may delete its own after
        `acknowledge`."""
        ticket, result = job.spec.ticket, done.result
        try:
            digest = write_file(done.picture.data, job.spec.files.result)
        except OSError as error:
            sentence = lazy_text(
                "The result cannot be written here ({problem}). Free some disk space and restyle again.",
                problem=str(error.strerror),
            )
            self._fail(ticket, DiskTrouble(sentence))
            return
        picture = PictureRef.from_wire(result.picture)
        if digest != picture.blob:
            self._fail(ticket, BadMessage(lazy_text("The result was damaged on its way. Restyle again.")))
            return
        self._unacknowledged = {ticket: done}
        self._device, self._weights = label(result.device), label(result.weights)
        self._set_state(CONNECTED)
        self._end(
            JobDone(
                ticket=ticket,
                picture=picture,
                left=result.left,
                top=result.top,
                weights=self._weights,
                device=of_another_daemon(self._device),
                seconds=result.seconds,
                content_loss=result.content_loss,
                style_loss=result.style_loss,
                started_from=label(result.started_from),
                notes=notes_of(result),
                thumbnail=thumbnail_of_preview(job.preview),
                style_thumbnails=tuple(thumbnail_of_style(style.picture) for style in job.spec.styles),
            )
        )

    def _handle_failure(self, failed: p.Failed) -> None:
        """The failure of the job; or of the connection, and then of everything that uses it."""
        lost = not self.connection.ready
        if lost or not failed.job:
            for ticket in self._estimate_tickets.values():
                self._owner.emit(Estimated.unknown(ticket, failed.sentence))
            self._estimate_tickets.clear()
        job = self.job
        if lost:
            self._state = ""
            if failed.code == DaemonLost.code:
                self._monitor.on_lost()
            elif failed.code != VelaturaError.code:  # it answers, and refuses; plain VelaturaErrors are this side's own
                self._monitor.on_found()
        if job is None or failed.job not in (job.request.job, *([""] if lost else [])):
            return
        unreachable = failed.code == DaemonLost.code and self._monitor.others_reachable
        if lost and (job.connected or unreachable) and failed.code != NotTrusted.code:
            self.job = None
            log.warning("the connection to the other daemon was lost: %s", failed.sentence)
            self._owner.emit(WorkerGone(CONNECTION_LOST, failed.sentence, blameless=not job.connected))
        elif failed.code == TooBusy.code and not lost and self._owner.others_running:
            self._retry_later(job)
        else:
            self._end(JobFailed(job.spec.ticket, failed.code, failed.sentence))

    def _retry_later(self, job: RemoteJob) -> None:
        """The other daemon accepts fewer jobs at once than its welcome announced, or their pictures exceed this
        client's share of its spool. The user cannot help that."""
        job.retry_at = time.monotonic() + RETRY_SECONDS
        self._set_state(lazy_text("waiting to be accepted there"))
        if not job.notified_waiting:
            job.notified_waiting = True
            # Translators: {daemon} is "on a machine" or "of a connection file, which does this daemon's work,".
            sentence = lazy_text(
                "The daemon {daemon} accepts no more jobs at once; this restyle waits until others are done.",
                daemon=self.connection.route.name,
            )
            self._owner.emit(JobNotice(job.spec.ticket, sentence))

    def _fail(self, ticket: str, error: VelaturaError) -> None:
        self.job = None
        self._owner.emit(JobFailed(ticket, error.code, error.sentence))

    def _end(self, ending: JobEnd) -> None:
        self.job = None
        self._owner.emit(ending)

"""One connection to another daemon, which runs one job at a time there. See `base.Executor`."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

from velatura.app_dirs import AppDirs
from velatura.client.events import Connected, Event, Finished
from velatura.errors import BadMessage, DaemonLost, DiskTrouble, NotTrusted, TooBusy, VelaturaError
from velatura.pixels import PictureRef
from velatura.protocol import messages as p
from velatura_daemon.executors.remote_connection import RemoteConnection
from velatura_daemon.executors.remote_pictures import mapped, thumbnail_of_preview, thumbnail_of_style
from velatura_daemon.executors.remote_request import (
    CheckingClient,
    RemoteJob,
    estimated,
    internal_error,
    label,
    request_for,
)
from velatura_daemon.jobs.events import (
    Available,
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

log = logging.getLogger("velatura.upstream")

HEARTBEAT = 2.0  # seconds
RECONNECT_SECONDS = 30.0  # between checks whether the daemon is back, while the fallback works
RETRY_SECONDS = 2.0  # before a job is sent again that was refused because others of ours run there
IDLE_SECONDS = 60.0  # without work before the session there is closed
SLEEP_SECONDS = 3600.0  # if there is nothing to wait for
CLOSE_SECONDS = 3.0  # for the thread to end


class Siblings(Protocol):
    """The provider, as its executors see it."""

    lost: bool
    has_fallback: bool

    @property
    def reachable(self) -> bool: ...

    @property
    def executors(self) -> list[RemoteExecutor]: ...

    def on_lost(self) -> None: ...

    def on_found(self) -> None: ...

    def on_welcome(self, limits: dict[str, Any]) -> None: ...

    def others_running(self, executor: RemoteExecutor) -> bool: ...


class RemoteExecutor:
    """Everything below `# --- on its own thread` runs there. Calls and events cross over in two deques; a byte through
    a socket pair wakes the thread."""

    device = "auto"
    holds_device = False  # it closes its session there by itself
    pid = 0

    def __init__(
        self,
        connection: RemoteConnection,
        dirs: AppDirs,
        keep_seconds: float,
        wake: Callable[[], None],
        siblings: Siblings,
    ) -> None:
        """keep_seconds: between two CheckpointSaved events."""
        self._connection = connection
        self._client = CheckingClient("daemon", dirs=dirs, connection=connection)
        self._client.acknowledge_manually()
        self._wake = wake
        self._siblings = siblings
        self.is_accepted = True  # the other daemon takes as many jobs of ours
        self._keep_seconds = keep_seconds
        self._check_at = 0.0  # by time.monotonic(): next check whether the other daemon is back; 0: a job finds out
        self._unacknowledged: dict[str, Finished] = {}  # the last result, by its ticket
        self._device, self._weights = "", ""  # of the other daemon's worker
        self.info = self._info("not connected yet")
        self._calls: deque[Callable[[], None] | None] = deque()  # None: end
        self._events: deque[WorkerEvent] = deque()
        self._nudge_in, self._nudge_out = socket.socketpair()
        for end in (self._nudge_in, self._nudge_out):
            end.setblocking(False)
        self._thread: threading.Thread | None = None
        self._job: RemoteJob | None = None
        self._questions: dict[str, str] = {}  # our tickets, by those of the other daemon
        self._busy_at = time.monotonic()
        self._next_heartbeat = 0.0
        self._state = ""

    # --- from any thread -----------------------------------------------------------------------------------
    @property
    def is_running(self) -> bool:
        """Whether it has a job there, or on its way."""
        job = self._job
        return job is not None and not job.retry_at

    @property
    def is_connected(self) -> bool:
        return self._connection.ready

    @property
    def available(self) -> bool:
        """Giving the first executor a job is the way to find out whether the daemon is there."""
        return self.is_accepted and (self._siblings.reachable or self is self._siblings.executors[0])

    def announce(self) -> None:
        self._emit(Available())

    def check_connection(self) -> None:
        """Another executor, or this one, has lost its connection."""
        self._call(self._check_connection)

    def poll(self) -> WorkerEvent | None:
        return self._events.popleft() if self._events else None

    def request_start(self) -> None:
        """How many are available, the other daemon decides."""

    def run(self, spec: JobSpec) -> None:
        self._call(lambda: self._run_job(spec))

    def estimate(self, request: EstimateRequest) -> None:
        self._call(lambda: self._estimate(request))

    def cancel(self, ticket: str) -> None:
        self._call(lambda: self._cancel(ticket))

    def pause(self, ticket: str) -> None:
        self._call(lambda: self._pause(ticket))

    def acknowledge(self, ticket: str) -> None:
        self._call(lambda: self._acknowledge(ticket))

    def release_device(self) -> None:
        self._call(self._close_session)

    def terminate(self) -> None:
        self._call(self._terminate)

    def close(self) -> None:
        if self._thread is not None:
            self._call(None)
            self._thread.join(CLOSE_SECONDS)

    def _call(self, function: Callable[[], None] | None) -> None:
        self._calls.append(function)
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="upstream", daemon=True)
            self._thread.start()
        with contextlib.suppress(OSError):  # full: it is awake already
            self._nudge_in.send(b"!")

    def _emit(self, event: WorkerEvent) -> None:
        self._events.append(event)
        self._wake()

    # --- on its own thread: the loop -----------------------------------------------------------------------
    def _loop(self) -> None:
        while True:
            try:
                while self._calls:
                    function = self._calls.popleft()
                    if function is None:
                        self._close_session()
                        return
                    function()
                for event in self._client.drain(HEARTBEAT / 2):
                    self._handle(event)
                self._tick()
            except Exception as error:  # a fault of ours: this job is lost, the daemon is not
                log.exception("work for the upstream daemon failed")
                self._client.fail_all(internal_error(error))
            idle = self._job is None and not self._questions and not self._connection.ready
            if not self._client.has_more:
                patience = SLEEP_SECONDS if idle and not self._check_at else HEARTBEAT / 2
                self._connection.wait_or(self._nudge_out.fileno(), patience)
            with contextlib.suppress(BlockingIOError):
                while self._nudge_out.recv(4096):
                    pass

    def _tick(self) -> None:
        now = time.monotonic()
        if 0 < self._check_at <= now:
            self._check_at, self._busy_at = now + RECONNECT_SECONDS if self._siblings.lost else 0.0, now
            if self._siblings.lost:
                self._client.request_status()
                self._connection.patience = 0.0  # one try
        if self._job is None and not self._questions:
            if self._connection.ready and now - self._busy_at > IDLE_SECONDS:
                self._client.close()
                self._set_state("idle")
            return
        self._busy_at = now
        if self._job is not None:
            self._tick_job(self._job, now)
        if now >= self._next_heartbeat and (not self._connection.ready or now - self._connection.heard < 3 * HEARTBEAT):
            self._next_heartbeat = now + HEARTBEAT
            if self._state == "at work":
                self._emit(Heartbeat())
            else:  # in a queue, or connecting: that may take longer than any step
                self._set_state(self._state)

    def _tick_job(self, job: RemoteJob, now: float) -> None:
        if self._connection.is_waiting and not job.notified_waiting:
            job.notified_waiting = True
            self._notify(job, "does not answer yet; trying for a few seconds")
        if 0 < job.retry_at <= now:
            self._send(job.spec)

    def _notify(self, job: RemoteJob, what: str) -> None:
        sentence = f"The daemon at {self._connection.endpoint}, which does the work, {what}."
        self._emit(JobNotice(job.spec.ticket, sentence))

    def _info(self, state: str) -> WorkerInfo:
        return WorkerInfo(state, f"{self._device or 'a device'} of another daemon", self._weights or "–")

    def _set_state(self, state: str) -> None:
        self._state = state
        self._emit(Ready(self._info(state)))

    # --- on its own thread: what the scheduler asked for ---------------------------------------------------
    def _run_job(self, spec: JobSpec) -> None:
        if spec.finish_now:
            sentence = (
                "The image as far as it got is on the other daemon, which does the work. "
                "Let it finish, or start this daemon without --upstream."
            )
            self._fail(spec.ticket, VelaturaError(sentence))
            return
        try:
            self._send(spec)
        except Exception as error:
            if self._job is not None:
                raise
            log.exception("a job could not be sent")
            self._fail(spec.ticket, internal_error(error))

    def _send(self, spec: JobSpec) -> None:
        try:
            blobs = {name: data for item in spec.inputs for name, data in mapped(item).items()}
        except OSError as error:
            sentence = f"A picture of this restyle cannot be read ({error.strerror}). Restyle again."
            self._fail(spec.ticket, DiskTrouble(sentence))
            return
        request = request_for(spec)
        notified = self._job is not None and self._job.notified_waiting
        self._job = RemoteJob(spec, request, connected=self._connection.ready, notified_waiting=notified)
        self._client.expected = request
        self._set_state("sending" if self._connection.ready else "connecting")
        self._client.submit(request, blobs)

    def _estimate(self, request: EstimateRequest) -> None:
        ticket = self._client.request_estimate(
            request.width, request.height, request.settings, weights=request.weights, device=request.device
        )
        self._questions[ticket] = request.ticket

    def _cancel(self, ticket: str) -> None:
        if self._job is None or self._job.spec.ticket != ticket:
            return
        if not self._job.retry_at and self._connection.ready:
            self._client.cancel(self._job.request.job)
            return
        never_arrived = not self._job.retry_at
        self._end(JobStopped(ticket))
        if never_arrived:
            self._client.fail_all(VelaturaError("It was cancelled."))

    def _pause(self, ticket: str) -> None:
        """Without telling the other side, which keeps its progress."""
        if self._job is not None and self._job.spec.ticket == ticket:
            self._end(JobStopped(ticket))
            self._client.fail_all(VelaturaError("It was paused."))

    def _acknowledge(self, ticket: str) -> None:
        done = self._unacknowledged.pop(ticket, None)
        if done is not None:
            self._client.acknowledge(done)

    def _close_session(self) -> None:
        """With a goodbye; without one if a job runs there, so that it is kept and can be resumed."""
        if self._job is not None:
            self._client.disconnect()
        else:
            self._client.close()

    def _check_connection(self) -> None:
        """If connected, at once: perhaps only another executor lost its connection. The first executor goes on checking
        whatever the answer is."""
        if self._siblings.has_fallback and self is self._siblings.executors[0]:
            self._check_at = time.monotonic() + RECONNECT_SECONDS
        if self._connection.ready:
            self._client.request_status()

    def _terminate(self) -> None:
        if self._job is None:  # the scheduler thinks that there is one
            self._emit(WorkerGone("the connection was lost"))
        self._client.fail_all(self._connection.lost("gives no sign of work"))

    # --- on its own thread: what the other daemon sends ----------------------------------------------------
    def _handle(self, event: Event) -> None:
        job = self._job
        if isinstance(event, Connected):
            self._client.request_status()
            self._siblings.on_welcome(event.welcome.limits)
            if job is not None:
                job.connected = True
                self._set_state("sending")
        elif isinstance(event, p.Status):
            self._handle_status(event)
        elif isinstance(event, p.Estimate) and event.ticket in self._questions:
            self._emit(estimated(event, self._questions.pop(event.ticket)))
        elif isinstance(event, p.Failed):
            self._handle_failure(event)
        elif job is not None and getattr(event, "job", getattr(event, "ticket", "")) == job.request.job:
            self._handle_job_event(job, event)

    def _handle_status(self, status: p.Status) -> None:
        if self._siblings.lost:
            self._siblings.on_found()
        worker = status.report.get("worker")
        if isinstance(worker, dict):
            self._device, self._weights = label(worker.get("device")), label(worker.get("weights"))
        self._set_state(self._state or "connected")

    def _handle_job_event(self, job: RemoteJob, event: Event) -> None:
        ticket = job.spec.ticket
        if isinstance(event, p.Accepted):
            self._set_state("waiting there")
        elif isinstance(event, p.Queued):
            self._set_state("at work" if event.place == 0 else f"waiting there, {event.place} before it")
        elif isinstance(event, p.Estimate):
            self._emit(estimated(event, ticket))
        elif isinstance(event, p.Notice):
            self._emit(JobNotice(ticket, event.sentence))
        elif isinstance(event, p.Progress):
            values = {name: value for name, value in vars(event).items() if name != "job"}
            self._emit(JobProgress(ticket, **values))
            self._report_checkpoint(job, event)
        elif isinstance(event, p.Preview):
            if memoryview(event.data).nbytes == event.width * event.height * 3:
                job.preview = event
                self._emit(JobPreview(ticket, event.level, event.width, event.height, bytes(event.data)))
        elif isinstance(event, p.Cancelled):
            self._end(JobStopped(ticket))
        elif isinstance(event, Finished):
            self._finish(job, event)

    def _report_checkpoint(self, job: RemoteJob, progress: p.Progress) -> None:
        """The image is on the other machine; that it exists is recorded here, in case this daemon dies."""
        now = time.monotonic()
        if now < job.next_checkpoint:
            return
        job.next_checkpoint = now + self._keep_seconds
        styles = tuple(thumbnail_of_style(style.picture) for style in job.spec.styles)
        thumbnail = thumbnail_of_preview(job.preview)
        self._emit(CheckpointSaved(job.spec.ticket, progress.done, 0, thumbnail, styles, elsewhere=True))

    def _finish(self, job: RemoteJob, done: Finished) -> None:
        """The result is on this disk before the scheduler hears of it; the other side may delete its own after
        `acknowledge`."""
        ticket, result = job.spec.ticket, done.result
        try:
            digest = write_file(done.picture.data, job.spec.files.result)
        except OSError as error:
            sentence = f"The result cannot be written here ({error.strerror}). Free some disk space and restyle again."
            self._fail(ticket, DiskTrouble(sentence))
            return
        picture = PictureRef.from_wire(result.picture)
        if digest != picture.blob:
            self._fail(ticket, BadMessage("The result was damaged on its way. Restyle again."))
            return
        self._unacknowledged = {ticket: done}
        self._device, self._weights = label(result.device), label(result.weights)
        self._set_state("connected")
        self._end(
            JobDone(
                ticket=ticket,
                picture=picture,
                left=result.left,
                top=result.top,
                weights=self._weights,
                device=f"{self._device} of another daemon",
                seconds=result.seconds,
                content_loss=result.content_loss,
                style_loss=result.style_loss,
                started_from=label(result.started_from),
                notes=tuple(str(note) for note in result.notes),
                thumbnail=thumbnail_of_preview(job.preview),
                style_thumbnails=tuple(thumbnail_of_style(style.picture) for style in job.spec.styles),
            )
        )

    def _handle_failure(self, failed: p.Failed) -> None:
        """Of our job; or of the connection, and then of everything."""
        lost = not self._connection.ready
        if lost or not failed.job:
            for ticket in self._questions.values():
                self._emit(Estimated.unknown(ticket, failed.sentence))
            self._questions.clear()
        job = self._job
        if lost:
            self._state = ""
            if failed.code == DaemonLost.code:
                self._siblings.on_lost()
            elif failed.code != VelaturaError.code:  # it is there, and refuses us; the rest is our own hanging up
                self._siblings.on_found()
        if job is None or failed.job not in (job.request.job, *([""] if lost else [])):
            return
        if lost and job.connected and failed.code != NotTrusted.code:
            self._job = None
            log.warning("lost: %s", failed.sentence)
            self._emit(WorkerGone("the connection was lost", failed.sentence))
        elif failed.code == TooBusy.code and not lost and self._siblings.others_running(self):
            self._retry_later(job)
        else:
            self._end(JobFailed(job.spec.ticket, failed.code, failed.sentence))

    def _retry_later(self, job: RemoteJob) -> None:
        """The other daemon takes fewer of our jobs at once than it said, or their pictures exceed our share of its
        spool: not the user's fault."""
        job.retry_at = time.monotonic() + RETRY_SECONDS
        self._set_state("waiting to be accepted there")
        if not job.notified_waiting:
            job.notified_waiting = True
            self._notify(job, "accepts no more jobs at once; this restyle waits until others are done")

    def _fail(self, ticket: str, error: VelaturaError) -> None:
        self._job = None
        self._emit(JobFailed(ticket, error.code, error.sentence))

    def _end(self, ending: JobEnd) -> None:
        self._job = None
        self._emit(ending)

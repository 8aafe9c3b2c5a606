"""The daemon's side of a Ray cluster: one executor per possible actor, and the driver process that is connected.

Never imports Ray.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable

from velatura.client.environment import clean_environment
from velatura.errors import UsageError
from velatura.i18n import lazy_text
from velatura_daemon.build import build_id
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.ray.config import RayConfig, host_and_port
from velatura_daemon.executors.ray.messages import (
    ALL_WORKERS,
    FROM_DRIVER,
    TO_DRIVER,
    ActorAlive,
    ActorAway,
    ActorCommand,
    ActorEnded,
    BeginDriver,
    ClusterConnected,
    ClusterUnreachable,
    DriverEvent,
    FromDriver,
    Release,
    StartActor,
    Terminate,
    ToActor,
)
from velatura_daemon.jobs.commands import Cancel, Estimate, Run, WorkerOptions
from velatura_daemon.jobs.events import ENDINGS, Available, Estimated, Ready, WorkerEvent, WorkerGone, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.logs import forward
from velatura_daemon.worker.pipe import read_message, write_message

DRIVER = (sys.executable, "-m", "velatura_daemon.executors.ray.driver")
CLEANUP_SECONDS = 8.0  # for a driver to end its actors; 'velatura daemon stop' waits a little longer
RETRY_SECONDS = 5.0  # if the driver died without reporting when to try again
PROBE_SECONDS = 2.0  # for the head to accept a connection, when checking whether it is back
UNKNOWN = "–"
# Translators: states of a worker.
REQUESTED, READY = lazy_text("requested"), lazy_text("ready")
# Translators: the state of a worker.
NOT_CONNECTED = lazy_text("not connected yet")


def checked(config: DaemonConfig) -> RayConfig:
    """The options for Ray. Raises UsageError if one is wrong or Ray is not installed."""
    ray_config = RayConfig.of(config)
    if importlib.util.find_spec("ray") is None:
        raise UsageError(
            lazy_text(
                "--executor ray needs Ray, which is not installed here. Install it in Velatura's environment: pip "
                "install 'ray[client]'."
            )
        )
    return ray_config


class RayProvider:
    """One executor per possible actor. The first one takes a job to find out whether the cluster can be reached."""

    def __init__(self, config: DaemonConfig, wake: Callable[[], None], driver: tuple[str, ...] = DRIVER) -> None:
        """Raises UsageError if Ray is not installed or an option is wrong."""
        self.config = checked(config)
        self._worker_options = WorkerOptions.of(config)
        self._driver_command = driver
        self.wake = wake
        self.lost = False
        self.connected = False
        self._lock = threading.RLock()
        self._driver: subprocess.Popen[bytes] | None = None
        self._stop_probing: threading.Event | None = None  # not None while the head is probed
        self.executors = [RayWorker(number, self) for number in range(self.config.max_workers)]

    # --- for its executors -----------------------------------------------------------------------------------
    def send(self, worker: int, command: ActorCommand) -> None:
        """Send a command to the driver, which is started if needed. Raises OSError."""
        with self._lock:
            if self._driver is None:
                self._start()
            self._write(ToActor(worker, command))

    def send_if_running(self, worker: int, command: ActorCommand) -> None:
        with self._lock:
            if self._driver is not None:
                self._write(ToActor(worker, command))

    def disconnect_if_unused(self) -> None:
        """End the driver if no executor needs an actor."""
        with self._lock:
            if self._driver is not None and not any(worker.needs_actor for worker in self.executors):
                driver, self._driver, self.connected = self._driver, None, False
                _end(driver)

    def close(self) -> None:
        """End the driver and the probing. No process is left when this returns."""
        with self._lock:
            self._end_probing()
            driver, self._driver, self.connected = self._driver, None, False
        if driver is not None:
            _end(driver)
            driver.wait()

    # --- the driver ------------------------------------------------------------------------------------------
    def _start(self) -> None:
        self._end_probing()
        # Without the variables that an editor sets for its own Python; with those for Ray, such as RAY_USE_TLS.
        pipe = subprocess.PIPE
        environment = clean_environment(os.environ)
        driver = subprocess.Popen(self._driver_command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        assert driver.stderr is not None
        try:
            forward(driver.stderr, f"ray-driver {driver.pid}")
            name = "ray events"  # not translated: of a thread
            threading.Thread(target=self._read_events, args=(driver,), name=name, daemon=True).start()
        except RuntimeError as error:  # without these threads the death of the driver would not be noticed
            driver.kill()
            driver.wait()
            raise OSError(str(error)) from error
        self._driver = driver
        self._write(BeginDriver(self.config, self._worker_options, build_id()))
        # Translators: the state of a worker.
        self.executors[0].report_state(lazy_text("connecting to {address}", address=self.config.address))

    def _write(self, message: BeginDriver | ToActor) -> None:
        if self._driver is not None and self._driver.stdin is not None:
            with contextlib.suppress(OSError):  # the driver died: the reading thread reports it
                write_message(self._driver.stdin, TO_DRIVER, message)

    def _read_events(self, driver: subprocess.Popen[bytes]) -> None:
        """Handle the driver's events until it ends. Runs on a thread of its own."""
        assert driver.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # half a message: the driver died while writing
            while (message := read_message(driver.stdout, FROM_DRIVER)) is not None:
                with self._lock:
                    if driver is self._driver:
                        self._handle(message)
        driver.wait()
        with self._lock:
            if driver is self._driver:
                self._driver, self.connected = None, False
                # Translators: a clause, after "The worker died": why.
                cause = lazy_text("the process connected to the cluster ended")
                sentence = lazy_text("The connection to the cluster was lost.")
                for worker in self.executors:
                    worker.lose(cause, sentence)
                if self.lost:  # this driver was started to find out whether the head is back
                    self._begin_probing(RETRY_SECONDS)
                self.wake()

    def _handle(self, message: FromDriver) -> None:
        event = message.event
        if message.worker != ALL_WORKERS:
            self.executors[message.worker].handle(event)
        elif isinstance(event, ClusterConnected):
            self.lost, self.connected = False, True
            self.executors[0].add(Available())  # waiting jobs may request actors
            for worker in self.executors[: self.config.min_workers]:
                worker.request_start()
        elif isinstance(event, ClusterUnreachable):
            self._driver, self.connected, self.lost = None, False, True
            for worker in self.executors:
                # Translators: a clause, after "The worker died": why.
                worker.lose(lazy_text("the cluster was lost"), event.sentence)
            self._begin_probing(event.retry_seconds)
        self.wake()

    # --- a lost cluster ----------------------------------------------------------------------------------------
    def _begin_probing(self, interval: float) -> None:
        self._stop_probing = threading.Event()
        name = "ray probe"  # not translated: of a thread
        threading.Thread(target=self._probe, args=(self._stop_probing, interval), name=name, daemon=True).start()

    def _probe(self, stop: threading.Event, interval: float) -> None:
        """Check regularly whether the head is back; then the next job goes there. Runs on a thread of its own.

        A cluster that Ray finds by itself (auto) cannot be probed without Ray: it counts as back after one interval,
        and the next job finds out. A fallback works until the connection is up. interval: seconds.
        """
        while not stop.wait(interval):
            address = host_and_port(self.config.address)
            with contextlib.suppress(OSError):
                if address is not None:
                    socket.create_connection(address, timeout=PROBE_SECONDS).close()
                with self._lock:
                    if not stop.is_set():
                        self._end_probing()
                        self._on_head_back()
                return

    def _on_head_back(self) -> None:
        if not self.config.fallback:
            self.lost = False
            self.executors[0].add(Available())
        elif self._driver is None:
            with contextlib.suppress(OSError):  # the process cannot be started: the fallback continues
                self._start()

    def _end_probing(self) -> None:
        if self._stop_probing is not None:
            self._stop_probing.set()
            self._stop_probing = None


class RayWorker:
    """Runs jobs on one actor, which may not exist yet. See `base.Executor`."""

    device = "auto"
    sends_idle_heartbeats = False  # what becomes of its node or actor is reported by Ray
    pid = 0  # no process of this machine does its work

    def __init__(self, number: int, provider: RayProvider) -> None:
        self._number, self._provider = number, provider
        self._events: deque[WorkerEvent] = deque()
        self._alive, self._node = False, ""
        self._ticket = ""  # of the running job
        self._estimates: set[str] = set()
        self.needs_actor = False  # an actor exists for it, or was requested
        self._was_polled = False  # since the actor was requested
        # Translators: the device of a worker: any of a cluster's machines.
        device = lazy_text("a machine of {address}", address=provider.config.address)
        self.info = WorkerInfo(NOT_CONNECTED, device, UNKNOWN)

    @property
    def available(self) -> bool:
        """Its actor lives. Until the cluster is connected, the first executor is available too: a job given to it
        starts the connection, or fails with the reason."""
        return self._alive or (self._number == 0 and not self._provider.connected)

    @property
    def holds_device(self) -> bool:
        """It has an actor, or has requested one. The first `min_workers` executors keep theirs."""
        return self.needs_actor and self._was_polled and self._number >= self._provider.config.min_workers

    def poll(self) -> WorkerEvent | None:
        if not self._events:
            return None
        self._was_polled = True
        return self._events.popleft()

    def request_start(self) -> None:
        if not self.needs_actor:
            self._require_actor()
            with contextlib.suppress(OSError):  # no job waits for this executor in particular
                self._provider.send(self._number, StartActor())

    def _require_actor(self) -> None:
        if not self.needs_actor:
            self.needs_actor, self._was_polled = True, False
            self.report_state(REQUESTED)

    def run(self, spec: JobSpec) -> None:
        self._require_actor()
        self._ticket = spec.ticket
        self._provider.send(self._number, Run(spec))

    def estimate(self, request: EstimateRequest) -> None:
        self._require_actor()
        self._estimates.add(request.ticket)
        self._provider.send(self._number, Estimate(request))

    def cancel(self, ticket: str) -> None:
        self._provider.send_if_running(self._number, Cancel(ticket))

    pause = cancel  # the job's progress is saved on this disk

    def step_taken(self, ticket: str) -> None:
        """Jobs with steps are refused."""

    def acknowledge(self, ticket: str) -> None:
        """The node deletes the result when it needs the space."""

    def release_device(self) -> None:
        self.needs_actor = self._alive = False
        self.info = WorkerInfo()
        self._provider.send_if_running(self._number, Release())
        self._provider.disconnect_if_unused()

    def terminate(self) -> None:
        self._provider.send_if_running(self._number, Terminate())

    def close(self) -> None:
        self._provider.close()

    # --- for the provider ----------------------------------------------------------------------------------------
    def handle(self, event: DriverEvent) -> None:
        """Handle an event from the driver."""
        if isinstance(event, ActorAlive):
            if self.needs_actor:
                self._alive, self._node = True, event.node
                self._report_ready()
                self.add(Available())
        elif isinstance(event, ActorAway):
            self._alive = False
            self.report_state(REQUESTED)
        elif isinstance(event, ActorEnded):
            self.needs_actor = self._alive = False
        elif not isinstance(event, (ClusterConnected, ClusterUnreachable)):
            if isinstance(event, ENDINGS) and getattr(event, "ticket", self._ticket) == self._ticket:
                self._ticket = ""
            if isinstance(event, Estimated):
                self._estimates.discard(event.ticket)
            self._events.append(event)
            if isinstance(event, WorkerGone) and self._alive:  # its actor starts another worker with the next job
                self._report_ready()

    def report_state(self, state: str, device: str = UNKNOWN) -> None:
        self.add(Ready(WorkerInfo(state, device, UNKNOWN)))

    def _report_ready(self) -> None:
        # Translators: the device of a worker. {node}: the address of a machine.
        self.report_state(READY, lazy_text("a worker at {node}", node=self._node))

    def add(self, event: WorkerEvent) -> None:
        self._events.append(event)
        self._provider.wake()

    def lose(self, cause: str, sentence: str) -> None:
        """The driver has ended, and the actor with it. cause, sentence: of WorkerGone."""
        self.needs_actor = self._alive = False
        for ticket in self._estimates:
            self.add(Estimated.unknown(ticket, sentence))
        self._estimates.clear()
        if self._ticket:
            self._ticket = ""
            self.add(WorkerGone(cause, sentence, blameless=True))


def _end(driver: subprocess.Popen[bytes]) -> None:
    """Close the driver's input, which ends it, and kill it if it does not end in time. Does not block."""
    with contextlib.suppress(OSError):
        if driver.stdin is not None:
            driver.stdin.close()
    force = threading.Timer(CLEANUP_SECONDS, driver.kill)
    force.daemon = True
    force.start()

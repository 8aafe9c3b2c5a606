"""One connection to another daemon, which runs one job at a time there. See `base.Executor`."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from velatura.app_dirs import AppDirs
from velatura_daemon.executors.remote.connection import RemoteConnection
from velatura_daemon.executors.remote.session import ConnectionMonitor, RemoteSession
from velatura_daemon.jobs.events import Available, WorkerEvent
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec

log = logging.getLogger("velatura.remote")

CLOSE_SECONDS = 3.0  # for the thread to end
# Events that the server has not handled; beyond it nothing is read from the other daemon, which might send without end.
MAX_EVENTS = 256
FULL_PAUSE = 0.05  # seconds: the server handles as many events in a fraction of it


class Provider(ConnectionMonitor, Protocol):
    """The provider, as its executors see it."""

    @property
    def reachable(self) -> bool: ...

    @property
    def takes_a_job_to_find_out(self) -> bool:
        """Whether a job may go to it though it may be unreachable."""

    @property
    def executors(self) -> list[RemoteExecutor]: ...

    def others_running(self, executor: RemoteExecutor) -> bool: ...


class RemoteExecutor:
    """The session with the other daemon runs on a thread of its own. Calls and events cross over in two deques; a byte
    through a socket pair wakes the thread."""

    device = "auto"
    sends_idle_heartbeats = False  # the other daemon watches its own worker
    holds_device = False  # it closes its session there by itself
    pid = 0

    def __init__(
        self,
        connection: RemoteConnection,
        dirs: AppDirs,
        keep_seconds: float,
        wake: Callable[[], None],
        provider: Provider,
    ) -> None:
        """keep_seconds: between two CheckpointSaved events. wake: called from any thread when there are events."""
        self._wake, self._provider = wake, provider
        self.is_accepted = True  # the other daemon accepts as many jobs of this daemon at once
        self.session = RemoteSession(connection, dirs, keep_seconds, provider, self)
        self.info = self.session.info("not connected yet")
        self._calls: deque[Callable[[], None] | None] = deque()  # None: end
        self._events: deque[WorkerEvent] = deque()
        self._wake_in, self._wake_out = socket.socketpair()
        for end in (self._wake_in, self._wake_out):
            end.setblocking(False)
        self._thread: threading.Thread | None = None

    @property
    def is_running(self) -> bool:
        """Whether it has a job there, or on its way."""
        job = self.session.job
        return job is not None and not job.retry_at

    @property
    def is_connected(self) -> bool:
        return self.session.connection.ready

    @property
    def is_first(self) -> bool:
        return self is self._provider.executors[0]

    @property
    def others_running(self) -> bool:
        return self._provider.others_running(self)

    @property
    def available(self) -> bool:
        """While the other daemon is unreachable the first executor takes jobs, which finds out whether it is back,
        unless the jobs can run on a third daemon meanwhile."""
        may_find_out = self.is_first and self._provider.takes_a_job_to_find_out
        return self.is_accepted and (self._provider.reachable or may_find_out)

    def announce(self) -> None:
        self.emit(Available())

    def check_connection(self) -> None:
        """Another executor, or this one, has lost its connection."""
        self._call(self.session.check_connection)

    def check_now(self) -> None:
        """A job is about to fail elsewhere: find out whether this daemon is back."""
        self._call(self.session.check_now)

    def poll(self) -> WorkerEvent | None:
        return self._events.popleft() if self._events else None

    def request_start(self) -> None:
        """The other daemon decides how many are available."""

    def run(self, spec: JobSpec) -> None:
        self._call(lambda: self.session.run(spec))

    def estimate(self, request: EstimateRequest) -> None:
        self._call(lambda: self.session.estimate(request))

    def cancel(self, ticket: str) -> None:
        self._call(lambda: self.session.cancel(ticket))

    def pause(self, ticket: str) -> None:
        self._call(lambda: self.session.pause(ticket))

    def step_taken(self, ticket: str) -> None:
        """Jobs with steps are refused."""

    def acknowledge(self, ticket: str) -> None:
        self._call(lambda: self.session.acknowledge(ticket))

    def release_device(self) -> None:
        self._call(self.session.close)

    def terminate(self) -> None:
        self._call(self.session.terminate)

    def close(self) -> None:
        if self._thread is not None:
            self._call(None)
            self._thread.join(CLOSE_SECONDS)
        self.session.connection.route.close()

    def emit(self, event: WorkerEvent) -> None:
        """Queue an event for `poll`. From any thread."""
        self._events.append(event)
        self._wake()

    def _call(self, function: Callable[[], None] | None) -> None:
        """Have the thread call a function, or end."""
        self._calls.append(function)
        if self._thread is None:
            self._thread = threading.Thread(target=self._loop, name="remote", daemon=True)
            self._thread.start()
        with contextlib.suppress(OSError):  # full: the thread is awake already
            self._wake_in.send(b"!")

    def _loop(self) -> None:
        while True:
            try:
                while self._calls:
                    function = self._calls.popleft()
                    if function is None:
                        self.session.close()
                        return
                    function()
                if len(self._events) >= MAX_EVENTS:
                    time.sleep(FULL_PAUSE)
                    continue
                self.session.step()
            except Exception as error:  # a bug of this executor: it costs this job, not the daemon
                log.exception("work for another daemon failed")
                self.session.on_internal_error(error)
            self.session.wait_or(self._wake_out.fileno())
            with contextlib.suppress(BlockingIOError):
                while self._wake_out.recv(4096):
                    pass

"""A real daemon whose executors are stubs: they answer at once, so that the server alone is measured. For
`tests/bench/server.py`; no mode of the product.

    VELATURA_HOME=… python -m tests.bench.stub_daemon --workers 1 --preview 64
"""

from __future__ import annotations

import argparse
import hashlib
import os
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from velatura.app_dirs import AppDirs, app_dirs
from velatura_daemon import daemon_process
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import Estimated, JobDone, JobPreview, JobProgress, WorkerEvent, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.scheduling import job_service
from velatura_daemon.server import server, sessions
from velatura_daemon.storage import quota

PROGRESSES = 10  # messages per job; a worker sends one every tenth of a second, and one at the end of each scale
SIDE = 16  # pixels of the scale in these messages
NO_LIMIT = 1 << 20  # of sessions, jobs and saved results: how many peers a server could take is what is measured


@dataclass(frozen=True)
class StubInfo(WorkerInfo):
    """stub_seconds: CPU time that stubs have taken from the server's process. sync_seconds: time it has waited in
    fsync."""

    stub_seconds: float = 0.0
    sync_seconds: float = 0.0


class Stub:
    """An executor that has done its job by the server's next round."""

    device, available, holds_device, sends_idle_heartbeats, pid = "auto", True, False, False, 0

    def __init__(self, wake: Callable[[], None], preview_side: int, time_spent: TimeSpent) -> None:
        self._wake, self._spent = wake, time_spent
        self._preview = bytes(preview_side * (preview_side * 3 // 4) * 3)
        self._preview_size = preview_side, preview_side * 3 // 4
        self._now: deque[WorkerEvent] = deque()
        self._next: deque[WorkerEvent] = deque()

    @property
    def info(self) -> WorkerInfo:
        return StubInfo("warm", "stub", "stub", stub_seconds=self._spent.stub, sync_seconds=self._spent.sync)

    @info.setter
    def info(self, _: WorkerInfo) -> None:
        """The scheduler stores there what Ready says."""

    def poll(self) -> WorkerEvent | None:
        """What is begun in this round is reported in the next: between two jobs the server looks at its sockets, as
        with any other executor."""
        if self._now:
            return self._now.popleft()
        self._now, self._next = self._next, self._now
        return None

    def request_start(self) -> None:
        """It is always there."""

    def run(self, spec: JobSpec) -> None:
        started_at = time.thread_time()
        ticket, content = spec.ticket, spec.content.picture
        # each result a new one
        pixels = hashlib.sha256(ticket.encode()).digest() + spec.content.file.read_bytes()[32:]
        spec.files.result.write_bytes(pixels)
        result = replace(content, blob=hashlib.sha256(pixels).digest())
        width, height = self._preview_size
        self._next.append(Estimated(ticket, 1.0, 1 << 30, 0, "stub", "About a second."))
        for step in range(1, PROGRESSES + 1):
            done = step / PROGRESSES
            self._next.append(JobProgress(ticket, 0, 1, SIDE, SIDE, step, PROGRESSES, 1.0, 1.0, done, 0.5))
        self._next.append(JobPreview(ticket, 0, width, height, self._preview))
        self._next.append(JobDone(ticket, result, 0, 0, "stub", "stub", 0.0, 1.0, 1.0, "content"))
        self._spent.stub += time.thread_time() - started_at
        self._wake()

    def estimate(self, request: EstimateRequest) -> None:
        self._next.append(Estimated(request.ticket, 1.0, 1 << 30, 0, "stub", "About a second."))
        self._wake()

    def cancel(self, ticket: str) -> None:
        """It has ended already."""

    pause = acknowledge = cancel

    def release_device(self) -> None: ...

    terminate = close = release_device


class TimeSpent:
    """Seconds of the server's process that a benchmark subtracts or reports separately."""

    stub = sync = 0.0

    def watch_syncs(self) -> None:
        """Count the time in os.fsync from now on."""
        fsync = os.fsync

        def timed(fd: int) -> None:
            started_at = time.perf_counter()
            fsync(fd)
            self.sync += time.perf_counter() - started_at

        os.fsync = timed  # type: ignore[assignment]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stub_daemon", description=__doc__)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--preview", type=int, default=64, help="longest side of a preview, in pixels")
    arguments = parser.parse_args()
    time_spent = TimeSpent()
    time_spent.watch_syncs()

    class Stubs:
        """An ExecutorProvider."""

        lost = False

        def __init__(self, wake: Callable[[], None]) -> None:
            self.executors = [Stub(wake, arguments.preview, time_spent) for _ in range(arguments.workers)]

    def stubs_for(_options: DaemonConfig, _places: AppDirs, wake: Callable[[], None]) -> tuple[Stubs, None]:
        return Stubs(wake), None

    sessions.MAX_SESSIONS = job_service.JOBS_IN_ALL = quota.MAX_SAVED = NO_LIMIT
    server.providers_for = stubs_for  # all else is the daemon as it is: its lock, its log, its files
    daemon_process.run_daemon(app_dirs(), DaemonConfig(max_megapixels=64))


if __name__ == "__main__":
    main()

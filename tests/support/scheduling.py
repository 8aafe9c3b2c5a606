"""A JobService without sockets and processes: a manual clock, and executors that report what a test says."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.conftest import picture
from velatura.app_dirs import app_dirs
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import JobDone, JobFailed, JobStopped, WorkerEvent, WorkerGone, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.scheduling.worker_pool import WorkerPool

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
HANG = 60.0  # seconds


class ManualClock(Clock):
    def __init__(self) -> None:
        self.moment, self.day = 1000.0, 1.7e9
        super().__init__()

    def monotonic(self) -> float:
        return self.moment

    def date(self) -> float:
        return self.day

    def advance(self, seconds: float) -> None:
        self.moment += seconds
        self.day += seconds

    def wait(self, seconds: float) -> None:
        """Wait as the event loop does."""
        self.before_wait(seconds)
        self.advance(seconds)


class FakeExecutor:
    """An executor that reports the events that a test adds to `events`."""

    def __init__(self) -> None:
        self.info = WorkerInfo(state="warm")
        self.sends_idle_heartbeats = False
        self.pid, self.device, self.available = 0, "auto", True
        self.specs: list[JobSpec] = []
        self.events: deque[WorkerEvent] = deque()
        self.cancelled: list[str] = []
        self.requested = self.terminated = self.released = self.steps_taken = 0

    def poll(self) -> WorkerEvent | None:
        return self.events.popleft() if self.events else None

    def run(self, spec: JobSpec) -> None:
        self.pid = 7
        self.specs.append(spec)

    @property
    def ticket(self) -> str:
        """The ticket of its last job."""
        return self.specs[-1].ticket

    @property
    def holds_device(self) -> bool:
        return self.pid > 0

    def request_start(self) -> None:
        self.requested += 1

    def estimate(self, request: EstimateRequest) -> None: ...

    def cancel(self, ticket: str) -> None:
        self.cancelled.append(ticket)

    def pause(self, ticket: str) -> None: ...

    def step_taken(self, ticket: str) -> None:
        self.steps_taken += 1

    def acknowledge(self, ticket: str) -> None: ...
    def close(self) -> None: ...

    def release_device(self) -> None:
        self.pid, self.released = 0, self.released + 1

    def terminate(self) -> None:
        self.pid, self.terminated = 0, self.terminated + 1
        self.events.append(WorkerGone("it was killed"))


class FakeProvider:
    def __init__(self, *executors: FakeExecutor) -> None:
        self.executors, self.lost = executors, False


class Scheduling:
    """A job service with one executor, and one session, b"s". messages: everything that is sent to clients."""

    def __init__(
        self,
        home: Path,
        provider: FakeProvider | None = None,
        fallback: FakeProvider | None = None,
        config: DaemonConfig | None = None,
    ) -> None:
        self.clock, self.executor = ManualClock(), FakeExecutor()
        self.messages: list[p.Message] = []
        config = config or DaemonConfig(hang_seconds=HANG, worker_seconds=600.0)
        pool = WorkerPool(provider or FakeProvider(self.executor), fallback, config, self.clock)
        dirs = app_dirs({"VELATURA_HOME": str(home)})
        self.jobs = JobService(config, dirs, pool, lambda _, message: self.messages.append(message), self.clock)
        self.scheduler, self.store = self.jobs.scheduler, self.jobs.store

    def submit(
        self, job: str = "j", layer: str = "", device: str = "auto", client: str = "client", **more: Any
    ) -> None:
        """Submit a job and send all its pictures."""
        style = [{"picture": STYLE.ref.to_wire(), "share": 1.0}]
        request = p.Restyle(
            job,
            layer or f"layer of {job}",
            CONTENT.ref.to_wire(),
            style,
            None,
            StyleSettings().to_wire(),
            device=device,
            **more,
        )
        self.jobs.submit(b"s", client, "tests", request)
        for message in self.messages:  # the list grows: after each picture the next one is requested
            if isinstance(message, p.Get):
                data = {**CONTENT.blobs, **STYLE.blobs}[message.blob]
                self.jobs.put(b"s", p.Put(message.blob, data.nbytes, 0, message.ticket, data))
        self.scheduler.poll()  # as the server does after each round

    def emit(self, event: WorkerEvent, executor: FakeExecutor | None = None) -> None:
        (executor or self.executor).events.append(event)
        self.scheduler.poll()

    def advance(self, seconds: float) -> None:
        self.clock.wait(seconds)
        self.jobs.tick(self.clock.now())
        self.scheduler.poll()

    def request_estimate(self, ticket: str) -> None:
        self.jobs.estimate(b"s", p.GetEstimate(ticket, 100, 100, StyleSettings().to_wire()))

    def received(self, kind: type[p.Message]) -> list[Any]:
        return [message for message in self.messages if isinstance(message, kind)]

    @property
    def notices(self) -> list[str]:
        return [message.sentence for message in self.received(p.Notice)]


class TwoWorkers(Scheduling):
    """Two executors, `left` and `right`; with `fallback`, a third, `local`, that works while they are lost."""

    def __init__(self, home: Path, fallback: bool = False, **options: Any) -> None:
        self.left, self.right, self.local = FakeExecutor(), FakeExecutor(), FakeExecutor()
        self.provider = FakeProvider(self.left, self.right)
        config = DaemonConfig(hang_seconds=HANG, worker_seconds=600.0, **options)
        super().__init__(home, self.provider, FakeProvider(self.local) if fallback else None, config)

    def fail(self, executor: FakeExecutor, code: str = "bad_mask", sentence: str = "") -> None:
        """The executor's last job fails."""
        self.emit(JobFailed(executor.ticket, code, sentence), executor)

    def stop(self, executor: FakeExecutor, job: int = -1) -> None:
        """A job stops. job: index into the executor's specs."""
        self.emit(JobStopped(executor.specs[job].ticket), executor)

    def finish(self, executor: FakeExecutor, pixel: bytes = b"r") -> None:
        """The executor's last job has a result, all of whose bytes are the same."""
        spec = executor.specs[-1]
        data = pixel * CONTENT.ref.length
        spec.files.result.write_bytes(data)
        result = replace(CONTENT.ref, blob=hashlib.sha256(data).digest())
        self.emit(JobDone(spec.ticket, result, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content"), executor)

    def die(self, executor: FakeExecutor, **reason: Any) -> None:
        """reason: further fields of WorkerGone."""
        executor.pid = 0
        self.emit(WorkerGone("it went", **reason), executor)


def job_count(executor: FakeExecutor) -> int:
    return len(executor.specs)

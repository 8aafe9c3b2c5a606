"""An executor whose jobs end when and how a test decides, and which checks what the scheduler asks of it."""

from __future__ import annotations

import hashlib
from collections import deque
from dataclasses import replace
from typing import Any

from velatura_daemon.jobs.events import JobDone, SavedImage, WorkerEvent, WorkerGone, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec


class SimulatedExecutor:
    """An executor that checks how the scheduler calls it. A test decides when and how it ends a job."""

    sends_idle_heartbeats = False

    def __init__(self, device: str) -> None:
        self.device, self.available, self.pid, self.info = device, True, 0, WorkerInfo(state="warm")
        self.spec: JobSpec | None = None
        self.stopping = False
        self.steps_taken = 0
        self.estimates: list[str] = []
        self.events: deque[WorkerEvent] = deque()

    @property
    def holds_device(self) -> bool:
        return self.pid > 0

    def poll(self) -> WorkerEvent | None:
        return self.events.popleft() if self.events else None

    def emit(self, event: WorkerEvent) -> None:
        self.events.append(event)

    def request_start(self) -> None: ...

    def run(self, spec: JobSpec) -> None:
        assert self.spec is None, "it got a job while it had another"
        for item in spec.inputs:
            assert item.file.exists(), "it got a picture whose file does not exist"
        self.pid, self.spec, self.stopping = 7, spec, False

    def estimate(self, request: EstimateRequest) -> None:
        self.pid = 7
        self.estimates.append(request.ticket)

    def cancel(self, ticket: str) -> None:
        if self.spec is not None and self.spec.ticket == ticket:
            self.stopping = True

    pause = cancel

    def acknowledge(self, ticket: str) -> None: ...

    def step_taken(self, ticket: str) -> None:
        self.steps_taken += 1

    def release_device(self) -> None:
        assert self.spec is None, "its device was released during a job"
        self.pid, self.estimates = 0, []

    def terminate(self) -> None:
        if self.pid:
            self.die("it was killed")

    def close(self) -> None: ...

    # --- for the test ---------------------------------------------------------------------
    def die(self, cause: str = "it went", **fields: Any) -> None:
        """fields: further ones of WorkerGone."""
        self.pid, self.spec, self.estimates = 0, None, []
        self.emit(WorkerGone(cause, **fields))

    def end(self, ending: WorkerEvent) -> None:
        self.spec = None
        self.emit(ending)

    def save_image(self) -> SavedImage:
        assert self.spec is not None
        data = self.spec.ticket.encode()
        self.spec.files.last_image.write_bytes(data)
        return SavedImage(hashlib.sha256(data).digest(), 1)

    def finish(self) -> None:
        assert self.spec is not None
        ref = self.spec.content.picture
        data = hashlib.sha256(self.spec.ticket.encode()).digest() * (ref.length // 32)
        self.spec.files.result.write_bytes(data)
        result = replace(ref, blob=hashlib.sha256(data).digest())
        image = self.save_image()
        self.end(JobDone(self.spec.ticket, result, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", (), b"", (b"",), image))

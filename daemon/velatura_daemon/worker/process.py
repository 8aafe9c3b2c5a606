"""The process that owns the device. It holds the network and cached targets, nothing that cannot be lost."""

from __future__ import annotations

import logging
import os
import queue
import sys
import threading
import time
import traceback
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import IO

import torch

from velatura.app_dirs import app_dirs
from velatura.errors import OutOfMemory, VelaturaError
from velatura.i18n import lazy_text
from velatura_daemon.build import build_id
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.devices import (
    budget_on,
    choose_device,
    device_label,
    give_device_memory_back,
    gpu_names,
    is_device_lost,
    is_out_of_memory,
    memory_in_use,
)
from velatura_daemon.engine.malloc import trim_heap
from velatura_daemon.jobs.commands import Cancel, Command, Estimate, Run, SetMemory, StepTaken, WorkerOptions
from velatura_daemon.jobs.events import (
    WARM,
    Estimated,
    GpusFound,
    Heartbeat,
    JobEnd,
    JobFailed,
    Ready,
    WorkerEvent,
    WorkerInfo,
)
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.logs import log_to_stderr
from velatura_daemon.memory_plan import MemoryBudget
from velatura_daemon.models.store import WeightStore
from velatura_daemon.storage.blobs import disk_trouble
from velatura_daemon.worker.estimates import Estimates
from velatura_daemon.worker.model_cache import LoadedModel, ModelCache
from velatura_daemon.worker.pipe import COMMANDS, DEVICE_LOST, EVENTS, read_message, write_message
from velatura_daemon.worker.restyle_job import JobResources, restyle
from velatura_daemon.worker.statistics_store import StatisticsStore

log = logging.getLogger("velatura.worker")

NICENESS = 5  # the editor comes first
HEARTBEAT = 1.0  # seconds


class Worker:
    """Takes jobs one at a time; a cancel reaches it between two evaluations."""

    def __init__(self, out: IO[bytes], options: WorkerOptions) -> None:
        self._out = out
        self._lock = threading.Lock()
        self._working = threading.Event()
        self.options = options
        self.cancelled: set[str] = set()
        self._step_taken = threading.Condition()
        self._steps_taken: Counter[str] = Counter()  # by ticket
        self.models = ModelCache(WeightStore(app_dirs()))
        self.cache = TargetCache(
            options.cache_megabytes << 20, StatisticsStore(app_dirs().cache / "styles", build_id())
        )
        self.estimates = Estimates(app_dirs().cache / "pace.json")
        self.last: LoadedModel | None = None

    def emit(self, event: WorkerEvent) -> None:
        """Report to the daemon. From any thread."""
        with self._lock:
            write_message(self._out, EVENTS, event)

    def cancel(self, ticket: str) -> None:
        """Stop a job soon. From any thread."""
        with self._step_taken:
            self.cancelled.add(ticket)
            self._step_taken.notify_all()

    def step_taken(self, ticket: str) -> None:
        """The client has another step of the job. From any thread."""
        with self._step_taken:
            self._steps_taken[ticket] += 1
            self._step_taken.notify_all()

    def wait_for_steps(self, ticket: str, count: int, patience: float) -> bool:
        with self._step_taken:
            deadline = time.monotonic() + patience
            while (taken := self._steps_taken[ticket]) < count and ticket not in self.cancelled:
                self._step_taken.wait(deadline - time.monotonic())
                if self._steps_taken[ticket] > taken:
                    deadline = time.monotonic() + patience
                elif time.monotonic() >= deadline:
                    return False
        return True

    def model_for(self, weights: str, device: str) -> LoadedModel:
        """The network that a job asks for; the last one stays loaded."""
        self.last = self.models.get(weights, choose_device(self.options.device if device == "auto" else device))
        return self.last

    def budget_on(self, device: torch.device) -> MemoryBudget:
        return budget_on(device, self.options.memory_megabytes << 20)

    def estimate(self, request: EstimateRequest) -> None:
        """Report how long it would take, or why that is not known."""
        try:
            model = self.model_for(request.weights, request.device)
            budget = self.budget_on(model.device)
            expected = self.estimates.expect(
                request.width, request.height, request.settings, model, budget, inputs=request.inputs
            )
            answer = expected.event(request.ticket)
        except Exception as error:
            _exit_if_device_lost(error)
            answer = Estimated.unknown(request.ticket, _for_people(error).sentence)
        self.emit(answer)

    def send_heartbeats(self) -> None:
        """On a thread of its own; rarely while there is no work."""
        while True:
            working = self._working.wait(self.options.idle_heartbeat)
            self.emit(Heartbeat())
            if working:
                time.sleep(HEARTBEAT)

    def run(self, spec: JobSpec) -> None:
        """Do one job and report how it ended."""
        self._working.set()
        ending: JobEnd
        try:
            model = self.model_for(spec.weights, spec.device)
            self.emit(Ready(self.info(model)))
            resources = JobResources(model, self.cache, self.budget_on(model.device), self.estimates)
            ending = restyle(spec, resources, self)
        except Exception as error:
            _exit_if_device_lost(error)
            failure = _for_people(error)
            detail = "" if isinstance(error, VelaturaError) else traceback.format_exc()
            ending = JobFailed(spec.ticket, failure.code, failure.sentence, detail)
        if self.last is not None:
            self.emit(Ready(self.info(self.last)))
        self._working.clear()
        self.cancelled.discard(spec.ticket)
        self._steps_taken.pop(spec.ticket, None)
        self.emit(ending)
        trim_heap()
        if self.last is not None:
            give_device_memory_back(self.last.device)

    def info(self, model: LoadedModel) -> WorkerInfo:
        return WorkerInfo(
            state=WARM,
            device=device_label(model.device),
            weights=model.label,
            targets=len(self.cache),
            target_bytes=self.cache.bytes,
            target_hits=self.cache.hits,
            target_misses=self.cache.misses,
            memory_bytes=memory_in_use(model.device),
        )


def _exit_if_device_lost(error: Exception) -> None:
    """After a driver reset, or with the card gone, a process never gets its device back: the daemon starts another
    worker."""
    if is_device_lost(error):
        log.exception("the device was lost")
        os._exit(DEVICE_LOST)


def _for_people(error: Exception) -> VelaturaError:
    """The error to show for any exception."""
    if isinstance(error, VelaturaError):
        return error
    if is_out_of_memory(error):
        return OutOfMemory(
            lazy_text(
                "There is not enough memory for a picture of this size. Restyle a part of it, or make it smaller."
            )
        )
    if isinstance(error, OSError):
        return disk_trouble(error, Path(error.filename or app_dirs().spool))
    return VelaturaError(
        lazy_text(
            "The restyle failed because of an internal error ({kind}: {problem}). The daemon keeps running; see its "
            "log for details.",
            kind=type(error).__name__,
            problem=str(error)[:200],
        )
    )


def main() -> None:
    """Read commands from stdin on one thread, work on the main thread; end with the input."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not land among the messages
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    log_to_stderr()
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    begin = read_message(sys.stdin.buffer, COMMANDS)
    if begin is None:
        return
    worker = Worker(out, begin.options)
    if worker.options.threads:
        torch.set_num_threads(worker.options.threads)
    gpus = gpu_names()
    log.info("torch %s, GPUs: %d, threads: %d", torch.__version__, len(gpus), torch.get_num_threads())
    commands: queue.Queue[Command] = queue.Queue()

    def read_commands() -> None:
        try:
            while (command := read_message(sys.stdin.buffer, COMMANDS)) is not None:
                if isinstance(command, Cancel):  # at once: the main thread is busy with that job
                    worker.cancel(command.ticket)
                elif isinstance(command, StepTaken):
                    worker.step_taken(command.ticket)
                else:
                    commands.put(command)
        except Exception:  # half a command of a daemon that died, or one of another version
            log.exception("a command could not be read")
            os._exit(1)
        os._exit(0)  # the daemon closed our input, or died: nobody waits for what is being computed

    worker.emit(GpusFound(gpus))
    threading.Thread(target=read_commands, daemon=True).start()
    threading.Thread(target=worker.send_heartbeats, daemon=True).start()
    while True:
        command = commands.get()
        if isinstance(command, Estimate):
            worker.estimate(command.request)
        elif isinstance(command, SetMemory):
            worker.options = replace(worker.options, memory_megabytes=command.megabytes)
        elif isinstance(command, Run):
            worker.run(command.spec)


if __name__ == "__main__":
    main()

"""Executors on this machine: one worker process per device, started on demand, ended when idle."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from velatura.client.environment import clean_environment
from velatura.errors import UsageError
from velatura.i18n import Text, lazy_text
from velatura_daemon.config import DaemonConfig, default_memory
from velatura_daemon.jobs.commands import Begin, Cancel, Command, Estimate, Run, SetMemory, StepTaken, WorkerOptions
from velatura_daemon.jobs.events import STARTING, Available, GpusFound, WorkerEvent, WorkerGone, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec
from velatura_daemon.logs import forward
from velatura_daemon.worker.environment import WORKER
from velatura_daemon.worker.pipe import COMMANDS, DEVICE_LOST, EVENTS, read_message, write_message

EXIT_SECONDS = 3.0  # for a worker to end by itself


class LocalProvider:
    """An executor per device that the configuration names. With 'auto' there is one until its worker, which has torch,
    reports several GPUs."""

    lost = False

    def __init__(self, config: DaemonConfig, wake: Callable[[], None]) -> None:
        """Raises UsageError for impossible names of devices."""
        self._config, self._wake = config, wake
        names = device_names(config)
        self.executors = [LocalExecutor(self._sharing(names), wake, name) for name in names]
        if names == ["auto"]:
            self.executors[0].on_gpus_found = self._add_executors

    def _sharing(self, names: list[str]) -> DaemonConfig:
        """Divide the machine's cores and memory among the workers, unless the configuration sets them."""
        on_cpu = names.count("cpu")
        threads = self._config.threads or (max(1, cores() // on_cpu) if on_cpu > 1 else 0)
        memory = self._config.memory_megabytes or ((default_memory() >> 20) // len(names) if len(names) > 1 else 0)
        return replace(self._config, threads=threads, memory_megabytes=memory)

    def _add_executors(self, gpus: Sequence[str]) -> None:
        """Make an executor per GPU, after the first worker has found them. gpus: their names."""
        if len(gpus) > 1 and len(self.executors) == 1:
            names = list(gpus)
            self.executors[0].device = names[0]
            self.executors[0].share(self._sharing(names))
            self.executors += [LocalExecutor(self._sharing(names), self._wake, name) for name in names[1:]]
            self.executors[-1].announce()


def device_names(config: DaemonConfig) -> list[str]:
    """Return the device of each executor. Raises UsageError."""
    names = list(config.devices) or [config.device]
    if names == ["all"]:
        return ["auto"]
    if not config.devices and not re.fullmatch(r"auto|cpu|mps|(cuda|xpu)(:\d{1,3})?", config.device):
        raise UsageError(
            lazy_text(
                "--device is auto, cpu, cuda, cuda:N, xpu, xpu:N or mps, not {given}. For several devices, use "
                "--devices.",
                given=repr(config.device[:40]),
            )
        )
    for name in names if config.devices else ():
        if not re.fullmatch(r"cpu|mps|(cuda|xpu):\d{1,3}", name):
            raise UsageError(
                lazy_text(
                    "--devices takes 'all', or names such as cuda:0,cuda:1, xpu:0,xpu:1 or cpu,cpu; {given} is "
                    "neither.",
                    given=repr(name[:40]),
                )
            )
    return names


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalExecutor:
    """Runs jobs in one worker process, which is started when needed."""

    available = True  # a worker starts with the job
    sends_idle_heartbeats = True

    def __init__(self, config: DaemonConfig, wake: Callable[[], None], device: str = "auto") -> None:
        """wake: called from another thread when `poll` has something. device: which one the worker uses for 'auto'."""
        self._config = config
        self._wake = wake
        self.device = device
        self.on_gpus_found: Callable[[Sequence[str]], None] = lambda _: None
        self._process: subprocess.Popen[bytes] | None = None
        self._events: deque[tuple[subprocess.Popen[bytes] | None, WorkerEvent]] = deque()
        self.info = WorkerInfo()

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def holds_device(self) -> bool:
        return self._process is not None

    def request_start(self) -> None:
        """Always available: nothing to do."""

    def announce(self) -> None:
        """Report Available: the scheduler did not know this executor before."""
        self._events.append((self._process, Available()))
        self._wake()

    def start(self) -> None:
        """Start the worker unless it runs. Raises OSError."""
        if self._process is not None:
            return
        process = subprocess.Popen(
            [sys.executable, "-m", "velatura_daemon.worker.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**WORKER, **clean_environment(os.environ)},
        )
        try:
            assert process.stderr is not None
            forward(process.stderr, f"worker {process.pid}")
            threading.Thread(target=self._read_events, args=(process,), daemon=True).start()
        except RuntimeError as error:  # without these threads the death of the worker would not be noticed
            process.kill()
            process.wait()
            raise OSError(str(error)) from error
        self._process, self.info = process, WorkerInfo(state=STARTING)
        self._send(Begin(WorkerOptions.of(self._config, self.device)))

    def poll(self) -> WorkerEvent | None:
        """Return the next event, or None. Late events of an earlier worker are dropped."""
        while self._events:
            process, event = self._events.popleft()
            if process is not self._process:
                continue
            if isinstance(event, GpusFound):
                self.on_gpus_found(event.names)
                continue
            if isinstance(event, WorkerGone):
                self._process = None
            return event
        return None

    def share(self, config: DaemonConfig) -> None:
        """From the next job on, limit the worker to the memory in `config`."""
        self._config = config
        self._send(SetMemory(config.memory_megabytes))

    def run(self, spec: JobSpec) -> None:
        self.start()
        self._send(Run(spec))

    def estimate(self, request: EstimateRequest) -> None:
        self.start()
        self._send(Estimate(request))

    def cancel(self, ticket: str) -> None:
        """Stop a job within one evaluation."""
        self._send(Cancel(ticket))

    pause = cancel  # the job's progress is saved on this disk

    def acknowledge(self, ticket: str) -> None:
        """A worker keeps no results."""

    def step_taken(self, ticket: str) -> None:
        self._send(StepTaken(ticket))

    def release_device(self) -> None:
        """End the worker: close its input, and kill it if it does not end in time."""
        process, self._process = self._process, None
        self.info = WorkerInfo()
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()  # the worker ends when its input ends
        force = threading.Timer(EXIT_SECONDS, process.kill)
        force.daemon = True
        force.start()

    def terminate(self) -> None:
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _send(self, command: Command) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):  # the worker died: the reading thread reports it
            write_message(self._process.stdin, COMMANDS, command)

    def _read_events(self, process: subprocess.Popen[bytes]) -> None:
        """Queue the worker's events until it ends. Runs on a thread of its own."""
        assert process.stdout is not None
        with contextlib.suppress(OSError, ValueError):  # half a message: the worker died while writing
            while (event := read_message(process.stdout, EVENTS)) is not None:
                self._add(process, event)
        self._add(process, WorkerGone(_cause_of_death(process.wait())))

    def _add(self, process: subprocess.Popen[bytes], event: WorkerEvent) -> None:
        self._events.append((process, event))
        self._wake()


def _cause_of_death(code: int) -> Text:
    """Describe an exit code, in a clause."""
    if code == -signal.SIGKILL if hasattr(signal, "SIGKILL") else False:
        # Translators: a clause, after "The worker died": why.
        return lazy_text("it was killed, perhaps because memory ran out")
    if code == DEVICE_LOST:
        # Translators: a clause, after "The worker died": why.
        return lazy_text("its device was lost: the driver was reset, or the card was removed")
    if code < 0:
        # Translators: a clause, after "The worker died": why.
        return lazy_text("it was ended by signal {number}", number=str(-code))
    # Translators: a clause, after "The worker died": why.
    return lazy_text("it ended with code {code}", code=str(code))

"""The front's side of the local executors: a worker process a device, started on demand, watched, let go when idle."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from velatura.client.launch import clean_environment
from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig, sensible_memory
from velatura_daemon.logs import forward
from velatura_daemon.worker.environment import WORKER
from velatura_daemon.worker.pipe import DEVICE_LOST, read_message, write_message

LEAVING_PATIENCE = 3.0  # seconds for a worker to go by itself


class LocalProvider:
    """A hand for each device that the options name. Where they do not care, one until its worker, who has torch, says
    that this machine has several GPUs."""

    lost = False

    def __init__(self, options: DaemonConfig, wake: Callable[[], None]) -> None:
        """Raises UsageError for devices that cannot be."""
        self._options, self._wake = options, wake
        names = device_names(options)
        self.executors = [LocalExecutor(self._sharing(names), wake, name) for name in names]
        if names == ["auto"]:
            self.executors[0].found = self._found

    def _sharing(self, names: list[str]) -> DaemonConfig:
        """Of the machine, what one of so many workers may take, where nobody has said it."""
        on_cpu = names.count("cpu")
        threads = self._options.threads or (max(1, cores() // on_cpu) if on_cpu > 1 else 0)
        memory = self._options.memory_megabytes or ((sensible_memory() >> 20) // len(names) if len(names) > 1 else 0)
        return replace(self._options, threads=threads, memory_megabytes=memory)

    def _found(self, gpus: int) -> None:
        """This machine has so many GPUs."""
        if gpus > 1 and len(self.executors) == 1:
            names = [f"cuda:{index}" for index in range(gpus)]
            self.executors[0].device = names[0]
            self.executors[0].share(self._sharing(names))
            self.executors += [LocalExecutor(self._sharing(names), self._wake, name) for name in names[1:]]
            self.executors[-1].say_here()


def device_names(options: DaemonConfig) -> list[str]:
    """Of each hand. Raises UsageError."""
    names = list(options.devices) or [options.device]
    if names == ["all"]:
        return ["auto"]
    for name in names if options.devices else ():
        if not re.fullmatch(r"cpu|mps|cuda:\d{1,3}", name):
            raise UsageError(
                f"--devices takes 'all', or names such as cuda:0,cuda:1 or cpu,cpu; {name[:40]!r} is none."
            )
    return names


def cores() -> int:
    """That this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class LocalExecutor:
    """Work for one worker process. `hear()` gives what it has said; `wake` is called whenever there is more."""

    available = True  # it starts with the job

    def __init__(self, options: DaemonConfig, wake: Callable[[], None], device: str = "auto") -> None:
        """device: what the worker takes for 'auto'."""
        self._options = options
        self._wake = wake
        self.device = device
        self.found: Callable[[int], None] = lambda _: None  # is told of so many GPUs
        self._process: subprocess.Popen[bytes] | None = None
        self._said: deque[tuple[subprocess.Popen[bytes] | None, dict[str, Any]]] = deque()
        self.info: dict[str, Any] = {}

    @property
    def pid(self) -> int:
        """The worker's, or 0."""
        return self._process.pid if self._process else 0

    @property
    def holds_device(self) -> bool:
        return self._process is not None

    def call(self) -> None:
        """It is always available."""

    def say_here(self) -> None:
        """It was not known of before."""
        self._said.append((self._process, {"say": "here"}))
        self._wake()

    def start(self) -> None:
        """Have a worker. Does nothing where there is one. Raises OSError where that cannot be."""
        if self._process is not None:
            return
        options = {
            name: getattr(self._options, name)
            for name in (
                "threads",
                "memory_megabytes",
                "cache_megabytes",
                "preview_side",
                "preview_seconds",
                "keep_seconds",
            )
        }
        options["device"] = self.device
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
            threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        except RuntimeError as error:  # a worker that nobody listens to would never be heard to have gone
            process.kill()
            process.wait()
            raise OSError(str(error)) from error
        self._process, self.info = process, {"state": "starting"}
        self._tell({"do": "begin", "options": options})

    def hear(self) -> dict[str, Any] | None:
        """The next thing that the worker has said, or None. What a former worker still says is passed over."""
        while self._said:
            process, message = self._said.popleft()
            if process is self._process:
                if message["say"] == "gone":
                    self._process = None
                if message["say"] != "gpus":
                    return message
                self.found(message["count"])
        return None

    def share(self, options: DaemonConfig) -> None:
        """From the next job on it may take so much of the machine's memory."""
        self._options = options
        self._tell({"do": "share", "memory_megabytes": options.memory_megabytes})

    def work(self, job: dict[str, Any]) -> None:
        """Hand over a job; the worker is started if need be."""
        self.start()
        self._tell({"do": "work", **job})

    def estimate(self, question: dict[str, Any]) -> None:
        """Have it say how long something would take; the worker is started if need be."""
        self.start()
        self._tell({"do": "estimate", **question})

    def cancel(self, job: str) -> None:
        """Stop a job within one evaluation; `stopped` will be said."""
        self._tell({"do": "cancel", "job": job})

    pause = cancel  # what may be gone on with lies on this disk

    def settle(self, job: str) -> None:
        """A worker keeps nothing."""

    def leave(self) -> None:
        """Give the device back: the worker goes, by itself or by force. Does not wait for it."""
        process, self._process = self._process, None
        self.info = {}
        if process is None or process.stdin is None:
            return
        with contextlib.suppress(OSError):
            process.stdin.close()  # the end of its input is its sign to go
        force = threading.Timer(LEAVING_PATIENCE, process.kill)
        force.daemon = True
        force.start()

    def end_by_force(self) -> None:
        """Kill a worker that hangs; it will be heard to have gone."""
        if self._process is not None:
            self._process.kill()

    def kill(self) -> None:
        """No worker any more when this returns."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _tell(self, message: dict[str, Any]) -> None:
        if self._process is None or self._process.stdin is None:
            return
        with contextlib.suppress(OSError):  # it has died: the listening thread says so
            write_message(self._process.stdin, message)

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """In a thread of its own: pass on what the worker says, until its end."""
        assert process.stdout is not None
        try:
            while (message := read_message(process.stdout)) is not None:
                self._add(process, message)
        except (OSError, ValueError):
            pass  # half a message: it died while speaking
        self._add(process, {"say": "gone", "how": _how(process.wait())})

    def _add(self, process: subprocess.Popen[bytes], message: dict[str, Any]) -> None:
        self._said.append((process, message))
        self._wake()


def _how(code: int) -> str:
    """What an exit code tells a painter."""
    if code == -signal.SIGKILL if hasattr(signal, "SIGKILL") else False:
        return "it was killed, perhaps for want of memory"
    if code == DEVICE_LOST:
        return "its device was lost: the driver was reset, or the card has gone"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}"

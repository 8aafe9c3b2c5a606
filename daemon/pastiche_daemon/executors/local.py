"""The front's side of the local executor: one worker process, started on demand, watched, let go when idle."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from pastiche.launch import clean_environment
from pastiche_daemon.executors.wire import read_message, write_message
from pastiche_daemon.options import Options

# OpenMP's threads wait by sleeping, not by spinning: beside one other busy process on two cores a step took 3.3 s with
# spinning and 0.05 s with sleeping; alone it made no difference (docs/performance.md).
PATIENT = {"OMP_WAIT_POLICY": "passive"}
LEAVING_PATIENCE = 3.0  # seconds for a worker to go by itself


class LocalExecutor:
    """Work for one worker process. What it says lies in `said`; `wake` is called whenever something was added."""

    def __init__(self, options: Options, wake: Callable[[], None]) -> None:
        self._options = options
        self._wake = wake
        self._process: subprocess.Popen[bytes] | None = None
        self.said: deque[dict[str, Any]] = deque()
        self.info: dict[str, Any] = {}
        self.idle_since = time.monotonic()

    @property
    def pid(self) -> int:
        """The worker's, or 0."""
        return self._process.pid if self._process else 0

    def start(self) -> None:
        """Have a worker. Does nothing where there is one."""
        if self._process is not None:
            return
        self.info = {"state": "starting"}
        options = {name: getattr(self._options, name) for name in
                   ("device", "threads", "cache_megabytes", "preview_side", "preview_seconds")}  # fmt: skip
        process = subprocess.Popen(
            [sys.executable, "-m", "pastiche_daemon.executors.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**PATIENT, **clean_environment(os.environ)},
        )  # fmt: skip
        self._process = process
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        self._tell({"do": "begin", "options": options})

    def work(self, job: dict[str, Any]) -> None:
        """Hand over a job; the worker is started if need be."""
        self.start()
        self._tell({"do": "work", **job})

    def cancel(self, job: str) -> None:
        """Stop a job within one evaluation; `stopped` will be said."""
        self._tell({"do": "cancel", "job": job})

    def leave(self) -> None:
        """Give the device back: the worker goes, by itself or by force."""
        process, self._process = self._process, None
        self.info = {}
        if process is None:
            return
        try:
            assert process.stdin is not None
            process.stdin.close()  # the end of its input is its sign to go
            process.wait(LEAVING_PATIENCE)
        except (OSError, subprocess.TimeoutExpired):
            process.kill()
            process.wait()

    def kill(self) -> None:
        """Leave, at once."""
        if self._process is not None:
            self._process.kill()
        self.leave()

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
                self._add(message)
        except (OSError, ValueError):
            pass  # half a message: it died while speaking
        code = process.wait()
        if process is self._process:
            self._process = None
            self._add({"say": "gone", "how": _how(code)})

    def _add(self, message: dict[str, Any]) -> None:
        self.said.append(message)
        self._wake()


def _how(code: int) -> str:
    """What an exit code tells a painter."""
    if code == -signal.SIGKILL if hasattr(signal, "SIGKILL") else False:
        return "it was killed, perhaps for want of memory"
    if code < 0:
        return f"it was ended by signal {-code}"
    return f"it ended with code {code}"

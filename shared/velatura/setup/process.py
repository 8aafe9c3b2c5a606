"""Runs pip and the like: their output goes to the log, and they end when the user stops them or this process dies."""

from __future__ import annotations

import queue
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from velatura.client.environment import clean_environment
from velatura.errors import SetUpStopped
from velatura.foreign_text import visible
from velatura.i18n import lazy_text
from velatura.setup.events import Log, OnEvent
from velatura.setup.find_python import no_console

TICK = 0.25  # seconds between looks at the cancel button and at the downloaded bytes
STOPPED = lazy_text("The set-up was stopped. Downloaded files are kept: set up again to continue.")
KEPT_LINES = 400  # of the output, to find out why a command has failed

# Runs the command in a process group of its own until it ends, or until the pipe from whoever started it closes: an
# editor that is killed must not leave a pip behind that writes into the environment of the next set-up.
GUARD = """
import os, subprocess, sys, threading
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
def watch():
    os.read(0, 1)
    child.kill()
    os.killpg(0, 9) if os.name == "posix" else os._exit(1)
threading.Thread(target=watch, daemon=True).start()
code = child.wait()
os._exit(code if 0 <= code < 256 else 1)
"""  # not translated: a program


class Runner:
    """Runs commands one after another for one set-up."""

    def __init__(self, python: Path, log: Path, on_event: OnEvent, cancel: threading.Event) -> None:
        """python: runs the guard. log: appended to. cancel: set it to stop."""
        self.python = python
        self._log = log
        self._on_event = on_event
        self.cancel = cancel

    def check(self) -> None:
        """Raise SetUpStopped if the user has stopped the set-up."""
        if self.cancel.is_set():
            raise SetUpStopped(STOPPED)

    def note(self, line: str) -> None:
        """Append a line to the log. Raises OSError."""
        with self._log.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(line + "\n")
        self._on_event(Log(visible(line)))

    def run(
        self, command: Sequence[str], env: Mapping[str, str], on_tick: Callable[[], object] = lambda: None
    ) -> tuple[int, list[str]]:
        """Run a command to its end. Returns its exit code and its last lines. Raises SetUpStopped, OSError."""
        self.check()
        self.note(f"$ {visible(shlex.join(command))}")
        group: dict[str, Any] = {"start_new_session": True} if sys.platform != "win32" else no_console()
        process = subprocess.Popen(
            [str(self.python), "-I", "-S", "-c", GUARD, *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=clean_environment(env, command[0]),
            **group,
        )
        lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        reader = threading.Thread(target=_read, args=(process.stdout, lines), daemon=True)
        reader.start()
        last: list[str] = []
        try:
            while (line := self._next(lines, on_tick)) is not None:
                self.note(line)
                last = [*last[1 - KEPT_LINES :], line]
            return process.wait(), last
        finally:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.close()  # the guard ends the command, if it is still running
            process.wait()
            reader.join()
            process.stdout.close()

    def _next(self, lines: queue.SimpleQueue[str | None], on_tick: Callable[[], object]) -> str | None:
        """Wait for a line, or None at the end. Raises SetUpStopped."""
        while True:
            self.check()
            try:
                return lines.get(timeout=TICK)
            except queue.Empty:
                on_tick()


def _read(pipe: Any, lines: queue.SimpleQueue[str | None]) -> None:
    for line in pipe:
        lines.put(line.decode(errors="replace").rstrip())
    lines.put(None)

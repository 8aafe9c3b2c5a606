"""A real server in the process of its test: its own event loop, sockets and disk, with a manual clock and workers that
do what the test says. Between two rounds of the loop the test acts.
"""

from __future__ import annotations

import gc
import logging
import mmap
import signal
import socket
import sys
import types
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.support.scheduling import ManualClock
from tests.support.simulated_executor import SimulatedExecutor
from velatura.app_dirs import AppDirs, app_dirs, make_private_folder
from velatura.client.locks import Lock
from velatura.protocol import codec, zmtp
from velatura.protocol import messages as p
from velatura.protocol.sockets import ZmtpSocket, configure_socket
from velatura_daemon.config import DaemonConfig
from velatura_daemon.logs import _Formatter
from velatura_daemon.scheduling.worker_pool import WorkerPool
from velatura_daemon.server.server import Server

Script = Generator[None, None, None]  # yields for each round of the server's loop


class Workers:
    """An ExecutorProvider."""

    lost = False

    def __init__(self, count: int) -> None:
        self.executors = [SimulatedExecutor("auto") for _ in range(count)]


class _ScriptClock(ManualClock):
    """Runs the test's script until its next `yield` whenever the server is about to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.act: Callable[[], None] = lambda: None

    def before_wait(self, planned: float | None) -> None:
        self.act()
        super().before_wait(planned)


# Beginnings of errors in the log that are not the server's own fault. The simulated workers send no heartbeats.
EXPECTED_ERRORS = ("a worker died", "a worker did not respond")


class _LogLines(logging.Handler):
    """The lines that the daemon's log file would have."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(_Formatter("daemon"))
        self.lines: list[str] = []
        self.problems: list[str] = []  # errors and unexpected exceptions

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        self.lines.append(line)
        if record.levelno >= logging.ERROR and not record.getMessage().startswith(EXPECTED_ERRORS):
            self.problems.append(line)

    def attach(self) -> None:
        """Take the records of this process instead of its other handlers."""
        logger = logging.getLogger("velatura")
        self._before = logger.propagate, logger.level
        logger.propagate = False
        logger.setLevel(logging.INFO)
        logger.addHandler(self)

    def detach(self) -> None:
        logger = logging.getLogger("velatura")
        logger.removeHandler(self)
        logger.propagate = self._before[0]
        logger.setLevel(self._before[1])


class DrivenServer(Server):
    """log: what it has logged. workers: its executors."""

    def __init__(self, home: Path, config: DaemonConfig, workers: int = 1) -> None:
        self.workers, self.clock, self.log = Workers(workers), _ScriptClock(), _LogLines()
        self.dirs: AppDirs = app_dirs({"VELATURA_HOME": str(home)})
        make_private_folder(self.dirs.state)
        self._held = Lock(self.dirs.lock_file)
        assert self._held.acquire()
        self.log.attach()
        super().__init__(self.dirs, config, "build", self._held, self.clock)

    def _pool(self) -> WorkerPool:
        return WorkerPool(self.workers, None, self._options, self.clock)

    @property
    def key(self) -> bytes:
        return self._key

    @property
    def socket_path(self) -> str:
        return self._endpoints[0].removeprefix("ipc://")

    def play(self, script: Script) -> None:
        """Run the event loop until the script has ended, or raises."""

        def act() -> None:
            if next(script, self) is self:
                self.stop("the script has ended")
            self.wake()  # this round must not wait

        self.clock.act = act
        try:
            with mock.patch.object(signal, "signal"):  # the test's process keeps its own handlers
                self.run()
        finally:
            self.log.detach()
            self._held.close()
            self._selector.close()
            self._wake_in.close()
            self._wake_out.close()


class RawPeer:
    """A connection to a DrivenServer that sends any frames. It never waits: the caller yields to the server."""

    def __init__(self, server: DrivenServer) -> None:
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connected.connect(server.socket_path)
        configure_socket(connected)
        self._socket = connected
        self.endpoint = f"ipc://{server.socket_path}"
        self._wire = ZmtpSocket(connected, zmtp.ready(b"raw"), zmtp.AUTHENTICATED)
        self._wire.flush()

    @property
    def is_open(self) -> bool:
        return self._wire.closed_reason is None

    def send(self, frames: list[Any]) -> None:
        """Queue a message, and send what the system takes."""
        self._wire.send(frames)

    def send_bytes(self, data: bytes) -> int:
        """Send bytes past the framing. Returns how many of them the system has taken."""
        try:
            return self._socket.send(data)
        except OSError:
            return 0

    def flush(self) -> None:
        self._wire.flush()

    def receive(self) -> p.Message | None:
        """The next message that has arrived, or None. Raises BadMessage if the server has sent none."""
        frames = self._wire.receive()
        return codec.unpack(frames)[0] if frames is not None else None

    def close(self) -> None:
        self._wire.close()


_SKIPPED = (type, types.ModuleType, types.FunctionType, types.CodeType, types.FrameType, logging.Logger, mmap.mmap)


def held_bytes(*roots: object, without: tuple[object, ...] = ()) -> int:
    """The memory of all objects that can be reached from these, in bytes, without code and mapped files.

    It follows references, whatever attributes they are in, so it also finds what a new piece of code holds.
    """
    seen = {id(root) for root in without}
    left, held = list(roots), 0
    while left:
        one = left.pop()
        if id(one) in seen or isinstance(one, _SKIPPED):
            continue
        seen.add(id(one))
        held += sys.getsizeof(one)
        if isinstance(one, memoryview):
            try:
                left.append(one.obj)
            except ValueError:  # it was released
                continue
        left.extend(gc.get_referents(one))
    return held

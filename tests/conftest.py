"""Real daemons for the tests, each under a home of its own, and small pictures to send them."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import psutil
import pytest

from tests.support.signals import stop_ignoring
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client import transport
from velatura.client.client import Client
from velatura.client.launch import Launcher
from velatura.client.transport_plain import PlainDealer
from velatura.client.transport_pyzmq import PyzmqDealer
from velatura.pixels import Picture, PixelFormat
from velatura.settings import StyleSettings
from velatura_daemon.build import build_id

stop_ignoring()

# Sentences are compared in English, whatever language this machine speaks.
os.environ["LC_ALL"] = "C.UTF-8"
os.environ.pop("LANGUAGE", None)

hypothesis.settings.register_profile("velatura", deadline=None)  # machines are shared and noisy
hypothesis.settings.register_profile(
    "hostile", deadline=None, max_examples=5000
)  # `make fuzz`; 2000 for the state machine
hypothesis.settings.load_profile("velatura")

QUICK = StyleSettings(quality="draft", iterations=6)
ENDLESS = StyleSettings(quality="draft", iterations=20000)


def picture(width: int = 32, height: int = 24, seed: int = 0, channels: str = "RGB") -> Picture:
    """A picture of noise, which differs for each seed."""
    fmt = PixelFormat(channels, "u8")
    data = random.Random(seed).randbytes(width * height * fmt.bytes_per_pixel)
    return Picture(width, height, fmt, data)


@dataclass
class Daemon:
    """A daemon that clients of this home start and find. options: of 'velatura daemon run'."""

    home: Path
    options: tuple[str, ...] = ()
    clients: list[Client] = field(default_factory=list)

    @property
    def dirs(self) -> AppDirs:
        return app_dirs({"VELATURA_HOME": str(self.home)})

    @property
    def launcher(self) -> Launcher:
        # In the environment of the child, so that the test process's own stays as it is.
        command = (
            "/usr/bin/env",
            f"VELATURA_HOME={self.home}",
            sys.executable,
            "-m",
            "velatura_daemon",
            "daemon",
            "run",
        )
        return Launcher((*command, "--threads", "1", *self.options), build_id())

    def client(self, name: str = "tests", **more: object) -> Client:
        client = Client("tests", dirs=self.dirs, client_id=name, launcher=self.launcher, **more)  # type: ignore[arg-type]
        self.clients.append(client)
        return client

    def status(self) -> dict[str, Any]:
        with self.client("status") as client:
            client.wait_until_ready()
            return client.status()

    def stop(self) -> None:
        for client in self.clients:
            client.close()
        client = Client("tests", dirs=self.dirs, client_id="stop", start=False)
        try:
            client.wait_until_ready()
            pid = client.status()["pid"]
            os.kill(pid, signal.SIGTERM)
            wait_for_end(pid)
        except Exception:
            pass  # it is not running, or a test has ended it
        finally:
            client.close()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nothing listens on, below those that the system gives to others meanwhile."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_000)  # Linux gives those from 32,768
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def wait_for_end(pid: int) -> None:
    """Wait until a process has ended, whether it is a child or not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=30)


@pytest.fixture
def home() -> Iterator[Path]:
    """A short path: socket paths have a limit of their own."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def daemon(home: Path) -> Iterator[Daemon]:
    """A daemon of the test's own, not started yet."""
    one = Daemon(home)
    yield one
    one.stop()


@pytest.fixture(scope="module")
def warm() -> Iterator[Daemon]:
    """A daemon that a module's tests share; its worker keeps its caches."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = Daemon(folder)
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=[PyzmqDealer, PlainDealer])
def each_transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs once with each of the clients' transports."""
    monkeypatch.setattr(transport, "open_dealer", request.param)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the file with the longest waits first: at the end, it would leave the other process without work."""
    items.sort(key=lambda item: item.path.name != "test_job_store.py")

"""The cluster, and daemons that work with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="there is no Ray for this Python")

from tests.conftest import Daemon
from tests.farm.machines import Machines


@pytest.fixture(scope="session")
def machines() -> Iterator[Machines]:
    one = Machines()
    yield one
    one.stop()


def daemon_of(machines: Machines, home: Path, *more: str) -> Daemon:
    return Daemon(
        home, ("--executor", "ray", "--address", machines.address, "--max-actors", "2", "--keep-seconds", "0.3", *more)
    )


@pytest.fixture(scope="module")
def farm(machines: Machines) -> Iterator[Daemon]:
    """A daemon that a module's tests share; its actors keep their caches."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = daemon_of(machines, folder)
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)

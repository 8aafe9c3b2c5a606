"""Helpers for tests with real daemons: waiting for events, limits and pauses of processes, a daemon behind another."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from tests.conftest import Daemon
from velatura.client.client import Client
from velatura.errors import error_from
from velatura.protocol import messages as p


def until(client: Client, kind: type[Any], job: str = "") -> Any:
    """Wait for the next event of that type. Raises the error of a failed job."""
    for event in client.events(job):
        if isinstance(event, kind):
            return event
        if isinstance(event, p.Failed):
            raise error_from(event.code, event.sentence)
    raise AssertionError(f"no {kind.__name__} came")


def status_when(client: Client, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Request the status until the condition holds; pytest's timeout limits the wait."""
    while True:
        report = client.status()
        if condition(report):
            return report


def until_failed(client: Client, job: str) -> p.Failed:
    return next(event for event in client.events(job) if isinstance(event, p.Failed))


@contextlib.contextmanager
def limited(pid: int, what: int, to: int) -> Iterator[None]:
    """Limit a resource of a running process."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (to, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


@contextlib.contextmanager
def stopped(*pids: int) -> Iterator[None]:
    """Processes that are stopped by SIGSTOP."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def near_to(far: Daemon, home: Path, *more: str) -> Daemon:
    """A daemon that sends its jobs to the daemon `far`."""
    return Daemon(home, ("--upstream", str(far.dirs.connection_file), *more))

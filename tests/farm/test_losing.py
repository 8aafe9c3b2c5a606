"""Nodes and heads that go midway: a job is done elsewhere, going on from what was kept; nobody's is lost, and the
daemon lives."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from tests.conftest import QUICK, Daemon, picture
from tests.farm.conftest import daemon_of
from tests.farm.machines import Machines
from tests.support.daemons import status_when, until
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.errors import DaemonLost
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

CONTENT, STYLE = picture(64, 48, seed=1), picture(40, 40, seed=2)
LONG = StyleSettings(quality="draft", iterations=500)


@pytest.fixture
def one(machines, home) -> Iterator[Daemon]:
    """A daemon of the test's own."""
    daemon = daemon_of(machines, home)
    yield daemon
    daemon.stop()


@pytest.fixture
def doubly_safe(machines, home) -> Iterator[Daemon]:
    """The same, that does the work itself while the cluster cannot be reached."""
    daemon = daemon_of(machines, home, "--fallback", "local")
    yield daemon
    daemon.stop()


class Watched:
    """All that a client is told of some jobs."""

    def __init__(self, client: Client, jobs: list[str]) -> None:
        self._client = client
        self.told: dict[str, list[Any]] = {job: [] for job in jobs}

    def until(self, condition: Callable[[], bool]) -> None:
        """pytest's timeout ends a wait in vain."""
        while not condition():
            for event in self._client.drain():
                if getattr(event, "job", "") in self.told:
                    self.told[event.job].append(event)
            time.sleep(0.02)  # a core is somebody else's

    def until_kept(self, daemon: Daemon, count: int = 1) -> None:
        """Until so many pictures in work lie on the daemon's disk."""
        self.until(lambda: len(list((daemon.dirs.state / "checkpoints").glob("*.npy"))) >= count)

    def to_the_end(self) -> dict[str, list[Any]]:
        self.until(
            lambda: all(events and isinstance(events[-1], (Finished, p.Failed)) for events in self.told.values())
        )
        return self.told


def sentences(events: list[Any]) -> str:
    return " ".join(event.sentence for event in events if isinstance(event, (p.Notice, p.Failed)))


def driver_of(daemon: Daemon) -> psutil.Process:
    """The process that is connected to the cluster."""
    front = psutil.Process(daemon.status()["pid"])
    return next(child for child in front.children() if "velatura_daemon.executors.ray.driver" in child.cmdline())


def test_the_jobs_of_a_node_that_dies_are_done_elsewhere_from_what_was_kept(one, machines: Machines):
    with one.client() as client:
        jobs = [client.restyle(CONTENT, [(STYLE, 1.0)], LONG, layer=str(number)) for number in (1, 2, 3)]
        watched = Watched(client, jobs)
        watched.until_kept(one, 2)
        machines.kill_second()
        try:
            told = watched.to_the_end()
        finally:
            machines.start_second()
    assert all(isinstance(events[-1], Finished) for events in told.values())
    moved = [events for events in told.values() if "has gone" in sentences(events)]
    assert len(moved) == 1
    assert moved[0][-1].result.started_from == "last"


def test_with_the_head_gone_there_is_a_clear_sentence_and_back_it_is_used_again(one, machines: Machines):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        until(client, p.Progress, job)
        machines.kill_head()
        try:
            with pytest.raises(
                DaemonLost, match=r"Ray cluster at ray://127.0.0.1:\d+ cannot be reached .* Start its head"
            ):
                until(client, Finished, job)
            pid = client.status()["pid"]
        finally:
            machines.start()
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        assert client.status()["pid"] == pid


def test_with_a_fallback_the_work_comes_home_and_goes_back_with_the_head(doubly_safe, machines: Machines):
    with doubly_safe.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        watched = Watched(client, [job])
        watched.until_kept(doubly_safe)
        machines.kill_head()
        try:
            told = watched.to_the_end()[job]
            assert client.status()["fallback_active"]
        finally:
            machines.start()
        assert "This machine continues the restyle." in sentences(told)
        assert (told[-1].result.device, told[-1].result.started_from) == ("cpu", "last")
        status_when(client, lambda report: not report["fallback_active"])
        assert client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).result.device.startswith("cpu at ")


def test_the_process_that_holds_the_connection_dies_and_the_job_goes_on(one):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        watched = Watched(client, [job])
        watched.until_kept(one)
        os.kill(driver_of(one).pid, signal.SIGKILL)
        told = watched.to_the_end()[job]
    assert "The connection to the cluster was lost." in sentences(told)
    assert told[-1].result.started_from == "last"


def test_a_process_on_a_node_that_dies_is_had_anew(one, machines: Machines):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        watched = Watched(client, [job])
        watched.until_kept(one)
        worker = next(iter([*machines.workers_at("first"), *machines.workers_at("second")]))
        os.kill(worker.ppid(), signal.SIGKILL)  # Ray's, that holds it
        told = watched.to_the_end()[job]
    assert "its process at" in sentences(told)
    assert told[-1].result.started_from == "last"


def test_a_daemon_killed_outright_leaves_no_worker_on_the_nodes(one, machines: Machines):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        until(client, p.Progress, job)
        os.kill(client.status()["pid"], signal.SIGKILL)
        while machines.workers_at("first") or machines.workers_at("second"):
            pass

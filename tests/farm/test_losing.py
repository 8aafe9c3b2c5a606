"""Nodes and heads that are lost midway: jobs resume elsewhere from their checkpoints, and the daemon lives."""

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
def with_fallback(machines, home) -> Iterator[Daemon]:
    """A daemon of the test's own that works itself while the cluster cannot be reached."""
    daemon = daemon_of(machines, home, "--fallback", "local")
    yield daemon
    daemon.stop()


class WatchedJobs:
    """Collects all events of some jobs that a client receives."""

    def __init__(self, client: Client, jobs: list[str]) -> None:
        self._client = client
        self.events: dict[str, list[Any]] = {job: [] for job in jobs}

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition; pytest's timeout limits the wait."""
        while not condition():
            for event in self._client.drain():
                if getattr(event, "job", "") in self.events:
                    self.events[event.job].append(event)
            time.sleep(0.02)  # leaves the core to other processes

    def until_saved(self, daemon: Daemon, count: int = 1) -> None:
        """Wait until `count` checkpoints are on the daemon's disk."""
        self.until(lambda: len(list((daemon.dirs.state / "checkpoints").glob("*.npy"))) >= count)

    def to_the_end(self) -> dict[str, list[Any]]:
        self.until(
            lambda: all(events and isinstance(events[-1], (Finished, p.Failed)) for events in self.events.values())
        )
        return self.events


def sentences(events: list[Any]) -> str:
    return " ".join(event.sentence for event in events if isinstance(event, (p.Notice, p.Failed)))


def driver_of(daemon: Daemon) -> psutil.Process:
    """The process that is connected to the cluster."""
    server = psutil.Process(daemon.status()["pid"])
    return next(child for child in server.children() if "velatura_daemon.executors.ray.driver" in child.cmdline())


def test_the_jobs_of_a_node_that_dies_resume_elsewhere_from_their_checkpoints(one, machines: Machines):
    with one.client() as client:
        jobs = [client.restyle(CONTENT, [(STYLE, 1.0)], LONG, layer=str(number)) for number in (1, 2, 3)]
        watched = WatchedJobs(client, jobs)
        watched.until_saved(one, 2)
        machines.kill_second()
        try:
            events_of = watched.to_the_end()
        finally:
            machines.start_second()
    assert all(isinstance(events[-1], Finished) for events in events_of.values())
    moved = [events for events in events_of.values() if "has left the cluster" in sentences(events)]
    assert len(moved) == 1
    assert moved[0][-1].result.started_from == "last"


def test_a_lost_head_is_reported_clearly_and_used_again_when_it_is_back(one, machines: Machines):
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


def test_with_a_fallback_jobs_run_here_until_the_head_is_back(with_fallback, machines: Machines):
    with with_fallback.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        watched = WatchedJobs(client, [job])
        watched.until_saved(with_fallback)
        machines.kill_head()
        try:
            events = watched.to_the_end()[job]
            assert client.status()["fallback_active"]
        finally:
            machines.start()
        assert "This machine continues the restyle." in sentences(events)
        assert (events[-1].result.device, events[-1].result.started_from) == ("cpu", "last")
        status_when(client, lambda report: not report["fallback_active"])
        assert client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).result.device.startswith("cpu at ")


def test_a_job_survives_the_death_of_the_process_that_is_connected(one):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        watched = WatchedJobs(client, [job])
        watched.until_saved(one)
        os.kill(driver_of(one).pid, signal.SIGKILL)
        events = watched.to_the_end()[job]
    assert "The connection to the cluster was lost." in sentences(events)
    assert events[-1].result.started_from == "last"


def test_an_actors_process_that_dies_is_restarted(one, machines: Machines):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        watched = WatchedJobs(client, [job])
        watched.until_saved(one)
        worker = next(iter([*machines.workers_at("first"), *machines.workers_at("second")]))
        os.kill(worker.ppid(), signal.SIGKILL)  # Ray's process, which runs the actor
        events = watched.to_the_end()[job]
    assert "its process at" in sentences(events)
    assert events[-1].result.started_from == "last"


def test_a_daemon_killed_outright_leaves_no_worker_on_the_nodes(one, machines: Machines):
    with one.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], LONG)
        until(client, p.Progress, job)
        os.kill(client.status()["pid"], signal.SIGKILL)
        while machines.workers_at("first") or machines.workers_at("second"):
            pass

"""Daemons that start, die, are replaced, and clients that vanish."""

from __future__ import annotations

import os
import signal

import pytest

from tests.conftest import ENDLESS, QUICK, picture, wait_for_end
from tests.support.daemons import status_when, until, until_failed
from velatura.client.client import Client
from velatura.client.events import Finished
from velatura.client.launch import Launcher
from velatura.client.locks import Lock
from velatura.errors import DaemonCannotStart, DaemonLost, DaemonNotRunning, WorkerDied
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

with_each_transport = pytest.mark.usefixtures("each_transport")  # where it matters how a client is connected

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


@with_each_transport
def test_any_client_starts_the_daemon_and_the_next_finds_it(daemon):
    with daemon.client() as one, daemon.client() as two:
        one.wait_until_ready()
        two.wait_until_ready()
        assert one.status()["pid"] == two.status()["pid"]


@with_each_transport
def test_clients_that_start_at_once_get_one_daemon(daemon):
    clients = [daemon.client(str(n)) for n in range(4)]
    ready = set()
    while len(ready) < 4:
        for client in clients:
            client.drain()
            if client.ready:
                ready.add(client.client_id)
    assert len({client.status()["pid"] for client in clients}) == 1
    for client in clients:  # those that started too late end by themselves
        if client._connection._process is not None and client._connection._process.pid != clients[0].status()["pid"]:
            client._connection._process.wait(20)


def test_without_a_recorded_command_the_error_names_what_to_run(daemon):
    with (
        Client("tests", dirs=daemon.dirs, client_id="x") as client,
        pytest.raises(DaemonNotRunning, match="velatura daemon start"),
    ):
        client.wait_until_ready()


def test_a_daemon_that_cannot_start_is_reported_with_its_last_message(daemon):
    launcher = Launcher(("/bin/sh", "-c", "echo no torch here >&2; exit 3"), "")
    client = Client("tests", dirs=daemon.dirs, client_id="x", launcher=launcher)
    with client, pytest.raises(DaemonCannotStart, match="no torch here"):
        client.wait_until_ready()


def test_a_killed_worker_costs_one_sentence_not_the_daemon(daemon):
    with daemon.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, job)
        before = client.status()
        os.kill(before["worker"]["pid"], signal.SIGKILL)
        assert "killed" in until(client, p.Notice, job).sentence
        until(client, p.Progress, job)  # put back into the queue, and running again
        after = client.status()
        assert after["pid"] == before["pid"]
        assert after["worker"]["pid"] != before["worker"]["pid"]


def test_a_job_that_killed_two_workers_fails_and_the_next_one_runs(daemon):
    with daemon.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        for _ in range(2):
            until(client, p.Progress, job)
            os.kill(client.status()["worker"]["pid"], signal.SIGKILL)
            with pytest.raises(WorkerDied) if _ else _nothing():
                until(client, p.Notice, job)
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *_):
        return False


@with_each_transport
def test_a_vanished_clients_job_stops_at_once(daemon):
    lost, watching = daemon.client("lost"), daemon.client("watching")
    job = lost.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
    until(lost, p.Progress, job)
    lost._connection.disconnect()  # without a `bye`, as when an editor is killed
    status_when(watching, lambda report: not report["jobs"])
    assert watching.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK).picture


@with_each_transport
def test_the_job_of_a_client_that_stalled_continues(daemon):
    daemon.options = ("--heartbeat", "1")
    stalled, watching = daemon.client("stalled"), daemon.client("watching")
    job = stalled.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=250))
    until(stalled, p.Progress, job)
    status_when(watching, lambda report: [job["state"] for job in report["jobs"]] == ["parked"])
    done = until(stalled, Finished, job)
    assert done.result.started_from == "last"  # from its checkpoint


@with_each_transport
def test_a_client_that_closes_its_session_ends_its_jobs(daemon):
    leaving, watching = daemon.client("leaving"), daemon.client("watching")
    job = leaving.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
    until(leaving, p.Progress, job)
    leaving.close()
    status_when(watching, lambda report: not report["jobs"])


def test_after_a_crash_a_new_daemon_takes_over_the_stale_files(daemon):
    with daemon.client() as client:
        client.wait_until_ready()
        pid = client.status()["pid"]
        os.kill(pid, signal.SIGKILL)
        wait_for_end(pid)
        assert daemon.dirs.connection_file.exists()
        with daemon.client() as another:
            another.wait_until_ready()
            assert another.status()["pid"] != pid


@with_each_transport
def test_clients_wait_for_a_daemon_that_is_starting_after_a_crash(daemon):
    """It has the lock already, and the connection file is still that of the crashed daemon."""
    with daemon.client() as client:
        client.wait_until_ready()
        pid = client.status()["pid"]
    os.kill(pid, signal.SIGKILL)
    wait_for_end(pid)
    coming = Lock(daemon.dirs.lock_file)
    assert coming.acquire(5)
    with daemon.client() as another:
        for _ in range(5):
            assert not list(another.drain())
            another._connection.wait()
        coming.close()
        another.wait_until_ready()


@with_each_transport
def test_a_killed_daemon_is_reported_and_the_next_restyle_starts_another(daemon):
    with daemon.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, job)
        report = client.status()
        os.kill(report["pid"], signal.SIGKILL)
        with pytest.raises(DaemonLost, match="Restyle again"):
            until(client, Finished, job)
        wait_for_end(report["worker"]["pid"])  # the worker ends with its server
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)


def test_a_stopped_daemon_leaves_nothing_behind(daemon):
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        report = client.status()
        client.shut_down()
        with pytest.raises(DaemonLost):
            until(client, Finished)
        wait_for_end(report["pid"])
        wait_for_end(report["worker"]["pid"])
    assert not daemon.dirs.connection_file.exists()
    assert list(daemon.dirs.spool.iterdir()) == []
    assert list(daemon.dirs.runtime.iterdir()) == []


def test_an_idle_daemon_of_another_build_is_replaced(daemon):
    with daemon.client() as client:
        client.wait_until_ready()
        old = client.status()
    newer = Launcher(daemon.launcher.command, "another build")
    with Client("tests", dirs=daemon.dirs, client_id="new", launcher=newer) as client:
        client.wait_until_ready()
        assert client.status()["pid"] != old["pid"]


def test_an_idle_daemon_stays_if_it_is_unknown_which_build_would_replace_it(daemon):
    with daemon.client() as client:
        client.wait_until_ready()
        old = client.status()
    unknown = Launcher(daemon.launcher.command, "")
    with Client("tests", dirs=daemon.dirs, client_id="new", launcher=unknown) as client:
        client.wait_until_ready()
        assert client.status()["pid"] == old["pid"]


def test_a_busy_daemon_of_another_build_stays(daemon):
    with daemon.client() as busy:
        job = busy.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(busy, p.Progress, job)
        newer = Launcher(daemon.launcher.command, "another build")
        with Client("tests", dirs=daemon.dirs, client_id="new", launcher=newer) as client:
            client.wait_until_ready()
            assert client.status()["pid"] == busy.status()["pid"]


def test_an_idle_worker_releases_the_device_and_restarts_with_the_next_job(daemon):
    daemon.options = ("--worker-seconds", "0.5")
    with daemon.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        pid = client.status()["worker"]["pid"]
        wait_for_end(pid)
        assert client.status()["worker"]["pid"] == 0
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)


def test_an_idle_daemon_ends_after_exit_seconds(daemon):
    daemon.options = ("--exit-seconds", "5")
    with daemon.client() as client:
        client.wait_until_ready()
        pid = client.status()["pid"]
    wait_for_end(pid)
    assert not daemon.dirs.connection_file.exists()


def test_a_full_disk_fails_the_job_not_the_daemon(daemon):
    big = picture(700, 600, seed=1)  # 1.26 MB
    daemon.options = ("--spool-megabytes", "1")
    with daemon.client() as client:
        failed = until_failed(client, client.restyle(big, [(STYLE, 1.0)], QUICK))
        assert failed.code == "too_busy"
        assert "spool" in failed.sentence
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)

"""Several connections to another daemon: which one takes a job, which one checks whether the daemon is back.

Without sockets and threads; the test plays the other daemon.
"""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import picture
from tests.support.scheduling import Scheduling
from velatura.app_dirs import app_dirs
from velatura.errors import DaemonLost, DiskTrouble, NotTrusted, TooBusy, UsageError
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote import executor as executor_module
from velatura_daemon.executors.remote.executor import MAX_EVENTS, RemoteExecutor
from velatura_daemon.executors.remote.pictures import thumbnail_of_style
from velatura_daemon.executors.remote.provider import RemoteDaemon, RemoteProvider, routes_for
from velatura_daemon.executors.remote.routes import FileRoute
from velatura_daemon.executors.remote.session import RECONNECT_SECONDS
from velatura_daemon.jobs.events import Available, CheckpointSaved, JobFailed, JobNotice, JobStopped, Ready, WorkerGone
from velatura_daemon.jobs.spec import JobSpec, PictureFile, StyleInput

CONTENT = picture(seed=1)


class OtherDaemon:
    """The client of a session: records what is sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.cancelled: list[str] = []
        self.expected: p.Restyle | None = None
        self.status_requests = 0

    def submit(self, request: p.Restyle, _: Any) -> None:
        self.sent.append(request.job)

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    def request_status(self) -> None:
        self.status_requests += 1


@pytest.fixture
def remote(home: Path) -> RemoteDaemon:
    """Two executors."""
    return two_executors(home)


@pytest.fixture
def with_fallback(home: Path) -> RemoteDaemon:
    """Two executors, and a fallback while they are lost."""
    return two_executors(home, fallback="local")


def two_executors(home: Path, **more: Any) -> RemoteDaemon:
    """Both connected. Their threads do not run: `make_calls` makes their calls."""
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    (one,) = RemoteProvider(DaemonConfig(upstream=str(home / "other.json"), **more), dirs, lambda: None).daemons
    one.on_welcome({"jobs": 2})
    for executor in one.executors:
        play(executor, home)
    return one


def play(executor: RemoteExecutor, home: Path) -> None:
    """Replace what talks to the other daemon. It is connected."""
    executor.session.client, executor._thread = OtherDaemon(), Thread()  # type: ignore[assignment]
    executor.session.connection = SimpleNamespace(
        ready=True,
        is_waiting=False,
        last_received_at=1e12,
        route=FileRoute(home / "other.json"),
        daemon_version=p.VERSION,
    )  # type: ignore[assignment]


def lose(executor: RemoteExecutor) -> None:
    executor.session.connection.ready = False  # type: ignore[misc]
    executor.session.handle(p.Failed("", DaemonLost.code, "It does not answer."))
    make_calls(executor._provider)


def make_calls(remote: Any) -> None:
    for executor in remote.executors:
        while executor._calls:
            executor._calls.popleft()()


def available(remote: RemoteDaemon) -> list[bool]:
    return [executor.available for executor in remote.executors]


def run(executor: RemoteExecutor, home: Path, ticket: str, data: bytes | None = None) -> None:
    """data: of the picture, by default whole."""
    path = home / "content"
    path.write_bytes(bytes(CONTENT.data) if data is None else data)
    item = PictureFile(CONTENT.ref, path)
    executor.session.run(JobSpec(ticket, ticket, item, (StyleInput(item, 1.0),), None, StyleSettings()))


def refuse(executor: RemoteExecutor) -> None:
    executor.session.handle(p.Failed(executor.session.client.sent[-1], TooBusy.code, "The spool is full."))  # type: ignore[attr-defined]


def events(executor: RemoteExecutor) -> list[type]:
    found = []
    while (event := executor.poll()) is not None:
        found.append(type(event))
    return [kind for kind in found if kind not in (Ready, Available)]


def test_a_job_that_is_refused_while_another_of_this_daemon_runs_there_is_sent_again(remote, home):
    left, right = remote.executors
    run(left, home, "1")
    run(right, home, "2")
    refuse(right)
    assert events(right) == [JobNotice]
    right.session.tick()
    assert len(right.session.client.sent) == 1  # not at once
    right.session.job.retry_at -= 10
    right.session.tick()
    assert len(right.session.client.sent) == 2
    refuse(right)
    assert events(right) == []  # the user has read it already


def show_progress(executor: RemoteExecutor, home: Path, version: tuple[int, int]) -> str:
    """Run a job, of which the other daemon reports progress. Returns its id there."""
    executor.session.connection.daemon_version = version
    run(executor, home, "1")
    job = executor.session.job.request.job
    executor.session.handle(p.Progress(job, 0, 1, 10, 10, 1, 10, 1.0, 1.0, 0.1, 1.0))
    return job


def test_progress_counts_as_saved_once_the_other_daemon_has_saved_it(remote, home):
    executor = remote.executors[0]
    job = show_progress(executor, home, p.PROGRESS_SAVED_SINCE)
    assert CheckpointSaved not in events(executor)
    executor.session.handle(p.ProgressSaved(job, 0.1))
    assert CheckpointSaved in events(executor)


def test_a_daemon_too_old_to_say_what_it_has_saved_is_taken_to_save_progress(remote, home):
    executor = remote.executors[0]
    show_progress(executor, home, (2, 1))
    assert CheckpointSaved in events(executor)


def test_a_job_that_is_refused_while_no_other_of_this_daemon_runs_there_fails(remote, home):
    run(remote.executors[1], home, "2")
    refuse(remote.executors[1])
    assert events(remote.executors[1]) == [JobFailed]


@pytest.mark.parametrize("length", [0, 10])
def test_a_truncated_picture_fails_the_job_with_a_sentence(remote, home, length):
    executor = remote.executors[0]
    run(executor, home, "1", bytes(CONTENT.data)[:length])
    (failed,) = (event for event in iter(executor.poll, None) if isinstance(event, JobFailed))
    assert (failed.code, executor.session.client.sent) == (DiskTrouble.code, [])
    assert "cannot be read" in failed.sentence
    assert thumbnail_of_style(PictureFile(CONTENT.ref, home / "content")) == b""


def test_a_job_that_waits_to_be_accepted_there_can_be_cancelled(remote, home):
    left, right = remote.executors
    run(left, home, "1")
    run(right, home, "2")
    refuse(right)
    right.session.cancel("2")
    assert (right.session.client.cancelled, events(right)) == ([], [JobNotice, JobStopped])


def test_there_are_as_many_executors_as_the_other_daemon_has_workers(remote):
    remote.on_welcome({"jobs": 4})
    assert [executor.available for executor in remote.executors] == [True] * 4
    remote.on_welcome({"jobs": 1})
    assert [executor.available for executor in remote.executors] == [True, False, False, False]


def test_of_executors_that_are_not_connected_one_finds_out_for_all(remote):
    for executor in remote.executors:
        executor.session.connection.ready = False
    assert available(remote) == [True, False]
    remote.executors[0].session.connection.ready = True
    remote.on_welcome({"jobs": 2})
    assert remote.executors[0].poll() == Available()
    assert available(remote) == [True, True]


@pytest.mark.parametrize(("loser", "other"), [(0, 1), (1, 0)])
def test_when_one_connection_is_lost_the_fallback_works_until_a_connected_executor_has_an_answer(
    with_fallback, loser, other
):
    lose(with_fallback.executors[loser])
    assert (with_fallback.lost, available(with_fallback)) == (True, [True, False])
    assert with_fallback.executors[other].session.client.status_requests == 1
    with_fallback.executors[other].session.handle(p.Status({}))
    assert (with_fallback.lost, available(with_fallback)) == (False, [True, True])


@pytest.mark.parametrize(("loser", "other"), [(0, 1), (1, 0)])
def test_one_lost_connection_alone_costs_the_waiting_jobs_nothing(home, loser, other):
    remote = two_executors(home)
    remote.executors[loser].session.connection.ready = False  # it closed its session there, and will connect anew
    one = Scheduling(home, remote._provider)
    for job in "abc":
        one.submit(job)
    make_calls(remote)
    lose(remote.executors[loser])
    one.scheduler.poll()
    assert [m.job for m in one.messages if isinstance(m, p.Failed)] == ["ab"[loser]]
    lose(remote.executors[other])
    one.scheduler.poll()
    make_calls(remote)
    assert remote.lost


def test_a_lost_answer_does_not_keep_the_work_on_the_fallback(with_fallback, home):
    left, right = with_fallback.executors
    run(left, home, "a")
    lose(right)
    assert left.session.client.status_requests == 1
    left.session.client.fail_all = lambda _: None
    left.session.pause("a")  # its client is silent: the connection closes before the answer
    left.session.connection.ready = False
    for times in (2, 3):
        left.session.check_at -= RECONNECT_SECONDS
        left.session.tick()
        assert left.session.client.status_requests == times
    left.session.connection.ready = True
    left.session.handle(p.Status({}))
    left.session.check_at -= RECONNECT_SECONDS
    left.session.tick()
    assert (with_fallback.lost, left.session.client.status_requests) == (False, 3)


def test_while_the_fallback_works_one_executor_checks_regularly_whether_the_daemon_is_back(with_fallback):
    left, right = with_fallback.executors
    left.session.connection.ready = right.session.connection.ready = False
    lose(left), lose(right)
    left.session.tick(), right.session.tick()
    assert (left.session.client.status_requests, right.session.client.status_requests) == (0, 0)
    for times in (1, 2):
        left.session.check_at -= RECONNECT_SECONDS
        left.session.tick(), right.session.tick()
        assert (left.session.client.status_requests, right.session.client.status_requests) == (times, 0)
        lose(left)
    assert with_fallback.lost


def test_a_daemon_that_answers_but_refuses_the_key_is_not_searched_for(with_fallback):
    left = with_fallback.executors[0]
    lose(left)
    left.session.handle(p.Failed("", NotTrusted.code, "It does not know the key."))
    left.session.check_at -= RECONNECT_SECONDS
    left.session.tick()
    assert (with_fallback.lost, left.session.client.status_requests) == (False, 0)


@pytest.fixture
def two_machines(home: Path) -> RemoteProvider:
    """Of one executor each, both connected."""
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    one = RemoteProvider(DaemonConfig(remote=("left", "right")), dirs, lambda: None)
    for executor in one.executors:
        play(executor, home)
    return one


def test_a_machine_that_cannot_be_reached_gets_no_jobs_while_another_can(two_machines):
    left, right = two_machines.executors
    lose(left)
    assert (two_machines.lost, left.available, right.available) == (False, False, True)
    lose(right)
    assert (two_machines.lost, left.available, right.available) == (True, True, True)  # to find out
    right.session.handle(p.Status({}))
    right.session.connection.ready = True
    assert (two_machines.lost, left.available, right.available) == (False, False, True)


def test_a_job_of_a_machine_that_cannot_be_reached_goes_to_another(two_machines, home):
    left, right = two_machines.executors
    left.session.connection.ready = False
    run(left, home, "1")
    lose(left)
    assert events(left)[-1] == WorkerGone
    right.session.connection.ready = False
    run(right, home, "2")
    lose(right)
    assert events(right)[-1] == JobFailed  # there is no third one


def test_a_daemon_that_sends_without_end_is_not_read_until_its_events_were_handled(remote, monkeypatch):
    executor = remote.executors[0]
    sizes: list[int] = []

    def pause(_: float) -> None:
        sizes.append(len(executor._events))
        executor._calls.append(None)  # ends the loop

    def step() -> None:
        assert len(sizes) < 1
        for _ in range(100):
            executor.emit(Available())

    monkeypatch.setattr(executor_module.time, "sleep", pause)
    executor.session.step = step
    executor.session.wait_or = lambda _: None
    executor.session.close = lambda: None
    executor._loop()
    assert sizes and MAX_EVENTS <= sizes[0] < MAX_EVENTS + 100


def test_a_machine_is_named_once():
    with pytest.raises(UsageError, match="given twice"):
        routes_for(DaemonConfig(remote=("me@box", "me@box:/elsewhere")), app_dirs({"VELATURA_HOME": "/nowhere"}))

"""What connections to another daemon do among themselves: without sockets or threads, the other side is the test's."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import picture
from tests.support.scheduling import Scheduling
from velatura.app_dirs import app_dirs
from velatura.errors import DaemonLost, NotTrusted, TooBusy
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote import RemoteDaemon
from velatura_daemon.executors.remote_executor import RECONNECT_SECONDS, RemoteExecutor
from velatura_daemon.jobs.events import Available, JobFailed, JobNotice, JobStopped, Ready
from velatura_daemon.jobs.spec import JobSpec, PictureFile, StyleInput

CONTENT = picture(seed=1)


class OtherDaemon:
    """The client of an executor: notes what is sent."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.cancelled: list[str] = []
        self.expected: p.Restyle | None = None
        self.asked = 0

    def submit(self, request: p.Restyle, _: Any) -> None:
        self.sent.append(request.job)

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    def request_status(self) -> None:
        self.asked += 1


@pytest.fixture
def remote(home: Path) -> RemoteDaemon:
    """Two executors."""
    return two_executors(home)


@pytest.fixture
def with_fallback(home: Path) -> RemoteDaemon:
    """Two executors, and a fallback while they are lost."""
    return two_executors(home, fallback="local")


def two_executors(home: Path, **more: Any) -> RemoteDaemon:
    """Both connected. Their threads do not run: the test makes their calls."""
    where = app_dirs({"VELATURA_HOME": str(home)})
    one = RemoteDaemon(DaemonConfig(upstream=str(home / "other.json"), **more), where, lambda: None)
    one.on_welcome({"jobs": 2})
    for executor in one.executors:
        executor._client, executor._thread = OtherDaemon(), Thread()  # type: ignore[assignment]
        executor._connection = SimpleNamespace(ready=True, is_waiting=False, heard=1e12, endpoint="other.json")  # type: ignore[assignment]
    return one


def lose(executor: RemoteExecutor) -> None:
    executor._connection.ready = False  # type: ignore[misc]
    executor._handle(p.Failed("", DaemonLost.code, "It does not answer."))
    make_calls(executor._siblings)


def make_calls(remote: Any) -> None:
    for executor in remote.executors:
        while executor._calls:
            executor._calls.popleft()()


def available(remote: RemoteDaemon) -> list[bool]:
    return [executor.available for executor in remote.executors]


def run(executor: RemoteExecutor, home: Path, ticket: str) -> None:
    path = home / "content"
    path.write_bytes(bytes(CONTENT.data))
    item = PictureFile(CONTENT.ref, path)
    executor._run_job(JobSpec(ticket, ticket, item, (StyleInput(item, 1.0),), None, StyleSettings()))


def refuse(executor: RemoteExecutor) -> None:
    executor._handle(p.Failed(executor._client.sent[-1], TooBusy.code, "The spool is full."))  # type: ignore[attr-defined]


def events(executor: RemoteExecutor) -> list[type]:
    found = []
    while (event := executor.poll()) is not None:
        found.append(type(event))
    return [kind for kind in found if kind not in (Ready, Available)]


def test_a_job_that_is_refused_while_another_of_ours_is_there_is_handed_on_again(remote, home):
    left, right = remote.executors
    run(left, home, "1")
    run(right, home, "2")
    refuse(right)
    assert events(right) == [JobNotice]
    right._tick()
    assert len(right._client.sent) == 1  # not at once
    right._job.retry_at -= 10
    right._tick()
    assert len(right._client.sent) == 2
    refuse(right)
    assert events(right) == []  # told already


def test_a_job_that_is_refused_while_none_of_ours_is_there_fails(remote, home):
    run(remote.executors[1], home, "2")
    refuse(remote.executors[1])
    assert events(remote.executors[1]) == [JobFailed]


def test_a_job_that_waits_to_be_taken_there_can_be_cancelled(remote, home):
    left, right = remote.executors
    run(left, home, "1")
    run(right, home, "2")
    refuse(right)
    right._cancel("2")
    assert (right._client.cancelled, events(right)) == ([], [JobNotice, JobStopped])


def test_there_are_as_many_hands_as_the_other_daemon_has_workers(remote):
    remote.on_welcome({"jobs": 4})
    assert [executor.available for executor in remote.executors] == [True] * 4
    remote.on_welcome({"jobs": 1})
    assert [executor.available for executor in remote.executors] == [True, False, False, False]


def test_of_hands_that_are_not_connected_one_finds_out_for_all(remote):
    for executor in remote.executors:
        executor._connection.ready = False
    assert available(remote) == [True, False]
    remote.executors[0]._connection.ready = True
    remote.on_welcome({"jobs": 2})
    assert remote.executors[0].poll() == Available()
    assert available(remote) == [True, True]


@pytest.mark.parametrize(("loser", "other"), [(0, 1), (1, 0)])
def test_when_one_has_lost_its_way_there_others_do_the_work_until_one_that_is_connected_has_an_answer(
    with_fallback, loser, other
):
    lose(with_fallback.executors[loser])
    assert (with_fallback.lost, available(with_fallback)) == (True, [True, False])
    assert with_fallback.executors[other]._client.asked == 1
    with_fallback.executors[other]._handle(p.Status({}))
    assert (with_fallback.lost, available(with_fallback)) == (False, [True, True])


@pytest.mark.parametrize(("loser", "other"), [(0, 1), (1, 0)])
def test_one_that_has_lost_its_way_there_alone_costs_those_who_wait_nothing(home, loser, other):
    remote = two_executors(home)
    remote.executors[loser]._connection.ready = False  # it has said goodbye there, and will look for the way anew
    one = Scheduling(home, remote)
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


def test_an_answer_that_is_lost_does_not_keep_the_work_at_home(with_fallback, home):
    left, right = with_fallback.executors
    run(left, home, "a")
    lose(right)
    assert left._client.asked == 1
    left._client.fail_all = lambda _: None
    left._pause("a")  # its painter is silent: it hangs up before the answer
    left._connection.ready = False
    for times in (2, 3):
        left._check_at -= RECONNECT_SECONDS
        left._tick()
        assert left._client.asked == times
    left._connection.ready = True
    left._handle(p.Status({}))
    left._check_at -= RECONNECT_SECONDS
    left._tick()
    assert (with_fallback.lost, left._client.asked) == (False, 3)


def test_while_others_stand_in_one_hand_looks_now_and_then_whether_it_is_back_without_a_job(with_fallback):
    left, right = with_fallback.executors
    left._connection.ready = right._connection.ready = False
    lose(left), lose(right)
    left._tick(), right._tick()
    assert (left._client.asked, right._client.asked) == (0, 0)
    for times in (1, 2):
        left._check_at -= RECONNECT_SECONDS
        left._tick(), right._tick()
        assert (left._client.asked, right._client.asked) == (times, 0)
        lose(left)
    assert with_fallback.lost


def test_one_that_is_there_and_does_not_trust_us_is_not_looked_for(with_fallback):
    left = with_fallback.executors[0]
    lose(left)
    left._handle(p.Failed("", NotTrusted.code, "It does not know the key."))
    left._check_at -= RECONNECT_SECONDS
    left._tick()
    assert (with_fallback.lost, left._client.asked) == (False, 0)

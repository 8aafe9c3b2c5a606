"""What the hands of another daemon do between themselves: without sockets or threads, the other side is the test's."""

from __future__ import annotations

from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import picture
from tests.daemon.test_foreman import SchedulerCallbacks
from velatura.app_dirs import places
from velatura.errors import DaemonLost, NotTrusted, TooBusy
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.remote import LOST, RemoteDaemon, RemoteExecutor

CONTENT = picture(seed=1)


class There:
    """The client of a hand: notes what is handed on."""

    def __init__(self) -> None:
        self.handed: list[str] = []
        self.cancelled: list[str] = []
        self.expected: p.Restyle | None = None
        self.asked = 0

    def hand_on(self, asked: p.Restyle, _: Any) -> None:
        self.handed.append(asked.job)

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    def ask_status(self) -> None:
        self.asked += 1


@pytest.fixture
def made(home: Path) -> RemoteDaemon:
    """Two hands."""
    return two_hands(home)


@pytest.fixture
def with_stand_in(home: Path) -> RemoteDaemon:
    """Two hands, and somebody who works while they are lost."""
    return two_hands(home, fallback="local")


def two_hands(home: Path, **more: Any) -> RemoteDaemon:
    """Both connected. Their threads do not run: what is ordered the test does."""
    where = places({"VELATURA_HOME": str(home)})
    one = RemoteDaemon(DaemonConfig(upstream=str(home / "other.json"), **more), where, lambda: None)
    one.welcomed({"jobs": 2})
    for hand in one.executors:
        hand._client, hand._thread = There(), Thread()  # type: ignore[assignment]
        hand._link = SimpleNamespace(ready=True, is_waiting=False, heard=1e12, endpoint="other.json")  # type: ignore[assignment]
    return one


def lose(hand: RemoteExecutor) -> None:
    hand._link.ready = False  # type: ignore[misc]
    hand._take(p.Failed("", DaemonLost.code, "It does not answer."))
    do_what_is_ordered(hand._maker)


def do_what_is_ordered(made: RemoteDaemon) -> None:
    for hand in made.executors:
        while hand._orders:
            hand._do(*hand._orders.popleft())


def available(made: RemoteDaemon) -> list[bool]:
    return [hand.available for hand in made.executors]


def work(hand: RemoteExecutor, home: Path, job: str) -> None:
    path = home / "content"
    path.write_bytes(bytes(CONTENT.data))
    item = {"picture": CONTENT.ref.to_wire(), "path": str(path), "profile_path": ""}
    hand._do_work(
        {
            "job": job,
            "content": item,
            "mask": None,
            "styles": [{**item, "share": 1.0, "region": None}],
            "layer": job,
            "adjust": False,
            "settings": StyleSettings().to_wire(),
            "weights": "auto",
            "device": "auto",
            "remember": True,
            "as_it_is": False,
        }
    )


def refuse(hand: RemoteExecutor) -> None:
    hand._take(p.Failed(hand._client.handed[-1], TooBusy.code, "The spool is full."))  # type: ignore[attr-defined]


def said(hand: RemoteExecutor) -> list[str]:
    words = []
    while (one := hand.hear()) is not None:
        words.append(one["say"])
    return [word for word in words if word not in ("ready", "here")]


def test_a_job_that_is_refused_while_another_of_ours_is_there_is_handed_on_again(made, home):
    left, right = made.executors
    work(left, home, "1")
    work(right, home, "2")
    refuse(right)
    assert said(right) == ["notice"]
    right._show_life()
    assert len(right._client.handed) == 1  # not at once
    right._handed.again_at -= 10
    right._show_life()
    assert len(right._client.handed) == 2
    refuse(right)
    assert said(right) == []  # told already


def test_a_job_that_is_refused_while_none_of_ours_is_there_fails(made, home):
    work(made.executors[1], home, "2")
    refuse(made.executors[1])
    assert said(made.executors[1]) == ["failed"]


def test_a_job_that_waits_to_be_taken_there_can_be_cancelled(made, home):
    left, right = made.executors
    work(left, home, "1")
    work(right, home, "2")
    refuse(right)
    right._do_cancel("2")
    assert (right._client.cancelled, said(right)) == ([], ["notice", "stopped"])


def test_there_are_as_many_hands_as_the_other_daemon_has_workers(made):
    made.welcomed({"jobs": 4})
    assert [hand.available for hand in made.executors] == [True] * 4
    made.welcomed({"jobs": 1})
    assert [hand.available for hand in made.executors] == [True, False, False, False]


def test_of_hands_that_are_not_connected_one_finds_out_for_all(made):
    for hand in made.executors:
        hand._link.ready = False
    assert available(made) == [True, False]
    made.executors[0]._link.ready = True
    made.welcomed({"jobs": 2})
    assert made.executors[0].hear()["say"] == "here"
    assert available(made) == [True, True]


@pytest.mark.parametrize(("loser", "other"), [(0, 1), (1, 0)])
def test_when_one_has_lost_its_way_there_others_do_the_work_until_one_that_is_connected_has_an_answer(
    with_stand_in, loser, other
):
    lose(with_stand_in.executors[loser])
    assert (with_stand_in.lost, available(with_stand_in)) == (True, [True, False])
    assert with_stand_in.executors[other]._client.asked == 1
    with_stand_in.executors[other]._take(p.Status({}))
    assert (with_stand_in.lost, available(with_stand_in)) == (False, [True, True])


@pytest.mark.parametrize(("loser", "other"), [(0, 1), (1, 0)])
def test_one_that_has_lost_its_way_there_alone_costs_those_who_wait_nothing(home, loser, other):
    made = two_hands(home)
    made.executors[loser]._link.ready = False  # it has said goodbye there, and will look for the way anew
    callbacks = SchedulerCallbacks(home, made)
    for job in "abc":
        callbacks.begin(job)
    do_what_is_ordered(made)
    lose(made.executors[loser])
    callbacks.job_service.scheduler.listen()
    assert [m.job for m in callbacks.told if isinstance(m, p.Failed)] == ["ab"[loser]]
    lose(made.executors[other])
    callbacks.job_service.scheduler.listen()
    do_what_is_ordered(made)
    assert made.lost


def test_an_answer_that_is_lost_does_not_keep_the_work_at_home(with_stand_in, home):
    left, right = with_stand_in.executors
    work(left, home, "a")
    lose(right)
    assert left._client.asked == 1
    left._client._fail_all = lambda _: None
    left._do_pause("a")  # its painter is silent: it hangs up before the answer
    left._link.ready = False
    for times in (2, 3):
        left._look_at -= LOST
        left._show_life()
        assert left._client.asked == times
    left._link.ready = True
    left._take(p.Status({}))
    left._look_at -= LOST
    left._show_life()
    assert (with_stand_in.lost, left._client.asked) == (False, 3)


def test_while_others_stand_in_one_hand_looks_now_and_then_whether_it_is_back_without_a_job(with_stand_in):
    left, right = with_stand_in.executors
    left._link.ready = right._link.ready = False
    lose(left), lose(right)
    left._show_life(), right._show_life()
    assert (left._client.asked, right._client.asked) == (0, 0)
    for times in (1, 2):
        left._look_at -= LOST
        left._show_life(), right._show_life()
        assert (left._client.asked, right._client.asked) == (times, 0)
        lose(left)
    assert with_stand_in.lost


def test_one_that_is_there_and_does_not_trust_us_is_not_looked_for(with_stand_in):
    left = with_stand_in.executors[0]
    lose(left)
    left._take(p.Failed("", NotTrusted.code, "It does not know the key."))
    left._look_at -= LOST
    left._show_life()
    assert (with_stand_in.lost, left._client.asked) == (False, 0)

"""What an editor's session tells of estimates and of what is kept: an answer, or nothing at all."""

from __future__ import annotations

import types

import pytest

from velatura.client.client import Connected, HistoryEntries, SavedItems
from velatura.editor import session
from velatura.errors import BadMessage, DaemonLost, DaemonNotRunning
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

PIXELS = Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))


class Client:
    """Says what the test has put there."""

    def __init__(self, _) -> None:
        self.ready, self.says, self.asked = True, [], 0
        self.has_more, self.wants_to_write = False, False

    def hold(self): ...
    def ask_kept(self): ...
    def ask_history(self): ...

    def ask_estimate(self, *_):
        self.asked += 1
        return f"ticket {self.asked}"

    def restyle(self, *_, **__):
        return "job"

    def drain(self, _):
        said, self.says = self.says, []
        return said

    def fileno(self):
        return None


class Listener:
    def __init__(self) -> None:
        self.told = []

    def __getattr__(self, name):
        return lambda *what: self.told.append((name, *what))


@pytest.fixture
def one(monkeypatch):
    monkeypatch.setattr(session, "Client", Client)
    timer = types.SimpleNamespace(start=lambda _: None, stop=lambda: None)
    loop = types.SimpleNamespace(timer=lambda _: timer, after=lambda *_: None)
    one = session.Session("test", loop, Listener())
    ask(one)
    return one


def ask(one):
    one.estimate(100, 80, StyleSettings())


def hear(one, *events, ready=True):
    one.client.says, one.client.ready, one.listener.told = list(events), ready, []
    one.drain()
    return one.listener.told


def estimate(ticket):
    return p.Estimate(ticket, 12.0, 1, 0, "cpu", "About 12 s.")


def failed(error, job=""):
    return p.Failed(job, error.code, error.sentence)


def test_only_the_latest_question_is_answered(one):
    ask(one)
    assert hear(one, estimate("ticket 1")) == []
    assert hear(one, estimate("ticket 2")) == [("estimated", "About 12 s.")]


def test_a_jobs_own_estimate_is_said_as_it_begins(one):
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    assert hear(one, estimate("job")) == [("said", "job", "About 12 s.")]


def test_without_a_daemon_there_is_no_answer_no_error_and_no_second_question(one):
    assert hear(one, failed(DaemonNotRunning("None.")), ready=False) == [("estimated", "")]
    ask(one)
    assert one.client.asked == 1
    hear(one, Connected(None))
    ask(one)
    assert one.client.asked == 2


def test_an_older_daemons_refusal_is_no_error_and_costs_no_job(one):
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    assert hear(one, failed(BadMessage("What?"))) == [("estimated", "")]
    assert hear(one, failed(BadMessage("What?")))[0][0] == "failed"  # nothing was asked: it is about the job


def test_a_daemon_that_is_lost_is_told_only_where_something_was_restyled(one):
    assert hear(one, failed(DaemonLost("It went.")), ready=False) == [("estimated", "")]
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    assert [told[:2] for told in hear(one, failed(DaemonLost("It went."), "job"), ready=False)][-1] == ("failed", "job")


def test_an_older_daemon_that_knows_no_lists_costs_no_job(one):
    hear(one, estimate("ticket 1"))
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    one.glance()
    assert hear(one, failed(BadMessage("What?"))) == []
    assert hear(one, failed(BadMessage("What?")))[0][:2] == (
        "failed",
        "job",
    )  # no list was asked for: it is about the job


def test_who_looks_at_what_is_kept_is_told_why_it_cannot_be_said(one):
    hear(one, estimate("ticket 1"))
    one.look()
    assert hear(one, failed(BadMessage("What?")))[0][:2] == ("failed", "")
    one.look()
    assert hear(one, SavedItems([]), HistoryEntries([])) == [("kept", []), ("past", [])]
    one.look()
    assert ("failed", "") in [told[:2] for told in hear(one, failed(DaemonLost("It went.")), ready=False)]


def test_nothing_is_asked_where_no_daemon_is_there_unless_somebody_looks(one):
    one.client.ready = False
    one.client.ask_kept = lambda: pytest.fail("a daemon would be started")
    one.glance()

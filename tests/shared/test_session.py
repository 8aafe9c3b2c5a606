"""An editor's session: what it reports of estimates, lists and failures to its listener."""

from __future__ import annotations

import types

import pytest

from velatura.client.events import Connected, HistoryEntries, SavedItems
from velatura.editor import session
from velatura.errors import BadMessage, DaemonLost, DaemonNotRunning
from velatura.pixels import Picture, PixelFormat
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

PIXELS = Picture(2, 2, PixelFormat("RGB", "u8"), bytes(12))


class Client:
    """Returns the events that the test has set."""

    def __init__(self, _) -> None:
        self.ready, self.next_events, self.estimate_requests = True, [], 0
        self.has_more, self.needs_write = False, False

    def acknowledge_manually(self): ...
    def request_saved(self): ...
    def request_history(self): ...

    def request_estimate(self, *_):
        self.estimate_requests += 1
        return f"ticket {self.estimate_requests}"

    def restyle(self, *_, **options):
        self.restyled_with = options
        return "job"

    def drain(self, _):
        events, self.next_events = self.next_events, []
        return events

    def fileno(self):
        return None


class Listener:
    def __init__(self) -> None:
        self.calls = []

    def __getattr__(self, name):
        return lambda *arguments: self.calls.append((name, *arguments))


@pytest.fixture
def one(monkeypatch):
    monkeypatch.setattr(session, "Client", Client)
    timer = types.SimpleNamespace(start=lambda _: None, stop=lambda: None)
    loop = types.SimpleNamespace(timer=lambda _: timer, call_later=lambda *_: None)
    one = session.Session("test", loop, Listener())
    request_estimate(one)
    return one


def request_estimate(one):
    one.estimate(100, 80, StyleSettings())


def receive(one, *events, ready=True):
    one.client.next_events, one.client.ready, one.listener.calls = list(events), ready, []
    one.drain()
    return one.listener.calls


def estimate(ticket):
    return p.Estimate(ticket, 12.0, 1, 0, "cpu", "About 12 s.")


def failed(error, job=""):
    return p.Failed(job, error.code, error.sentence)


def test_only_the_latest_estimate_is_reported(one):
    request_estimate(one)
    assert receive(one, estimate("ticket 1")) == []
    assert receive(one, estimate("ticket 2")) == [("on_estimate", "About 12 s.")]


def test_the_estimate_of_a_job_is_shown_as_a_message(one):
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    assert receive(one, estimate("job")) == [("on_message", "job", "About 12 s.")]


def test_without_a_daemon_there_is_no_estimate_no_error_and_no_second_request(one):
    assert receive(one, failed(DaemonNotRunning("None.")), ready=False) == [("on_estimate", "")]
    request_estimate(one)
    assert one.client.estimate_requests == 1
    receive(one, Connected(None))
    request_estimate(one)
    assert one.client.estimate_requests == 2


def test_an_older_daemon_that_refuses_estimates_fails_no_job(one):
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    assert receive(one, failed(BadMessage("What?"))) == [("on_estimate", "")]
    assert (
        receive(one, failed(BadMessage("What?")))[0][0] == "on_failed"
    )  # no estimate is pending: the failure concerns the job


def test_a_lost_daemon_is_reported_only_after_a_restyle_was_requested(one):
    assert receive(one, failed(DaemonLost("It went.")), ready=False) == [("on_estimate", "")]
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    assert [call[:2] for call in receive(one, failed(DaemonLost("It went."), "job"), ready=False)][-1] == (
        "on_failed",
        "job",
    )


def test_a_frame_is_sent_with_those_that_it_follows_while_the_daemon_is_connected_again(one):
    one.client.ready = one.client.understands_films = False
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="", previous=[(PIXELS, PIXELS)])
    assert one.client.restyled_with["previous"] == [(PIXELS, PIXELS)]


def test_an_older_daemon_that_refuses_lists_fails_no_job(one):
    receive(one, estimate("ticket 1"))
    one.restyle(PIXELS, [], StyleSettings(), mask=None, layer="")
    one.refresh_saved()
    assert receive(one, failed(BadMessage("What?"))) == []
    # no list is pending: the failure concerns the job
    assert receive(one, failed(BadMessage("What?")))[0][:2] == ("on_failed", "job")


def test_requested_lists_arrive_or_their_failure_is_reported(one):
    receive(one, estimate("ticket 1"))
    one.request_lists()
    assert receive(one, failed(BadMessage("What?")))[0][:2] == ("on_failed", "")
    one.request_lists()
    assert receive(one, SavedItems([]), HistoryEntries([])) == [("on_saved", []), ("on_history", [])]
    one.request_lists()
    assert ("on_failed", "") in [call[:2] for call in receive(one, failed(DaemonLost("It went.")), ready=False)]


def test_refreshing_the_saved_results_never_starts_a_daemon(one):
    one.client.ready = False
    one.client.request_saved = lambda: pytest.fail("a daemon would be started")
    one.refresh_saved()

"""A daemon that sends without end neither keeps its client busy forever nor fills its memory."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

from velatura.app_dirs import app_dirs
from velatura.client.client import EVENTS_AT_ONCE, OTHERS_KEPT, Client
from velatura.client.events import Connected
from velatura.protocol import messages as p


class EndlessConnection:
    """Ready, and gives what a test says."""

    ready, needs_write, daemon_version = True, False, p.VERSION

    def __init__(self, messages: Any) -> None:
        self.messages = messages

    def receive(self) -> p.Message | None:
        return next(self.messages, None)

    def advance(self) -> None: ...
    def keep_alive(self) -> None: ...
    def check_alive(self) -> None: ...
    def wait(self) -> None: ...
    def disconnect(self) -> None: ...


def progress(job: str, done: float = 0.0) -> p.Progress:
    return p.Progress(job, 0, 1, 10, 10, 1, 2, 0.0, 0.0, done, 1.0)


def client(home: Path, messages: Any) -> Client:
    connection: Any = EndlessConnection(messages)
    return Client("tests", dirs=app_dirs({"VELATURA_HOME": str(home)}), connection=connection)


def test_one_drain_returns_a_limited_number_of_events_and_says_that_there_are_more(tmp_path):
    endless = client(tmp_path, (progress("x", n) for n in itertools.count()))
    first, second = endless.drain(), endless.drain()
    assert len(first) == len(second) == EVENTS_AT_ONCE
    assert [event.done for event in second] == list(range(EVENTS_AT_ONCE, 2 * EVENTS_AT_ONCE))
    assert endless.has_more


def test_waiting_for_one_job_keeps_a_limited_number_of_events_of_the_others(tmp_path):
    others = (progress("other", n) for n in range(2 * OTHERS_KEPT))
    one = client(tmp_path, itertools.chain(others, [p.Notice("other", "kept"), p.Cancelled("mine")]))
    assert [type(event) for event in one.events("mine")] == [p.Cancelled]
    kept = [event for event in one._events if not isinstance(event, Connected)]
    assert len(kept) == OTHERS_KEPT + 1
    assert isinstance(kept[-1], p.Notice)

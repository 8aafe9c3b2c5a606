"""What the foreman does by the clock: an injected one, and an executor that does what the test says."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any

import pytest

from pastiche import protocol as p
from pastiche.paths import places
from pastiche.settings import StyleSettings
from pastiche_daemon.clock import SLEPT, Clock
from pastiche_daemon.foreman import SLOW, Foreman
from pastiche_daemon.options import Options
from tests.conftest import picture

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)
HANG = 60.0


class HandClock(Clock):
    """Moved by hand."""

    def __init__(self) -> None:
        self.moment, self.day = 1000.0, 1.7e9
        super().__init__()

    def monotonic(self) -> float:
        return self.moment

    def date(self) -> float:
        return self.day

    def pass_by(self, seconds: float) -> None:
        self.moment += seconds
        self.day += seconds

    def wait(self, seconds: float) -> None:
        """As the event loop does."""
        self.waits(seconds)
        self.pass_by(seconds)


class Hands:
    """An executor that says what it is told to say."""

    def __init__(self) -> None:
        self.info: dict[str, Any] = {"state": "warm"}
        self.pid = 0
        self.orders: list[dict[str, Any]] = []
        self.saying: deque[dict[str, Any]] = deque()
        self.forced = self.left = 0

    def hear(self) -> dict[str, Any] | None:
        return self.saying.popleft() if self.saying else None

    def work(self, job: dict[str, Any]) -> None:
        self.pid = 7
        self.orders.append(job)

    def estimate(self, question: dict[str, Any]) -> None: ...
    def cancel(self, job: str) -> None: ...
    def kill(self) -> None: ...

    def leave(self) -> None:
        self.pid, self.left = 0, self.left + 1

    def end_by_force(self) -> None:
        self.forced += 1
        self.saying.append({"say": "gone", "how": "it was killed"})


class Office:
    def __init__(self, home) -> None:
        self.clock, self.hands, self.told = HandClock(), Hands(), []
        options = Options(hang_seconds=HANG, worker_seconds=600.0)
        where = places({"PASTICHE_HOME": str(home)})
        self.foreman = Foreman(options, where, self.hands, lambda _, message: self.told.append(message), self.clock)

    def begin(self, job: str = "j") -> None:
        """A job with all its pictures, in the worker's hands."""
        style = [{"picture": STYLE.ref.to_wire(), "share": 1.0}]
        asked = p.Restyle(job, "layer", CONTENT.ref.to_wire(), style, None, StyleSettings().to_wire())
        self.foreman.submit(b"s", "client", "tests", asked)
        for message in self.told:  # it grows: a picture that has come lets the next be asked for
            if isinstance(message, p.Get):
                data = {**CONTENT.blobs, **STYLE.blobs}[message.blob]
                self.foreman.put(b"s", p.Put(message.blob, data.nbytes, 0, message.ticket, data))

    def say(self, **said: Any) -> None:
        self.hands.saying.append({"job": self.hands.orders[-1]["job"], **said})
        self.foreman.listen()

    def pass_by(self, seconds: float) -> None:
        self.clock.wait(seconds)
        self.foreman.tick(self.clock.now())
        self.foreman.listen()

    def notices(self) -> list[str]:
        return [m.sentence for m in self.told if isinstance(m, p.Notice)]


@pytest.fixture
def office(home) -> Office:
    return Office(home)


def test_a_worker_without_a_sign_of_life_is_ended_and_its_job_put_back_once(office):
    office.begin()
    office.pass_by(HANG - 1)
    assert office.hands.forced == 0
    office.pass_by(2)
    assert office.hands.forced == 1
    assert "no sign of life" in office.notices()[0]
    assert len(office.hands.orders) == 2
    office.pass_by(HANG + 1)
    assert office.hands.forced == 2
    assert isinstance(office.told[-1], p.Failed) and office.told[-1].code == "worker_died"


def test_a_worker_that_lives_and_does_nothing_is_ended_too_but_later(office):
    office.begin()
    for _ in range(int(SLOW * HANG) - 1):
        office.say(say="alive")
        office.pass_by(1)
    assert office.hands.forced == 0
    office.say(say="alive")
    office.pass_by(2)
    assert office.hands.forced == 1


def test_a_long_step_that_was_foretold_is_no_hanging(office):
    office.begin()
    office.say(say="estimate", ticket=office.hands.orders[-1]["job"], seconds=7200.0, memory=1, tile=512, device="cpu", sentence="")
    for _ in range(7000):
        office.say(say="alive")
        office.pass_by(1)
    assert office.hands.forced == 0


def test_a_worker_that_is_starting_has_a_minute_at_least(home):
    office = Office(home)
    office.foreman._options = Options(hang_seconds=2.0)
    office.hands.info = {"state": "starting"}
    office.begin()
    office.pass_by(30)
    assert office.hands.forced == 0


def test_an_idle_worker_gives_the_device_back(office):
    office.hands.pid = 7
    office.pass_by(599)
    assert office.hands.left == 0
    office.pass_by(2)
    assert office.hands.left == 1


def test_a_sleep_of_the_machine_is_nobodys_silence():
    clock = HandClock()
    before = clock.now()
    clock.waits(1.0)
    clock.pass_by(3600)
    assert clock.now() - before == pytest.approx(1.0)
    assert clock.slept() == pytest.approx(3599)
    assert clock.slept() == 0


def test_a_sleep_in_the_middle_of_work_is_no_silence_either():
    clock = HandClock()
    before = clock.now()
    clock.pass_by(3600)
    assert clock.now() - before == pytest.approx(0.0)


def test_a_turn_that_takes_a_while_is_no_sleep():
    clock = HandClock()
    before = clock.now()
    clock.waits(1.0)
    clock.pass_by(1.0 + SLEPT - 0.1)
    assert clock.now() - before == pytest.approx(1.0 + SLEPT - 0.1)


def test_what_waits_for_ever_has_not_slept():
    clock = HandClock()
    clock.waits(None)
    clock.pass_by(86400)
    clock.now()
    assert clock.slept() == 0


def test_what_is_kept_ages_by_the_injected_calendar_alone(office, home):
    keeper = office.foreman.keeper
    office.begin()
    data = b"p" * 2304
    path = keeper.blobs.fresh_path()
    path.write_bytes(data)
    name = hashlib.sha256(data).digest()
    keeper.blobs.adopt(name, path)
    picture_map = {**CONTENT.ref.to_wire(), "blob": name}
    result = p.Result("r", "l", picture_map, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [])
    keeper.results.keep("client", result, {"title": "", "note": "", "program": "", "layer": "l", "styles": [], "thumbnail": b""},
                        office.clock.date())  # fmt: skip
    for _ in range(29 * 24):
        office.say(say="alive")
        office.pass_by(3600)
    assert len(keeper.results) == 1
    for _ in range(25):
        office.say(say="alive")
        office.pass_by(3600)
    assert len(keeper.results) == 0

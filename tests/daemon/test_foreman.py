"""What the foreman does by the clock: an injected one, and an executor that does what the test says."""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Any

import pytest

from tests.conftest import picture
from velatura.app_dirs import places
from velatura.errors import BadMessage, UnknownBlob
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.clock import SLEPT, Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.scheduling.worker_pool import SLOW, WorkerPool
from velatura_daemon.storage.results import PER_CLIENT

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
        self.pid, self.device, self.available = 0, "auto", True
        self.orders: list[dict[str, Any]] = []
        self.saying: deque[dict[str, Any]] = deque()
        self.cancelled: list[str] = []
        self.called = self.forced = self.left = 0

    def hear(self) -> dict[str, Any] | None:
        return self.saying.popleft() if self.saying else None

    def work(self, job: dict[str, Any]) -> None:
        self.pid = 7
        self.orders.append(job)

    @property
    def holds_device(self) -> bool:
        return self.pid > 0

    def call(self) -> None:
        self.called += 1

    def estimate(self, question: dict[str, Any]) -> None: ...

    def cancel(self, job: str) -> None:
        self.cancelled.append(job)

    def pause(self, job: str) -> None: ...
    def settle(self, job: str) -> None: ...
    def kill(self) -> None: ...

    def leave(self) -> None:
        self.pid, self.left = 0, self.left + 1

    def end_by_force(self) -> None:
        self.forced += 1
        self.saying.append({"say": "gone", "how": "it was killed"})


class Made:
    """A maker of hands that are there already."""

    def __init__(self, *executors: Hands) -> None:
        self.executors, self.lost = executors, False


class SchedulerCallbacks:
    def __init__(
        self, home, made: Made | None = None, spare: Made | None = None, options: DaemonConfig | None = None
    ) -> None:
        self.clock, self.executors, self.told = HandClock(), Hands(), []
        pool = WorkerPool(made or Made(self.executors), spare, self.clock)
        options = options or DaemonConfig(hang_seconds=HANG, worker_seconds=600.0)
        where = places({"VELATURA_HOME": str(home)})
        self.job_service = JobService(options, where, pool, lambda _, message: self.told.append(message), self.clock)

    def begin(self, job: str = "j", layer: str = "", device: str = "auto", client: str = "client", **more: Any) -> None:
        """A job with all its pictures, in the worker's hands."""
        style = [{"picture": STYLE.ref.to_wire(), "share": 1.0}]
        asked = p.Restyle(
            job,
            layer or f"layer of {job}",
            CONTENT.ref.to_wire(),
            style,
            None,
            StyleSettings().to_wire(),
            device=device,
            **more,
        )
        self.job_service.submit(b"s", client, "tests", asked)
        for message in self.told:  # it grows: a picture that has come lets the next be asked for
            if isinstance(message, p.Get):
                data = {**CONTENT.blobs, **STYLE.blobs}[message.blob]
                self.job_service.put(b"s", p.Put(message.blob, data.nbytes, 0, message.ticket, data))
        self.job_service.scheduler.listen()  # as the front does after whatever has come

    def say(self, **said: Any) -> None:
        self.executors.saying.append({"job": self.executors.orders[-1]["job"], **said})
        self.job_service.scheduler.listen()

    def pass_by(self, seconds: float) -> None:
        self.clock.wait(seconds)
        self.job_service.scheduler.tick(self.clock.now())
        self.job_service.scheduler.listen()

    def ask(self, ticket: str) -> None:
        self.job_service.estimate(b"s", p.GetEstimate(ticket, 100, 100, StyleSettings().to_wire()))

    def notices(self) -> list[str]:
        return [m.sentence for m in self.told if isinstance(m, p.Notice)]


@pytest.fixture
def callbacks(home) -> SchedulerCallbacks:
    return SchedulerCallbacks(home)


def test_a_worker_without_a_sign_of_life_is_ended_and_its_job_put_back_once(callbacks):
    callbacks.begin()
    callbacks.pass_by(HANG - 1)
    assert callbacks.executors.forced == 0
    callbacks.pass_by(2)
    assert callbacks.executors.forced == 1
    assert "no sign of life" in callbacks.notices()[0]
    assert len(callbacks.executors.orders) == 2
    callbacks.pass_by(HANG + 1)
    assert callbacks.executors.forced == 2
    assert isinstance(callbacks.told[-1], p.Failed) and callbacks.told[-1].code == "worker_died"


def test_a_worker_that_lives_and_does_nothing_is_ended_too_but_later(callbacks):
    callbacks.begin()
    for _ in range(int(SLOW * HANG) - 1):
        callbacks.say(say="alive")
        callbacks.pass_by(1)
    assert callbacks.executors.forced == 0
    callbacks.say(say="alive")
    callbacks.pass_by(2)
    assert callbacks.executors.forced == 1


def test_a_picture_taken_away_before_a_job_begins_fails_it_and_the_next_runs(callbacks):
    callbacks.begin("first")
    callbacks.begin("second")
    for path in callbacks.job_service.blobs.folder.iterdir():
        path.unlink()
    callbacks.say(say="failed", code="internal", sentence="", detail="")
    assert [m.job for m in callbacks.told if isinstance(m, p.Failed)] == ["first", "second"]
    assert not callbacks.job_service.scheduler.busy


def keep_result(callbacks, job: str, layer: str = "l") -> None:
    """One that waits for its client."""
    result = p.Result(
        job, layer, CONTENT.ref.to_wire(), 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [], CONTENT.ref.to_wire()
    )
    path = callbacks.job_service.blobs.fresh_path()
    path.write_bytes(CONTENT.data)
    callbacks.job_service.blobs.adopt(CONTENT.ref.blob, path)
    about = {"title": "", "note": "", "program": "", "layer": layer, "styles": [], "thumbnail": b""}
    callbacks.job_service.store.results.keep("client", result, about, callbacks.clock.date())


def test_a_jobs_id_is_not_given_twice_while_its_result_waits(callbacks):
    keep_result(callbacks, "j")
    with pytest.raises(BadMessage, match="id of its own"):
        callbacks.begin("j")


def test_a_client_for_whom_the_most_results_wait_can_be_welcomed_whatever_their_names(callbacks):
    for number in range(PER_CLIENT):
        keep_result(callbacks, f"{number:\U0001f58c>{p.MAX_NAME}}", "\U0001f58c" * p.MAX_NAME)
    results = callbacks.job_service.results_for("client")
    assert 0 < len(results) < PER_CLIENT
    p.pack(p.Welcome(bytes(16), "b" * 64, 5.0, True, {"max_megapixels": 256.0}, results))


def test_a_failure_that_may_pass_leaves_the_work_to_be_gone_on_with(callbacks):
    callbacks.begin()
    callbacks.job_service.store.checkpoints.image_path(("client", "j")).write_bytes(b"picture")
    callbacks.say(say="kept", done=0.5, step=3, thumbnail=b"", style_thumbnails=[b""])
    callbacks.say(say="failed", code="daemon_lost", sentence="", detail="")
    assert ("client", "j") in callbacks.job_service.store.checkpoints.records


@pytest.mark.parametrize("note, goes_on", [("frame 7 of a batch", True), ("", False)])
def test_one_of_many_that_the_history_does_not_want_is_gone_on_with_where_its_client_has_noted_what_it_is(
    callbacks, note, goes_on
):
    for job in ("before", "after"):
        callbacks.begin(job, layer="frame7.png", remember=False, note=note)
        callbacks.job_service.store.checkpoints.image_path(("client", job)).write_bytes(b"picture")
        callbacks.say(say="kept", done=0.5, step=3, thumbnail=b"", style_thumbnails=[b""])
        if job == "before":
            callbacks.job_service.lose_session(b"s")
            callbacks.say(say="stopped")
    assert (callbacks.executors.orders[1]["last"] is not None) == goes_on
    assert callbacks.executors.orders[1]["remember"] == goes_on  # a daemon that does the work keeps it too


def test_a_stopped_restyle_whose_picture_has_gone_says_so(callbacks):
    callbacks.begin()
    callbacks.job_service.store.checkpoints.image_path(("client", "j")).write_bytes(b"picture")
    callbacks.say(say="kept", done=0.5, step=3, thumbnail=b"", style_thumbnails=[b""])
    callbacks.say(say="failed", code="daemon_lost", sentence="", detail="")
    for path in callbacks.job_service.blobs.folder.iterdir():
        path.unlink()
    with pytest.raises(UnknownBlob, match="Restyle again"):
        callbacks.job_service.resume(b"s", "client", "client", p.Resume("j"))


def test_what_another_version_wrote_is_set_aside(home, callbacks):
    for records, entry in (
        (callbacks.job_service.store.results.records, {"result": {"of": "another version"}}),
        (callbacks.job_service.store.checkpoints.records, {"asked": {"of": "another version"}, "program": ""}),
    ):
        records.put(("client", "old"), entry, callbacks.clock.date())
    again = SchedulerCallbacks(home)
    assert len(again.job_service.store.results) == len(again.job_service.store.checkpoints.records) == 0


def test_a_long_step_that_was_foretold_is_no_hanging(callbacks):
    callbacks.begin()
    callbacks.say(
        say="estimate",
        ticket=callbacks.executors.orders[-1]["job"],
        seconds=7200.0,
        memory=1,
        tile=512,
        device="cpu",
        sentence="",
    )
    for _ in range(7000):
        callbacks.say(say="alive")
        callbacks.pass_by(1)
    assert callbacks.executors.forced == 0


def test_a_worker_that_is_starting_has_a_minute_at_least(home):
    callbacks = SchedulerCallbacks(home)
    callbacks.job_service.scheduler._options = DaemonConfig(hang_seconds=2.0)
    callbacks.executors.info = {"state": "starting"}
    callbacks.begin()
    callbacks.pass_by(30)
    assert callbacks.executors.forced == 0


def test_an_idle_worker_gives_the_device_back(callbacks):
    callbacks.executors.pid = 7
    callbacks.pass_by(599)
    assert callbacks.executors.left == 0
    callbacks.pass_by(2)
    assert callbacks.executors.left == 1


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


def test_what_is_kept_ages_by_the_injected_calendar_alone(callbacks, home):
    store = callbacks.job_service.store
    callbacks.begin()
    data = b"p" * 2304
    path = store.blobs.fresh_path()
    path.write_bytes(data)
    name = hashlib.sha256(data).digest()
    store.blobs.adopt(name, path)
    picture_map = {**CONTENT.ref.to_wire(), "blob": name}
    result = p.Result("r", "l", picture_map, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [])
    store.results.keep(
        "client",
        result,
        {"title": "", "note": "", "program": "", "layer": "l", "styles": [], "thumbnail": b""},
        callbacks.clock.date(),
    )
    for _ in range(29 * 24):
        callbacks.say(say="alive")
        callbacks.pass_by(3600)
    assert len(store.results) == 1
    for _ in range(25):
        callbacks.say(say="alive")
        callbacks.pass_by(3600)
    assert len(store.results) == 0


def test_a_picture_taken_away_while_it_is_worked_on_elsewhere_costs_the_safety_not_the_work(callbacks):
    callbacks.begin()
    for path in callbacks.job_service.blobs.folder.iterdir():
        path.unlink()
    callbacks.say(say="kept", done=0.5, step=0, elsewhere=True, thumbnail=b"", style_thumbnails=[b""])
    assert not [m for m in callbacks.told if isinstance(m, p.Failed)]
    assert callbacks.job_service.scheduler.busy

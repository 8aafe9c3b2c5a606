"""Several workers: which one gets which job, and what happens when one of them goes. An injected clock; executors that
report what the test says."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.support.scheduling import CONTENT, HANG, FakeExecutor, FakeProvider, Scheduling
from velatura.errors import TooBusy, WorkerDied
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import (
    Available,
    CheckpointSaved,
    Heartbeat,
    JobDone,
    JobFailed,
    JobStopped,
    Ready,
    WorkerGone,
    WorkerInfo,
)
from velatura_daemon.scheduling.estimate_broker import MAX_QUESTIONS
from velatura_daemon.scheduling.job_service import JOBS_SHOWN


class Studio(Scheduling):
    """Two workers; with `fallback`, a third that works while they are lost."""

    def __init__(self, home: Path, fallback: bool = False, **options: Any) -> None:
        self.left, self.right, self.home = FakeExecutor(), FakeExecutor(), FakeExecutor()
        self.provider = FakeProvider(self.left, self.right)
        config = DaemonConfig(hang_seconds=HANG, worker_seconds=600.0, **options)
        super().__init__(home, self.provider, FakeProvider(self.home) if fallback else None, config)

    def end(self, executor: FakeExecutor, code: str = "bad_mask", sentence: str = "") -> None:
        """Its last job ends, for the same reason as any other may."""
        self.emit(JobFailed(executor.ticket, code, sentence), executor)

    def goes(self, executor: FakeExecutor, **why: Any) -> None:
        executor.pid = 0
        self.emit(WorkerGone("it went", **why), executor)


@pytest.fixture
def studio(home) -> Studio:
    return Studio(home)


def jobs(executor: FakeExecutor) -> int:
    return len(executor.specs)


def test_two_jobs_go_to_two_hands_and_the_third_waits_behind_both(studio):
    for job in ("a", "b", "c"):
        studio.submit(job)
    assert (jobs(studio.left), jobs(studio.right)) == (1, 1)
    assert [m.place for m in studio.messages if isinstance(m, p.Queued) and m.job == "c"] == [2]
    studio.end(studio.right)
    assert jobs(studio.right) == 2


def test_far_back_in_the_queue_places_are_told_seldom_and_near_its_head_each_time(studio):
    for number in range(60):
        studio.submit(f"job {number}", layer=f"layer {number}", client=f"client {number}")
    while jobs(studio.left) < 59:
        studio.end(studio.left)
    told = [m.place for m in studio.messages if isinstance(m, p.Queued) and m.job == "job 59"]
    assert told[:3] == [59, 53, 47]
    assert told[-10:] == [10, 9, 8, 7, 6, 5, 4, 3, 2, 0]


def test_a_layer_goes_back_to_the_hand_that_has_it_warm(studio):
    studio.submit("a", layer="one")
    studio.submit("b", layer="two")
    studio.end(studio.left), studio.end(studio.right)
    studio.submit("c", layer="two")
    assert (jobs(studio.left), jobs(studio.right)) == (1, 2)


def test_a_lone_painter_wakes_one_device_only(studio):
    for job in ("a", "b", "c"):
        studio.submit(job, layer=job)
        studio.end(studio.left)
    assert (jobs(studio.left), jobs(studio.right)) == (3, 0)


def test_a_device_that_was_asked_for_by_name_is_waited_for(studio):
    studio.left.device, studio.right.device = "cuda:0", "cuda:1"
    studio.submit("a", device="cuda:1")
    studio.submit("b", device="cuda:1")
    studio.submit("c", device="cuda")
    assert (jobs(studio.left), jobs(studio.right)) == (1, 1)
    assert studio.left.specs[0].device == "auto"  # its own, whichever that is
    studio.end(studio.right)
    assert jobs(studio.right) == 2


def test_a_hand_that_dies_costs_the_other_hands_job_nothing(studio):
    studio.submit("a")
    studio.submit("b")
    studio.goes(studio.left)
    assert [m.job for m in studio.messages if isinstance(m, p.Notice)] == ["a"]
    assert (jobs(studio.left), jobs(studio.right)) == (2, 1)


def test_a_hand_that_dies_answers_its_own_questions_only(studio):
    studio.submit("a")
    studio.left.pid, studio.right.pid = 7, 0
    studio.ask("one")
    studio.left.pid, studio.right.pid = 0, 7
    studio.ask("two")
    studio.goes(studio.right)
    assert [m.ticket for m in studio.messages if isinstance(m, p.Estimate)] == ["two"]


def test_machines_that_go_are_not_the_jobs_fault_a_few_times(studio):
    studio.submit("a")
    for _ in range(3):
        at_work = max((studio.left, studio.right), key=lambda executors: executors.pid)
        studio.goes(at_work, sentence="The node went.", blameless=True)
    assert not [m for m in studio.messages if isinstance(m, p.Failed)]
    studio.goes(
        max((studio.left, studio.right), key=lambda executors: executors.pid), sentence="The node went.", blameless=True
    )
    assert [m.sentence for m in studio.messages if isinstance(m, p.Failed)] == ["The node went."]


def test_who_is_not_available_gets_no_job_and_is_called(studio):
    studio.left.available = studio.right.available = False
    studio.submit("a")
    assert (jobs(studio.left), jobs(studio.right)) == (0, 0)
    assert studio.left.requested and "Starting a worker" in studio.notices[0]
    studio.right.available = True
    studio.right.events.append(Available())
    studio.scheduler.poll()
    assert jobs(studio.right) == 1


def test_no_more_hands_are_called_than_jobs_wait(studio):
    studio.left.available = studio.right.available = False
    studio.submit("a")
    assert studio.left.requested and not studio.right.requested
    studio.submit("b", layer="b")
    assert studio.right.requested


def test_while_the_others_are_lost_this_machine_does_the_work_and_then_they_do_again(home):
    studio = Studio(home, fallback=True)
    studio.submit("a")
    studio.provider.lost = True
    studio.goes(studio.left, sentence="The farm does not answer.", blameless=True)
    assert studio.notices == ["The farm does not answer. This machine continues the restyle."]
    assert jobs(studio.home) == 1
    studio.end(studio.home)
    studio.provider.lost = False
    studio.submit("b")
    assert (jobs(studio.left) + jobs(studio.right), jobs(studio.home)) == (2, 1)


def test_a_surplus_hand_gives_its_device_back_while_the_other_works(studio):
    studio.submit("a")
    studio.submit("b")
    studio.end(studio.right)
    for _ in range(601):
        studio.left.events.append(Heartbeat())
        studio.pass_by(1)
    assert (studio.left.released, studio.right.released) == (0, 1)


def test_of_hands_that_idle_as_long_as_each_other_one_stays_for_a_job_that_may_go_on(studio):
    studio.submit("a")
    studio.submit("b", layer="b")
    studio.end(studio.left), studio.jobs.park(b"s")
    studio.right.events.append(JobStopped(studio.right.specs[0].ticket))
    studio.scheduler.poll()
    studio.pass_by(601)
    assert studio.left.released + studio.right.released == 1


def test_every_painter_whose_job_this_machine_does_for_others_is_told_once(home):
    studio = Studio(home, fallback=True, executor="ray", address="ray://there:10001")
    studio.provider.lost = True
    for job in ("a", "b"):
        studio.submit(job)
    studio.goes(studio.home)
    for _ in ("a", "b"):
        studio.end(studio.home)
    told = [
        m.job for m in studio.messages if isinstance(m, p.Notice) and "jobs run on this machine meanwhile" in m.sentence
    ]
    assert sorted(told) == ["a", "b"]
    assert (
        studio.notices[0]
        == "The Ray cluster at ray://there:10001 cannot be reached; jobs run on this machine meanwhile."
    )


def test_when_the_others_cannot_be_reached_all_who_wait_are_told_so_by_the_first_who_has_tried(studio):
    studio.right.available = False
    for job in ("a", "b", "c"):
        studio.submit(job)
    studio.provider.lost = True
    studio.end(studio.left, code="daemon_lost", sentence="It does not answer.")
    assert [(m.job, m.sentence) for m in studio.messages if isinstance(m, p.Failed)] == [
        (job, "It does not answer.") for job in "abc"
    ]
    assert jobs(studio.left) == 1


def test_a_failure_of_one_job_there_is_not_the_others(studio):
    studio.right.available = False
    for job in ("a", "b"):
        studio.submit(job)
    studio.end(studio.left, code="daemon_lost", sentence="The daemon behind that one does not answer.")
    assert [m.job for m in studio.messages if isinstance(m, p.Failed)] == ["a"]


def test_a_picture_that_only_the_others_have_room_for_is_refused_here_and_what_was_done_of_it_is_kept(
    home, monkeypatch
):
    monkeypatch.setattr(DaemonConfig, "megapixels_here", CONTENT.width * CONTENT.height / 2e6)
    studio = Studio(home, fallback=True, executor="ray", address="ray://there:10001")
    studio.submit("a")
    studio.left.specs[0].files.checkpoint.write_bytes(b"far")
    studio.left.events.append(CheckpointSaved(studio.left.ticket, 0.5, 3))
    studio.scheduler.poll()
    studio.provider.lost = True
    studio.goes(studio.left, sentence="The farm does not answer.", blameless=True)
    (failed,) = [m for m in studio.messages if isinstance(m, p.Failed)]
    assert failed.code == "picture_too_large" and "22 × 16 would fit" in failed.sentence
    assert jobs(studio.home) == 0
    assert studio.jobs.status()["stopped_midway"] == 1
    assert studio.notices == []  # nobody is told that this machine goes on with it
    studio.jobs.resume(b"s", "client", "client", p.Resume("a", "client", "as_it_is"))
    assert jobs(studio.home) == 1  # that takes no step, so no memory


def test_who_stood_in_gives_the_device_back_though_the_others_have_work_again(home):
    studio = Studio(home, fallback=True, executor="ray", address="ray://there:10001")
    studio.provider.lost = True
    studio.submit("a")
    studio.end(studio.home)
    studio.provider.lost = False
    studio.submit("b")
    studio.left.pid = studio.right.pid = 0  # as hands of other machines, they hold no device of this one
    for _ in range(601):
        studio.left.events.append(Ready(WorkerInfo(device="d", weights="w")))
        studio.pass_by(1)
    assert studio.scheduler.busy
    assert studio.home.released == 1


def stops(studio: Studio, executor: FakeExecutor, job: int = -1) -> None:
    studio.emit(JobStopped(executor.specs[job].ticket), executor)


def finishes(studio: Studio, executor: FakeExecutor) -> None:
    """Its last job has a result."""
    spec = executor.specs[-1]
    data = b"r" * CONTENT.ref.length
    spec.files.result.write_bytes(data)
    result = replace(CONTENT.ref, blob=hashlib.sha256(data).digest())
    studio.emit(JobDone(spec.ticket, result, 0, 0, "w", "d", 1.0, 0.0, 0.0, "content"), executor)


def test_a_moved_knob_waits_for_the_hand_that_has_the_layer_warm(studio):
    studio.submit("a", layer="one")
    studio.submit("b", layer="one")
    assert (studio.left.cancelled, jobs(studio.right)) == ([studio.left.specs[0].ticket], 0)
    stops(studio, studio.left)
    assert (jobs(studio.left), jobs(studio.right)) == (2, 0)


def test_a_job_whose_client_comes_back_at_once_is_at_one_hand_only(studio):
    studio.submit("a")
    studio.jobs.park(b"s")
    studio.jobs.unpark(b"s")
    assert jobs(studio.right) == 0
    stops(studio, studio.left)
    assert jobs(studio.left) + jobs(studio.right) == 2


def test_a_job_finished_between_a_clients_silence_and_its_stop_is_not_done_again(studio):
    studio.submit("a")
    studio.jobs.park(b"s")
    studio.jobs.unpark(b"s")
    finishes(studio, studio.left)
    assert [m.job for m in studio.messages if isinstance(m, p.Result)] == ["a"]
    assert jobs(studio.left) + jobs(studio.right) == 1


def test_a_job_cancelled_while_its_client_was_silent_has_no_result_and_lets_go_of_its_pictures_once(studio):
    studio.submit("a")
    studio.submit("b")
    studio.jobs.park(b"s")
    studio.jobs.cancel("client", "a")
    finishes(studio, studio.left)
    assert not [m for m in studio.messages if isinstance(m, p.Result)]
    studio.jobs.blobs.forget()
    assert CONTENT.ref.blob in studio.jobs.blobs  # b has it


def test_a_hand_that_is_not_understood_fails_its_job_and_is_free_when_it_has_stopped(studio):
    studio.submit("a")
    studio.left.events.append(object())
    studio.scheduler.poll()
    assert [m.job for m in studio.messages if isinstance(m, p.Failed)] == ["a"]
    assert studio.left.cancelled == [studio.left.specs[0].ticket]
    studio.submit("b")
    assert (jobs(studio.left), jobs(studio.right)) == (1, 1)
    stops(studio, studio.left)
    studio.submit("c")
    assert jobs(studio.left) == 2


def test_a_hand_that_is_not_understood_after_a_cancel_says_nothing_of_that_job(studio):
    studio.submit("a")
    studio.submit("b")
    studio.jobs.cancel("client", "a")
    studio.left.events.append(object())
    studio.scheduler.poll()
    assert not [m for m in studio.messages if isinstance(m, p.Failed)]
    studio.jobs.blobs.forget()
    assert CONTENT.ref.blob in studio.jobs.blobs  # b has it


def test_a_job_that_cannot_be_handed_over_fails_whatever_the_reason(studio, monkeypatch):
    def run(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(studio.left, "run", run)
    studio.submit("a")
    assert [m.code for m in studio.messages if isinstance(m, p.Failed)] == ["worker_died"]
    assert not studio.scheduler.busy


def test_a_job_that_waits_again_is_told_its_place_again(studio):
    studio.right.available = False
    studio.submit("a")
    studio.submit("b")
    studio.end(studio.left)
    studio.left.available = False
    studio.goes(studio.left)
    assert [m.place for m in studio.messages if isinstance(m, p.Queued) and m.job == "b"] == [1, 0, 1]


def test_questions_that_no_worker_can_be_started_for_are_refused_and_not_remembered(studio, monkeypatch):
    def estimate(_):
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(studio.left, "estimate", estimate)
    for number in range(MAX_QUESTIONS + 1):
        with pytest.raises(WorkerDied):
            studio.ask(str(number))


def test_questions_to_a_hand_that_is_sent_away_are_answered(studio):
    studio.left.pid = 7
    studio.ask("one")
    studio.pass_by(601)
    assert studio.left.released == 1
    assert [m.ticket for m in studio.messages if isinstance(m, p.Estimate)] == ["one"]


def test_questions_of_clients_that_have_gone_count_until_the_worker_has_read_them(studio):
    for number in range(MAX_QUESTIONS):
        studio.ask(str(number))
    studio.jobs.end_session(b"s")
    with pytest.raises(TooBusy):
        studio.ask("one more")


def test_who_comes_back_takes_what_waits_without_being_asked(home):
    studio = Studio(home, fallback=True)
    studio.provider.lost = True
    studio.submit("a")
    studio.submit("b")
    studio.pass_by(1)
    assert (jobs(studio.home), jobs(studio.left)) == (1, 0)
    studio.provider.lost = False
    studio.home.events.append(Heartbeat())
    studio.pass_by(1)
    assert (jobs(studio.home), jobs(studio.left)) == (1, 1)


def test_of_many_hands_with_long_names_a_status_still_fits_a_header(home):
    long = "\N{ARTIST PALETTE}"
    many = [FakeExecutor() for _ in range(200)]
    for executor in many:
        executor.pid, executor.info = 7, WorkerInfo("warm", long * 200, long * 200)
    one = Scheduling(home, FakeProvider(*many))
    for number in range(JOBS_SHOWN + 1):
        one.submit(f"job {number}" + long * 100, f"layer {number}" + long * 100, client=f"client {number}")
    report = one.jobs.status()
    assert len(report["workers"]) > 1
    codec.pack(p.Status({**report, "endpoints": ["ipc://" + "e" * 100] * 2}))


def test_nothing_of_a_job_in_work_is_left_in_the_spool_when_the_daemon_ends(studio):
    studio.submit("a")
    for path in (studio.left.specs[0].files.result, studio.left.specs[0].files.last_image):
        path.write_bytes(b"half of it")
    studio.scheduler.close()
    studio.store.close()
    assert [path.name for path in studio.jobs.blobs.folder.iterdir() if path.name.startswith("new-")] == []

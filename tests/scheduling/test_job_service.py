"""The job service with a manual clock and an executor that reports the test's events."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.scheduling import CONTENT, HANG, ManualClock, Scheduling
from velatura.errors import BadMessage, TooBusy, UnknownBlob
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.clock import TOLERANCE
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import (
    STARTING,
    CheckpointSaved,
    Estimated,
    Heartbeat,
    JobFailed,
    JobStopped,
    WorkerGone,
    WorkerInfo,
)
from velatura_daemon.scheduling import job_service
from velatura_daemon.scheduling.worker_pool import PROGRESS_PATIENCE
from velatura_daemon.storage.results import PER_CLIENT


@pytest.fixture
def one(home: Path) -> Scheduling:
    return Scheduling(home)


def test_a_worker_without_a_sign_of_life_is_ended_and_its_job_runs_once_more(one):
    one.submit()
    one.advance(HANG - 1)
    assert one.executor.terminated == 0
    one.advance(2)
    assert one.executor.terminated == 1
    assert "stopped responding" in one.notices[0]
    assert len(one.executor.specs) == 2
    one.advance(HANG + 1)
    assert one.executor.terminated == 2
    assert isinstance(one.messages[-1], p.Failed) and one.messages[-1].code == "worker_died"


def test_a_worker_that_sends_heartbeats_without_progress_is_ended_later(one):
    one.submit()
    for _ in range(int(PROGRESS_PATIENCE * HANG) - 1):
        one.emit(Heartbeat())
        one.advance(1)
    assert one.executor.terminated == 0
    one.emit(Heartbeat())
    one.advance(2)
    assert one.executor.terminated == 1


def test_a_job_whose_picture_was_deleted_before_its_start_fails_and_the_next_is_tried(one):
    one.submit("first")
    one.submit("second")
    for path in one.jobs.blobs.folder.iterdir():
        path.unlink()
    one.emit(JobFailed(one.executor.ticket, "internal", ""))
    assert [m.job for m in one.messages if isinstance(m, p.Failed)] == ["first", "second"]
    assert not one.scheduler.busy


def test_the_jobs_of_all_clients_together_are_limited(one, monkeypatch):
    monkeypatch.setattr(job_service, "JOBS_IN_ALL", 6)
    for number in range(6):
        one.submit(f"job {number}", client=f"client {number % 3}")
    with pytest.raises(TooBusy, match="all programs"):
        one.submit("one more", client="another")
    one.jobs.cancel("client 1", "job 4")
    one.submit("one more", client="another")


def keep_result(one, job: str, layer: str = "l") -> None:
    """A result that its client has not fetched."""
    result = p.Result(
        job, layer, CONTENT.ref.to_wire(), 0, 0, "w", "d", 1.0, 0.0, 0.0, "content", {}, [], CONTENT.ref.to_wire()
    )
    path = one.jobs.blobs.fresh_path()
    path.write_bytes(CONTENT.data)
    one.jobs.blobs.adopt(CONTENT.ref.blob, path)
    entry = {"title": "", "note": "", "program": "", "layer": layer, "styles": [], "thumbnail": b""}
    one.store.results.keep("client", result, entry, one.clock.date())


def test_an_id_cannot_be_used_again_while_its_result_waits(one):
    keep_result(one, "j")
    with pytest.raises(BadMessage, match="its own id"):
        one.submit("j")


def test_a_welcome_with_many_waiting_results_fits_a_header_whatever_their_names(one):
    for number in range(PER_CLIENT):
        keep_result(one, f"{number:\U0001f58c>{p.MAX_NAME}}", "\U0001f58c" * p.MAX_NAME)
    results = one.jobs.results_for("client")
    assert 0 < len(results) < PER_CLIENT
    codec.pack(p.Welcome(bytes(16), "b" * 64, 5.0, True, {"max_megapixels": 256.0}, results))


def test_a_temporary_failure_saves_the_progress(one):
    one.submit()
    one.store.checkpoints.image_path(("client", "j")).write_bytes(b"picture")
    one.emit(CheckpointSaved(one.executor.ticket, 0.5, 3))
    one.emit(JobFailed(one.executor.ticket, "daemon_lost", ""))
    assert ("client", "j") in one.store.checkpoints.records


@pytest.mark.parametrize("note, resumes", [("frame 7 of a batch", True), ("", False)])
def test_a_job_that_the_history_does_not_remember_can_be_resumed_if_it_has_a_note(one, note, resumes):
    for job in ("before", "after"):
        one.submit(job, layer="frame7.png", remember=False, note=note)
        one.store.checkpoints.image_path(("client", job)).write_bytes(b"picture")
        one.emit(CheckpointSaved(one.executor.ticket, 0.5, 3))
        if job == "before":
            one.jobs.lose_session(b"s")
            one.emit(JobStopped(one.executor.ticket))
    assert (one.executor.specs[1].start is not None) == resumes
    assert one.executor.specs[1].resumable == resumes  # another daemon that does the work saves it too


def test_a_resumed_restyle_knows_of_which_scale_its_steps_are(one):
    one.submit()
    one.executor.specs[-1].files.checkpoint.write_bytes(b"image")
    one.emit(CheckpointSaved(one.executor.ticket, 0.5, 3, width=40))
    one.emit(WorkerGone("it was killed"))
    start = one.executor.specs[-1].start
    assert (start.step, start.width) == (3, 40)


def test_resuming_a_restyle_whose_content_was_deleted_fails_with_advice(one):
    one.submit()
    one.store.checkpoints.image_path(("client", "j")).write_bytes(b"picture")
    one.emit(CheckpointSaved(one.executor.ticket, 0.5, 3))
    one.emit(JobFailed(one.executor.ticket, "daemon_lost", ""))
    for path in one.jobs.blobs.folder.iterdir():
        path.unlink()
    with pytest.raises(UnknownBlob, match="Restyle again"):
        one.jobs.resume(b"s", "client", "client", p.Resume("j"))


def test_records_of_another_version_are_ignored(home, one):
    for records, entry in (
        (one.store.results.records, {"result": {"of": "another version"}}),
        (one.store.checkpoints.records, {"asked": {"of": "another version"}, "program": ""}),
    ):
        records.put(("client", "old"), entry, one.clock.date())
    again = Scheduling(home)
    assert len(again.store.results) == len(again.store.checkpoints.records) == 0


def test_a_long_step_that_was_estimated_does_not_count_as_hanging(one):
    one.submit()
    one.emit(Estimated(one.executor.ticket, 7200.0, 1, 512, "cpu", ""))
    for _ in range(7000):
        one.emit(Heartbeat())
        one.advance(1)
    assert one.executor.terminated == 0


def test_a_starting_worker_has_at_least_a_minute(home):
    one = Scheduling(home, config=DaemonConfig(hang_seconds=2.0))
    one.executor.info = WorkerInfo(state=STARTING)
    one.submit()
    one.advance(30)
    assert one.executor.terminated == 0


def test_an_idle_worker_releases_its_device(one):
    one.executor.pid = 7
    one.advance(599)
    assert one.executor.released == 0
    one.advance(2)
    assert one.executor.released == 1


def test_a_suspended_machine_does_not_count_as_silence():
    clock = ManualClock()
    before = clock.now()
    clock.before_wait(1.0)
    clock.advance(3600)
    assert clock.now() - before == pytest.approx(1.0)
    assert clock.take_lost_seconds() == pytest.approx(3599)
    assert clock.take_lost_seconds() == 0


def test_a_suspend_outside_a_wait_does_not_count_as_silence_either():
    clock = ManualClock()
    before = clock.now()
    clock.advance(3600)
    assert clock.now() - before == pytest.approx(0.0)


def test_a_slow_round_of_the_event_loop_does_not_count_as_a_suspend():
    clock = ManualClock()
    before = clock.now()
    clock.before_wait(1.0)
    clock.advance(1.0 + TOLERANCE - 0.1)
    assert clock.now() - before == pytest.approx(1.0 + TOLERANCE - 0.1)


def test_an_unlimited_wait_does_not_count_as_a_suspend():
    clock = ManualClock()
    clock.before_wait(None)
    clock.advance(86400)
    clock.now()
    assert clock.take_lost_seconds() == 0


def test_saved_results_expire_by_the_injected_clock_only(one, home):
    store = one.store
    one.submit()
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
        one.clock.date(),
    )
    for _ in range(29 * 24):
        one.emit(Heartbeat())
        one.advance(3600)
    assert len(store.results) == 1
    for _ in range(25):
        one.emit(Heartbeat())
        one.advance(3600)
    assert len(store.results) == 0


def test_a_picture_deleted_while_another_machine_works_on_it_costs_the_checkpoint_not_the_job(one):
    one.submit()
    for path in one.jobs.blobs.folder.iterdir():
        path.unlink()
    one.emit(CheckpointSaved(one.executor.ticket, 0.5, 0, elsewhere=True))
    assert not [m for m in one.messages if isinstance(m, p.Failed)]
    assert one.scheduler.busy

"""How jobs end, are parked and run again, when workers and clients do something unexpected."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.scheduling import CONTENT, Scheduling, TwoWorkers, job_count
from velatura.errors import TooBusy
from velatura.protocol import messages as p
from velatura_daemon.jobs.events import CheckpointSaved, JobProgress, JobStopped, SavedImage


def places(scheduling: TwoWorkers, job: str) -> list[int]:
    """What the job's client got to know about its place, in order."""
    return [m.place for m in scheduling.received(p.Queued) if m.job == job]


def test_a_job_whose_client_returns_at_once_runs_on_one_worker_only(scheduling):
    scheduling.submit("a")
    scheduling.jobs.park(b"s")
    scheduling.jobs.unpark(b"s")
    assert job_count(scheduling.right) == 0
    scheduling.stop(scheduling.left)
    assert job_count(scheduling.left) + job_count(scheduling.right) == 2


def test_a_job_that_finishes_between_parking_and_its_stop_does_not_run_again(scheduling):
    scheduling.submit("a")
    scheduling.jobs.park(b"s")
    scheduling.jobs.unpark(b"s")
    scheduling.finish(scheduling.left)
    assert [m.job for m in scheduling.messages if isinstance(m, p.Result)] == ["a"]
    assert job_count(scheduling.left) + job_count(scheduling.right) == 1


def test_a_job_cancelled_while_parked_has_no_result_and_unpins_its_pictures_once(scheduling):
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.jobs.park(b"s")
    scheduling.jobs.cancel("client", "a")
    scheduling.finish(scheduling.left)
    assert not [m for m in scheduling.messages if isinstance(m, p.Result)]
    scheduling.jobs.blobs.forget()
    assert CONTENT.ref.blob in scheduling.jobs.blobs  # job b needs it


def test_an_unknown_event_fails_the_job_and_the_worker_is_free_once_it_has_stopped(scheduling):
    scheduling.submit("a")
    scheduling.left.events.append(object())
    scheduling.scheduler.poll()
    assert [m.job for m in scheduling.messages if isinstance(m, p.Failed)] == ["a"]
    assert scheduling.left.cancelled == [scheduling.left.specs[0].ticket]
    scheduling.submit("b")
    assert (job_count(scheduling.left), job_count(scheduling.right)) == (1, 1)
    scheduling.stop(scheduling.left)
    scheduling.submit("c")
    assert job_count(scheduling.left) == 2


def test_an_unknown_event_after_a_cancel_reports_nothing_about_that_job(scheduling):
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.jobs.cancel("client", "a")
    scheduling.left.events.append(object())
    scheduling.scheduler.poll()
    assert not [m for m in scheduling.messages if isinstance(m, p.Failed)]
    scheduling.jobs.blobs.forget()
    assert CONTENT.ref.blob in scheduling.jobs.blobs  # job b needs it


def test_a_job_that_cannot_be_given_to_a_worker_fails_whatever_the_reason(scheduling, monkeypatch):
    def run(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(scheduling.left, "run", run)
    scheduling.submit("a")
    assert [m.code for m in scheduling.messages if isinstance(m, p.Failed)] == ["worker_died"]
    assert not scheduling.scheduler.busy


def test_a_job_that_waits_again_gets_its_place_again(scheduling):
    scheduling.right.available = False
    scheduling.submit("a")
    scheduling.submit("b")
    scheduling.submit("c", client="another")
    scheduling.fail(scheduling.left)
    scheduling.left.available = False
    scheduling.die(scheduling.left)  # now it is the other client's turn
    assert places(scheduling, "b") == [1, 0, 1]


def test_a_job_that_replaces_the_running_one_of_its_layer_waits_for_no_other(scheduling):
    scheduling.right.available = False
    scheduling.submit("a", layer="one")
    scheduling.submit("b", layer="one")
    assert places(scheduling, "b") == []
    scheduling.stop(scheduling.left)
    assert places(scheduling, "b") == [0]


def test_a_job_after_a_cancelled_one_of_the_same_client_waits_for_no_other(scheduling):
    scheduling.right.available = False
    scheduling.submit("a")
    scheduling.jobs.cancel("client", "a")
    scheduling.submit("b")
    assert places(scheduling, "b") == []


def test_a_replaced_job_that_is_stopping_counts_for_other_clients(scheduling):
    scheduling.right.available = False
    scheduling.submit("a", layer="one")
    scheduling.submit("b", layer="one")
    scheduling.submit("c", client="another")
    assert places(scheduling, "c") == [2]


def test_a_job_for_which_a_worker_has_to_start_waits_for_no_other(scheduling):
    scheduling.left.available = scheduling.right.available = False
    scheduling.submit("a")
    scheduling.submit("b")
    assert (places(scheduling, "a"), places(scheduling, "b")) == ([], [1])


def test_a_daemon_that_ends_leaves_no_output_of_a_running_job_in_the_spool(scheduling):
    scheduling.submit("a")
    for path in (scheduling.left.specs[0].files.result, scheduling.left.specs[0].files.last_image):
        path.write_bytes(b"half of it")
    scheduling.scheduler.close()
    scheduling.store.close()
    assert [path.name for path in scheduling.jobs.blobs.folder.iterdir() if path.name.startswith("new-")] == []


def checkpoint(scheduling: TwoWorkers) -> None:
    """The left worker saves the image of its job."""
    spec = scheduling.left.specs[-1]
    spec.files.checkpoint.write_bytes(b"image")
    scheduling.emit(CheckpointSaved(spec.ticket, 0.5, 3, b"", ()), scheduling.left)


def test_a_client_reads_once_that_its_progress_cannot_be_saved(scheduling):
    scheduling.submit("a")
    scheduling.store.blobs.budget = scheduling.store.blobs.bytes_in_use
    checkpoint(scheduling), checkpoint(scheduling)
    (notice,) = scheduling.notices
    assert "progress of this restyle is not saved" in notice and "--spool-megabytes" in notice
    assert not scheduling.left.specs[-1].files.checkpoint.exists()


def test_a_result_for_which_there_is_no_space_fails_and_its_progress_stays(scheduling):
    scheduling.submit("a", client="other")
    scheduling.finish(scheduling.left)
    scheduling.submit("b")
    checkpoint(scheduling)
    scheduling.store.blobs.budget = CONTENT.ref.length
    scheduling.finish(scheduling.left, b"s")
    (failed,) = scheduling.received(p.Failed)
    assert failed.code == "too_busy" and "1 result from 'tests'" in failed.sentence
    assert ("client", "b") in scheduling.store.resumable
    assert ("other", "a") in scheduling.store.results.records


def test_a_restyle_whose_result_could_not_be_saved_is_refused_before_the_work(scheduling):
    scheduling.submit("a", client="other")
    scheduling.finish(scheduling.left)
    scheduling.store.blobs.budget = CONTENT.ref.length
    with pytest.raises(TooBusy, match="'velatura results'"):
        scheduling.submit("b")
    assert ("other", "a") in scheduling.store.results.records


def last_image_of(scheduling, job: str, executor, step: int = 40) -> None:
    """The job of a worker stops with an image."""
    path = executor.specs[-1].files.last_image
    path.write_bytes(job.encode())
    image = SavedImage(hashlib.sha256(job.encode()).digest(), step)
    scheduling.emit(JobStopped(executor.ticket, image), executor)


@pytest.fixture
def one(home) -> Scheduling:
    """One worker, which has restyled the layer before."""
    one = Scheduling(home)
    one.submit("earlier", "layer")
    one.jobs.cancel("client", "earlier")
    last_image_of(one, "earlier", one.executor)
    return one


@pytest.mark.parametrize("adjust", [False, True])
def test_a_job_parked_before_it_ran_starts_as_it_would_have_started(one, adjust):
    one.submit("running", client="another")
    one.submit("parked", "layer", adjust=adjust)
    one.jobs.park(b"s")
    one.jobs.unpark(b"s")
    one.emit(JobStopped(one.executor.ticket))
    one.jobs.cancel("another", "running")
    one.emit(JobStopped(one.executor.ticket))
    start = one.executor.specs[-1].start
    assert one.executor.specs[-1].adjust == adjust
    assert (start.step if start else None) == (0 if adjust else None)  # no step of this job is done


@pytest.mark.parametrize("adjust", [False, True])
def test_a_job_parked_before_its_first_step_starts_as_it_did_the_first_time(one, adjust):
    one.submit("parked", "layer", adjust=adjust)
    first = one.executor.specs[-1].start
    one.jobs.park(b"s")
    one.jobs.unpark(b"s")
    one.emit(JobStopped(one.executor.ticket))
    assert one.executor.specs[-1].start == first
    assert len(one.executor.specs) == 3


@pytest.mark.parametrize("has_begun", [False, True])
def test_another_daemon_continues_a_parked_job_only_if_that_had_begun(one, has_begun):
    one.submit("parked", "layer")
    if has_begun:
        one.emit(JobProgress(one.executor.ticket, 0, 1, 8, 8, 0, 9, 1.0, 1.0, 0.1, 5.0))
    one.jobs.park(b"s")
    one.jobs.unpark(b"s")
    one.emit(JobStopped(one.executor.ticket))
    assert one.executor.specs[-1].adjust == has_begun


def test_a_job_that_gave_way_before_its_first_step_starts_as_it_did_the_first_time(one):
    one.submit("film", "layer", background=True)
    one.submit("single", client="another")
    one.emit(JobStopped(one.executor.ticket))
    one.jobs.cancel("another", "single")
    one.emit(JobStopped(one.executor.ticket))
    assert one.jobs.queue.get("client", "film") is not None
    assert [spec.start for spec in one.executor.specs] == [None] * 4

"""Background jobs, the frames of a film, give way to every other job."""

from __future__ import annotations

import hashlib

import pytest

from tests.support.scheduling import Scheduling, TwoWorkers, job_count
from velatura_daemon.jobs.events import JobStopped, SavedImage


@pytest.fixture
def one(home) -> Scheduling:
    return Scheduling(home)


def running(scheduling: Scheduling) -> list[str]:
    """The jobs that have a worker, unless they are stopping."""
    return [slot.running.id for slot in scheduling.scheduler.pool if slot.running is not None]


def stop(scheduling: Scheduling) -> None:
    """The worker stops its job."""
    scheduling.emit(JobStopped(scheduling.executor.ticket))


def test_a_background_job_waits_for_jobs_that_came_later(one):
    one.submit("running")
    one.submit("film", background=True)
    one.submit("single", client="another")
    assert [job.id for job in one.jobs.queue.in_order()] == ["single", "film"]


def test_a_clients_own_single_restyle_comes_before_its_film(one):
    one.submit("running")
    one.submit("film", background=True)
    one.submit("single")
    assert [job.id for job in one.jobs.queue.in_order()] == ["single", "film"]


def test_a_running_background_job_gives_up_its_worker(one):
    one.submit("film", background=True)
    one.submit("single", client="another")
    stop(one)
    assert running(one) == ["single"]


def test_a_background_job_that_gave_way_continues_from_its_last_image(one, home):
    one.submit("film", background=True)
    one.submit("single", client="another")
    path = one.executor.specs[0].files.last_image
    path.write_bytes(b"image")
    blob = hashlib.sha256(b"image").digest()
    one.emit(JobStopped(one.executor.ticket, SavedImage(blob, 4)))
    one.jobs.cancel("another", "single")
    stop(one)
    assert running(one) == ["film"]
    start = one.executor.specs[-1].start
    assert start is not None and start.step == 4


def test_a_background_job_does_not_push_out_another(one):
    one.submit("film", background=True)
    one.submit("another film", client="another", background=True)
    assert running(one) == ["film"]


def test_a_restyle_does_not_push_out_another(one):
    one.submit("single")
    one.submit("second", client="another")
    assert running(one) == ["single"]


def test_a_background_job_keeps_its_worker_if_another_is_free(scheduling: TwoWorkers):
    scheduling.submit("film", background=True)
    scheduling.submit("single", client="another")
    assert sorted(running(scheduling)) == ["film", "single"]
    assert job_count(scheduling.left) + job_count(scheduling.right) == 2


def test_one_restyle_takes_one_worker_of_a_film(scheduling: TwoWorkers):
    scheduling.submit("scene 1", background=True)
    scheduling.submit("scene 2", background=True)
    scheduling.submit("single", client="another")
    assert len(running(scheduling)) == 1  # the other one is stopping

"""The daemon keeps the pictures of a job's steps until its client has them, and no longer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.scheduling import CONTENT, Scheduling
from velatura.errors import BadMessage, BadSetting
from velatura.protocol import messages as p
from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.events import JobFailed, JobStep, WorkerGone


@pytest.fixture
def one(home: Path) -> Scheduling:
    return Scheduling(home)


def make_step(one: Scheduling, number: int) -> bytes:
    """The executor reports a step. Returns the name of its picture."""
    spec = one.executor.specs[-1]
    data = bytes([number]) * CONTENT.ref.length
    spec.files.step(number).write_bytes(data)
    ref = replace(CONTENT.ref, blob=hashlib.sha256(data).digest())
    one.emit(JobStep(spec.ticket, number, ref))
    return ref.blob


def test_a_steps_picture_can_be_fetched_until_it_is_received(one):
    one.submit(step_every=2)
    assert one.executor.specs[-1].step_every == 2
    first, second = make_step(one, 2), make_step(one, 4)
    assert [step.number for step in one.received(p.Step)] == [2, 4]
    assert one.jobs.steps.picture_bytes(first) == bytes([2]) * CONTENT.ref.length
    one.jobs.step_received("client", "j")
    assert one.jobs.steps.picture_bytes(first) is None
    assert first not in one.jobs.blobs
    assert one.jobs.steps.picture_bytes(second) is not None
    assert one.executor.steps_taken == 1


def test_confirming_more_steps_than_there_are_lets_no_worker_run_ahead(one):
    one.submit(step_every=1)
    make_step(one, 1)
    for _ in range(3):
        one.jobs.step_received("client", "j")
    one.jobs.step_received("another", "j")
    assert one.executor.steps_taken == 1


def test_receiving_steps_of_a_worker_that_died_lets_the_next_one_not_run_ahead(one):
    one.submit(step_every=1)
    blob = make_step(one, 1)
    one.emit(WorkerGone("it was killed"))
    make_step(one, 2)
    one.jobs.step_received("client", "j")
    assert blob not in one.jobs.blobs
    assert one.executor.steps_taken == 0
    one.jobs.step_received("client", "j")
    assert one.executor.steps_taken == 1


@pytest.mark.parametrize("end", ["cancel", "fail", "client"])
def test_no_picture_of_a_step_is_left_after_the_job(one, end):
    one.submit(step_every=1)
    blob = make_step(one, 1)
    if end == "cancel":
        one.jobs.cancel("client", "j")
    elif end == "fail":
        one.emit(JobFailed(one.executor.ticket, "bad_mask", ""))
    else:
        one.jobs.end_session(b"s")
    assert blob not in one.jobs.blobs
    assert one.jobs.steps.picture_bytes(blob) is None


def test_a_step_of_a_job_that_is_being_stopped_leaves_no_file(one):
    one.submit(step_every=1)
    path = one.executor.specs[-1].files.step(1)
    one.jobs.cancel("client", "j")
    make_step(one, 1)
    assert not path.exists()
    assert not one.received(p.Step)


def test_a_step_that_cannot_be_kept_is_left_out_with_a_sentence(one):
    one.submit(step_every=1)
    one.emit(JobStep(one.executor.ticket, 1, replace(CONTENT.ref, blob=bytes(32))))  # its file is missing
    make_step(one, 2)
    assert [step.number for step in one.received(p.Step)] == [2]
    assert one.executor.steps_taken == 1
    assert "A step was skipped." in one.notices[-1]


@pytest.mark.parametrize("wrong", [{"step_every": -1}, {"step_every": 10_001}, {"step_every": 1, "view": [0, 0, 2, 2]}])
def test_impossible_steps_are_refused(one, wrong):
    with pytest.raises(BadMessage, match="step_every"):
        one.submit(**wrong)


def test_a_daemon_whose_jobs_run_elsewhere_refuses_steps(home):
    one = Scheduling(home, config=DaemonConfig(upstream="/there/connection.json"))
    with pytest.raises(BadSetting, match=r"works on its own machine.*/there/connection"):
        one.submit(step_every=1)
    one.submit()

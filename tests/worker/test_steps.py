"""The steps of a restyle: each is what the result would be there, and they change nothing in it."""

from __future__ import annotations

import io
import threading
from dataclasses import replace

import numpy as np
import pytest

from tests.support.restyle_jobs import Recorder, left_half, mask_of, noise, samples_of
from velatura.pixels import Picture
from velatura.protocol.messages import MAX_UNRECEIVED_STEPS
from velatura_daemon.jobs.commands import WorkerOptions
from velatura_daemon.jobs.events import JobDone, JobNotice, JobStep
from velatura_daemon.worker import step_writer
from velatura_daemon.worker.process import Worker


def steps_of(jobs, every, sink=None, **spec):
    """Run a job with steps. Returns its end, and its steps with their pictures."""
    sink = sink or Recorder()
    job = replace(jobs.spec(**spec), step_every=every)
    done = jobs.restyle(job, sink)
    assert isinstance(done, JobDone)
    steps = sink.of(JobStep)
    pictures = [
        Picture(step.picture.width, step.picture.height, step.picture.format, job.files.step(step.number).read_bytes())
        for step in steps
    ]
    return done, steps, pictures


@pytest.mark.parametrize("optimiser", ["lbfgs", "adam"])
def test_a_result_is_the_same_bytes_with_and_without_steps(jobs, optimiser):
    content = noise(150, 200)
    plain = jobs.restyle(jobs.spec(content, iterations=6, quality="draft", optimiser=optimiser))
    done, steps, _ = steps_of(jobs, 1, content=content, iterations=6, quality="draft", optimiser=optimiser)
    assert steps
    assert done.picture == plain.picture
    assert done.last_image == plain.last_image


def test_steps_come_after_every_n_evaluations_and_have_the_results_size_and_format(jobs):
    content = noise(150, 200, sample="u16")
    every_one = steps_of(jobs, 1, content=content, iterations=6, quality="draft")
    _, steps, pictures = steps_of(jobs, 2, content=content, iterations=6, quality="draft")
    assert [step.number for step in steps] == list(range(2, len(every_one[1]) + 1, 2))
    assert [step.picture.blob for step in steps] == [step.picture.blob for step in every_one[1][1::2]]
    assert {(each.width, each.height, each.format) for each in pictures} == {(200, 150, content.format)}
    assert all(picture.ref == step.picture for step, picture in zip(steps, pictures, strict=True))


def test_the_last_step_is_the_result(jobs):
    """Where the last evaluation is the best one, which gradient descent's small steps make sure of."""
    done, steps, _ = steps_of(jobs, 1, content=noise(), iterations=4, optimiser="gradient")
    assert steps[-1].picture == done.picture
    assert len({step.picture.blob for step in steps}) > 2


def test_outside_the_selection_steps_are_the_content(jobs):
    content = noise()
    _, _, pictures = steps_of(jobs, 1, content=content, mask=mask_of(left_half()), iterations=3, composite=True)
    half = content.width // 2
    for picture in pictures:
        assert np.array_equal(samples_of(picture)[:, half:], samples_of(content)[:, half:])


def test_a_full_disk_ends_the_steps_with_a_sentence_and_the_restyle_continues(jobs, monkeypatch):
    plain = jobs.restyle(jobs.spec(noise(), iterations=4))

    def refuse(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(step_writer, "write_quickly", refuse)
    sink = Recorder()
    done, steps, _ = steps_of(jobs, 1, sink, content=noise(), iterations=4)
    assert not steps
    assert [notice.sentence for notice in sink.of(JobNotice) if "No space left" in notice.sentence]
    assert len(sink.of(JobNotice)) == 1
    assert done.picture == plain.picture


class Unreceived(Recorder):
    """A client that never confirms a step, asked by a worker without patience."""

    def wait_for_steps(self, ticket: str, count: int, patience: float) -> bool:
        return count <= 0


def test_a_client_that_receives_no_steps_gets_few_and_the_restyle_continues(jobs):
    sink = Unreceived()
    done, steps, _ = steps_of(jobs, 1, sink, content=noise(), iterations=20)
    assert isinstance(done, JobDone)
    assert len(steps) == MAX_UNRECEIVED_STEPS
    assert [notice for notice in sink.of(JobNotice) if "were not received" in notice.sentence]


@pytest.fixture
def worker(monkeypatch, home):
    monkeypatch.setenv("VELATURA_HOME", str(home))
    return Worker(io.BytesIO(), WorkerOptions("cpu", 0, 0, 1, 64, 1.0, 5.0))


@pytest.mark.parametrize("end", ["step_taken", "cancel"])
def test_a_worker_waits_until_a_step_is_received_or_the_job_cancelled(worker, end):
    outcome = []
    waiting = threading.Thread(target=lambda: outcome.append(worker.wait_for_steps("t", 2, 60.0)))
    waiting.start()
    worker.step_taken("t")
    getattr(worker, end)("t")
    waiting.join(30)
    assert outcome == [True]


def test_a_worker_does_not_wait_longer_than_its_patience(worker):
    assert not worker.wait_for_steps("t", 1, 0.0)

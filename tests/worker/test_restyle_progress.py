"""A job on its way: progress, previews, cancelling, checkpoints, and the start from an earlier image."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from tests.support.restyle_jobs import CPU, HEIGHT, WIDTH, CancelledAtCheck, Recorder, noise, samples_of
from velatura.errors import NothingToRestyle, WrongHash
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.jobs.events import (
    CheckpointSaved,
    Estimated,
    JobDone,
    JobNotice,
    JobPreview,
    JobProgress,
    JobStopped,
)
from velatura_daemon.jobs.spec import StartingImage
from velatura_daemon.worker import checkpoint_writer
from velatura_daemon.worker.layer import Layer


# --- progress and cancelling -----------------------------------------------------------------------------------------
def test_progress_and_previews_are_reported(jobs):
    sink = Recorder()
    jobs.run(noise(), sink=sink, iterations=5)
    last, previews = sink.of(JobProgress)[-1], sink.of(JobPreview)
    assert last.done == pytest.approx(1)
    assert (last.step, last.steps, last.width) == (5, 5, WIDTH)
    assert previews
    assert all((p.width, p.height, len(p.data)) == (20, 12, 20 * 12 * 3) for p in previews)


@pytest.mark.parametrize("step", [0, 7])
def test_the_time_left_begins_with_the_estimate_and_ends_with_nothing(jobs, step):
    sink = Recorder()
    jobs.run(noise(), start=earlier_image(jobs, step=step), sink=sink, iterations=10)
    estimate, (first, *_, last) = sink.of(Estimated)[0].seconds, sink.of(JobProgress)
    evaluation = estimate / (12 - step)  # the targets count as one
    assert first.seconds_left == pytest.approx(estimate - 2 * evaluation)
    assert last.seconds_left == 0


def test_a_cancelled_job_leaves_its_last_image(jobs):
    stopped = jobs.restyle(jobs.spec(noise()), Recorder({"j"}))
    data = (jobs.folder / "last").read_bytes()
    assert isinstance(stopped, JobStopped)
    assert stopped.last_image.blob == hashlib.sha256(data).digest()
    assert np.isfinite(np.load(jobs.folder / "last")).all()
    assert not (jobs.folder / "result").exists()


def test_a_cancelled_job_leaves_the_best_image_so_far(jobs):
    spec = jobs.spec(noise(), iterations=30)
    layer = Layer.of_job(spec, CPU)
    style = Layer.of_job(replace(spec, content=spec.styles[0].picture), CPU).source
    steps = stylise(layer.source, [style], spec.settings, jobs.network)
    progress = [next(steps) for _ in range(6)][-1]
    steps.close()  # the image is now the best of those that were evaluated
    assert isinstance(jobs.restyle(spec, Recorder(CancelledAtCheck(6))), JobStopped)
    assert np.array_equal(np.load(jobs.folder / "last"), progress.image.numpy())


def test_the_cancellation_of_another_job_has_no_effect(jobs):
    assert isinstance(jobs.restyle(jobs.spec(noise()), Recorder({"another"})), JobDone)


def test_the_last_image_is_saved_unrounded_for_a_later_start(jobs):
    ending, result = jobs.run(noise())
    data = (jobs.folder / "last").read_bytes()
    assert ending.last_image.blob == hashlib.sha256(data).digest()
    image = np.load(jobs.folder / "last").transpose(1, 2, 0)
    np.testing.assert_allclose(samples_of(result), image.clip(0, 1) * 255, rtol=0, atol=0.51)


def test_a_job_starts_from_the_last_image(jobs):
    path = jobs.folder / "earlier.npy"
    np.save(path, np.full((3, HEIGHT, WIDTH), 0.25, np.float32))
    spec = jobs.spec(noise(), start=StartingImage(path, 0), iterations=1)
    ending = jobs.restyle(replace(spec, settings=replace(spec.settings, start="last")))
    result = jobs.result(ending)
    assert ending.started_from == "last"
    assert abs(float(samples_of(result).mean()) / 255 - 0.25) < 0.1


@pytest.mark.parametrize(("start", "reported"), [("content", "content"), ("noise", "noise"), ("last", "content")])
def test_without_a_last_image_the_job_reports_where_it_started(jobs, start, reported):
    spec = jobs.spec(noise())
    assert jobs.restyle(replace(spec, settings=replace(spec.settings, start=start))).started_from == reported


# --- checkpoints ---------------------------------------------------------------------------
def earlier_image(jobs, value: float = 0.25, step: int = 0, check: bool = True) -> StartingImage:
    path = jobs.folder / "earlier.npy"
    np.save(path, np.full((3, HEIGHT, WIDTH), value, np.float32))
    return StartingImage(path, step, verify_inputs=check)


def test_checkpoints_are_saved_repeatedly(jobs, monkeypatch):
    monkeypatch.setattr(checkpoint_writer, "TIME_SHARE", float("inf"))
    sink = Recorder()
    jobs.run(noise(), sink=sink, iterations=3)
    checkpoints = sink.of(CheckpointSaved)
    assert len(checkpoints) >= 3
    assert [c.done for c in checkpoints] == sorted(c.done for c in checkpoints)
    assert np.load(jobs.folder / "checkpoint.npy").shape == (3, HEIGHT, WIDTH)
    assert Image.open(io.BytesIO(checkpoints[0].thumbnail)).size == (WIDTH, HEIGHT)
    assert len(checkpoints[0].style_thumbnails) == 1


def test_a_resumed_restyle_makes_the_remaining_steps(jobs):
    sink = Recorder()
    ending, _ = jobs.run(noise(), start=earlier_image(jobs, step=7), sink=sink, iterations=10)
    assert ending.started_from == "last"
    assert {progress.steps for progress in sink.of(JobProgress)} == {3}


def test_finish_now_returns_the_unfinished_image(jobs):
    ending = jobs.restyle(replace(jobs.spec(noise(), start=earlier_image(jobs, 0.25)), finish_now=True))
    assert ending.started_from == "last"
    assert set((jobs.folder / "result").read_bytes()) == {64}


def test_finish_now_without_an_image_is_an_error(jobs):
    with pytest.raises(NothingToRestyle, match="Restyle again"):
        jobs.restyle(replace(jobs.spec(noise()), finish_now=True))


@pytest.mark.parametrize(("width", "counts"), [(WIDTH, True), (0, True), (WIDTH // 2, False)])
def test_steps_that_were_recorded_of_another_scale_are_not_left_out(jobs, width, counts):
    """A crash may come between a checkpoint's image and its record."""
    sink = Recorder()
    jobs.restyle(jobs.spec(noise(), start=replace(earlier_image(jobs, step=25), width=width), iterations=30), sink)
    assert sink.of(JobProgress)[0].steps == (5 if counts else 30)


def test_a_content_damaged_by_a_crash_is_an_error(jobs):
    spec = jobs.spec(noise(), start=earlier_image(jobs))
    path = spec.content.file
    path.write_bytes(bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:])
    with pytest.raises(WrongHash, match="damaged"):
        jobs.restyle(spec)


@pytest.mark.parametrize("kind", ["once", "background"])
def test_of_a_picture_that_is_restyled_once_nothing_is_kept_but_the_styles_statistics(jobs, kind):
    jobs.run(noise())
    of_style_and_content = len(jobs.cache)
    for seed in (1, 2):
        jobs.restyle(replace(jobs.spec(noise(seed=seed)), **{kind: True}))
    assert len(jobs.cache) == of_style_and_content
    jobs.run(noise(seed=1))
    assert len(jobs.cache) > of_style_and_content


UNCLOSED = b"\x93NUMPY\x01\x00v\x00" + b"{'descr': '<f4', 'shape': (3, 4, 4".ljust(117) + b"\n"


@pytest.mark.parametrize("damage", [b"", b"no array", b"\x93NUMPY\x01\x00v\x00", UNCLOSED + bytes(192)])
def test_a_damaged_last_image_is_ignored(jobs, damage):
    start = earlier_image(jobs, check=False)
    start.path.write_bytes(damage)
    assert jobs.run(noise(), start=start)[0].started_from == "content"


def test_a_disk_that_takes_no_checkpoint_costs_one_notice_not_the_restyle(jobs, monkeypatch):
    monkeypatch.setattr(checkpoint_writer, "TIME_SHARE", float("inf"))
    sink = Recorder()
    spec = jobs.spec(noise(), iterations=4)
    spec = replace(spec, outputs=replace(spec.files, checkpoint=jobs.folder / "no folder" / "checkpoint.npy"))
    assert isinstance(jobs.restyle(spec, sink), JobDone)
    assert len(sink.of(JobNotice)) == 1

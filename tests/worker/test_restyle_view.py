"""Views and contents that change, as a worker restyles them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.support.restyle_jobs import Recorder, mask_of, noise, picture_of, samples_of
from velatura_daemon.jobs.events import JobPreview
from velatura_daemon.jobs.spec import StartingImage, View

SIZE = 48, 640  # height, width


def run(jobs, content, *args, view=None, start=None, sink=None, **settings):
    spec = replace(jobs.spec(content, *args, quality="draft", **settings), view=view, start=start)
    done = jobs.restyle(spec, sink)
    return done, jobs.result(done), spec


def test_the_result_is_the_view_in_the_contents_format(jobs):
    content = noise(*SIZE, channels="RGBA", sample="u16")
    done, result, _ = run(jobs, content, view=View(500, 10, 60, 30))
    assert (done.left, done.top, result.width, result.height) == (500, 10, 60, 30)
    assert result.format == content.format
    before, after = samples_of(content)[10:40, 500:560], samples_of(result)
    assert (after[..., 3] == before[..., 3]).all()
    assert not np.array_equal(after, before)


def test_outside_the_selection_a_view_shows_the_content(jobs):
    content, selection = noise(*SIZE), np.zeros(SIZE)
    selection[:, 300:330] = 255
    view = View(310, 4, 300, 40)  # reaches far beyond the box around the selection
    _, result, _ = run(jobs, content, mask_of(selection), view=view, composite=True)
    before, after = samples_of(content)[4:44, 310:610], samples_of(result)
    assert (after[:, 20:] == before[:, 20:]).all()
    assert not np.array_equal(after[:, :20], before[:, :20])


def test_a_view_without_any_selected_pixel_is_the_content(jobs):
    content, selection = noise(*SIZE), np.zeros(SIZE)
    selection[:, :30] = 255
    _, result, _ = run(jobs, content, mask_of(selection), view=View(560, 0, 40, 40))
    assert np.array_equal(samples_of(result), samples_of(content)[:40, 560:600])


def test_previews_show_the_view(jobs):
    sink = Recorder()
    run(jobs, noise(*SIZE), view=View(500, 10, 60, 30), sink=sink)
    assert {(p.width, p.height) for p in sink.of(JobPreview)} == {(20, 10)}  # the recorder asks for 20 pixels


def test_a_view_leaves_the_image_of_the_whole_picture_for_the_next_restyle(jobs):
    _, _, spec = run(jobs, noise(*SIZE), view=View(500, 10, 60, 30))
    with spec.files.last_image.open("rb") as file:
        assert np.load(file).shape == (3, 38, 512)
        assert np.load(file).shape == (3, 38, 512)  # what the content was


def followed(jobs, before, after, **options):
    """Restyles one content, then another one from the last image. Returns what the second restyle gave."""
    _, _, first = run(jobs, before)
    start = StartingImage(first.files.last_image, 0, content=before.ref)
    return run(jobs, after, start=start, **options)


def with_stroke(content):
    samples = samples_of(content).copy()
    samples[8:14, 8:30] = 255
    return picture_of(samples, "RGB", "u8")


def test_a_changed_content_is_followed_from_the_last_image(jobs):
    content = noise(*SIZE)
    sink = Recorder()
    done, _, _ = followed(jobs, content, with_stroke(content), sink=sink)
    assert done.started_from == "last"


def test_another_picture_starts_from_the_beginning(jobs):
    done, _, _ = followed(jobs, noise(*SIZE), noise(*SIZE, seed=5))
    assert done.started_from == "content"


def test_a_view_starts_from_the_small_image_of_the_same_picture(jobs):
    smooth = picture_of(np.full((*SIZE, 3), 90, np.uint8), "RGB", "u8")
    halved = picture_of(np.full((24, 320, 3), 90, np.uint8), "RGB", "u8")
    done, result, _ = followed(jobs, halved, smooth, view=View(100, 4, 50, 40))
    assert (done.started_from, result.width, result.height) == ("last", 50, 40)

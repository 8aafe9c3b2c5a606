"""A frame of a film follows its previous frames, and a still pays for none of it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.support.restyle_jobs import noise
from velatura.errors import NotInstalled
from velatura.settings import StyleSettings
from velatura_daemon.jobs.spec import PreviousInput
from velatura_daemon.motion.guide import merged_guide
from velatura_daemon.worker.previous_frames import MAX_SIDE, guide_from

CONTENT, RESULT = noise(48, 64, seed=1), noise(48, 64, seed=2)


def frame(jobs, previous=((CONTENT, RESULT),), **settings):
    """The bytes of the result."""
    spec = jobs.spec(CONTENT, **settings)
    pairs = tuple(PreviousInput(jobs.on_disk(content), jobs.on_disk(result)) for content, result in previous)
    return jobs.result(jobs.restyle(replace(spec, previous=pairs))).data


def distance(one, other):
    return float(np.abs(np.frombuffer(one, np.uint8).astype(int) - np.frombuffer(other, np.uint8)).mean())


def test_a_frame_is_nearer_to_its_previous_result_than_a_still(jobs):
    pytest.importorskip("cv2")
    assert distance(frame(jobs), RESULT.data) < 0.5 * distance(frame(jobs, ()), RESULT.data)


def test_frames_of_a_film_leave_nothing_of_their_contents_in_memory(jobs):
    """Each is restyled once; targets of all of them would fill the cache."""

    def left(seed: int) -> int:
        jobs.restyle(replace(jobs.spec(noise(48, 64, seed=seed)), background=True))
        return int(jobs.cache.bytes)

    assert left(6) == left(7) > 0  # of the style


def test_an_earlier_pass_of_a_frame_is_started_from(jobs):
    pytest.importorskip("cv2")
    beside = noise(48, 64, seed=3)
    two = frame(jobs, ((beside, noise(48, 64, seed=4)), (CONTENT, RESULT)))
    assert distance(two, RESULT.data) < distance(frame(jobs, ()), RESULT.data)


def test_with_steadiness_0_a_frame_is_a_still_byte_for_byte(jobs):
    assert bytes(frame(jobs, steadiness=0)) == bytes(frame(jobs, ()))


def test_steadiness_does_not_change_a_still(jobs):
    assert bytes(frame(jobs, (), steadiness=0)) == bytes(frame(jobs, (), steadiness=100))


def test_without_opencv_a_frame_fails_with_a_sentence_and_a_still_does_not(jobs, monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    frame(jobs, ())
    with pytest.raises(NotInstalled, match=r"velatura\[film\]"):
        frame(jobs, ((noise(48, 64, seed=5), RESULT),))


def test_the_worker_of_a_still_loads_neither_opencv_nor_what_finds_motion():
    code = "import sys, velatura_daemon.worker.process; print([m for m in sys.modules if 'cv2' in m or '.motion' in m])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_a_strip_narrower_than_a_pixel_at_the_working_size_follows_its_previous_frames():
    pytest.importorskip("cv2")
    width = 2 * MAX_SIDE
    strip = torch.rand(3, 2, width)
    before = noise(2, width, seed=5)
    guide = guide_from(strip, [(before, before, False)], StyleSettings(quality="best"))
    assert guide.image.isfinite().all()


def test_previous_frames_are_read_one_at_a_time(monkeypatch):
    pytest.importorskip("cv2")
    read: list[int] = []
    read_at_start: list[int] = []

    def frames():
        for seed in range(4):
            read.append(seed)
            yield noise(48, 64, seed=seed), RESULT, False

    def merge(content, given, share):
        read_at_start.extend(read)
        return merged_guide(content, given, share)

    monkeypatch.setattr("velatura_daemon.motion.guide.merged_guide", merge)
    guide_from(torch.rand(3, 48, 64), frames(), StyleSettings())
    assert (read_at_start, read) == ([], [0, 1, 2, 3])

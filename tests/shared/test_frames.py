"""Which frames of an animation are restyled, and which earlier ones each of them follows."""

from __future__ import annotations

import pytest

from velatura.editor.frames import ALL, RANGE, THIS, FrameChoice, chosen_frames, followed

TIMES = [0, 3, 4, 9]


def test_all_frames_are_all_keyframes():
    assert chosen_frames(TIMES, FrameChoice(ALL)) == TIMES


def test_one_frame_needs_no_animation():
    assert chosen_frames(TIMES, FrameChoice(THIS)) == []


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (0, 20, TIMES),
        (3, 4, [3, 4]),
        (5, 7, [4]),  # held
        (1, 3, [0, 3]),
        (12, 20, [9]),  # the last one is held to the end
        (4, 1, [0, 3, 4]),
    ],
)
def test_a_range_has_the_keyframes_that_are_shown_in_it(first, last, expected):
    assert chosen_frames(TIMES, FrameChoice(RANGE, first, last)) == expected


def test_before_the_first_keyframe_nothing_is_shown():
    assert chosen_frames([5, 8], FrameChoice(RANGE, 0, 4)) == []


@pytest.mark.parametrize(
    ("done", "expected"), [([], []), ([0], [0]), ([0, 3], [3, 0]), ([0, 3, 4, 9, 12], [12, 9, 3, 0])]
)
def test_a_frame_follows_the_nearest_ones_and_the_first(done, expected):
    assert followed(done) == expected

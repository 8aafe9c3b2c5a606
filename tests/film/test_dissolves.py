"""In the middle and at the end of a dissolve a new shot begins, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.film.films import pan, write_film
from velatura_daemon.film.dissolves import Dissolves
from velatura_daemon.film.plan import plan_of
from velatura_daemon.film.scenes import small_grey
from velatura_daemon.film.sources import open_source
from velatura_daemon.film.timing import FrameRange

SIZE = {"width": 320, "height": 180}
BEGIN = 12  # the first mixed frame


def found(frames) -> list[int]:
    dissolves = Dissolves()
    list(dissolves.watched(small_grey(frame) for frame in frames))
    return sorted(dissolves.shots())


def dissolved(one, other, length: int):
    """One shot dissolves into another within so many frames."""
    shares = [np.clip((number - BEGIN + 1) / (length + 1), 0, 1) for number in range(len(one))]
    return [((1 - s) * a + s * b).astype(np.uint8) for s, a, b in zip(shares, one, other, strict=True)]


@pytest.mark.parametrize("length", [4, 8, 12, 24])
@pytest.mark.parametrize("step", [0, 1])
def test_shots_begin_in_the_middle_of_a_dissolve_and_at_its_end(length, step):
    middle, end = found(dissolved(pan(0, 48, step, **SIZE), pan(50, 48, step, **SIZE), length))
    assert abs(middle - (BEGIN + length / 2)) <= 2
    assert BEGIN + length - 1 <= end <= BEGIN + length + 4


def test_a_dissolve_between_pictures_with_the_same_light_is_found():
    """Both have a bright sky above dark ground."""
    shade = np.linspace(1, 0, 180)[:, None, None] * np.ones((180, 320, 3))
    one, other = ([0.3 * frame + 170 * shade for frame in pan(seed, 40, 1, **SIZE)] for seed in (0, 50))
    middle, end = found(dissolved(one, other, 8))
    assert BEGIN < middle < end <= BEGIN + 12


@pytest.mark.parametrize("step", [0, 1, 4, 8])
def test_a_pan_is_no_dissolve(step):
    assert found(pan(4, 48, step, **SIZE)) == []


def test_a_cut_is_no_dissolve():
    assert found([*pan(1, 24, **SIZE), *pan(2, 24, **SIZE)]) == []


def test_a_fade_from_black_is_no_dissolve():
    frames = [(frame * min(1, number / 20)).astype(np.uint8) for number, frame in enumerate(pan(3, 48, 1, **SIZE))]
    assert found(frames) == []


def test_a_moving_object_is_no_dissolve():
    frames = pan(7, 40, 1, **SIZE)
    for number, frame in enumerate(frames):
        frame[40:140, number * 8 : number * 8 + 90] = (220, 30, 30)
    assert found(frames) == []


def test_the_shots_of_a_film_are_those_of_its_cuts_and_dissolves(tmp_path):
    frames = [*dissolved(pan(0, 32, 1, **SIZE), pan(50, 32, 1, **SIZE), 8), *pan(9, 8, 1, **SIZE)]
    plan = plan_of(open_source(write_film(tmp_path / "film.mp4", frames), None), FrameRange())
    first, middle, end, cut = plan.shots
    assert (first, cut) == (0, 32)
    assert BEGIN < middle < end <= BEGIN + 12

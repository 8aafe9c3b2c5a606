"""Cuts are found where a new shot begins, and nowhere else."""

from __future__ import annotations

import numpy as np
import pytest

from tests.film.films import pan
from velatura_daemon.film.scenes import cuts, small_grey

SIZE = {"width": 320, "height": 180}


def found(frames) -> list[int]:
    return [number for number, is_cut in cuts(small_grey(frame) for frame in frames) if is_cut]


def grainy(frames, strength: int = 20):
    noise = np.random.default_rng(1)
    return [
        np.clip(frame + noise.integers(-strength, strength + 1, frame.shape), 0, 255).astype(np.uint8)
        for frame in frames
    ]


@pytest.mark.parametrize("seed", range(6))
def test_a_cut_is_found(seed):
    assert found([*pan(seed, 8, **SIZE), *pan(seed + 100, 8, **SIZE)]) == [0, 8]


def test_a_cut_between_grainy_shots_is_found():
    assert found(grainy([*pan(1, 8, **SIZE), *pan(2, 8, **SIZE)])) == [0, 8]


def test_two_cuts_close_together_are_found():
    assert found([*pan(1, 8, **SIZE), *pan(2, 5, **SIZE), *pan(3, 8, **SIZE)]) == [0, 8, 13]


@pytest.mark.parametrize("step", [1, 8, 30])
def test_a_pan_is_no_cut(step):
    assert found(pan(4, 16, step, **SIZE)) == [0]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_flash_is_no_cut(length):
    frames = pan(5, 16, **SIZE)
    for number in range(7, 7 + length):
        frames[number] = np.full_like(frames[number], 250)
    assert found(frames) == [0]


def test_a_change_of_brightness_is_no_cut():
    frames = [
        np.clip(frame * (0.3 if number > 6 else 1.0), 0, 255).astype(np.uint8)
        for number, frame in enumerate(pan(6, 14, **SIZE))
    ]
    assert found(frames) == [0]


def test_a_moving_object_is_no_cut():
    frames = pan(7, 16, 1, **SIZE)
    for number, frame in enumerate(frames):
        frame[40:140, number * 14 : number * 14 + 90] = (220, 30, 30)
    assert found(frames) == [0]


def test_a_still_film_has_no_cut():
    assert found([pan(8, 1, **SIZE)[0]] * 6) == [0]


def test_black_film_has_no_cut():
    assert found([np.zeros((180, 320, 3), np.uint8)] * 6) == [0]


def test_a_single_frame_is_a_shot():
    assert found(pan(9, 1, **SIZE)) == [0]


def test_no_frames_are_no_shot():
    assert found([]) == []


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_frames_of_any_depth_are_compared(dtype):
    scale = {np.uint8: 1, np.uint16: 257, np.float32: 1 / 255}[dtype]
    frames = [(frame.astype(np.float64) * scale).astype(dtype) for frame in [*pan(1, 6, **SIZE), *pan(2, 6, **SIZE)]]
    assert found(frames) == [0, 6]

"""Tests of recognising a layer's pixels after it was moved, cropped, painted on or scaled."""

from __future__ import annotations

import random

import pytest

from velatura.editor.landmarks import Landmarks

WIDTH, HEIGHT = 160, 120


def picture(seed=3, width=WIDTH, height=HEIGHT):
    """Rows of random bytes, one per pixel."""
    numbers = random.Random(seed)
    return [bytes(numbers.randrange(256) for _ in range(width)) for _ in range(height)]


def reader(rows):
    return lambda x, y, length: rows[y][x : x + length]


def landmarks(rows):
    return Landmarks.of(reader(rows), 0, 0, len(rows[0]), len(rows))


def are_moved(rows, now, dx, dy):
    return landmarks(rows).are_moved_by(dx, dy, reader(now), 0, 0, len(now[0]), len(now))


@pytest.mark.parametrize(("left", "top"), [(0, 0), (30, 20), (60, 0)])
def test_what_is_left_after_a_crop_is_recognised(left, top):
    rows = picture()
    cropped = [row[left : left + 90] for row in rows[top : top + 70]]
    assert are_moved(rows, cropped, -left, -top)
    assert not are_moved(rows, cropped, -left - 1, -top)
    assert set(landmarks(rows).found_in(b"".join(cropped), 90)) == {(-left, -top)}


def test_a_layer_that_was_partly_painted_over_is_recognised():
    rows = picture()
    painted = [row if y < 70 else bytes(WIDTH) for y, row in enumerate(rows)]
    assert are_moved(rows, painted, 0, 0)


def test_a_scaled_layer_is_not_recognised():
    rows = picture()
    scaled = [row[::2] for row in rows[::2]]
    assert not any(are_moved(rows, scaled, dx, dy) for dx in range(-4, 5) for dy in range(-4, 5))
    assert list(landmarks(rows).found_in(b"".join(scaled), WIDTH // 2)) == []


def test_blank_parts_do_not_make_a_scaled_drawing_look_unchanged():
    blank = bytes([255]) * WIDTH
    rows = [row if 50 <= y < 80 else blank for y, row in enumerate(picture())]
    scaled = [row[::2] + row[::2] for row in rows]
    assert not are_moved(rows, scaled, 0, 0)


def test_nothing_is_recognised_where_there_is_nothing_to_compare():
    rows = picture()
    assert not are_moved(rows, rows, 10 * WIDTH, 0)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (5, 3), (24, 2), (25, 9)])
def test_small_layers_have_landmarks_too(width, height):
    rows = picture(width=width, height=height)
    assert are_moved(rows, rows, 0, 0)

"""Tests of the bounding box of a selection."""

from __future__ import annotations

import pytest

from velatura.editor.coverage import bounding_box

WIDTH, HEIGHT = 7, 5


@pytest.mark.parametrize("box", [(0, 0, 7, 5), (2, 1, 3, 2), (6, 4, 1, 1), (0, 2, 7, 1), (3, 0, 1, 5)])
def test_the_box_holds_exactly_what_is_selected(box):
    left, top, width, height = box
    coverage = bytes(
        255 * (left <= x < left + width and top <= y < top + height) for y in range(HEIGHT) for x in range(WIDTH)
    )
    assert bounding_box(coverage, WIDTH) == box


def test_a_pixel_that_is_barely_selected_counts():
    coverage = bytearray(WIDTH * HEIGHT)
    coverage[1 * WIDTH + 5], coverage[3 * WIDTH + 2] = 1, 255
    assert bounding_box(bytes(coverage), WIDTH) == (2, 1, 4, 3)


def test_without_a_selected_pixel_there_is_no_box():
    assert bounding_box(bytes(WIDTH * HEIGHT), WIDTH) is None

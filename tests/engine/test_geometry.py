"""Boxes, cropping, resizing and padding of images. Circular images: test_seamless.py."""

from __future__ import annotations

import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.engine.geometry import Box, box_around, crop, pad, resize
from velatura_daemon.memory_plan import GRID

sides = st.integers(2, 40)
seeds = st.integers(0, 2**31)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# --- the box around a selection -------------------------------------------------------------------------
@st.composite
def selections(draw):
    """A mask with one selected rectangle, and the rectangle (left, top, right, bottom)."""
    width, height = draw(st.integers(2, 300)), draw(st.integers(2, 300))
    left, top = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    right, bottom = draw(st.integers(left + 1, width)), draw(st.integers(top + 1, height))
    mask = torch.zeros(height, width)
    mask[top:bottom, left:right] = draw(st.sampled_from([1 / 255, 0.5, 1.0]))
    return mask, (left, top, right, bottom)


@given(selections(), st.integers(0, 80))
def test_the_box_contains_the_selection_with_context_and_stays_in_the_image(selection, context):
    mask, (left, top, right, bottom) = selection
    height, width = mask.shape
    box = box_around(mask, context)
    assert 0 <= box.left <= max(0, left - context)
    assert 0 <= box.top <= max(0, top - context)
    assert width >= box.left + box.width >= min(width, right + context)
    assert height >= box.top + box.height >= min(height, bottom + context)


@given(selections(), st.integers(0, 80))
def test_the_boxs_sides_are_multiples_of_the_grid_if_the_image_is_large_enough(selection, context):
    mask, (left, top, right, bottom) = selection
    box = box_around(mask, context)
    height, width = mask.shape
    for length, limit, first, end in ((box.width, width, left, right), (box.height, height, top, bottom)):
        length_with_context = min(limit, end + context) - max(0, first - context)
        aligned = -(-length_with_context // GRID) * GRID
        assert length == (aligned if aligned <= limit else length_with_context)


def test_without_a_selected_pixel_there_is_no_box():
    assert box_around(torch.zeros(7, 9)) is None


def test_a_box_crops_its_part():
    image = noise(3, 20, 30)
    assert torch.equal(Box(4, 5, 6, 7).crop(image), image[:, 5:12, 4:10])


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 60), st.integers(1, 60))
def test_a_circular_crop_over_the_edges_repeats_the_image(left, top, width, height):
    image = torch.arange(7 * 9).reshape(1, 7, 9)
    found = crop(image, Box(left, top, width, height), circular=True)
    for y, x in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
        assert found[0, y, x] == image[0, (top + y) % 7, (left + x) % 9]


# --- sizes ----------------------------------------------------------------------------------------------
@given(sides, sides, sides, sides)
def test_a_flat_image_is_flat_at_every_size(height, width, new_height, new_width):
    flat = torch.full((3, height, width), 0.3)
    torch.testing.assert_close(resize(flat, new_height, new_width), torch.full((3, new_height, new_width), 0.3))


def test_resizing_to_the_same_size_returns_the_same_image():
    image = noise(3, 4, 5)
    assert resize(image, 4, 5) is image


@given(sides, sides, st.integers(0, 20), st.integers(0, 20), seeds)
def test_padding_repeats_the_last_row_and_column(height, width, below, right, seed):
    image = noise(3, height, width, seed=seed)
    padded = pad(image, height + below, width + right)
    assert padded.shape == (3, height + below, width + right)
    assert torch.equal(padded[:, :height, :width], image)
    assert torch.equal(padded[:, height:, :width], image[:, -1:].expand(3, below, width))
    assert torch.equal(padded[:, :height, width:], image[:, :, -1:].expand(3, height, right))

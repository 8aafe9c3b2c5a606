"""Selections, transparency and sizes: what counts, and what the network sees where nothing is to be seen."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.engine.network import LAYERS, STRIDE_OF
from velatura_daemon.engine.regions import (
    Box,
    all_of,
    box_around,
    fill_hidden,
    padded,
    padded_weight,
    resized,
    resized_weight,
    weights_by_layer,
)
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
def test_the_box_holds_the_selection_and_its_context_and_stays_in_the_picture(selection, context):
    mask, (left, top, right, bottom) = selection
    height, width = mask.shape
    box = box_around(mask, context)
    assert 0 <= box.left <= max(0, left - context)
    assert 0 <= box.top <= max(0, top - context)
    assert width >= box.left + box.width >= min(width, right + context)
    assert height >= box.top + box.height >= min(height, bottom + context)


@given(selections(), st.integers(0, 80))
def test_the_box_is_a_multiple_of_the_grid_where_the_picture_is_large_enough(selection, context):
    mask, (left, top, right, bottom) = selection
    box = box_around(mask, context)
    height, width = mask.shape
    for length, limit, first, end in ((box.width, width, left, right), (box.height, height, top, bottom)):
        wanted = min(limit, end + context) - max(0, first - context)
        aligned = -(-wanted // GRID) * GRID
        assert length == (aligned if aligned <= limit else wanted)


def test_without_a_selected_pixel_there_is_no_box():
    assert box_around(torch.zeros(7, 9)) is None


def test_a_box_cuts_its_part_out():
    image = noise(3, 20, 30)
    assert torch.equal(Box(4, 5, 6, 7).of(image), image[:, 5:12, 4:10])


# --- what hidden pixels hold ----------------------------------------------------------------------------
@given(sides, sides, seeds, st.floats(0, 1))
def test_what_transparent_pixels_hold_has_no_influence(height, width, seed, hidden_share):
    image, visible = noise(3, height, width, seed=seed), noise(height, width, seed=seed + 1)
    visible = torch.where(visible < hidden_share, 0.0, visible)
    other = torch.where(visible > 0, image, noise(3, height, width, seed=seed + 2))
    assert torch.equal(fill_hidden(image, visible), fill_hidden(other, visible))


@given(sides, sides, seeds)
def test_visible_pixels_stay_as_they_are(height, width, seed):
    image, visible = noise(3, height, width, seed=seed), (noise(height, width, seed=seed + 1) > 0.5).float()
    filled = fill_hidden(image, visible)
    assert torch.equal(filled[:, visible > 0], image[:, visible > 0])


@given(sides, sides, seeds, st.floats(0.05, 1))
def test_hidden_places_are_painted_within_the_range_of_the_visible_ones(height, width, seed, alpha):
    image, visible = noise(3, height, width, seed=seed), alpha * (noise(height, width, seed=seed + 1) > 0.7).float()
    visible[0, 0] = alpha
    seen = image[:, visible > 0]
    filled = fill_hidden(image, visible)
    assert filled.min() >= seen.min() - 1e-4
    assert filled.max() <= seen.max() + 1e-4


@pytest.mark.parametrize("alpha", [1.0, 1 / 255])
def test_one_visible_pixel_gives_its_colour_to_a_whole_large_layer(alpha):
    image, visible = torch.zeros(3, 1500, 1500), torch.zeros(1500, 1500)
    image[:, 700, 300], visible[700, 300] = torch.tensor([0.8, 0.4, 0.2]), alpha
    filled = fill_hidden(image, visible)
    torch.testing.assert_close(filled, torch.tensor([0.8, 0.4, 0.2]).view(3, 1, 1).expand_as(filled), atol=1e-3, rtol=0)


def test_an_opaque_picture_is_not_touched():
    image = noise(3, 5, 6)
    assert fill_hidden(image, all_of(image)) is image


def test_where_nothing_is_visible_the_filling_is_a_number():
    assert torch.isfinite(fill_hidden(noise(3, 9, 5), torch.zeros(9, 5))).all()


# --- sizes and padding ----------------------------------------------------------------------------------
@given(sides, sides, st.integers(0, 20), st.integers(0, 20), seeds)
def test_padding_continues_the_picture_and_counts_for_nothing(height, width, below, right, seed):
    image, weight = noise(3, height, width, seed=seed), noise(height, width, seed=seed + 1)
    larger = padded(image, height + below, width + right)
    larger_weight = padded_weight(weight, height + below, width + right)
    assert larger.shape == (3, height + below, width + right)
    assert torch.equal(larger[:, :height, :width], image)
    assert torch.equal(larger[:, height:, :width], image[:, -1:].expand(3, below, width))
    assert torch.equal(larger_weight[:height, :width], weight)
    assert not larger_weight[height:].any()
    assert not larger_weight[:, width:].any()


@given(sides, sides, sides, sides)
def test_a_flat_picture_is_flat_at_every_size(height, width, new_height, new_width):
    flat = torch.full((3, height, width), 0.3)
    torch.testing.assert_close(resized(flat, new_height, new_width), torch.full((3, new_height, new_width), 0.3))


@given(sides, sides, sides, sides, seeds)
def test_a_weight_stays_within_0_and_1_at_every_size(height, width, new_height, new_width, seed):
    weight = resized_weight(noise(height, width, seed=seed).round(), new_height, new_width)
    assert weight.min() >= 0
    assert weight.max() <= 1


def test_the_same_size_is_the_same_picture():
    image = noise(3, 4, 5)
    assert torch.equal(resized(image, 4, 5), image)
    assert torch.equal(resized_weight(image[0], 4, 5), image[0])


def test_half_the_size_keeps_the_share_that_is_selected():
    weight = (noise(64, 64) > 0.5).float()
    assert float(resized_weight(weight, 32, 32).mean()) == pytest.approx(float(weight.mean()), abs=0.01)


@given(st.integers(1, 4), st.integers(1, 4), seeds)
def test_a_cell_counts_by_the_mean_weight_of_its_pixels(rows, columns, seed):
    weight = noise(rows * GRID, columns * GRID, seed=seed)
    by_layer = weights_by_layer(weight, LAYERS)
    assert torch.equal(by_layer["image"], weight)
    for name in LAYERS:
        s = STRIDE_OF[name]
        cells = weight.reshape(rows * GRID // s, s, columns * GRID // s, s).mean(dim=(1, 3))
        torch.testing.assert_close(by_layer[name], cells)

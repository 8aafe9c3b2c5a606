"""Weights and transparency: what counts, and what the network sees where nothing is visible."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.engine.masks import fill_hidden, full_weight, pad_weight, resize_weight, weights_by_layer
from velatura_daemon.engine.network import LAYERS, STRIDE_OF
from velatura_daemon.memory_plan import GRID

sides = st.integers(2, 40)
seeds = st.integers(0, 2**31)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


# --- hidden pixels ---------------------------------------------------------------------------------------
@given(sides, sides, seeds, st.floats(0, 1))
def test_the_colours_of_hidden_pixels_have_no_influence(height, width, seed, hidden_share):
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
def test_hidden_pixels_are_filled_within_the_range_of_the_visible_ones(height, width, seed, alpha):
    image, visible = noise(3, height, width, seed=seed), alpha * (noise(height, width, seed=seed + 1) > 0.7).float()
    visible[0, 0] = alpha
    visible_colours = image[:, visible > 0]
    filled = fill_hidden(image, visible)
    assert filled.min() >= visible_colours.min() - 1e-4
    assert filled.max() <= visible_colours.max() + 1e-4


@pytest.mark.parametrize("alpha", [1.0, 1 / 255])
def test_one_visible_pixel_gives_its_colour_to_a_whole_large_image(alpha):
    image, visible = torch.zeros(3, 1500, 1500), torch.zeros(1500, 1500)
    image[:, 700, 300], visible[700, 300] = torch.tensor([0.8, 0.4, 0.2]), alpha
    filled = fill_hidden(image, visible)
    torch.testing.assert_close(filled, torch.tensor([0.8, 0.4, 0.2]).view(3, 1, 1).expand_as(filled), atol=1e-3, rtol=0)


def test_an_opaque_image_is_returned_unchanged():
    image = noise(3, 5, 6)
    assert fill_hidden(image, full_weight(image)) is image


def test_if_nothing_is_visible_the_result_is_finite():
    assert torch.isfinite(fill_hidden(noise(3, 9, 5), torch.zeros(9, 5))).all()


# --- weights --------------------------------------------------------------------------------------------
@given(sides, sides, sides, sides, seeds)
def test_a_weight_stays_within_0_and_1_at_every_size(height, width, new_height, new_width, seed):
    weight = resize_weight(noise(height, width, seed=seed).round(), new_height, new_width)
    assert weight.min() >= 0
    assert weight.max() <= 1


def test_half_the_size_keeps_the_share_that_is_selected():
    weight = (noise(64, 64) > 0.5).float()
    assert float(resize_weight(weight, 32, 32).mean()) == pytest.approx(float(weight.mean()), abs=0.01)


def test_resizing_to_the_same_size_returns_the_same_weight():
    weight = noise(4, 5)
    assert resize_weight(weight, 4, 5) is weight


@given(sides, sides, st.integers(0, 20), st.integers(0, 20), seeds)
def test_padding_counts_for_nothing(height, width, below, right, seed):
    weight = noise(height, width, seed=seed)
    padded = pad_weight(weight, height + below, width + right)
    assert padded.shape == (height + below, width + right)
    assert torch.equal(padded[:height, :width], weight)
    assert not padded[height:].any()
    assert not padded[:, width:].any()


@given(st.integers(1, 4), st.integers(1, 4), seeds)
def test_a_position_counts_by_the_mean_weight_of_its_pixels(rows, columns, seed):
    weight = noise(rows * GRID, columns * GRID, seed=seed)
    by_layer = weights_by_layer(weight, LAYERS)
    for name in LAYERS:
        s = STRIDE_OF[name]
        cells = weight.reshape(rows * GRID // s, s, columns * GRID // s, s).mean(dim=(1, 3))
        torch.testing.assert_close(by_layer[name], cells)

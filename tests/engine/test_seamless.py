"""Images that tile: the left edge continues at the right one, the top at the bottom."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.geometry import periodic_component, resize
from velatura_daemon.engine.network import CONTENT_LAYER, STRIDE_OF, STYLE_LAYERS
from velatura_daemon.engine.pooling import POOLINGS
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.engine.upsampling import full_size

sides = st.integers(2, 40)
seeds = st.integers(0, 2**31)

# `step_across` with three images, these sizes and settings, and float32 rounding of one processor: 0.20 to 1.36 if
# seamless, 2.2 to 6.8 otherwise. Results from noise are not tested this way, since noise has no jump to begin with.
LARGEST_STEP = 1.6


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def step_across(image, axis):
    """The mean step over the edge, divided by the largest mean step between neighbouring columns (or rows)."""
    over = (image.select(axis, 0) - image.select(axis, -1)).abs().mean()
    return float(over / image.diff(dim=axis).abs().mean((0, 3 - axis)).max())


# --- the periodic component -----------------------------------------------------------------------------------
@given(sides, sides, seeds)
def test_the_periodic_component_keeps_the_mean(height, width, seed):
    image = noise(3, height, width, seed=seed)
    torch.testing.assert_close(periodic_component(image).mean((1, 2)), image.mean((1, 2)))


@given(sides, sides, seeds)
def test_the_periodic_component_of_an_image_that_tiles_is_the_image(height, width, seed):
    """An image whose first and last rows and columns are equal: there is no jump."""
    image = noise(3, height, width, seed=seed)
    image[:, -1], image[:, :, -1] = image[:, 0], image[:, :, 0]
    image[:, -1, -1] = image[:, 0, -1] = image[:, -1, 0] = image[:, 0, 0]
    torch.testing.assert_close(periodic_component(image), image)


def test_a_ramp_from_edge_to_edge_loses_its_jump():
    ramp = periodic_component(torch.linspace(0, 1, 64, dtype=torch.float64).expand(3, 48, 64))
    assert float((ramp[:, :, 0] - ramp[:, :, -1]).abs().max()) < 2 / 64  # of 1; a step between neighbours was 1 / 63


@pytest.mark.parametrize("axis", [1, 2])
def test_an_images_jump_is_closed(source, axis):
    image = source(96, 128).image
    assert step_across(periodic_component(image), axis) < LARGEST_STEP < step_across(image, axis)


# --- sizes ------------------------------------------------------------------------------------------------
@given(
    st.integers(4, 24),
    st.integers(4, 24),
    st.sampled_from([(2, 1), (1, 2), (3, 2), (2, 3), (1, 1)]),
    st.integers(0, 40),
)
def test_circular_resizing_commutes_with_rolling(rows, columns, factor, turns):
    new, old = factor
    image = noise(3, rows * old, columns * old)
    one = resize(image.roll((turns * old, -turns * old), (1, 2)), rows * new, columns * new, circular=True)
    other = resize(image, rows * new, columns * new, circular=True).roll((turns * new, -turns * new), (1, 2))
    torch.testing.assert_close(one, other)


@given(sides, sides, sides, sides)
def test_a_flat_image_is_flat_at_every_size(height, width, new_height, new_width):
    flat = torch.full((3, height, width), 0.3)
    found = resize(flat, new_height, new_width, circular=True)
    torch.testing.assert_close(found, torch.full((3, new_height, new_width), 0.3))


# --- the network ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("pooling", POOLINGS)
def test_the_network_sees_the_opposite_edge(network64, pooling):
    """Features of a rolled picture are the rolled features, at every layer."""
    network64.set_pooling(pooling)
    image = noise(3, 48, 64)
    layers = (*STYLE_LAYERS, CONTENT_LAYER)
    plain, rolled = (
        network64(image, layers, circular=True),
        network64(image.roll((16, 32), (1, 2)), layers, circular=True),
    )
    for name in layers:
        s = STRIDE_OF[name]
        torch.testing.assert_close(rolled[name], plain[name].roll((16 // s, 32 // s), (1, 2)))


# --- results ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("settings", [{}, {"style_distance": "moments", "strength": 90}], ids=str)
@pytest.mark.parametrize("size", [(64, 80), (40, 150)])
def test_a_seamless_result_has_no_step_at_its_edges(network, source, size, settings):
    content, asked = source(*size), StyleSettings(seamless=True, iterations=12, **settings)
    *_, last = stylise(content, [source(48, 48, 1)], asked, network)
    result = full_size(last.image, content, asked)
    assert result.shape == (3, *size)
    for axis in (1, 2):
        assert step_across(result, axis) < LARGEST_STEP


def test_other_results_have_a_step_at_their_edges(restyled, source):
    """So the test above can fail."""
    image = restyled(source(64, 80), [source(48, 48, 1)], iterations=12)
    assert min(step_across(image, axis) for axis in (1, 2)) > LARGEST_STEP


def test_a_seamless_result_has_the_contents_size_whatever_the_grid(network, source):
    content, asked = source(37, 61), StyleSettings(seamless=True, iterations=2)
    *_, last = stylise(content, [source(32, 32, 1)], asked, network)
    assert last.image.shape == (3, 32, 64)
    assert full_size(last.image, content, asked).shape == (3, 37, 61)

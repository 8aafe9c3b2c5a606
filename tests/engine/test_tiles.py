"""An image evaluated in tiles gives what the whole image gives, up to rounding: in float64, with very small tiles."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.support.objectives import last_objective

from velatura.settings import StyleSettings
from velatura_daemon.engine.evaluation.fallback import evaluation_for, smaller_tile_side
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.evaluation.tiled import TiledEvaluation
from velatura_daemon.engine.extraction import extract_features
from velatura_daemon.engine.losses import objective
from velatura_daemon.engine.network import LAYERS, receptive_radius
from velatura_daemon.engine.stylise import Resources, stylise
from velatura_daemon.engine.tiles import tiles
from velatura_daemon.memory_plan import (
    BASE_BYTES,
    GRID,
    LARGEST_TILE,
    MIN_PAIRS,
    PAIRS,
    REACH,
    SMALLEST_TILE,
    UNLIMITED,
    MemoryBudget,
    plan_memory,
    work_factor,
)


@pytest.fixture(autouse=True)
def default_pooling(network64):
    """It has the largest receptive field."""
    network64.set_pooling(StyleSettings().pooling)


@pytest.fixture(scope="module")
def source64(source):
    def make(height, width, number=0, **fields):
        plain = source(height, width, number)
        ones = torch.ones(height, width).double()
        return replace(plain, **{"image": plain.image.double(), "weight": ones, "visible": ones, **fields})

    return make


def assert_same(network, content, styles, settings, side):
    """Losses and gradient of an image of noise, whole and in tiles."""
    whole, in_tiles = (last_objective(network, content, styles, settings, tile_side) for tile_side in (0, side))
    image = torch.rand(3, *whole.canvas.size, generator=torch.Generator().manual_seed(1)).double()
    losses, gradient = PlainEvaluation(whole)(image)
    tiled_losses, tiled_gradient = TiledEvaluation(in_tiles, side)(image)
    for name in ("total", "content", "style"):
        torch.testing.assert_close(getattr(tiled_losses, name), getattr(losses, name), rtol=1e-10, atol=0)
    torch.testing.assert_close(tiled_gradient, gradient, rtol=1e-8, atol=1e-9 * float(gradient.abs().max()))


@pytest.mark.parametrize(("size", "side"), [((21, 393), 48), ((530, 50), 128), ((96, 400), 64), ((48, 48), 16)])
def test_losses_and_gradient_are_those_of_the_whole_image(network64, source64, size, side):
    assert_same(network64, source64(*size), [source64(40, 56, 1)], StyleSettings(), side)


@pytest.mark.parametrize("style_distance", ["gram", "moments", "wasserstein"])
def test_so_they_are_with_masks_regions_and_several_styles(network64, source64, style_distance):
    generator = torch.Generator().manual_seed(2)
    height, width = 41, 470
    weight = torch.rand(height, width, generator=generator).double()
    weight[:, 100:180] = 0
    region = torch.linspace(1, 0, width).double().expand(height, width)
    styles = [
        source64(40, 56, 1, region=region, region_key="left"),
        source64(32, 32, 2, share=0.3),
        source64(48, 32, 3),
    ]
    assert_same(
        network64,
        source64(height, width, weight=weight),
        styles,
        StyleSettings(style_distance=style_distance, coarse=150),
        64,
    )


def test_tiles_of_a_seamless_image_continue_over_its_edges(network64, source64):
    assert_same(network64, source64(32, 400), [source64(40, 56, 1)], StyleSettings(seamless=True), 208)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_so_they_are_with_any_pooling(network64, source64, pooling):
    network64.set_pooling(pooling)
    assert_same(network64, source64(21, 393), [source64(40, 56, 1)], StyleSettings(pooling=pooling), 48)


def test_with_less_overlap_they_would_differ(network64, source64, monkeypatch):
    """The overlap is needed: the tests above can fail."""
    monkeypatch.setattr(objective, "receptive_radius", lambda layers: receptive_radius(layers) - 2 * GRID)
    with pytest.raises(AssertionError):
        assert_same(network64, source64(21, 393), [source64(40, 56, 1)], StyleSettings(), 48)


@pytest.mark.parametrize("layer", ["conv1_1", "conv5_4"])
def test_so_they_are_with_content_at_any_layer(network64, source64, layer):
    """The overlap depends on the deepest layer: conv5_4 has a larger receptive field than the style layers."""
    assert_same(network64, source64(21, 650), [source64(40, 56, 1)], StyleSettings(content_layer=layer), 48)


@pytest.mark.parametrize("layer", ["conv1_2", "conv4_2", "conv5_1", "conv5_4"])
def test_features_in_tiles_are_those_of_the_whole_image(network64, source64, layer):
    image = source64(48, 496).image
    whole, in_tiles = (extract_features(network64, image, layer, tile_side) for tile_side in (0, 64))
    torch.testing.assert_close(in_tiles, whole, rtol=1e-10, atol=1e-12)


# --- tiles ----------------------------------------------------------------------------------------------
cells = st.integers(1, 40)


@given(cells, cells, cells, st.booleans())
def test_tiles_cover_each_pixel_once_on_the_grid_with_overlap_up_to_the_edges(rows, columns, most, circular):
    height, width, side = rows * GRID, columns * GRID, most * GRID
    seen = torch.zeros(height, width)
    for tile in tiles(height, width, side, REACH, circular):
        tile.inner.crop(seen).add_(1)
        assert max(tile.inner.width, tile.inner.height) <= side
        around = (
            tile.inner.left - tile.outer.left,
            tile.inner.top - tile.outer.top,
            tile.outer.left + tile.outer.width - tile.inner.left - tile.inner.width,
        )
        there = (tile.inner.left, tile.inner.top, width - tile.inner.left - tile.inner.width)
        assert around == tuple(REACH if circular else min(REACH, limit) for limit in there)
        assert all(n % GRID == 0 for n in vars(tile.outer).values())
    assert bool((seen == 1).all())


# --- running out of memory ------------------------------------------------------------------------
class ScarceNetwork(torch.nn.Module):
    """A network with memory for images of at most so many pixels."""

    def __init__(self, network, pixels):
        super().__init__()
        self.network, self.pixels = network, pixels
        self.refused = 0

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.network, name)

    def forward(self, image, layers, circular=False):
        if image.shape[1] * image.shape[2] > self.pixels:
            self.refused += 1
            raise torch.OutOfMemoryError("no room")
        return self.network(image, layers, circular=circular)


def test_out_of_memory_an_evaluation_continues_in_smaller_tiles_with_a_warning(network64, source64):
    content = source64(32, 1024)
    whole = last_objective(network64, content, [source64(40, 56, 1)], StyleSettings())
    whole.network = scarce = ScarceNetwork(network64, 32 * 700)
    evaluate = evaluation_for(whole, content.image)
    _, gradient = evaluate(content.image)
    assert scarce.refused
    assert evaluate.tile_side == 256
    assert "tiles of 256" in evaluate.warnings[-1]
    whole.network = network64
    _, expected = PlainEvaluation(whole)(content.image)
    torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-9 * float(gradient.abs().max()))


def test_if_not_even_the_smallest_tile_fits_the_error_is_raised(network64, source64):
    content = source64(32, 512)
    whole = last_objective(network64, content, [source64(40, 56, 1)], StyleSettings())
    whole.network = ScarceNetwork(network64, 10)
    with pytest.raises(torch.OutOfMemoryError):
        evaluation_for(whole, content.image)(content.image)


@given(st.integers(0, LARGEST_TILE), st.integers(SMALLEST_TILE, 1 << 15))
def test_tiles_are_halved_only_so_often(side, longest):
    seen = 0
    while side := smaller_tile_side(side, longest):
        assert side >= SMALLEST_TILE
        assert side % GRID == 0
        seen += 1
    assert seen < 12


# --- the plan -------------------------------------------------------------------------------------------
sizes = st.integers(1, 1000).map(lambda n: n * GRID)
rooms = st.integers(1 << 30, 1 << 38)


@given(sizes, sizes, rooms, st.sampled_from([2, 4]))
def test_a_plan_keeps_to_the_budget_or_takes_the_least_possible(height, width, room, element):
    plan = plan_memory(height, width, MemoryBudget(room), element)
    least = plan.side == SMALLEST_TILE and plan.pairs == MIN_PAIRS
    assert plan.bytes <= room or least
    assert MIN_PAIRS <= plan.pairs <= PAIRS


@given(sizes, sizes)
def test_with_enough_memory_an_image_is_in_one_piece(height, width):
    plan = plan_memory(height, width, UNLIMITED)
    assert (plan.side, plan.pairs, plan.on_host) == (0, PAIRS, False)


def test_beyond_the_devices_memory_the_optimisers_state_moves_to_the_host():
    plan = plan_memory(16384, 16384, MemoryBudget(BASE_BYTES + (16 << 30), host_bytes=256 << 30), element=2)
    assert plan.on_host
    assert plan.side
    assert plan.bytes <= BASE_BYTES + (16 << 30)


def test_a_large_image_in_large_tiles_is_at_most_twice_the_work():
    assert work_factor(8192, 8192, 0) == 1
    assert work_factor(8192, 8192, 2048) < 2 < work_factor(8192, 8192, 512)


def test_a_restyle_in_tiles_is_the_one_in_one_piece(network64, source64):
    content, styles = source64(64, 400), [source64(40, 56, 1)]
    # Not L-BFGS, which has fewer pairs if memory is scarce.
    settings = StyleSettings(iterations=8, quality="draft", optimiser="adam")
    pictures, sides = [], []
    for room in (UNLIMITED, MemoryBudget(BASE_BYTES)):
        *_, last = stylise(content, styles, settings, network64, resources=Resources(budget=room))
        pictures.append(last.image)
        sides.append(plan_memory(64, 400, room, network64.bytes_per_value).side)
    assert sides == [0, SMALLEST_TILE]
    torch.testing.assert_close(pictures[1], pictures[0], rtol=0, atol=1e-6)


def test_the_settings_know_every_layer_by_name():
    """The settings have a list of their own, since they must not import torch."""
    from velatura.settings import NETWORK_LAYERS

    assert NETWORK_LAYERS == LAYERS

"""A picture in tiles is the picture in one piece, to rounding: in float64, with tiles absurdly small."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.network import LAYERS, reach_of
from velatura_daemon.engine.pyramid import scales_for
from velatura_daemon.engine.regions import Box, cut
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.engine.targets import canvas_at, objective_at
from velatura_daemon.engine.tiling.evaluation import Evaluation, smaller_side
from velatura_daemon.engine.tiling.tiles import Tiled, features_of, tiles
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
    """It looks the farthest."""
    network64.set_pooling(StyleSettings().pooling)


@pytest.fixture(scope="module")
def source64(source):
    def make(height, width, number=0, **more):
        plain = source(height, width, number)
        ones = torch.ones(height, width).double()
        given = {"weight": ones, "visible": ones, "key": plain.key, "whole": plain.whole}
        return Source(plain.image.double(), **{**given, **more})

    return make


def objective(network, content, styles, settings, side=0):
    scale = scales_for(content.size[1], content.size[0], settings)[-1]
    canvas = canvas_at(content, scale, settings.seamless)
    where = style_regions_of(content, styles)
    return objective_at(network, content, where, canvas, scale, settings, TargetCache(0), side)


def assert_same(network, content, styles, settings, side):
    """Losses and slope, at a picture of noise."""
    whole, in_tiles = (objective(network, content, styles, settings, s) for s in (0, side))
    image = torch.rand(3, *whole.size, generator=torch.Generator().manual_seed(1)).double()
    losses, slope = Evaluation(whole, image)(image)
    found, found_slope = Tiled(in_tiles, side).evaluate(image)
    for ours, theirs in ((found.total, losses.total), (found.content, losses.content), (found.style, losses.style)):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=0)
    torch.testing.assert_close(found_slope, slope, rtol=1e-8, atol=1e-9 * float(slope.abs().max()))


@pytest.mark.parametrize(("size", "side"), [((21, 393), 48), ((530, 50), 128), ((96, 400), 64), ((48, 48), 16)])
def test_losses_and_slope_are_those_of_the_whole(network64, source64, size, side):
    assert_same(network64, source64(*size), [source64(40, 56, 1)], StyleSettings(), side)


@pytest.mark.parametrize("style_distance", ["gram", "moments", "wasserstein"])
def test_with_masks_regions_and_several_styles_too(network64, source64, style_distance):
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


def test_a_seamless_picture_goes_on_over_its_edges_in_tiles_too(network64, source64):
    assert_same(network64, source64(32, 400), [source64(40, 56, 1)], StyleSettings(seamless=True), 208)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_with_any_pooling_it_is_the_whole(network64, source64, pooling):
    network64.set_pooling(pooling)
    assert_same(network64, source64(21, 393), [source64(40, 56, 1)], StyleSettings(pooling=pooling), 48)


def test_with_less_overlap_it_would_not_be_the_same(network64, source64, monkeypatch):
    """What the overlap is for: the test above can fail."""
    monkeypatch.setattr("velatura_daemon.engine.losses.objective.reach_of", lambda layers: reach_of(layers) - 2 * GRID)
    with pytest.raises(AssertionError):
        assert_same(network64, source64(21, 393), [source64(40, 56, 1)], StyleSettings(), 48)


@pytest.mark.parametrize("layer", ["conv1_1", "conv5_4"])
def test_content_at_any_layer_is_that_of_the_whole(network64, source64, layer):
    """The overlap goes with the deepest layer: conv5_4 looks farther than the style layers do."""
    assert_same(network64, source64(21, 650), [source64(40, 56, 1)], StyleSettings(content_layer=layer), 48)


@pytest.mark.parametrize("layer", ["conv1_2", "conv4_2", "conv5_1", "conv5_4"])
def test_features_in_tiles_are_those_of_the_whole(network64, source64, layer):
    image = source64(48, 496).image
    torch.testing.assert_close(
        features_of(network64, image, layer, 64), features_of(network64, image, layer, 0), rtol=1e-10, atol=1e-12
    )


# --- tiles ----------------------------------------------------------------------------------------------
cells = st.integers(1, 40)


@given(cells, cells, cells, st.booleans())
def test_tiles_cover_the_picture_once_on_the_grid_with_the_overlap_that_there_is(rows, columns, most, circular):
    height, width, side = rows * GRID, columns * GRID, most * GRID
    seen = torch.zeros(height, width)
    for tile in tiles(height, width, side, REACH, circular):
        tile.inner.of(seen).add_(1)
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


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 60), st.integers(1, 60))
def test_what_is_cut_over_the_edges_is_the_picture_repeated(left, top, width, height):
    image = torch.arange(7 * 9).reshape(1, 7, 9)
    found = cut(image, Box(left, top, width, height), circular=True)
    for y, x in ((0, 0), (height - 1, width - 1), (height // 2, width // 3)):
        assert found[0, y, x] == image[0, (top + y) % 7, (left + x) % 9]


# --- memory that does not hold out ------------------------------------------------------------------------
class Scarce(torch.nn.Module):
    """A network that has room for so many pixels and no more."""

    def __init__(self, network, pixels):
        super().__init__()
        self.network, self.pixels = network, pixels
        self.refused = 0

    def __getattr__(self, name):
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self.network, name)

    def forward(self, image, wanted, circular=False):
        if image.shape[1] * image.shape[2] > self.pixels:
            self.refused += 1
            raise torch.OutOfMemoryError("no room")
        return self.network(image, wanted, circular=circular)


def test_without_memory_a_job_goes_on_in_smaller_tiles_and_says_so(network64, source64):
    content, styles = source64(32, 1024), [source64(40, 56, 1)]
    whole = objective(network64, content, styles, StyleSettings())
    whole.network = scarce = Scarce(network64, 32 * 700)
    image = content.image.clone()
    evaluation = Evaluation(whole, image)
    _, slope = evaluation(image)
    assert scarce.refused
    assert evaluation.side == 256
    assert "tiles of 256" in evaluation.warnings[-1]
    whole.network = network64
    torch.testing.assert_close(
        slope, Evaluation(whole, image)(image)[1], rtol=1e-8, atol=1e-9 * float(slope.abs().max())
    )


def test_where_not_even_the_smallest_tile_fits_it_is_told(network64, source64):
    content = source64(32, 512)
    whole = objective(network64, content, [source64(40, 56, 1)], StyleSettings())
    whole.network = Scarce(network64, 10)
    with pytest.raises(torch.OutOfMemoryError):
        Evaluation(whole, content.image)(content.image)


def test_other_errors_are_not_taken_for_a_want_of_memory(network64, source64):
    def broken(image):
        raise RuntimeError("somenetwork64g else")

    with pytest.raises(RuntimeError, match="somenetwork64g else"):
        Evaluation(broken, source64(32, 32).image)(source64(32, 32).image)


@given(st.integers(0, LARGEST_TILE), st.integers(SMALLEST_TILE, 1 << 15))
def test_smaller_tiles_come_to_an_end(side, longest):
    seen = 0
    while side := smaller_side(side, longest):
        assert side >= SMALLEST_TILE
        assert side % GRID == 0
        seen += 1
    assert seen < 12


# --- the plan -------------------------------------------------------------------------------------------
sizes = st.integers(1, 1000).map(lambda n: n * GRID)
rooms = st.integers(1 << 30, 1 << 38)


@given(sizes, sizes, rooms, st.sampled_from([2, 4]))
def test_a_plan_keeps_to_the_room_or_takes_the_least_there_is(height, width, room, element):
    plan = plan_memory(height, width, MemoryBudget(room), element)
    least = plan.side == SMALLEST_TILE and plan.pairs == MIN_PAIRS
    assert plan.bytes <= room or least
    assert MIN_PAIRS <= plan.pairs <= PAIRS


@given(sizes, sizes)
def test_where_there_is_room_a_picture_is_in_one_piece(height, width):
    plan = plan_memory(height, width, UNLIMITED)
    assert (plan.side, plan.pairs, plan.on_host) == (0, PAIRS, False)


def test_over_the_devices_memory_the_optimisers_state_lies_in_the_machines():
    plan = plan_memory(16384, 16384, MemoryBudget(BASE_BYTES + (16 << 30), host_bytes=256 << 30), element=2)
    assert plan.on_host
    assert plan.side
    assert plan.bytes <= BASE_BYTES + (16 << 30)


def test_a_large_picture_in_large_tiles_is_at_most_twice_the_work():
    assert work_factor(8192, 8192, 0) == 1
    assert work_factor(8192, 8192, 2048) < 2 < work_factor(8192, 8192, 512)


def test_a_whole_restyle_in_tiles_is_the_one_in_one_piece(network64, source64):
    content, styles = source64(64, 400), [source64(40, 56, 1)]
    settings = StyleSettings(
        iterations=8, quality="draft", optimiser="adam"
    )  # L-BFGS has fewer pairs where there is no room
    pictures, sides = [], []
    for room in (UNLIMITED, MemoryBudget(BASE_BYTES)):
        *_, last = stylise(content, styles, settings, network64, room=room)
        pictures.append(last.image)
        sides.append(plan_memory(64, 400, room, network64.element).side)
    assert sides == [0, SMALLEST_TILE]
    torch.testing.assert_close(pictures[1], pictures[0], rtol=0, atol=1e-6)


def test_every_layer_can_be_told_by_name():
    """The wire's list of layers, which knows no torch, is the network's."""
    from velatura.settings import NETWORK_LAYERS

    assert NETWORK_LAYERS == LAYERS

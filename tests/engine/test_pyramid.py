"""The pyramid: from coarse to the image's own size, with the requested steps."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.pyramid import COARSEST_SIDE, MIN_GROWTH, SCHEDULES, Scale, scales_for
from velatura_daemon.memory_plan import GRID

sides = st.integers(2, 20000)
qualities = st.sampled_from(["draft", "good", "best"])


@given(sides, sides, st.sampled_from(["good", "best", "paper"]))
def test_the_last_scale_is_the_images_own_size(width, height, quality):
    last = scales_for(width, height, StyleSettings(quality=quality))[-1]
    assert (last.width, last.height) == (width, height)


@given(st.integers(2, 512), st.integers(2, 512))
def test_so_it_is_in_a_small_draft(width, height):
    last = scales_for(width, height, StyleSettings(quality="draft"))[-1]
    assert (last.width, last.height) == (width, height)


@given(sides, sides)
def test_a_larger_draft_ends_at_512_pixels_in_the_images_proportions(width, height):
    assume(max(width, height) > 512)
    last, factor = scales_for(width, height, StyleSettings(quality="draft"))[-1], 512 / max(width, height)
    assert max(last.width, last.height) == 512
    assert last.width == pytest.approx(max(2, width * factor), abs=0.5)
    assert last.height == pytest.approx(max(2, height * factor), abs=0.5)


@given(sides, sides)
def test_all_larger_drafts_take_the_same_steps(width, height):
    assume(max(width, height) > 512)
    assert [s.steps for s in scales_for(width, height, StyleSettings(quality="draft"))] == [13, 5, 2]


@given(sides, sides, qualities)
def test_the_first_scale_is_about_the_coarsest(width, height, quality):
    first = scales_for(width, height, StyleSettings(quality=quality))[0]
    longest = max(first.width, first.height)
    assert longest == COARSEST_SIDE or longest == max(width, height) < COARSEST_SIDE * MIN_GROWTH


@given(sides, sides, qualities)
def test_each_scale_is_about_twice_the_one_before(width, height, quality):
    scales = scales_for(width, height, StyleSettings(quality=quality))
    for coarse, fine in itertools.pairwise(scales):
        growth = max(fine.width, fine.height) / max(coarse.width, coarse.height)
        assert growth == 2 or (fine is scales[-1] and MIN_GROWTH <= growth < 2 * MIN_GROWTH)


@given(st.integers(64, 20000), st.integers(2, 12), qualities)
def test_an_image_and_a_smaller_version_of_it_share_their_coarse_scales(side, times, quality):
    """A restyle at screen size shows what the large one begins with."""
    settings = StyleSettings(quality=quality)
    small, large = (scales_for(4 * n, 3 * n, settings) for n in (side, side * times))
    assert large[: len(small) - 1] == small[:-1]


@given(sides, sides, qualities)
def test_the_scales_of_a_seamless_image_lie_on_the_grid(width, height, quality):
    for scale in scales_for(width, height, StyleSettings(quality=quality, seamless=True)):
        assert scale.padded == (scale.height, scale.width)


@given(sides, sides, qualities)
def test_every_scale_has_sides_of_at_least_2_and_a_step(width, height, quality):
    for scale in scales_for(width, height, StyleSettings(quality=quality, iterations=1)):
        assert min(scale.width, scale.height) >= 2
        assert scale.steps >= 1


@given(sides, sides, qualities)
def test_finer_scales_take_no_more_steps_than_coarser_ones(width, height, quality):
    steps = [s.steps for s in scales_for(width, height, StyleSettings(quality=quality))]
    assert steps == sorted(steps, reverse=True)


@given(sides, sides, qualities, st.integers(1, 20000))
def test_iterations_are_distributed_over_the_scales(width, height, quality, iterations):
    scales = scales_for(width, height, StyleSettings(quality=quality, iterations=iterations))
    assert abs(sum(s.steps for s in scales) - iterations) <= len(scales)


@given(sides, sides)
def test_a_better_quality_takes_more_steps(width, height):
    def steps(quality):
        return sum(s.steps for s in scales_for(width, height, StyleSettings(quality=quality)))

    assert steps("draft") < steps("good") < steps("best")


@pytest.mark.parametrize(("asked", "taken"), [(0, 500), (30, 30)])
def test_paper_has_one_scale_of_the_images_size(asked, taken):
    assert scales_for(3000, 2000, StyleSettings(quality="paper", iterations=asked)) == [Scale(3000, 2000, taken)]


@given(sides, sides)
def test_padding_extends_to_the_grid_and_no_farther(width, height):
    padded_height, padded_width = Scale(width, height, 1).padded
    assert padded_height % GRID == padded_width % GRID == 0
    assert 0 <= padded_height - height < GRID
    assert 0 <= padded_width - width < GRID


def test_a_small_draft_gets_the_steps_of_a_first_scale():
    """Two, those of a draft's last scale, are too few without a coarser scale before it."""
    (only,) = scales_for(96, 128, StyleSettings(quality="draft"))
    assert only.steps == SCHEDULES["draft"].first

"""The palette's numbers: means and covariances of RGB, over what counts, at full size and in blocks."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.colour_statistics import BLOCKS, colour_loss, colour_moments
from velatura_daemon.engine.regions import all_of
from velatura_daemon.engine.weighting import weighting_for

seeds = st.integers(0, 2**31 - 1)


def picture(seed, height=12, width=16):
    return torch.rand(3, height, width, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def moments(image):
    return colour_moments(image, all_of(image))


@given(seeds)
def test_the_moments_hold_mean_and_covariance(seed):
    image = picture(seed)
    whole, blocks = moments(image)
    small = image.reshape(3, 3, 4, 4, 4).mean((2, 4))
    for moment, pixels in ((whole, image.flatten(1)), (blocks, small.flatten(1))):
        mean = moment[0, 1:]
        torch.testing.assert_close(mean, pixels.mean(1))
        torch.testing.assert_close(moment[1:, 1:] - torch.outer(mean, mean), torch.cov(pixels, correction=0))


@given(seeds)
def test_what_does_not_count_has_no_say(seed):
    image, other = picture(seed), picture(seed + 1)
    weight = torch.zeros(12, 16, dtype=torch.float64)
    weight[4:8, 4:12] = 1
    mixed = torch.where(weight > 0, image, other)
    for a, b in zip(colour_moments(image, weight), colour_moments(mixed, weight), strict=True):
        torch.testing.assert_close(a, b)


def test_the_loss_is_nothing_for_the_same_colours_in_other_places_of_a_block():
    image = picture(1)
    assert float(colour_loss(moments(image), moments(image.flip(1).flip(2)))) == pytest.approx(0, abs=1e-12)


def test_a_shift_of_all_colours_costs_its_square():
    image = picture(2) * 0.5
    assert float(colour_loss(moments(image + 0.1), moments(image))) == pytest.approx(3 * 0.1**2)


def test_more_contrast_costs_too():
    image = picture(3)
    paler = 0.5 + 0.5 * (image - 0.5)
    assert float(colour_loss(moments(paler), moments(image))) > 1e-3


def test_the_slope_is_the_losses():
    image, target = picture(4, 8, 8).requires_grad_(True), moments(picture(5, 8, 8))
    assert torch.autograd.gradcheck(lambda x: colour_loss(moments(x), target), image)


def test_a_mixture_of_styles_has_the_mean_of_their_moments():
    one, two = picture(6), picture(7)
    both = torch.cat([one, two], dim=2)
    for a, b, c in zip(moments(one), moments(two), moments(both), strict=True):
        torch.testing.assert_close((a + b) / 2, c)


def test_a_flat_style_gives_numbers():
    flat = torch.full((3, 8, 8), 0.3)
    assert bool(torch.isfinite(colour_loss(moments(torch.rand(3, 8, 8)), moments(flat))))
    assert len(BLOCKS) == len(moments(flat))


def test_colours_count_by_themselves_only_where_the_network_leaves_them_open():
    settings = StyleSettings(quality="good")
    assert weighting_for(settings, 512, 100, sees_colour_poorly=True).gamma > 0
    assert weighting_for(settings, 512, 100, sees_colour_poorly=False).gamma == 0


def test_paper_keeps_the_articles_loss():
    weighting = weighting_for(StyleSettings(quality="paper"), 512, 100, sees_colour_poorly=True)
    assert weighting.gamma == 0
    assert weighting.tau == 0

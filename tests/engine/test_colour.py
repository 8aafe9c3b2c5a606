"""Keeping the content's colours: luminance and palette."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from velatura_daemon.engine.colour import luminance, match_colours, restore_colours


def mean_and_covariance(image, weight):
    colours, weight = image.double().flatten(1), weight.double().flatten() / weight.double().sum()
    mean = colours @ weight
    centred = colours - mean[:, None]
    return mean, (centred * weight) @ centred.T


def muted(source):
    """With colours around the middle, so that no matched colour is clipped."""
    return replace(source, image=0.4 + 0.2 * source.image)


def test_off_leaves_the_images_as_they_are(source):
    content, style = source(16, 16, 0), source(16, 16, 1)
    assert match_colours(content, [style], "off") == (content, [style])


def test_palette_gives_the_style_the_contents_mean_and_covariance(source):
    content, style = muted(source(24, 32, 0)), muted(source(40, 20, 1))
    shown, (matched,) = match_colours(content, [style], "palette")
    assert shown is content
    for ours, theirs in zip(
        mean_and_covariance(matched.image, style.weight),
        mean_and_covariance(content.image, content.weight),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=1e-4)


def test_palette_uses_only_pixels_that_count(source):
    weight = torch.zeros(24, 32)
    weight[:, :10] = 1
    content, style = muted(source(24, 32, 0, weight=weight)), muted(source(20, 20, 1))
    _, (matched,) = match_colours(content, [style], "palette")
    mean, _ = mean_and_covariance(matched.image, style.weight)
    torch.testing.assert_close(mean, content.image[:, :, :10].double().mean((1, 2)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("keep", ["luminance", "palette"])
def test_flat_images_stay_finite(source, keep):
    flat = replace(source(16, 16, 1), image=torch.full((3, 16, 16), 0.5))
    for content, style in ((source(16, 16), flat), (flat, source(16, 16)), (flat, flat)):
        _, (matched,) = match_colours(content, [style], keep)
        assert torch.isfinite(matched.image).all()


def test_luminance_gives_greys_of_the_contents_mean_and_deviation(source):
    content, style = muted(source(24, 32, 0)), muted(source(40, 20, 1))
    shown, (matched,) = match_colours(content, [style], "luminance")
    for image in (shown.image, matched.image):
        assert torch.equal(image[0], image[1])
        assert torch.equal(image[1], image[2])
    light, theirs = matched.image[0], luminance(content.image)
    assert float(light.mean()) == pytest.approx(float(theirs.mean()), abs=1e-4)
    assert float(light.std(correction=0)) == pytest.approx(float(theirs.std(correction=0)), rel=1e-2)


def test_luminance_restores_the_contents_chroma_and_keeps_the_results_luminance(source):
    content, image = source(16, 20, 0).image, source(16, 20, 1).image
    result = restore_colours(image, content, "luminance")
    torch.testing.assert_close(result - luminance(result), content - luminance(content), rtol=0, atol=1e-6)
    torch.testing.assert_close(luminance(result), luminance(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("keep", ["off", "palette"])
def test_otherwise_the_result_is_returned_unchanged(source, keep):
    image = source(8, 8, 1).image
    assert restore_colours(image, source(8, 8).image, keep) is image


@hypothesis_settings(max_examples=20)
@given(st.sampled_from(["luminance", "palette"]), st.integers(0, 5), st.integers(0, 5))
def test_a_matched_image_has_a_key_of_its_own(source, keep, one, other):
    """Targets of one way to keep colours must not be used for another."""
    content, style = source(8, 8, one), source(8, 8, other)
    shown, (matched,) = match_colours(content, [style], keep)
    assert matched.key != style.key
    other_way = {"luminance": "palette", "palette": "luminance"}[keep]
    assert matched.key != match_colours(content, [style], other_way)[1][0].key
    assert (shown.key == content.key) == (keep == "palette")

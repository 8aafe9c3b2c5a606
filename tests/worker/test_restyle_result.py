"""A job's result: format, profile, what strength 0 leaves as it is, and the cache of targets."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import imagecodecs
import numpy as np
import pytest

from tests.support.restyle_jobs import (
    HEIGHT,
    WIDTH,
    Recorder,
    left_half,
    mask_of,
    noise,
    picture_of,
    samples_of,
    with_alpha,
)
from velatura_daemon.jobs.events import Estimated


@pytest.mark.parametrize(
    ("channels", "sample"),
    [("RGB", "u8"), ("RGBA", "u16"), ("BGRA", "u8"), ("GRAY", "u16"), ("GRAYA", "f16"), ("RGB", "f32")],
)
def test_the_result_has_the_contents_size_and_format(jobs, channels, sample):
    content = noise(channels=channels, sample=sample)
    ending, result = jobs.run(content)
    assert (result.width, result.height, result.format) == (WIDTH, HEIGHT, content.format)
    assert bytes(result.data) != content.data
    assert (ending.left, ending.top) == (0, 0)


def test_the_results_name_is_the_hash_of_its_file(jobs):
    ending, result = jobs.run(noise())
    assert ending.picture.blob == hashlib.sha256(result.data).digest()


def test_the_end_of_a_job_reports_weights_device_losses_and_start(jobs):
    ending, _ = jobs.run(noise())
    assert (ending.weights, ending.device, ending.started_from) == ("test weights", "cpu", "content")
    assert ending.content_loss > 0
    assert ending.style_loss > 0


def test_result_and_last_image_are_private_files(jobs):
    jobs.run(noise())
    assert {(jobs.folder / name).stat().st_mode & 0o777 for name in ("result", "last")} == {0o600}


def test_the_result_has_the_contents_colour_profile(jobs):
    profile = imagecodecs.cms_profile("adobergb")
    content = noise(profile=profile)
    ending, _ = jobs.run(content)
    assert ending.picture.profile == hashlib.sha256(profile).digest()


def test_a_grey_layer_gets_a_grey_result_from_a_coloured_style(jobs):
    content = noise(channels="GRAY")
    _, result = jobs.run(content)
    assert result.format.channels == "GRAY"
    assert bytes(result.data) != content.data


def test_for_a_grey_layer_the_style_is_converted_to_grey(jobs):
    content, style = noise(channels="GRAY"), noise(16, 16, sample="f32", seed=1)
    grey = (samples_of(style) @ np.array([0.299, 0.587, 0.114], np.float32))[..., None]
    of_colour, of_grey = (jobs.run(content, styles=[s])[1] for s in (style, picture_of(grey, "GRAY", "f32")))
    difference = samples_of(of_colour).astype(int) - samples_of(of_grey)
    assert abs(difference).max() <= 1


def test_a_style_may_be_grey_or_of_another_depth(jobs):
    _, result = jobs.run(noise(), styles=[noise(9, 30, "GRAYA", "u16"), noise(16, 16, "BGRA", "f32", curve="linear")])
    assert (result.width, result.height) == (WIDTH, HEIGHT)


@pytest.mark.parametrize("composite", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_strength_0_returns_the_content_unchanged_to_the_bit(jobs, composite, masked):
    content = noise(channels="RGBA", sample="u16")
    _, result = jobs.run(content, mask_of(left_half()) if masked else None, strength=0, composite=composite)
    assert bytes(result.data) == content.data


@pytest.mark.parametrize("curve", ["srgb", "linear"])
def test_the_excess_of_floats_beyond_0_and_1_is_removed_first_and_added_again(jobs, curve):
    values = noise(sample="f32").data
    inside = np.frombuffer(values, np.float32).reshape(HEIGHT, WIDTH, 3)
    bright = inside.copy()
    bright[3, 5] = (3.0, 1.25, -0.5)
    clipped = picture_of(bright.clip(0, 1), "RGB", "f32", curve=curve)
    plain = samples_of(jobs.run(clipped)[1])
    found = samples_of(jobs.run(picture_of(bright, "RGB", "f32", curve=curve))[1])
    # Two float32 results through the sRGB curve: some 1e-6 of rounding, more on one processor than on another. The
    # excess is 0.25 and more.
    np.testing.assert_allclose(found - plain, bright - bright.clip(0, 1), rtol=0, atol=1e-4)


def test_a_style_with_a_region_applies_there_and_not_elsewhere(jobs):
    """Without a style, the picture changes only by what the network makes of the content."""
    content = noise(64, 96)
    region = picture_of(
        np.repeat(np.linspace(255, 0, 96)[None, :, None] > 128, 64, 0).astype(np.uint8) * 255,
        "GRAY",
        "u8",
        curve="linear",
    )
    _, result = jobs.run(content, region=region, iterations=6)
    change = np.abs(samples_of(result) - samples_of(content).astype(float)).mean((0, 2))
    assert change[:32].mean() > 2 * change[64:].mean()


def test_the_estimate_is_reported_before_the_first_step(jobs):
    sink = Recorder()
    jobs.run(noise(), sink=sink)
    assert isinstance(sink.events[0], Estimated)
    assert sink.events[0].seconds > 0


def test_strength_0_does_not_touch_floats_beyond_0_and_1(jobs):
    content = picture_of(
        np.linspace(-2, 5, HEIGHT * WIDTH * 3, dtype=np.float32).reshape(HEIGHT, WIDTH, 3), "RGB", "f32"
    )
    _, result = jobs.run(content, strength=0)
    assert bytes(result.data) == content.data


def test_quality_paper_restyles_even_at_strength_0(jobs):
    content = noise()
    _, result = jobs.run(content, strength=0, quality="paper")
    assert bytes(result.data) != content.data


@pytest.mark.parametrize("change", [{"curve": "linear"}, {"channels": "BGRA"}], ids=str)
def test_the_cache_distinguishes_the_same_bytes_in_another_format(jobs, change):
    content, style = noise(channels="RGBA"), with_alpha(noise(16, 16, "RGBA", seed=1), 255)
    jobs.run(content, styles=[style])
    content, style = (replace(p, format=replace(p.format, **change)) for p in (content, style))
    warm = jobs.run(content, styles=[style])[1]
    jobs.cache.clear()
    assert bytes(jobs.run(content, styles=[style])[1].data) == bytes(warm.data)


def test_the_cache_distinguishes_the_same_pixels_in_another_profile(jobs):
    style = noise(16, 16, seed=1)
    adobe = replace(style, format=replace(style.format, profile=imagecodecs.cms_profile("adobergb")))
    jobs.run(noise(), styles=[style])
    warm = jobs.run(noise(), styles=[adobe])[1]
    jobs.cache.clear()
    assert bytes(jobs.run(noise(), styles=[adobe])[1].data) == bytes(warm.data)


def test_a_second_run_takes_its_targets_from_the_cache_and_gives_the_same_result(jobs):
    first = jobs.run(noise())[1]
    misses = jobs.cache.misses
    assert bytes(jobs.run(noise())[1].data) == bytes(first.data)
    assert jobs.cache.misses == misses

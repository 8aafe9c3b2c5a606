"""Selections, regions and transparency: what a restyle changes, leaves to the bit, and refuses."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.restyle_jobs import (
    HEIGHT,
    WIDTH,
    feathered,
    left_half,
    mask_of,
    noise,
    picture_of,
    samples_of,
    with_alpha,
)
from velatura.errors import BadMask, BadPixels, NothingToRestyle
from velatura_daemon.imaging.colour_io import DTYPES, WHOLE


# --- selections -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("channels", "sample"), [("RGB", "u8"), ("RGBA", "u16"), ("BGRA", "u8"), ("RGBA", "f32"), ("GRAYA", "f16")]
)
@pytest.mark.parametrize("keep", ["off", "luminance"])
def test_outside_the_selection_nothing_changes(jobs, channels, sample, keep):
    content = noise(channels=channels, sample=sample)
    _, result = jobs.run(content, mask_of(left_half()), composite=True, keep_colours=keep)
    before, after = samples_of(content), samples_of(result)
    assert after[:, WIDTH // 2 :].tobytes() == before[:, WIDTH // 2 :].tobytes()
    assert after[:, : WIDTH // 2].tobytes() != before[:, : WIDTH // 2].tobytes()


def test_outside_the_selection_nothing_changes_even_beyond_0_and_1(jobs):
    content = picture_of(np.random.default_rng(0).uniform(-1, 3, (HEIGHT, WIDTH, 3)).astype(np.float32), "RGB", "f32")
    _, result = jobs.run(content, mask_of(left_half()), composite=True)
    assert samples_of(result)[:, WIDTH // 2 :].tobytes() == samples_of(content)[:, WIDTH // 2 :].tobytes()


def test_the_contents_alpha_never_changes(jobs):
    content = noise(channels="RGBA", sample="u16")
    _, result = jobs.run(content, mask_of(feathered()), composite=True)
    assert samples_of(result)[..., 3].tobytes() == samples_of(content)[..., 3].tobytes()


def test_without_composite_the_result_is_a_box_around_the_selection(jobs):
    content, selection = noise(16, 240), np.zeros((16, 240))
    selection[4:9, 200:220] = 255
    ending, result = jobs.run(content, mask_of(selection))
    assert (ending.left, ending.top) == (240 - result.width, 0)
    assert ending.left <= 200 - 64
    assert (result.width % 16, result.height) == (0, 16)


def test_with_composite_the_result_is_the_whole_picture(jobs):
    content, selection = noise(16, 240), np.zeros((16, 240))
    selection[4:9, 200:220] = 255
    ending, result = jobs.run(content, mask_of(selection), composite=True)
    assert (ending.left, ending.top, result.width, result.height) == (0, 0, 240, 16)
    changed = (samples_of(result) != samples_of(content)).any(axis=2)
    assert changed.any()
    assert not changed[selection == 0].any()


def test_a_feathered_selection_blends_in_proportion_to_its_value(jobs):
    content, mask = noise(), feathered()
    _, unblended = jobs.run(content, mask_of(mask))
    _, blended = jobs.run(content, mask_of(mask), composite=True)
    share = (mask / 255)[..., None]
    expected = samples_of(content) * (1 - share) + samples_of(unblended) * share
    np.testing.assert_allclose(samples_of(blended), expected, rtol=0, atol=1.01)  # of 255: both were rounded


@pytest.mark.parametrize("composite", [True, False])
def test_outside_all_regions_nothing_changes_and_soft_edges_blend(jobs, composite):
    content = noise(sample="u16")
    values = np.concatenate([np.linspace(255, 1, WIDTH // 2).round(), np.zeros(WIDTH // 2)])
    region = mask_of(np.tile(values, (HEIGHT, 1)))
    _, result = jobs.run(content, region=region, composite=composite, strength=90)
    change = np.abs(samples_of(result).astype(float) - samples_of(content)).mean((0, 2))
    assert (change[WIDTH // 2 :] == 0).all()
    assert change[: WIDTH // 8].mean() > 3 * change[3 * WIDTH // 8 : WIDTH // 2].mean() > 0


def test_with_everything_selected_composite_is_the_same_picture(jobs):
    content, mask = noise(), mask_of(np.full((HEIGHT, WIDTH), 255))
    assert bytes(jobs.run(content, mask, composite=True)[1].data) == bytes(jobs.run(content)[1].data)


def test_the_kept_colours_of_a_seamless_layer_have_no_jump_at_its_edges(jobs):
    across = np.linspace(0, 255, 64).astype(np.uint8)
    samples = np.stack([across, np.full(64, 128, np.uint8), across[::-1]], axis=1)[None].repeat(32, axis=0)
    _, result = jobs.run(picture_of(samples, "RGB", "u8"), seamless=True, keep_colours="luminance")
    redness = samples_of(result).astype(float) @ [1, 0, -1]
    assert np.abs(redness[:, 0] - redness[:, -1]).mean() < 25  # of 510


@pytest.mark.parametrize("sample", ["u16", "f16", "f32"])
def test_a_mask_may_have_any_depth(jobs, sample):
    values = (left_half() / 255 * WHOLE.get(sample, 1)).astype(DTYPES[sample])[..., None]
    content = noise()
    _, result = jobs.run(content, picture_of(values, "GRAY", sample, curve="linear"), composite=True)
    assert bytes(result.data) == bytes(jobs.run(content, mask_of(left_half()), composite=True)[1].data)


@pytest.mark.parametrize("size", [(HEIGHT, WIDTH - 1), (WIDTH, HEIGHT)])
def test_a_mask_of_another_size_is_refused(jobs, size):
    with pytest.raises(BadMask, match=f"{size[1]} × {size[0]} pixels and the picture {WIDTH} × {HEIGHT}"):
        jobs.run(noise(), mask_of(np.full(size, 255)))


def test_an_empty_selection_is_refused(jobs):
    with pytest.raises(NothingToRestyle, match="part to restyle is empty"):
        jobs.run(noise(), mask_of(np.zeros((HEIGHT, WIDTH))))


# --- transparency ---------------------------------------------------------------------------------------
def test_a_fully_transparent_layer_is_refused(jobs):
    with pytest.raises(NothingToRestyle, match="fully transparent where it is to be restyled"):
        jobs.run(with_alpha(noise(channels="RGBA"), 0))


def test_a_selection_of_transparent_pixels_is_refused(jobs):
    alpha = 255 - left_half()
    with pytest.raises(NothingToRestyle, match="fully transparent where it is to be restyled"):
        jobs.run(with_alpha(noise(channels="RGBA"), alpha), mask_of(left_half()))


def test_a_fully_transparent_style_is_refused(jobs):
    with pytest.raises(NothingToRestyle, match="style picture is fully transparent"):
        jobs.run(noise(), styles=[with_alpha(noise(channels="RGBA"), 0)])


@pytest.mark.parametrize("composite", [False, True])
@pytest.mark.parametrize("keep", ["off", "luminance", "palette"])
def test_the_bytes_of_transparent_pixels_do_not_change(jobs, composite, keep):
    content = with_alpha(noise(channels="RGBA", sample="u16"), left_half() * 257)
    _, result = jobs.run(content, composite=composite, keep_colours=keep)
    hidden = left_half() == 0
    assert samples_of(result)[hidden].tobytes() == samples_of(content)[hidden].tobytes()
    assert samples_of(result)[~hidden].tobytes() != samples_of(content)[~hidden].tobytes()


def test_the_colours_of_transparent_pixels_do_not_affect_the_others(jobs):
    alpha = left_half()
    one = with_alpha(noise(channels="RGBA"), alpha)
    samples = samples_of(one).copy()
    samples[alpha == 0, :3] = 255
    other = picture_of(samples, "RGBA", "u8")
    results = [samples_of(jobs.run(content)[1])[alpha > 0] for content in (one, other)]
    assert results[0].tobytes() == results[1].tobytes()


def test_pixels_that_are_not_numbers_are_refused(jobs):
    samples = samples_of(noise(sample="f32")).copy()
    samples[3, 5, 1] = np.nan
    with pytest.raises(BadPixels, match="column 5, row 3"):
        jobs.run(picture_of(samples, "RGB", "f32"))

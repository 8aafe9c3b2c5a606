"""Colours: out of every format and back to the bit, alpha left alone, profiles honoured; colours kept where asked."""

from __future__ import annotations

from dataclasses import replace

import imagecodecs
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from velatura.errors import BadMask, BadPixels, BadProfile
from velatura.pixels import CHANNELS, CURVES, MASK_FORMAT, Picture, PixelFormat
from velatura_daemon.engine import colour
from velatura_daemon.engine.colour import DTYPES, WHOLE, decode, encode

channel_orders, curves = st.sampled_from(sorted(CHANNELS)), st.sampled_from(CURVES)
whole_formats = st.builds(PixelFormat, channel_orders, st.sampled_from(["u8", "u16"]), curves)
float_formats = st.builds(PixelFormat, channel_orders, st.sampled_from(["f16", "f32"]), curves)
ADOBE = imagecodecs.cms_profile("adobergb")
GREY = imagecodecs.cms_profile("gray", gamma=2.2)


def picture_of(samples, channels, profile=b"", curve="srgb"):
    sample = next(name for name, kind in DTYPES.items() if kind == samples.dtype)
    return Picture(samples.shape[1], samples.shape[0], PixelFormat(channels, sample, curve, profile), samples.tobytes())


def samples_of(picture):
    shape = (picture.height, picture.width, CHANNELS[picture.format.channels])
    return np.frombuffer(picture.data, DTYPES[picture.format.sample]).reshape(shape)


def random_samples(height, width, channels, sample, seed=0):
    values = np.random.default_rng(seed).random((height, width, channels)) * WHOLE.get(sample, 1)
    return values.astype(DTYPES[sample])


def grey_to_colour(samples, channels):
    """Grey samples (H, W, 1) in every colour channel and, where there is one, in alpha."""
    return np.repeat(samples, CHANNELS[channels], axis=2)


# --- in and out -----------------------------------------------------------------------------------------
@given(whole_formats, st.integers(2, 5), st.integers(2, 5), st.data())
def test_whole_numbers_come_back_to_the_bit(fmt, width, height, data):
    length = width * height * fmt.bytes_per_pixel
    picture = Picture(width, height, fmt, data.draw(st.binary(min_size=length, max_size=length)))
    back = encode(decode(picture)[0], picture)
    assert bytes(back.data) == picture.data
    assert back.format == fmt


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("channels", ["GRAY", "GRAYA", "RGB", "BGRA"])
def test_each_of_65536_values_comes_back(channels, curve):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    picture = picture_of(grey_to_colour(values, channels), channels, curve=curve)
    assert bytes(encode(decode(picture)[0], picture).data) == picture.data


@given(float_formats, st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**31))
def test_floats_come_back_within_their_precision(fmt, width, height, seed):
    samples = random_samples(height, width, CHANNELS[fmt.channels], fmt.sample, seed)
    picture = Picture(width, height, fmt, samples.tobytes())
    back = samples_of(encode(decode(picture)[0], picture))
    np.testing.assert_allclose(back, samples, rtol=0, atol={"f16": 1e-3, "f32": 2e-6}[fmt.sample])


@given(st.sampled_from(["GRAYA", "RGBA", "BGRA"]), st.sampled_from(sorted(DTYPES)), st.integers(0, 2**31))
def test_alpha_is_untouched_whatever_the_colours_become(channels, sample, seed):
    samples = random_samples(3, 4, CHANNELS[channels], sample, seed)
    picture = picture_of(samples, channels)
    result = encode(torch.rand(3, 3, 4), picture)
    assert samples_of(result)[..., -1].tobytes() == samples[..., -1].tobytes()


def test_alpha_is_read_as_a_share():
    samples = np.array([[[9, 0], [9, 51]], [[9, 204], [9, 255]]], np.uint8)
    _, alpha = decode(picture_of(samples, "GRAYA"))
    torch.testing.assert_close(alpha, torch.tensor([[0.0, 0.2], [0.8, 1.0]]))


def test_without_alpha_everything_is_visible():
    _, alpha = decode(picture_of(random_samples(2, 3, 3, "u8"), "RGB"))
    assert torch.equal(alpha, torch.ones(2, 3))


@pytest.mark.parametrize(
    ("channels", "pixel"), [("RGB", [255, 51, 0]), ("RGBA", [255, 51, 0, 9]), ("BGRA", [0, 51, 255, 9])]
)
def test_red_is_read_as_red_in_each_order_of_channels(channels, pixel):
    image, _ = decode(picture_of(np.full((2, 2, len(pixel)), pixel, np.uint8), channels))
    torch.testing.assert_close(image, torch.tensor([1.0, 0.2, 0.0]).view(3, 1, 1).expand(3, 2, 2))


def test_grey_is_read_into_all_three_channels():
    image, _ = decode(picture_of(np.full((2, 2, 1), 51, np.uint8), "GRAY"))
    torch.testing.assert_close(image, torch.full((3, 2, 2), 0.2))


def test_a_linear_picture_is_read_with_the_srgb_curve():
    """IEC 61966-2-1: linear 0.2140 is coded as 0.5; linear 0.001 lies on the straight part, times 12.92."""
    samples = np.array([[[0.21404114], [0.001]], [[0.0], [1.0]]], np.float32)
    image, _ = decode(picture_of(samples, "GRAY", curve="linear"))
    torch.testing.assert_close(image[0], torch.tensor([[0.5, 0.01292], [0.0, 1.0]]), rtol=0, atol=1e-6)


@given(st.floats(-2, 4))
def test_decoding_undoes_the_srgb_curve_beyond_0_and_1_too(value):
    values = np.array([value], np.float64)
    np.testing.assert_allclose(colour.srgb_decoded(colour.srgb_encoded(values)), values, rtol=1e-5, atol=1e-6)


def test_floats_beyond_0_and_1_are_clipped_for_the_network():
    image, alpha = decode(picture_of(np.array([[[-3.0, -1.0], [7.0, 2.0]]] * 2, np.float32), "GRAYA"))
    assert (float(image.min()), float(image.max())) == (0.0, 1.0)
    assert (float(alpha.min()), float(alpha.max())) == (0.0, 1.0)


# --- profiles -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("sample", "atol"), [("u8", 0), ("u16", 2), ("f16", 1e-3), ("f32", 1e-4)])
@pytest.mark.parametrize(("channels", "profile"), [("RGB", ADOBE), ("BGRA", ADOBE), ("GRAY", GREY), ("GRAYA", GREY)])
def test_colours_that_the_screen_can_show_come_back_through_their_profile(channels, profile, sample, atol):
    muted = 0.4 + 0.2 * np.random.default_rng(0).random((5, 6, CHANNELS[channels]))
    samples = (muted * WHOLE.get(sample, 1)).astype(DTYPES[sample])
    picture = picture_of(samples, channels, profile)
    back = samples_of(encode(decode(picture)[0], picture))
    np.testing.assert_allclose(back.astype(float), samples.astype(float), rtol=0, atol=atol)


def test_a_profile_says_what_the_numbers_mean():
    """Adobe RGB's green is greener than sRGB's: the same numbers are another colour; greys stay greys."""
    pixels = np.array([[[100, 160, 100], [128, 128, 128]]] * 2, np.uint8)
    plain, _ = decode(picture_of(pixels, "RGB"))
    adobe, _ = decode(picture_of(pixels, "RGB", ADOBE))
    assert float(adobe[0, 0, 0]) < float(plain[0, 0, 0]) - 0.05
    torch.testing.assert_close(adobe[:, 0, 1], plain[:, 0, 1], rtol=0, atol=0.01)


def test_with_a_profile_the_curve_has_no_say():
    pixels = random_samples(3, 3, 3, "u8")
    by_curve = [decode(picture_of(pixels, "RGB", ADOBE, curve))[0] for curve in CURVES]
    assert torch.equal(*by_curve)


@pytest.mark.parametrize(
    ("channels", "profile"),
    [("RGB", b"no profile at all"), ("RGB", ADOBE[:200]), ("GRAY", ADOBE), ("RGB", GREY)],
    ids=["garbage", "cut off", "colour for grey", "grey for colour"],
)
def test_a_profile_that_cannot_be_used_is_refused_in_a_sentence(channels, profile):
    with pytest.raises(BadProfile, match="Assign another profile"):
        decode(picture_of(random_samples(3, 3, CHANNELS[channels], "u8"), channels, profile))


# --- pixels that are no numbers -------------------------------------------------------------------------
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [0, 3])
@pytest.mark.parametrize("sample", ["f16", "f32"])
def test_pixels_that_are_not_numbers_are_counted_and_placed(sample, channel, bad):
    samples = random_samples(6, 9, 4, sample)
    samples[2, 7, channel] = samples[4, 1, channel] = samples[4, 1, 1] = bad
    with pytest.raises(BadPixels, match=r"has 2 pixels .* the first at column 7, row 2\."):
        decode(picture_of(samples, "RGBA"))


# --- masks ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sample", sorted(DTYPES))
def test_a_mask_is_read_at_every_depth(sample):
    values = (np.array([[[0], [0.2]], [[0.8], [1]]]) * WHOLE.get(sample, 1)).astype(DTYPES[sample])
    mask = colour.mask_values(picture_of(values, "GRAY"))
    torch.testing.assert_close(mask, torch.tensor([[0.0, 0.2], [0.8, 1.0]]), rtol=0, atol=1e-3)


def test_a_float_mask_stays_within_0_and_1():
    mask = colour.mask_values(picture_of(np.array([[[-1.0], [3.0]]] * 2, np.float32), "GRAY"))
    assert torch.equal(mask, torch.tensor([[0.0, 1.0]] * 2))


def test_a_mask_with_values_that_are_not_numbers_is_refused():
    with pytest.raises(BadMask, match="not numbers"):
        colour.mask_values(picture_of(np.full((2, 2, 1), np.nan, np.float32), "GRAY"))


def test_a_mask_is_not_a_picture_of_light():
    """Half selected is 0.5: no curve on it."""
    assert float(colour.mask_values(Picture(2, 2, MASK_FORMAT, bytes([128] * 4)))[0, 0]) == pytest.approx(128 / 255)


# --- parts ----------------------------------------------------------------------------------------------
@given(st.sampled_from(sorted(CHANNELS)), st.sampled_from(sorted(DTYPES)), st.data())
def test_a_part_pasted_back_where_it_was_cut_is_the_whole(channels, sample, data):
    whole = picture_of(random_samples(7, 8, CHANNELS[channels], sample), channels)
    left, top = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 6))
    width, height = data.draw(st.integers(1, 8 - left)), data.draw(st.integers(1, 7 - top))
    part = colour.crop(whole, left, top, width, height)
    assert (part.width, part.height, part.format) == (width, height, whole.format)
    assert bytes(colour.paste(part, whole, left, top).data) == whole.data


def test_pasting_changes_its_own_place_only():
    whole, part = (picture_of(np.full((h, w, 3), v, np.uint8), "RGB") for h, w, v in ((4, 5, 1), (2, 3, 9)))
    pasted = samples_of(colour.paste(part, whole, 1, 2))
    assert (pasted[2:4, 1:4] == 9).all()
    assert int((pasted == 9).sum()) == 2 * 3 * 3
    assert samples_of(whole).max() == 1


def test_the_originals_bytes_stay_where_they_are_to_be_kept_even_nan():
    original = picture_of(np.full((2, 2, 1), np.nan, np.float32), "GRAY")
    result = picture_of(np.ones((2, 2, 1), np.float32), "GRAY")
    kept = samples_of(colour.keep_bytes_where(torch.tensor([[True, False], [False, True]]), original, result))
    assert np.isnan(kept[..., 0]).tolist() == [[True, False], [False, True]]


# --- keeping colours ------------------------------------------------------------------------------------
def moments(image, weight):
    colours, weight = image.double().flatten(1), weight.double().flatten() / weight.double().sum()
    mean = colours @ weight
    centred = colours - mean[:, None]
    return mean, (centred * weight) @ centred.T


def muted(source):
    """Around the middle, so that no matched colour is clipped."""
    return replace(source, image=0.4 + 0.2 * source.image)


def test_off_shows_the_pictures_as_they_are(source):
    content, style = source(16, 16, 0), source(16, 16, 1)
    assert colour.before(content, [style], "off") == (content, [style])


def test_palette_gives_the_style_the_contents_mean_and_covariance(source):
    content, style = muted(source(24, 32, 0)), muted(source(40, 20, 1))
    shown, (matched,) = colour.before(content, [style], "palette")
    assert shown is content
    for ours, theirs in zip(moments(matched.image, style.weight), moments(content.image, content.weight), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0.02, atol=1e-4)


def test_palette_looks_only_at_what_counts(source):
    weight = torch.zeros(24, 32)
    weight[:, :10] = 1
    content, style = muted(source(24, 32, 0, weight=weight)), muted(source(20, 20, 1))
    _, (matched,) = colour.before(content, [style], "palette")
    mean, _ = moments(matched.image, style.weight)
    torch.testing.assert_close(mean, content.image[:, :, :10].double().mean((1, 2)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("keep", ["luminance", "palette"])
def test_a_flat_style_gives_numbers(source, keep):
    flat = replace(source(16, 16, 1), image=torch.full((3, 16, 16), 0.5))
    for content, style in ((source(16, 16), flat), (flat, source(16, 16)), (flat, flat)):
        _, (matched,) = colour.before(content, [style], keep)
        assert torch.isfinite(matched.image).all()


def test_luminance_shows_greys_of_the_contents_mean_and_deviation(source):
    content, style = muted(source(24, 32, 0)), muted(source(40, 20, 1))
    shown, (matched,) = colour.before(content, [style], "luminance")
    for image in (shown.image, matched.image):
        assert torch.equal(image[0], image[1])
        assert torch.equal(image[1], image[2])
    light, theirs = matched.image[0], colour.luminance(content.image)
    assert float(light.mean()) == pytest.approx(float(theirs.mean()), abs=1e-4)
    assert float(light.std(correction=0)) == pytest.approx(float(theirs.std(correction=0)), rel=1e-2)


def test_luminance_keeps_the_contents_chroma_and_takes_the_pictures_light(source):
    content, image = source(16, 20, 0).image, source(16, 20, 1).image
    result = colour.after(image, content, "luminance")
    torch.testing.assert_close(
        result - colour.luminance(result), content - colour.luminance(content), rtol=0, atol=1e-6
    )
    torch.testing.assert_close(colour.luminance(result), colour.luminance(image), rtol=0, atol=1e-6)


@pytest.mark.parametrize("keep", ["off", "palette"])
def test_otherwise_the_picture_is_left_as_it_came_out(source, keep):
    image = source(8, 8, 1).image
    assert colour.after(image, source(8, 8).image, keep) is image


@hypothesis_settings(max_examples=20)
@given(st.sampled_from(["luminance", "palette"]), st.integers(0, 5), st.integers(0, 5))
def test_a_shown_picture_has_a_key_of_its_own(source, keep, one, other):
    """Targets of one way to keep colours must not be taken for another's."""
    content, style = source(8, 8, one), source(8, 8, other)
    shown, (matched,) = colour.before(content, [style], keep)
    assert matched.key != style.key
    other_way = {"luminance": "palette", "palette": "luminance"}[keep]
    assert matched.key != colour.before(content, [style], other_way)[1][0].key
    assert (shown.key == content.key) == (keep == "palette")

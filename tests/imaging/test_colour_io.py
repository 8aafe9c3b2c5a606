"""Pictures to tensors and back: exact in every integer format, alpha untouched, profiles applied."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BadMask, BadPixels, BadProfile
from velatura.pixels import CHANNELS, CURVES, MASK_FORMAT, Picture, PixelFormat
from velatura_daemon.imaging import colour_io
from velatura_daemon.imaging.colour_io import DTYPES, WHOLE, decode, encode

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


def in_every_channel(samples, channels):
    """Grey samples (H, W, 1) in every channel, alpha included."""
    return np.repeat(samples, CHANNELS[channels], axis=2)


# --- round trips ----------------------------------------------------------------------------------------
@given(whole_formats, st.integers(2, 5), st.integers(2, 5), st.data())
def test_integer_samples_come_back_exactly(fmt, width, height, data):
    length = width * height * fmt.bytes_per_pixel
    picture = Picture(width, height, fmt, data.draw(st.binary(min_size=length, max_size=length)))
    back = encode(decode(picture)[0], picture)
    assert bytes(back.data) == picture.data
    assert back.format == fmt


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("channels", ["GRAY", "GRAYA", "RGB", "BGRA"])
def test_each_of_65536_values_comes_back_exactly(channels, curve):
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    picture = picture_of(in_every_channel(values, channels), channels, curve=curve)
    assert bytes(encode(decode(picture)[0], picture).data) == picture.data


@given(float_formats, st.integers(2, 5), st.integers(2, 5), st.integers(0, 2**31))
def test_floats_come_back_within_their_precision(fmt, width, height, seed):
    samples = random_samples(height, width, CHANNELS[fmt.channels], fmt.sample, seed)
    picture = Picture(width, height, fmt, samples.tobytes())
    back = samples_of(encode(decode(picture)[0], picture))
    np.testing.assert_allclose(back, samples, rtol=0, atol={"f16": 1e-3, "f32": 2e-6}[fmt.sample])


@given(st.sampled_from(["GRAYA", "RGBA", "BGRA"]), st.sampled_from(sorted(DTYPES)), st.integers(0, 2**31))
def test_encoding_leaves_alpha_untouched(channels, sample, seed):
    samples = random_samples(3, 4, CHANNELS[channels], sample, seed)
    picture = picture_of(samples, channels)
    result = encode(torch.rand(3, 3, 4), picture)
    assert samples_of(result)[..., -1].tobytes() == samples[..., -1].tobytes()


def test_alpha_is_read_in_0_to_1():
    samples = np.array([[[9, 0], [9, 51]], [[9, 204], [9, 255]]], np.uint8)
    _, alpha = decode(picture_of(samples, "GRAYA"))
    torch.testing.assert_close(alpha, torch.tensor([[0.0, 0.2], [0.8, 1.0]]))


def test_a_single_hidden_pixel_of_a_large_picture_is_read_in_its_place():
    samples = np.full((300, 200, 4), 255, np.uint8)
    samples[280, 150, 3] = 0
    alpha = decode(picture_of(samples, "RGBA"))[1]
    assert alpha.sum() == alpha.numel() - 1
    assert alpha[280, 150] == 0


def test_without_alpha_everything_is_visible():
    _, alpha = decode(picture_of(random_samples(2, 3, 3, "u8"), "RGB"))
    assert torch.equal(alpha, torch.ones(2, 3))


@pytest.mark.parametrize(
    ("channels", "pixel"), [("RGB", [255, 51, 0]), ("RGBA", [255, 51, 0, 9]), ("BGRA", [0, 51, 255, 9])]
)
def test_red_is_read_as_red_in_each_channel_order(channels, pixel):
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
    np.testing.assert_allclose(colour_io.srgb_decoded(colour_io.srgb_encoded(values)), values, rtol=1e-5, atol=1e-6)


def test_floats_beyond_0_and_1_are_clipped_for_the_network():
    image, alpha = decode(picture_of(np.array([[[-3.0, -1.0], [7.0, 2.0]]] * 2, np.float32), "GRAYA"))
    assert (float(image.min()), float(image.max())) == (0.0, 1.0)
    assert (float(alpha.min()), float(alpha.max())) == (0.0, 1.0)


# --- profiles -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("sample", "atol"), [("u8", 0), ("u16", 2), ("f16", 1e-3), ("f32", 1e-4)])
@pytest.mark.parametrize(("channels", "profile"), [("RGB", ADOBE), ("BGRA", ADOBE), ("GRAY", GREY), ("GRAYA", GREY)])
def test_colours_inside_srgb_come_back_through_their_profile(channels, profile, sample, atol):
    muted = 0.4 + 0.2 * np.random.default_rng(0).random((5, 6, CHANNELS[channels]))
    samples = (muted * WHOLE.get(sample, 1)).astype(DTYPES[sample])
    picture = picture_of(samples, channels, profile)
    back = samples_of(encode(decode(picture)[0], picture))
    np.testing.assert_allclose(back.astype(float), samples.astype(float), rtol=0, atol=atol)


def test_a_profile_defines_the_colours():
    """Adobe RGB's green is greener than sRGB's: the same numbers are another colour; greys stay greys."""
    pixels = np.array([[[100, 160, 100], [128, 128, 128]]] * 2, np.uint8)
    plain, _ = decode(picture_of(pixels, "RGB"))
    adobe, _ = decode(picture_of(pixels, "RGB", ADOBE))
    assert float(adobe[0, 0, 0]) < float(plain[0, 0, 0]) - 0.05
    torch.testing.assert_close(adobe[:, 0, 1], plain[:, 0, 1], rtol=0, atol=0.01)


def test_with_a_profile_the_curve_has_no_effect():
    pixels = random_samples(3, 3, 3, "u8")
    by_curve = [decode(picture_of(pixels, "RGB", ADOBE, curve))[0] for curve in CURVES]
    assert torch.equal(*by_curve)


@pytest.mark.parametrize(
    ("channels", "profile"),
    [("RGB", b"no profile at all"), ("RGB", ADOBE[:200]), ("GRAY", ADOBE), ("RGB", GREY)],
    ids=["garbage", "cut off", "colour for grey", "grey for colour"],
)
def test_a_profile_that_cannot_be_used_is_refused_with_a_remedy(channels, profile):
    with pytest.raises(BadProfile, match="Assign another profile"):
        decode(picture_of(random_samples(3, 3, CHANNELS[channels], "u8"), channels, profile))


# --- pixels that are not finite -------------------------------------------------------------------------
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channel", [0, 3])
@pytest.mark.parametrize("sample", ["f16", "f32"])
def test_pixels_that_are_not_finite_are_counted_and_located(sample, channel, bad):
    samples = random_samples(6, 9, 4, sample)
    samples[2, 7, channel] = samples[4, 1, channel] = samples[4, 1, 1] = bad
    with pytest.raises(BadPixels, match=r"has 2 pixels .* the first at column 7, row 2\."):
        decode(picture_of(samples, "RGBA"))


# --- masks ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("sample", sorted(DTYPES))
def test_a_mask_is_read_at_every_depth(sample):
    values = (np.array([[[0], [0.2]], [[0.8], [1]]]) * WHOLE.get(sample, 1)).astype(DTYPES[sample])
    mask = colour_io.mask_values(picture_of(values, "GRAY"))
    torch.testing.assert_close(mask, torch.tensor([[0.0, 0.2], [0.8, 1.0]]), rtol=0, atol=1e-3)


def test_a_float_mask_stays_within_0_and_1():
    mask = colour_io.mask_values(picture_of(np.array([[[-1.0], [3.0]]] * 2, np.float32), "GRAY"))
    assert torch.equal(mask, torch.tensor([[0.0, 1.0]] * 2))


def test_a_mask_with_values_that_are_not_finite_is_refused():
    with pytest.raises(BadMask, match="not numbers"):
        colour_io.mask_values(picture_of(np.full((2, 2, 1), np.nan, np.float32), "GRAY"))


def test_a_mask_has_no_curve():
    """Half selected is 0.5."""
    assert float(colour_io.mask_values(Picture(2, 2, MASK_FORMAT, bytes([128] * 4)))[0, 0]) == pytest.approx(128 / 255)


# --- crops ----------------------------------------------------------------------------------------------
@given(st.sampled_from(sorted(CHANNELS)), st.sampled_from(sorted(DTYPES)), st.data())
def test_a_crop_pasted_back_is_the_whole(channels, sample, data):
    whole = picture_of(random_samples(7, 8, CHANNELS[channels], sample), channels)
    left, top = data.draw(st.integers(0, 7)), data.draw(st.integers(0, 6))
    width, height = data.draw(st.integers(1, 8 - left)), data.draw(st.integers(1, 7 - top))
    part = colour_io.crop(whole, left, top, width, height)
    assert (part.width, part.height, part.format) == (width, height, whole.format)
    assert bytes(colour_io.paste(part, whole, left, top).data) == whole.data


def test_pasting_changes_only_its_rectangle():
    whole, part = (picture_of(np.full((h, w, 3), v, np.uint8), "RGB") for h, w, v in ((4, 5, 1), (2, 3, 9)))
    pasted = samples_of(colour_io.paste(part, whole, 1, 2))
    assert (pasted[2:4, 1:4] == 9).all()
    assert int((pasted == 9).sum()) == 2 * 3 * 3
    assert samples_of(whole).max() == 1


def test_the_originals_bytes_are_kept_where_asked_even_nan():
    original = picture_of(np.full((2, 2, 1), np.nan, np.float32), "GRAY")
    result = picture_of(np.ones((2, 2, 1), np.float32), "GRAY")
    kept = samples_of(colour_io.keep_bytes_where(torch.tensor([[True, False], [False, True]]), original, result))
    assert np.isnan(kept[..., 0]).tolist() == [[True, False], [False, True]]

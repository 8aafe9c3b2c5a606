"""Colour spaces that a PNG names without an ICC profile, HDR, and Lab."""

from __future__ import annotations

import struct
import zlib

import imagecodecs
import numpy as np
import pytest
import tifffile
from PIL import ImageCms

from tests.support.picture_files import ADOBE, SRGB, array, chunk, noise
from velatura_daemon.imaging import colour_io
from velatura_daemon.imaging.files import read_picture, write_picture
from velatura_daemon.srgb import srgb_decoded, srgb_encoded

SRGB_PLACES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
P3_PLACES = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)


def png(path, pixels, *chunks):
    """Write a PNG with these (name, content) before its pixels."""
    data = imagecodecs.png_encode(pixels)
    path.write_bytes(data[:33] + b"".join(chunk(*part) for part in chunks) + data[33:])
    return path


def gamma(value):
    return b"gAMA", struct.pack(">I", value)


def places(values):
    return b"cHRM", struct.pack(">8I", *values)


def codes(primaries, transfer):
    return b"cICP", bytes([primaries, transfer, 0, 1])


def icc(profile):
    return b"iCCP", b"a\0\0" + zlib.compress(profile)


def seen(path, **options):
    """Return what the network sees of a file: (H, W, 3), sRGB, 0 to 1."""
    return colour_io.decode(read_picture(path, **options).picture)[0].numpy().transpose(1, 2, 0)


def nits_as_pq(nits):
    """SMPTE ST 2084, from candela per square metre to a value of 0 to 1."""
    y = (np.asarray(nits) / 10_000) ** (2610 / 16384)
    return ((3424 / 4096 + 2413 / 128 * y) / (1 + 2392 / 128 * y)) ** (2523 / 32)


@pytest.mark.parametrize("sample", ["u8", "u16"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_a_png_with_gamma_keeps_its_samples_and_is_seen_through_its_gamma(tmp_path, channels, sample):
    pixels = noise((4, 5, channels), sample)
    path = png(tmp_path / "a.png", pixels[..., 0] if channels == 1 else pixels, gamma(100_000))
    assert (array(read_picture(path).picture) == pixels).all()
    colours = pixels[..., : channels - (channels in (2, 4))] / np.iinfo(pixels.dtype).max
    assert np.abs(seen(path) - srgb_encoded(colours)).max() < 2 / 255  # the tolerance of a profile's table


@pytest.mark.parametrize("value", [45455, 45000, 44444, 0, 2**32 - 1])
def test_a_gamma_of_srgb_or_an_impossible_one_changes_nothing(tmp_path, value):
    path = png(tmp_path / "a.png", noise((4, 5, 3)), gamma(value), places(SRGB_PLACES))
    assert read_picture(path).picture.format.profile == b""


def test_chromaticities_of_p3_are_used(tmp_path):
    red = np.full((2, 2, 3), (0, 200, 0), np.uint8)
    path = png(tmp_path / "a.png", red, gamma(45455), places(P3_PLACES))
    expected = seen(png(tmp_path / "b.png", red, codes(12, 13)))
    assert np.allclose(seen(path), expected, atol=1e-3)
    assert read_picture(path).picture.format.profile


@pytest.mark.parametrize(
    "wrong",
    [[31_270, 32_900] * 4, [4_000_000_000] * 8, [31_270, 32_900, 10_000, 10_000, 20_000, 20_000, 30_000, 30_000]],
)
def test_impossible_chromaticities_count_as_missing(tmp_path, wrong):
    pixels = noise((4, 5, 3))
    loaded = read_picture(png(tmp_path / "a.png", pixels, gamma(100_000), places(wrong))).picture
    assert (array(loaded) == pixels).all()
    assert loaded.format == read_picture(png(tmp_path / "b.png", pixels, gamma(100_000))).picture.format
    assert not read_picture(png(tmp_path / "c.png", pixels, gamma(45455), places(wrong))).picture.format.profile


@pytest.mark.parametrize("weaker", [[gamma(100_000)], [gamma(100_000), (b"sRGB", b"\0")]])
def test_a_profile_is_preferred_to_gamma(tmp_path, weaker):
    path = png(tmp_path / "a.png", noise((4, 5, 3)), *weaker, icc(ADOBE))
    assert read_picture(path).picture.format.profile == ADOBE


def test_srgb_is_preferred_to_gamma_and_codes_to_all(tmp_path):
    pixels = noise((4, 5, 3))
    assert not read_picture(png(tmp_path / "a.png", pixels, (b"sRGB", b"\0"), gamma(100_000))).picture.format.profile
    path = png(tmp_path / "b.png", pixels, codes(1, 13), icc(ADOBE), gamma(100_000))
    assert not read_picture(path).picture.format.profile


@pytest.mark.parametrize("transfer", [1, 8, 13])
def test_a_colour_of_p3_in_srgbs_gamut_is_seen_as_that_colour(tmp_path, transfer):
    """The matrix from P3 to sRGB is the published one (CSS Color 4, sample code)."""
    matrix = np.array([[1.22494, -0.22494, 0], [-0.042057, 1.042057, 0], [-0.019638, -0.078636, 1.098274]])
    value = np.array([0.5, 0.4, 0.3])
    light = {1: lambda x: ((x + 0.099) / 1.099) ** (1 / 0.45), 8: lambda x: x, 13: srgb_decoded}[transfer](value)
    pixels = np.full((2, 2, 3), np.round(value * 65535), np.uint16)
    path = png(tmp_path / "a.png", pixels, codes(12, transfer))
    assert np.abs(seen(path)[0, 0] - srgb_encoded(matrix @ light)).max() < 2e-3


def test_pq_is_read_with_white_at_203_nits(tmp_path):
    nits = np.array([0, 10, 50, 100])
    pixels = np.repeat(np.round(nits_as_pq(nits) * 65535).astype(np.uint16)[None, :, None], 3, 2).repeat(2, 0)
    loaded = read_picture(png(tmp_path / "a.png", pixels, codes(9, 16)))
    assert np.abs(seen(tmp_path / "a.png")[0, :, 0] - srgb_encoded(nits / 203)).max() < 2e-3
    assert loaded.notes == ()
    assert (loaded.picture.format.sample, loaded.picture.format.profile) == ("u16", b"")


def test_pq_above_white_is_compressed_and_noted(tmp_path):
    nits = np.array([50, 203, 406, 1000, 4000])
    pixels = np.repeat(np.round(nits_as_pq(nits) * 65535).astype(np.uint16)[None, :, None], 3, 2).repeat(2, 0)
    loaded = read_picture(png(tmp_path / "a.png", pixels, codes(9, 16)))
    values = array(loaded.picture)[0, :, 0]
    assert (np.diff(values.astype(int)) > 500).all()
    assert values[-1] == 65535
    assert loaded.notes == ("a.png: HDR: values above white were compressed.",)


def test_hlg_has_white_at_three_quarters(tmp_path):
    """ITU-R BT.2408: the reference level of HDR diffuse white is 75 % of HLG, 203 candela per square metre."""
    pixels = np.full((2, 2, 3), round(0.75 * 65535), np.uint16)
    png(tmp_path / "a.png", pixels, codes(9, 18))
    assert np.abs(seen(tmp_path / "a.png") - 1).max() < 0.01


def test_unknown_codes_are_read_as_srgb_with_a_note(tmp_path):
    loaded = read_picture(png(tmp_path / "a.png", noise((4, 5, 3)), codes(200, 13)))
    assert "codes 200 and 13 of H.273" in loaded.notes[0]


def test_float_light_above_white_is_compressed_on_request_and_light_below_the_knee_is_kept(tmp_path):
    pixels = np.array([[[0.1, 0.2, 0.4], [4.0, 2.0, 1.0]], [[0.5, 0.5, 0.5], [18.0, 0, 0]]], np.float32)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    loaded = read_picture(tmp_path / "a.tif", compress_highlights=True)
    result = array(loaded.picture)
    assert (result[:, 0] == pixels[:, 0]).all()
    assert np.allclose(result[0, 1] / result[0, 1, 0], [1, 0.5, 0.25])
    assert 0.5 < result[0, 1, 0] < 1 and result[1, 1, 0] == 1
    assert loaded.notes == ("a.tif: HDR: values above white were compressed.",)
    assert (array(read_picture(tmp_path / "a.tif").picture) == pixels).all()


def test_the_largest_float_is_white_and_leaves_the_others_visible(tmp_path):
    pixels = np.full((2, 2, 3), 2, np.float32)
    pixels[0, 0] = np.finfo(np.float32).max
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    result = array(read_picture(tmp_path / "a.tif", compress_highlights=True).picture)
    assert (result[0, 0] == 1).all()
    assert 0.8 < result[1, 1, 0] < 0.95


def test_float_light_up_to_white_is_not_touched(tmp_path):
    pixels = noise((4, 5, 4), "f32")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["unassalpha"])
    loaded = read_picture(tmp_path / "a.tif", compress_highlights=True)
    assert (array(loaded.picture) == pixels).all()
    assert loaded.notes == ()


@pytest.mark.parametrize("kind", ["cielab", "icclab"])
def test_a_16_bit_lab_tiff_becomes_rgb_as_littlecms_converts_it(tmp_path, kind):
    colours = noise((6, 7, 3), "f32")
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    lab = imagecodecs.cms_transform(
        colours, SRGB, profile, colorspace="rgb", outcolorspace="lab", outdtype=np.float32, intent=1
    )
    deep = np.empty((6, 7, 3), np.uint16)
    deep[..., 0] = np.round(lab[..., 0] * 655.35)
    opponents = np.round(lab[..., 1:] * 256).astype(int)
    deep[..., 1:] = opponents % 65536 if kind == "cielab" else opponents + 32768
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric=kind)
    result = read_picture(tmp_path / "a.tif").picture
    assert (result.format.channels, result.format.sample) == ("RGB", "u16")
    assert np.abs(array(result) / 65535 - colours).max() < 0.003  # of rounding a* and b* to 1/256, in the dark


@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["assocalpha", "unassalpha"])
def test_alpha_as_the_second_extra_sample_is_found(tmp_path, kind, planar):
    pixels = noise((5, 6, 5), "u16")
    stored = pixels if planar == "contig" else np.ascontiguousarray(np.moveaxis(pixels, 2, 0))
    extra = ["unspecified", kind]
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, extrasamples=extra)
    result = array(read_picture(tmp_path / "a.tif").picture)
    assert (result[..., 3] == pixels[..., 4]).all()
    if kind == "unassalpha":
        assert (result[..., :3] == pixels[..., :3]).all()


def test_a_profile_made_of_codes_survives_writing(tmp_path):
    loaded = read_picture(png(tmp_path / "a.png", noise((4, 5, 3)), codes(12, 13))).picture
    write_picture(tmp_path / "b.png", loaded, description="")
    assert read_picture(tmp_path / "b.png").picture.format == loaded.format
    assert bytes(read_picture(tmp_path / "b.png").picture.data) == bytes(loaded.data)

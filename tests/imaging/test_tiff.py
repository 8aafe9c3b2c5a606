"""TIFF files: sample types, layouts, photometric interpretations and alpha."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from tests.support.picture_files import array, gradient, noise, picture, read
from velatura.errors import NotAPicture
from velatura_daemon.imaging.files import read_picture, write_picture


def test_a_planar_tiff_is_read_like_an_interleaved_one(tmp_path):
    pixels = noise((5, 6, 3), "u16")
    tifffile.imwrite(tmp_path / "a.tif", np.moveaxis(pixels, 2, 0), photometric="rgb", planarconfig="separate")
    assert (array(read(tmp_path / "a.tif")) == pixels).all()


@pytest.mark.parametrize("sample", ["u8", "u16", "f32"])
def test_a_tiff_in_which_0_is_white_is_inverted(tmp_path, sample):
    pixels = noise((5, 6), sample)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite")
    top = {"u8": 255, "u16": 65535}.get(sample, np.float32(1))
    assert (array(read(tmp_path / "a.tif"))[..., 0] == top - pixels).all()


def test_double_and_32_bit_integer_tiffs_become_float(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((2, 2), 0.25))
    tifffile.imwrite(tmp_path / "b.tif", np.full((2, 2), 2**32 - 1, np.uint32))
    a, b = read(tmp_path / "a.tif"), read(tmp_path / "b.tif")
    assert (a.format.sample, a.format.curve, array(a)[0, 0, 0]) == ("f32", "linear", 0.25)
    assert (b.format.sample, b.format.curve, array(b)[0, 0, 0]) == ("f32", "srgb", 1)


def test_a_big_endian_tiff_is_read_like_a_little_endian_one(tmp_path):
    pixels = noise((5, 6, 3), "f32")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", byteorder=">")
    assert (array(read(tmp_path / "a.tif")) == pixels).all()


def test_the_first_page_of_a_tiff_is_read(tmp_path):
    pages = noise((3, 5, 6))
    tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack")
    assert (array(read(tmp_path / "a.tif"))[..., 0] == pages[0]).all()


def test_12_bit_samples_are_scaled_to_16_bits(tmp_path):
    pixels = np.array([[0, 4095], [2048, 1]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, bitspersample=12, compression="none")
    assert array(read(tmp_path / "a.tif"))[..., 0].tolist() == [[0, 65535], [32776, 16]]


def test_premultiplied_alpha_of_a_tiff_is_divided_out(tmp_path):
    pixels = np.array([[[50, 100, 0, 128], [7, 0, 0, 0]]] * 2, np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", extrasamples=["assocalpha"])
    assert array(read(tmp_path / "a.tif"))[0].tolist() == [[100, 199, 0, 128], [0, 0, 0, 0]]


def test_extra_samples_other_than_alpha_are_ignored(tmp_path):
    pixels = noise((4, 5, 5))
    extra = ["unspecified"] * 2
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb", planarconfig="contig", extrasamples=extra)
    result = read(tmp_path / "a.tif")
    assert result.format.channels == "RGB"
    assert (array(result) == pixels[..., :3]).all()


@pytest.mark.parametrize("mode", ["P", "LAB", "YCbCr"])
def test_palette_lab_and_ycbcr_tiffs_become_rgb(tmp_path, mode):
    red = Image.new("RGB", (4, 4), (200, 30, 40))
    if mode == "LAB":
        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(red, srgb, lab, outputMode="LAB")
    else:
        image = red.convert(mode)
    image.save(tmp_path / "a.tif")
    result = read(tmp_path / "a.tif")
    assert result.format.channels == "RGB"
    assert np.abs(array(result)[1, 1].astype(int) - [200, 30, 40]).max() <= (60 if mode == "P" else 3)


@pytest.mark.parametrize("dtype", [np.int16, np.uint64])
def test_unsupported_sample_types_are_named(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((4, 4), dtype))
    with pytest.raises(NotAPicture, match=np.dtype(dtype).name):
        read_picture(tmp_path / "a.tif")


@pytest.mark.parametrize("compression", ["webp", "jpegxl"])
def test_a_tiff_of_a_compression_that_is_not_read_is_named(tmp_path, compression):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, gradient(16, 16, 3), photometric="rgb", compression=compression)
    with pytest.raises(NotAPicture, match=r"This is an 8-bit RGB TIFF, with compression .* Convert it to RGB with"):
        read(path)


def test_a_tiff_that_starts_with_a_thumbnail_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise((4, 4)), subfiletype=1)
    with pytest.raises(NotAPicture, match="thumbnail"):
        read_picture(tmp_path / "a.tif")


def test_light_beyond_white_stays_in_a_tiff(tmp_path):
    bright = picture(np.full((4, 4, 3), 2.5, np.float32), curve="linear")
    assert write_picture(tmp_path / "a.tif", bright, description="") == []
    assert (array(read(tmp_path / "a.tif")) == 2.5).all()


def test_floats_on_the_srgb_curve_become_light_in_a_tiff(tmp_path):
    write_picture(tmp_path / "a.tif", picture(np.full((4, 4, 3), 0.5, np.float32)), description="")
    result = read(tmp_path / "a.tif")
    assert result.format.curve == "linear"
    assert np.allclose(array(result), 0.21404, atol=1e-5)


def test_linear_integers_take_the_srgb_curve_but_their_alpha_does_not(tmp_path):
    pixels = np.full((4, 4, 4), 14025, np.uint16)
    write_picture(tmp_path / "a.tif", picture(pixels, curve="linear"), description="")
    result = array(read(tmp_path / "a.tif"))[0, 0]
    assert abs(int(result[0]) - 32768) < 30
    assert result[3] == 14025


@pytest.mark.parametrize("compression", ["jpeg", "group3", "group4", "tiff_lzw"])
def test_a_damaged_tiff_prints_nothing(tmp_path, capfd, compression):
    """libtiff wrote to the terminal what it found wrong."""
    image = Image.fromarray(noise((64, 64, 3))).convert({"jpeg": "RGB", "tiff_lzw": "P"}.get(compression, "1"))
    image.save(tmp_path / "a.tif", compression=compression)
    data = bytearray((tmp_path / "a.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        start, count = tiff.pages.first.dataoffsets[0], tiff.pages.first.databytecounts[0]
    data[start : start + count] = bytes([1, 255, 0, 17] * (count // 4 + 1))[:count]
    (tmp_path / "a.tif").write_bytes(data)
    with contextlib.suppress(NotAPicture):
        read_picture(tmp_path / "a.tif")
    assert capfd.readouterr() == ("", "")


def test_a_dng_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", noise((4, 4)), extratags=[(50706, 1, 4, b"\1\4\0\0", True)])
    with pytest.raises(NotAPicture, match=r"camera's raw file \(DNG\)"):
        read_picture(tmp_path / "a.tif")

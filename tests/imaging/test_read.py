"""Reading picture files of any format: depth, orientation, profiles, scaling."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.picture_files import ADOBE, DTYPES, GREY, SRGB, array, gradient, noise, picture, read, save
from velatura.errors import UsageError
from velatura_daemon.imaging.files import read_picture, write_picture

KEPT = [(suffix, c, s) for suffix in (".png", ".tif") for c in (1, 2, 3, 4) for s in ("u8", "u16")]
KEPT += [(".tif", c, s) for c in (1, 2, 3, 4) for s in ("f16", "f32")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KEPT), st.integers(2, 20), st.integers(2, 20), st.booleans(), st.integers(0, 99))
def test_png_and_tiff_keep_every_sample_and_profile(tmp_path, kind, width, height, with_profile, seed):
    suffix, channels, sample = kind
    profile = (GREY if channels <= 2 else ADOBE) if with_profile else b""
    curve = "linear" if sample.startswith("f") else "srgb"
    expected = picture(noise((height, width, channels), sample, seed), curve=curve, profile=profile)
    path = tmp_path / f"round{suffix}"
    assert write_picture(path, expected, description="a", force=True) == []
    result = read(path)
    assert (result.width, result.height, result.format) == (expected.width, expected.height, expected.format)
    assert bytes(result.data) == bytes(expected.data)


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".ppm", ".tga"])
def test_other_formats_are_read_as_8_bits(tmp_path, suffix):
    pixels = np.repeat(noise((4, 6, 1)), 3, axis=2)
    result = read(save(tmp_path / f"a{suffix}", pixels))
    assert result.format.sample == "u8"
    assert (array(result)[..., :1] == pixels[..., :1]).all()


def test_the_first_frame_of_an_animation_is_read(tmp_path):
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert array(read(tmp_path / "a.gif"))[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_1_bit_pictures_become_8_bit_grey(tmp_path, suffix):
    Image.fromarray(np.eye(3, dtype=bool)).save(tmp_path / f"a{suffix}")
    result = read(tmp_path / f"a{suffix}")
    assert (result.format.channels, result.format.sample) == ("GRAY", "u8")
    assert (array(result)[..., 0] == np.eye(3) * 255).all()


def upright(pixels, orientation):
    """Turn the pixels upright with Pillow, which has its own tests."""
    image = Image.fromarray(pixels)
    t = Image.Transpose
    mirrored = (t.TRANSPOSE, t.ROTATE_270, t.TRANSVERSE, t.ROTATE_90)
    method = (None, t.FLIP_LEFT_RIGHT, t.ROTATE_180, t.FLIP_TOP_BOTTOM, *mirrored)[orientation - 1]
    return np.asarray(image if method is None else image.transpose(method))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif", "palette.tif"])
def test_pictures_are_turned_upright_and_report_their_upright_size(tmp_path, suffix, orientation):
    pixels = noise((4, 6, 3))
    path = tmp_path / f"a{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(path, pixels, photometric="rgb", extratags=[(274, 3, 1, orientation, True)])
    elif suffix == "palette.tif":
        pixels = np.where(pixels[..., :1] > 127, np.uint8([250, 0, 0]), np.uint8([0, 0, 250]))
        Image.fromarray(pixels).quantize(2).save(path, tiffinfo={274: orientation})
    else:
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(path, pixels, exif=exif, **({"lossless": True} if suffix == ".webp" else {}))
    loaded = read_picture(path)
    expected = upright(pixels, orientation)
    assert (array(loaded.picture) == expected).all()
    assert (loaded.original_height, loaded.original_width) == expected.shape[:2]


def test_a_jpeg_is_turned_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    save(tmp_path / "a.jpg", gradient(8, 16, 3), exif=exif)
    result = read(tmp_path / "a.jpg")
    assert (result.width, result.height) == (8, 16)


def test_damaged_exif_does_not_stop_a_picture_from_being_read(tmp_path):
    save(tmp_path / "a.jpg", gradient(8, 16, 3), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert read(tmp_path / "a.jpg").width == 16


@pytest.mark.parametrize("suffix", [".png", ".tif", ".jpg"])
def test_a_profile_of_another_colour_space_is_dropped(tmp_path, suffix):
    grey = save(tmp_path / f"grey{suffix}", noise((4, 4)), icc_profile=SRGB)
    colour = save(tmp_path / f"colour{suffix}", noise((4, 4, 3)), icc_profile=GREY)
    assert read(grey).format.profile == b""
    assert read(colour).format.profile == b""


def test_float_samples_are_linear_and_integer_samples_are_srgb(tmp_path):
    for sample in DTYPES:
        tifffile.imwrite(tmp_path / f"{sample}.tif", noise((4, 4), sample))
    curves = {sample: read(tmp_path / f"{sample}.tif").format.curve for sample in DTYPES}
    assert curves == {"u8": "srgb", "u16": "srgb", "f16": "linear", "f32": "linear"}


@pytest.mark.parametrize(("longest", "size"), [(8, (8, 4)), (40, (40, 20)), (2, (2, 2))])
def test_a_picture_is_scaled_to_the_requested_longest_side(tmp_path, longest, size):
    loaded = read_picture(save(tmp_path / "a.png", noise((10, 20, 3))), longest_side=longest)
    assert (loaded.picture.width, loaded.picture.height) == size
    assert (loaded.original_width, loaded.original_height) == (20, 10)


def test_scaling_keeps_more_than_8_bits_of_precision(tmp_path):
    pixels = np.linspace(0, 65535, 64).astype(np.uint16)[None, :, None].repeat(8, axis=0)
    write_picture(tmp_path / "a.png", picture(pixels), description="")
    result = array(read(tmp_path / "a.png", longest_side=1000))
    assert len(np.unique(result)) > 512


def test_invisible_colours_do_not_bleed_into_visible_ones(tmp_path):
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:, :8] = [10, 200, 30, 255]
    pixels[:, 8:] = [255, 0, 255, 0]
    result = array(read(save(tmp_path / "a.png", pixels), longest_side=9)).astype(int)
    visible = result[result[..., 3] > 0]
    assert np.abs(visible[:, :3] - [10, 200, 30]).max() <= 1


def test_scaling_keeps_constant_float_values(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((9, 7), 3.5, np.float32))
    assert np.abs(array(read(tmp_path / "a.tif", longest_side=20)) - 3.5).max() < 1e-5


@pytest.mark.parametrize("longest", [0, 1, -5, 1 << 30])
def test_an_impossible_longest_side_is_refused(tmp_path, longest):
    with pytest.raises(UsageError, match="must be 2 to"):
        read_picture(save(tmp_path / "a.png", noise((4, 4))), longest_side=longest)


def test_importing_the_package_loads_no_decoder_and_no_torch():
    heavy = {"PIL", "tifffile", "imagecodecs", "torch"}
    code = f"import sys, velatura_daemon.imaging.files; print({heavy} & {{*sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"

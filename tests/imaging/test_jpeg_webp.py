"""JPEG and WebP files: what they keep, and what is converted for them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.picture_files import ADOBE, GREY, array, gradient, picture, read
from velatura_daemon.imaging.files import write_picture


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_keeps_channels_and_profile(tmp_path, channels):
    pixels, profile = gradient(16, 24, channels), GREY if channels == 1 else ADOBE
    assert write_picture(tmp_path / "a.jpg", picture(pixels, profile=profile), description="a") == []
    result = read(tmp_path / "a.jpg")
    assert (result.format.channels, result.format.profile) == ("GRAY" if channels == 1 else "RGB", profile)
    assert np.abs(array(result).astype(int) - pixels).max() <= 3


@pytest.mark.parametrize("channels", [3, 4])
def test_webp_keeps_channels_and_profile(tmp_path, channels):
    pixels = gradient(16, 24, channels)
    pixels[:8, :, 3:] = 100
    assert write_picture(tmp_path / "a.webp", picture(pixels, profile=ADOBE), description="a") == []
    result = read(tmp_path / "a.webp")
    assert (result.format.channels, result.format.profile) == ("RGB" if channels == 3 else "RGBA", ADOBE)
    assert np.abs(array(result).astype(int) - pixels).max() <= 8


@pytest.mark.parametrize("name", ["a.jpg", "a.webp"])
def test_a_description_too_long_for_exif_is_left_out_with_a_note(tmp_path, name):
    assert "too long" in write_picture(tmp_path / name, picture(gradient(8, 8, 3)), description="x" * 70000)[0]


def test_16_bit_samples_are_rounded_to_8_bits_for_jpeg_with_a_note(tmp_path):
    notes = write_picture(tmp_path / "a.jpg", picture(gradient(8, 8, 3, "u16")), description="")
    assert notes == ["JPEG has no 16-bit samples: they were rounded to 8-bit. Write a .tif or .png file to keep them."]


@pytest.mark.parametrize("channels", [2, 4])
def test_alpha_is_blended_over_white_for_jpeg_with_a_note(tmp_path, channels):
    pixels = np.zeros((16, 16, channels), np.uint8)
    pixels[:8, :, -1] = 255
    notes = write_picture(tmp_path / "a.jpg", picture(pixels), description="")
    result = array(read(tmp_path / "a.jpg"))
    assert "over white" in notes[0]
    assert result.shape[2] == channels - 1
    assert (result[2, 2] < 3).all()
    assert (result[13, 13] > 252).all()


def test_opaque_alpha_needs_no_note_for_jpeg(tmp_path):
    assert write_picture(tmp_path / "a.jpg", picture(gradient(8, 8, 4)), description="") == []


def test_grey_with_a_profile_becomes_srgb_in_webp(tmp_path):
    pixels = np.full((8, 8, 2), 255, np.uint8)
    pixels[..., 0] = 100
    write_picture(tmp_path / "a.webp", picture(pixels, profile=GREY), description="")
    result = read(tmp_path / "a.webp")
    assert result.format.profile == b""
    assert np.abs(array(result)[4, 4, :3].astype(int) - 100).max() < 6


def test_a_damaged_grey_profile_does_not_stop_a_webp_from_being_written(tmp_path):
    broken = picture(gradient(8, 8, 1), profile=GREY[:128] + bytes(100))
    write_picture(tmp_path / "a.webp", broken, description="")
    assert read(tmp_path / "a.webp").format.channels == "RGB"

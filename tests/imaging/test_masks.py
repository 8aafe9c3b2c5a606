"""Masks from files, and pictures masked by them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.picture_files import array, noise, picture, save
from velatura.errors import BadMask, NothingToRestyle
from velatura.pixels import MASK_FORMAT, Picture
from velatura_daemon.imaging.files import multiply_alpha, read_mask, read_picture, write_picture


@pytest.fixture
def loaded(tmp_path):
    return read_picture(save(tmp_path / "picture.png", noise((10, 20, 3))))


def test_the_luma_of_a_file_is_the_mask(tmp_path, loaded):
    pixels = np.zeros((10, 20, 3), np.uint8)
    pixels[:5] = 255
    pixels[5] = [255, 0, 0]
    mask = read_mask(save(tmp_path / "m.png", pixels), loaded)
    assert mask.format == MASK_FORMAT
    assert array(mask)[[0, 5, 9], 0, 0].tolist() == [255, 76, 0]


def test_the_alpha_of_a_file_with_transparency_is_the_mask(tmp_path, loaded):
    pixels = np.zeros((10, 20, 4), np.uint8)
    pixels[:5, :, 3] = 200
    assert array(read_mask(save(tmp_path / "m.png", pixels), loaded))[[0, 9], 0, 0].tolist() == [200, 0]


def test_the_luma_of_an_opaque_file_with_alpha_is_the_mask(tmp_path, loaded):
    pixels = np.full((10, 20, 4), 255, np.uint8)
    pixels[:5, :, :3] = 0
    assert array(read_mask(save(tmp_path / "m.png", pixels), loaded))[[0, 9], 0, 0].tolist() == [0, 255]


def test_a_16_bit_mask_is_rounded_to_8_bits(tmp_path, loaded):
    write_picture(tmp_path / "m.png", picture(np.full((10, 20, 1), 32896, np.uint16)), description="")
    assert array(read_mask(tmp_path / "m.png", loaded))[0, 0, 0] == 128


def test_a_mask_is_scaled_like_its_picture(tmp_path):
    scaled = read_picture(save(tmp_path / "a.png", noise((10, 20, 3))), longest_side=8)
    mask = read_mask(save(tmp_path / "m.png", np.full((10, 20), 255, np.uint8)), scaled)
    assert (mask.width, mask.height) == (8, 4)
    assert (array(mask) == 255).all()


def test_a_mask_of_another_size_is_refused_with_both_sizes(tmp_path, loaded):
    with pytest.raises(BadMask, match="10 × 20 pixels, but the picture is 20 × 10"):
        read_mask(save(tmp_path / "m.png", noise((20, 10))), loaded)


def test_an_empty_mask_is_refused(tmp_path, loaded):
    with pytest.raises(NothingToRestyle, match="all black"):
        read_mask(save(tmp_path / "m.png", np.zeros((10, 20), np.uint8)), loaded)


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_multiplying_alpha_by_a_mask_keeps_colours_and_depth(channels, dtype):
    whole = 1 if dtype is np.float32 else np.iinfo(dtype).max
    pixels = (np.random.default_rng(0).random((2, 4, channels)) * whole).astype(dtype)
    if channels in (2, 4):
        pixels[..., -1] = [whole, whole, whole // 2, whole]
    mask = Picture(4, 2, MASK_FORMAT, bytes([255, 0, 255, 51] * 2))
    masked = array(multiply_alpha(picture(pixels), mask))
    colours = channels - (channels in (2, 4))
    assert (masked.dtype, masked.shape[2]) == (dtype, colours + 1)
    assert (masked[..., :-1] == pixels[..., :colours]).all()
    before = pixels[..., -1] if channels in (2, 4) else np.full((2, 4), whole)
    np.testing.assert_allclose(masked[..., -1], before * np.array([1, 0, 1, 0.2]), atol=0 if dtype is np.float32 else 1)

"""CMYK pictures: with and without a profile."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.support.picture_files import array, noise, read
from velatura.pixels import PixelFormat


def cmyk_profile():
    """Return the smallest profile that LittleCMS accepts: 'mft1' from four inks to Lab; magenta is a red, two inks make
    black."""
    text = b"desc" + bytes(4) + struct.pack(">I", 2) + b"t\0" + bytes(78)
    curve = bytes(range(256))
    paper, cyan, magenta, black = (255, 128, 128), (150, 90, 80), (130, 200, 150), (0, 128, 128)
    grid = []
    for corner in range(16):  # cyan varies slowest
        grid += {0: paper, 8: cyan, 4: magenta}.get(corner, black)
    matrix = struct.pack(">9i", 65536, 0, 0, 0, 65536, 0, 0, 0, 65536)
    lut = b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + curve * 4 + bytes(grid) + curve * 3
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    tags, body = b"", b""
    for name, content in ((b"desc", text), (b"wtpt", white), (b"A2B0", lut)):
        content += bytes(-len(content) % 4)
        tags += name + struct.pack(">II", 128 + 4 + 36 + len(body), len(content))
        body += content
    head = bytearray(128)
    head[8:12], head[12:24], head[36:40] = b"\2\x40\0\0", b"prtrCMYKLab ", b"acsp"
    head[68:80] = struct.pack(">3i", 63190, 65536, 54061)
    profile = bytes(head) + struct.pack(">I", 3) + tags + body
    return struct.pack(">I", len(profile)) + profile[4:]


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_without_a_profile_becomes_plain_rgb(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(path, quality=100)
    result = read(path)
    assert result.format == PixelFormat("RGB", "u8")
    assert np.abs(array(result)[0, 0].astype(int) - [0, 255, 255]).max() <= 2


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk_is_converted_through_its_profile(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    Image.new("CMYK", (8, 8), (0, 255, 0, 0)).save(path, quality=100, icc_profile=cmyk_profile())
    red, green, _ = array(read(path))[0, 0].tolist()
    assert (red, green) != (255, 0)  # the result without the profile
    assert red > 150 > green
    assert read(path).format.profile == b""


def test_a_damaged_cmyk_profile_is_ignored(tmp_path):
    broken = cmyk_profile()[:128] + bytes(400)
    Image.new("CMYK", (8, 8), (255, 0, 0, 0)).save(tmp_path / "a.tif", icc_profile=broken)
    assert array(read(tmp_path / "a.tif"))[0, 0].tolist() == [0, 255, 255]


def test_16_bit_cmyk_stays_16_bit(tmp_path):
    inks = noise((4, 5, 4), "u16")
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    result = read(tmp_path / "a.tif")
    light = 1 - inks / 65535
    assert result.format.sample == "u16"
    assert np.abs(array(result) - light[..., :3] * light[..., 3:] * 65535).max() < 1

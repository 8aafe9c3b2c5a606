"""Missing, damaged and oversized picture files: each is refused with a message."""

from __future__ import annotations

import errno
import io
import os
import struct
import warnings
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.bombs import tiff
from tests.support.picture_files import noise, raw_png, read, save
from velatura.errors import BadPixels, NotAPicture, PictureTooLarge, PictureTooSmall, UsageError, VelaturaError
from velatura_daemon.imaging.files import read_picture


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(UsageError, match=r"The file .*nothing\.png does not exist"):
        read_picture(tmp_path / "nothing.png")


def test_a_folder_is_reported(tmp_path):
    with pytest.raises(UsageError, match="is a folder"):
        read_picture(tmp_path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_waiting_for_it(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    for path in (tmp_path / "pipe.png", Path(os.devnull)):
        with pytest.raises(UsageError, match="is a pipe or a device, not a file"):
            read_picture(path)


def test_a_file_without_read_permission_is_reported(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", noise((4, 4)))
    monkeypatch.setattr(Path, "open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(errno.EACCES, "no")))
    with pytest.raises(UsageError, match="do not have permission to read"):
        read_picture(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"\0" * 100, b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n"])
def test_the_error_for_a_file_that_is_not_a_picture_names_it(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(NotAPicture, match=r"^a\.jpg"):
        read_picture(tmp_path / "a.jpg")


def encoded(suffix):
    pixels, out = noise((60, 50, 3)), io.BytesIO()
    if suffix == ".png16":
        return imagecodecs.png_encode(noise((60, 50, 3), "u16"))
    if suffix in (".tif", ".lzw"):
        compression = {".lzw": "lzw"}.get(suffix)
        tifffile.imwrite(out, pixels, photometric="rgb", compression=compression, rowsperstrip=10)
    else:
        Image.fromarray(pixels).save(out, {".jpg": "JPEG"}.get(suffix, suffix[1:]))
    return out.getvalue()


@pytest.mark.parametrize("part", [0.95, 0.5, 0.3])
@pytest.mark.parametrize("suffix", [".png", ".png16", ".tif", ".lzw", ".jpg", ".webp", ".bmp", ".gif"])
def test_a_truncated_file_is_reported_as_truncated(tmp_path, suffix, part):
    data = encoded(suffix)
    (tmp_path / "a").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(NotAPicture, match=r"is truncated\. Copy or download it again"):
        read_picture(tmp_path / "a")


def test_a_tiff_whose_only_strip_is_declared_shorter_than_the_picture_is_reported_as_truncated(tmp_path):
    """Its missing rows had the values that were in memory before."""
    (tmp_path / "a").write_bytes(tiff(1, bytes(256), 16, 32, t279=256))
    with pytest.raises(NotAPicture, match=r"is truncated\. Copy or download it again"):
        read_picture(tmp_path / "a")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([".png", ".png16", ".tif", ".lzw", ".jpg", ".webp", ".gif"]), st.data())
def test_a_damaged_file_raises_a_velatura_error_or_is_read(tmp_path, suffix, data):
    damaged = bytearray(encoded(suffix))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, min(len(damaged) - 1, 400)))] = data.draw(st.integers(0, 255))
    (tmp_path / "a").write_bytes(damaged)
    try:
        result = read(tmp_path / "a", max_megapixels=1)
    except VelaturaError as error:
        assert error.sentence.startswith("a")
    else:
        assert result.width * result.height <= 1e6


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".bmp"])
def test_a_side_of_one_pixel_is_too_small(tmp_path, suffix, shape):
    with pytest.raises(PictureTooSmall, match=f"{shape[1]} × {shape[0]}"):
        read_picture(save(tmp_path / f"a{suffix}", noise(shape)))


def test_a_header_of_zero_size_is_refused(tmp_path):
    (tmp_path / "a.png").write_bytes(raw_png(0, 0, 8, 0, []))
    with pytest.raises(PictureTooSmall):
        read_picture(tmp_path / "a.png")


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_not_finite_are_counted_and_located(tmp_path, bad):
    pixels = np.zeros((4, 5, 3), np.float32)
    pixels[2, 3, 1] = pixels[3, 0] = bad
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    with pytest.raises(BadPixels, match=r"a\.tif: 2 pixels are .* first at x 3, y 2"):
        read_picture(tmp_path / "a.tif")


def bomb(suffix):
    """Return a header of 30,000 × 30,000 pixels with almost no data behind it."""
    if suffix == ".png":
        return raw_png(30000, 30000, 8, 2, [b""])
    if suffix == ".bmp":
        return b"BM" + struct.pack("<IIIIiiHHIIIIII", 99, 0, 54, 40, 30000, 30000, 1, 24, 0, 0, 0, 0, 0, 0)
    data = bytearray(encoded(".tif"))
    for old, tag in ((50, 256), (60, 257)):
        entry = struct.pack("<HHII", tag, 4, 1, old)
        assert entry in data
        data = data.replace(entry, struct.pack("<HHII", tag, 4, 1, 30000))
    return data


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_a_bomb_is_refused_from_its_header_without_a_warning(tmp_path, suffix, capfd):
    (tmp_path / "a").write_bytes(bomb(suffix))
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with pytest.raises(PictureTooLarge, match=r"900\.0 megapixels .* up to 256 are allowed"):
            read_picture(tmp_path / "a", max_megapixels=256)
    assert capfd.readouterr() == ("", "")


def test_the_size_limit_applies_to_the_scaled_size_too(tmp_path):
    with pytest.raises(PictureTooLarge, match="After scaling"):
        read_picture(save(tmp_path / "a.png", noise((4, 4))), longest_side=5000, max_megapixels=1)

"""Truncated files: what of them is read on request, and what the user is told."""

from __future__ import annotations

import io
import re

import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.support.picture_files import array, gradient, noise, read
from velatura.errors import NotAPicture
from velatura_daemon.imaging.files import read_picture
from velatura_daemon.imaging.files.salvage import png_raw_bytes

SIDE = 64


def encoded(kind, pixels=None, **options):
    out = io.BytesIO()
    image = Image.fromarray(noise((SIDE, SIDE, 3)) if pixels is None else pixels)
    image.save(out, kind, **options)
    return out.getvalue()


def write(path, data):
    path.write_bytes(data)
    return path


JPEGS = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restart markers": {"restart_marker_blocks": 2},
    "4:4:4": {"subsampling": 0},
}


def test_a_jpeg_of_several_pictures_of_which_only_the_first_is_there_is_read_without_its_end_mark(tmp_path):
    images = [Image.fromarray(noise((SIDE, SIDE, 3), seed=seed)) for seed in (1, 2)]
    images[0].save(tmp_path / "a.mpo", save_all=True, append_images=images[1:])
    data = (tmp_path / "a.mpo").read_bytes()
    cut = write(tmp_path / "a.jpg", data[: data.index(b"\xff\xd9\xff\xd8")])
    assert (array(read(cut)) == array(read(tmp_path / "a.mpo"))).all()
    assert read_picture(cut).notes == ()


@pytest.mark.parametrize(("kind", "size"), [("JPEG", 2), ("JPEG", 100), ("GIF", 8), ("BMP", 10)])
def test_a_file_that_ends_in_its_header_is_called_truncated(tmp_path, kind, size):
    with pytest.raises(NotAPicture, match="truncated"):
        read(write(tmp_path / "a", encoded(kind)[:size]))


@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lacks_only_its_end_mark_is_read_silently(tmp_path, kind, missing):
    data = encoded("JPEG", **JPEGS[kind])
    whole, cut = write(tmp_path / "a.jpg", data), write(tmp_path / "b.jpg", data[:-missing])
    assert (array(read(cut)) == array(read(whole))).all()
    assert read_picture(cut).notes == ()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(list(JPEGS)), st.integers(3, 400), st.integers(0, 20))
def test_a_jpeg_that_lacks_any_pixels_is_refused_unless_salvaged(tmp_path, kind, missing, seed):
    data = encoded("JPEG", noise((32, 32, 3), seed=seed), **JPEGS[kind])
    path = write(tmp_path / "a.jpg", data[:-missing])
    try:
        result = read(path)
    except NotAPicture as error:
        assert error.sentence.endswith(
            "is truncated. Copy or download it again. Or read the intact part with --salvage."
        )
        assert read_picture(path, salvage=True).notes
    else:  # what was cut off did not matter, as the last bits of a block that is all zero
        assert (array(result) == array(read(write(tmp_path / "whole.jpg", data)))).all()


@pytest.mark.parametrize("part", [0.4, 0.7])
@pytest.mark.parametrize("suffix", [".jpg", ".png", "alpha.png", ".tif", "raw.tif", ".bmp", ".gif", ".ppm", ".tga"])
def test_what_there_is_of_a_truncated_file_is_read_on_request(tmp_path, suffix, part):
    path = tmp_path / f"a{suffix}"
    side = SIDE if suffix != ".jpg" else 2 * SIDE  # whose blocks have 16 rows
    pixels = noise((side, side, 4 if "alpha" in suffix else 3))
    if path.suffix == ".tif":
        tifffile.imwrite(
            path, pixels, photometric="rgb", rowsperstrip=4, compression="zlib" if suffix == ".tif" else None
        )
    else:
        Image.fromarray(pixels).save(path, **({"interlace": False} if suffix == ".gif" else {}))
    whole = array(read(path))
    write(path, path.read_bytes()[: int(path.stat().st_size * part)])
    with pytest.raises(NotAPicture, match="--salvage"):
        read_picture(path)
    loaded = read_picture(path, salvage=True)
    assert len(loaded.notes) == 1 and loaded.notes[0].startswith(f"{path.name}: The file is truncated: ")
    rows = slice(-8, None) if suffix in (".bmp", ".tga") else slice(0, 8)  # those are stored from the bottom to the top
    assert (array(loaded.picture)[rows] == whole[rows]).all()
    assert not (array(loaded.picture) == whole).all()
    percent = re.search(r"(\d+) %", loaded.notes[0])
    if percent:
        assert abs(int(percent[1]) / 100 - (1 - part)) < 0.25


def test_a_deep_png_is_salvaged_at_its_depth(tmp_path):
    pixels = noise((SIDE, SIDE, 3), "u16")
    data = imagecodecs.png_encode(pixels)
    result = array(read(write(tmp_path / "a.png", data[: len(data) // 2]), salvage=True))
    assert result.dtype == np.uint16
    assert (result[:24] == pixels[:24]).all() and not result[-4:].any()


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from([1, 2, 4, 8, 24, 64]))
def test_the_rows_of_an_interlaced_png_are_counted_as_its_passes_have_them(width, height, bits):
    steps = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [np.zeros((height, width))[top::down, left::right] for top, left, down, right in steps]
    expected = sum(part.shape[0] * (1 + -(-part.shape[1] * bits // 8)) for part in parts if part.size)
    assert png_raw_bytes(width, height, bits, True) == expected


def test_a_whole_file_is_read_alike_with_and_without_salvaging(tmp_path):
    for suffix in (".jpg", ".png", ".tif", ".gif", ".webp"):
        Image.fromarray(gradient(16, 16, 3)).save(tmp_path / f"a{suffix}")
        loaded = read_picture(tmp_path / f"a{suffix}", salvage=True)
        assert loaded.notes == ()
        assert bytes(loaded.picture.data) == bytes(read(tmp_path / f"a{suffix}").data)


def test_a_truncated_webp_cannot_be_salvaged(tmp_path):
    data = encoded("WEBP")
    with pytest.raises(NotAPicture, match=r"is truncated\. Copy or download it again\.$"):
        read_picture(write(tmp_path / "a.webp", data[: len(data) // 2]), salvage=True)

"""Files with very many blocks are refused before a decoder reads them; honest ones, with fewer, are read."""

from __future__ import annotations

import contextlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tests.support.bombs import png
from tests.support.many_blocks import MANY, exif_shared_values
from velatura.errors import NotAPicture
from velatura_daemon.imaging.files import read_picture, structure


class CountingFile(io.BytesIO):
    """Counts its reads, each of which costs the same."""

    reads = 0

    def read(self, size=-1):
        self.reads += 1
        return super().read(size)


MAX_READS = 160_000  # of the walk that does the most, over a GIF


@pytest.mark.parametrize("name", MANY)
def test_an_honest_number_of_blocks_is_read(tmp_path, name):
    make, accepted, _, _ = MANY[name]
    (tmp_path / "a").write_bytes(make(accepted))
    assert read_picture(tmp_path / "a").original_width in (4, 16)


@pytest.mark.parametrize("name", [name for name, case in MANY.items() if case[2] is not None])
def test_a_file_of_too_many_blocks_is_refused_with_its_reason(tmp_path, name):
    make, _, refused, what = MANY[name]
    (tmp_path / "a").write_bytes(make(refused))
    with pytest.raises(NotAPicture, match=rf"^a: It.* {what}.*Open it in a painting program and save it again"):
        read_picture(tmp_path / "a")


@pytest.mark.parametrize("name", [name for name in MANY if not name.startswith("png")])
def test_a_walk_ends_early_in_a_file_of_too_many_blocks(name):
    make, accepted, refused, _ = MANY[name]
    file = CountingFile(make(refused or accepted))
    with contextlib.suppress(NotAPicture):
        structure.check(file)
    assert file.reads < MAX_READS


@pytest.mark.parametrize("content", [b"MPF\0", b"MPF\0\0"])
def test_a_jpeg_whose_list_of_pictures_is_cut_short_is_read(tmp_path, content):
    file = io.BytesIO()
    Image.new("RGB", (32, 24)).save(file, "JPEG")
    jpeg, segment = file.getvalue(), b"\xff\xe2" + (2 + len(content)).to_bytes(2, "big") + content
    path = tmp_path / "cut.jpg"
    path.write_bytes(jpeg[:2] + segment + jpeg[2:])
    assert read_picture(path).picture.width == 32


def test_exif_data_of_a_png_with_too_many_values_is_not_read(tmp_path):
    """With older versions of Pillow, 0.8 MB took 3.5 GB."""
    exif = exif_shared_values(4000)
    with pytest.raises(NotAPicture, match="more bytes than the file"):
        structure.check_exif(exif)
    (tmp_path / "a").write_bytes(png(16, 24, None, (b"eXIf", exif)))
    assert read_picture(tmp_path / "a").original_height == 24


STARTS = [
    b"\xff\xd8",
    b"II*\0",
    b"MM\0+",
    b"GIF89a",
    b"8BPS",
    b"RIFF\0\1\0\0WEBP",
    b"\0\0\0\x0cjP  ",
    b"P6 ",
    b"P1 ",
    b"BM",
    b"\x28\0\0\0",
    b"",
]


@given(st.sampled_from(STARTS), st.binary(max_size=300), st.sampled_from(list(MANY)), st.integers(0, 400))
def test_a_walk_over_any_bytes_ends_and_raises_nothing_else(start, content, name, cut):
    make, *_ = MANY[name]
    for data in (start + content, make(3)[:cut] + content):
        file = CountingFile(data)
        with contextlib.suppress(NotAPicture):
            structure.check(file)
        assert file.reads <= 8 * len(data) + 100

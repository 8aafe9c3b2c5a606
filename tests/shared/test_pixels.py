"""Pictures: their bytes match their size, and their description is unchanged by the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import BadMessage, PictureTooSmall, WrongLength
from velatura.pixels import CHANNELS, CURVES, SAMPLES, Picture, PictureRef, PixelFormat

formats = st.builds(
    PixelFormat, st.sampled_from(sorted(CHANNELS)), st.sampled_from(sorted(SAMPLES)), st.sampled_from(CURVES)
)


@given(formats, st.integers(2, 9), st.integers(2, 9))
def test_a_description_survives_the_wire(fmt, width, height):
    ref = Picture(width, height, fmt, bytes(width * height * fmt.bytes_per_pixel)).ref
    assert PictureRef.from_wire(ref.to_wire()) == ref


@given(formats, st.integers(-3, 3).filter(bool))
def test_bytes_that_do_not_match_the_size_are_refused(fmt, difference):
    with pytest.raises(WrongLength, match="3 × 2"):
        Picture(3, 2, fmt, bytes(3 * 2 * fmt.bytes_per_pixel + difference))


@pytest.mark.parametrize(("width", "height"), [(0, 5), (5, 0), (1, 5), (5, 1)])
def test_a_side_of_0_or_1_pixel_is_too_small(width, height):
    with pytest.raises(PictureTooSmall):
        PictureRef(b"h" * 32, width, height, PixelFormat())


@pytest.mark.parametrize(
    "change",
    [
        {"channels": "CMYK"},
        {"sample": "u64"},
        {"width": 2.5},
        {"blob": b"short"},
        {"profile": 3},
        {"width": None},
        {"channels": ["RGB"]},
        {"width": 1 << 40},
    ],
)
def test_an_invalid_description_is_refused(change):
    ref = Picture(3, 2, PixelFormat("RGB"), bytes(18)).ref
    with pytest.raises(BadMessage):
        PictureRef.from_wire({**ref.to_wire(), **change})


def test_a_profile_is_sent_as_a_blob_of_its_own():
    picture = Picture(2, 2, PixelFormat("RGB", profile=b"profile"), bytes(12))
    assert picture.ref.blobs == tuple(picture.blobs)

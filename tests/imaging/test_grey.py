"""Grey photos in colour: the same look, depth and alpha."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.picture_files import ADOBE, DTYPES, GREY, array, noise, picture
from velatura_daemon.imaging.files import in_colour
from velatura_daemon.imaging.files.grey import srgb_profile
from velatura_daemon.imaging.files.raster import profile_space


@pytest.mark.parametrize("curve", ["srgb", "linear"])
@pytest.mark.parametrize("sample", DTYPES)
@pytest.mark.parametrize("channels", [1, 2])
def test_grey_without_a_profile_becomes_three_equal_channels(channels, sample, curve):
    grey = noise((5, 4, channels), sample)
    colour = in_colour(picture(grey, curve=curve))
    assert (colour.format.channels, colour.format.sample) == ("RGB" if channels == 1 else "RGBA", sample)
    assert (colour.format.curve, colour.format.profile) == (curve, b"")
    assert (array(colour)[..., :3] == grey[..., :1]).all()
    assert (array(colour)[..., 3:] == grey[..., 1:]).all()


@pytest.mark.parametrize("sample", DTYPES)
def test_a_grey_profile_becomes_srgb_and_the_greys_keep_their_look(sample):
    """A gamma of 2.2 and sRGB differ most in the shadows. Tolerance: 1.5 of 255, the rounding of 8 bits twice."""
    top = {"u8": 255, "u16": 65535}.get(sample, 1)
    grey = (np.linspace(0.02, 1, 12).reshape(3, 4, 1) * top).astype(DTYPES[sample])
    colour = in_colour(picture(grey, profile=GREY))
    light = (grey.astype(np.float64) / top) ** 2.2
    expected = np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(array(colour).astype(np.float64) / top - expected).max() < 1.5 / 255
    assert profile_space(colour.format.profile) == "RGB"
    assert colour.format.profile == srgb_profile()


def test_a_grey_profile_that_cannot_be_used_is_dropped():
    broken = GREY[:128] + b"\xff" * (len(GREY) - 128)
    colour = in_colour(picture(np.full((3, 4, 1), 77, np.uint8), profile=broken))
    assert (array(colour) == 77).all()
    assert colour.format.profile == b""


@pytest.mark.parametrize("channels", [3, 4])
def test_a_colour_picture_stays_as_it_is(channels):
    given = picture(noise((5, 4, channels)), profile=ADOBE)
    assert in_colour(given) is given

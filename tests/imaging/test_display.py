"""Pictures as a screen shows them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.support.picture_files import ADOBE
from velatura.pixels import Picture, PixelFormat
from velatura_daemon.imaging.files import to_display_rgb


@pytest.mark.parametrize(
    ("fmt", "samples", "expected"),
    [
        (PixelFormat("GRAY", "u16"), np.array([0x8000], "<u2"), (128, 128, 128)),
        (PixelFormat("RGBA", "u8"), np.array([10, 20, 30, 0], "u1"), (255, 255, 255)),
        (PixelFormat("RGB", "f32", "linear"), np.array([0, 0.5, 2], "<f4"), (0, 188, 255)),
        (PixelFormat("BGRA", "u8"), np.array([10, 20, 30, 255], "u1"), (30, 20, 10)),
    ],
)
def test_every_format_is_displayed_as_rgb_over_white(fmt, samples, expected):
    shown = to_display_rgb(Picture(2, 2, fmt, np.tile(samples, 4).tobytes()))
    assert shown.format == PixelFormat("RGB", "u8")
    assert tuple(bytes(shown.data)[:3]) == expected


def test_a_profile_is_applied_for_display():
    wide = PixelFormat("RGB", "u8", profile=ADOBE)
    shown = to_display_rgb(Picture(2, 2, wide, bytes([100, 200, 100] * 4)))
    red, green, _ = bytes(shown.data)[:3]
    assert shown.format.profile == b""
    assert red < 60 < 200 <= green  # Adobe RGB's green is outside the sRGB gamut

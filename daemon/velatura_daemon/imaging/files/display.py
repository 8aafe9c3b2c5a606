"""Pictures as a screen shows them, for contact sheets that combine pictures of all formats."""

from __future__ import annotations

import numpy as np

from velatura.pixels import Picture
from velatura_daemon.imaging.files.raster import (
    Raster,
    from_picture,
    over_white,
    profile_space,
    to_picture,
    to_sample,
    to_srgb,
    with_curve,
)


def to_display_rgb(picture: Picture) -> Picture:
    """Convert to 8-bit sRGB in three channels, over white. A profile that cannot be used is ignored."""
    raster = with_curve(from_picture(picture), "srgb")
    pixels = to_sample(over_white(raster.pixels) if raster.has_alpha else raster.pixels, "u8")  # (H, W, 1 or 3)
    grey = pixels.shape[2] == 1
    if profile_space(raster.profile):
        converted = to_srgb(pixels[..., 0] if grey else pixels, raster.profile, "gray" if grey else "rgb")
        if converted is not None:
            return to_picture(Raster(converted))
    return to_picture(Raster(np.repeat(pixels, 3, axis=2) if grey else pixels))

"""A greyscale photo in colour, so that its restyle can have the painting's colours."""

from __future__ import annotations

from functools import cache

import numpy as np

from velatura.pixels import Picture
from velatura_daemon.imaging.files.raster import (
    SAMPLE_NAMES,
    Array,
    Raster,
    by_rows,
    from_picture,
    profile_space,
    to_picture,
    to_sample,
    to_srgb,
)

CREATED = slice(24, 36)  # the date in an ICC profile


def in_colour(picture: Picture) -> Picture:
    """Return a grey picture with the same look in RGB, and any other one as it is. A picture with a grey profile gets
    an sRGB one; if that profile cannot be used, it is dropped. Samples and alpha are kept."""
    if not picture.format.is_grey:
        return picture
    raster = from_picture(picture)
    profile = raster.profile if profile_space(raster.profile) == "GRAY" else b""
    colours = _through_profile(raster.pixels[..., 0], profile) if profile else None
    if colours is None:
        profile, colours = b"", np.repeat(raster.pixels[..., :1], 3, axis=2)
    pixels = np.concatenate([colours, raster.pixels[..., 1:]], axis=2) if raster.has_alpha else colours
    return to_picture(Raster(pixels, raster.curve, srgb_profile() if profile else b""))


def _through_profile(grey: Array, profile: bytes) -> Array | None:
    """Convert (H, W) to (H, W, 3) of the same sample type; None if the profile cannot be used."""
    if to_srgb(grey[:1, :1].astype(np.float32), profile, "gray") is None:
        return None
    sample = SAMPLE_NAMES[grey.dtype]

    def converted(band: Array) -> Array:
        values = band.astype(np.float32) if sample == "f16" else band  # half floats go through as single ones
        colours = to_srgb(values, profile, "gray")
        assert colours is not None
        return to_sample(colours, sample)

    return by_rows(grey, converted, sample, 3)


@cache
def srgb_profile() -> bytes:
    """An sRGB profile that is the same at every call: LittleCMS writes the present time into it, and the same photo
    should always be the same picture."""
    import imagecodecs

    profile = bytearray(imagecodecs.cms_profile("srgb"))
    profile[CREATED] = np.array([2000, 1, 1, 0, 0, 0], ">u2").tobytes()
    return bytes(profile)

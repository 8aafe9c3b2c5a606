"""Light above white, in pictures with float samples or HDR curves, compressed to what a screen shows.

Light up to KNEE stays as it is. Above it, the brightest channel follows the extended Reinhard curve (Reinhard et al.,
"Photographic Tone Reproduction for Digital Images", 2002, eq. 4) with the picture's brightest value as white, and the
other channels keep their proportions to it. The curve has slope 1 at the knee, and the brightest value becomes 1.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura_daemon.imaging.files.raster import (
    BAND_PIXELS,
    SAMPLE_NAMES,
    Array,
    Raster,
    by_rows,
    from_picture,
    to_picture,
)

KNEE = 0.5  # linear light; 0.735 in sRGB
BRIGHTEST = 1e6  # what is above counts as this; the sun in an HDR photo has about as much
ROUNDING = 1.001  # a value above white that is not meant as one
COMPRESSED_NOTE = lazy_text("HDR: values above white were compressed.")


def compressed(raster: Raster) -> Raster:
    """Compress a picture of float samples, if it has any above white, and note it."""
    if raster.pixels.dtype.kind != "f":
        return raster
    sample, channels = SAMPLE_NAMES[raster.pixels.dtype], raster.pixels.shape[2]
    colours = channels - raster.has_alpha
    peak = brightest(raster.pixels, colours)
    if not ROUNDING < peak < np.inf:
        return raster

    def band_of(band: Array) -> Array:
        values = band.astype(np.float32)
        values[..., :colours] = shoulder(values[..., :colours], peak)
        return values

    pixels = by_rows(raster.pixels, band_of, sample, channels)
    return replace(raster, pixels=pixels, notes=(*raster.notes, COMPRESSED_NOTE))


def compress_highlights(picture: Picture) -> Picture:
    """As `compressed`, without a note."""
    return to_picture(compressed(from_picture(picture))) if picture.format.sample in ("f16", "f32") else picture


def has_highlights(picture: Picture) -> bool:
    """Whether a picture has values above white."""
    if picture.format.sample not in ("f16", "f32"):
        return False
    raster = from_picture(picture)
    return brightest(raster.pixels, raster.pixels.shape[2] - raster.has_alpha) > ROUNDING


def brightest(pixels: Array, colours: int) -> float:
    """The highest value of the first channels; NaN if there is one."""
    rows = max(1, BAND_PIXELS // pixels.shape[1])
    return float(max(pixels[top : top + rows, :, :colours].max() for top in range(0, pixels.shape[0], rows)))


def shoulder(light: Array, peak: float) -> Array:
    """Compress light (H, W, C), float32, whose highest value is peak, to at most 1."""
    if peak <= 1:
        return light
    light, peak = np.minimum(light, np.float32(BRIGHTEST)), min(peak, BRIGHTEST)
    top = light.max(axis=2, keepdims=True)
    above = np.maximum(top - np.float32(KNEE), 0) / np.float32(1 - KNEE)
    white = (peak - KNEE) / (1 - KNEE)
    curve = above * (1 + above / np.float32(white * white)) / (1 + above)
    target = np.float32(KNEE) + np.float32(1 - KNEE) * curve
    factor: Array = np.where(top > KNEE, target / np.maximum(top, np.float32(KNEE)), np.float32(1))
    mapped: Array = np.minimum(light * factor, np.float32(1))
    return mapped

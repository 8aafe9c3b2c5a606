"""Pixels on their way between a file and a Picture: arrays, and conversions of samples, alpha, orientation and ink."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura_daemon.imaging.files.options import Pages
from velatura_daemon.srgb import srgb_decoded, srgb_encoded

Array = np.ndarray[Any, Any]

DTYPES = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}
SAMPLE_NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
BAND_PIXELS = 1 << 16  # that are converted at a time: temporary values of the whole picture would take several times it
ONE_PAGE = Pages()
CHANNEL_NAMES = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Raster:
    """pixels: (H, W, C) with C from 1 to 4: grey, grey + alpha, RGB, RGBA; alpha is not premultiplied. curve: "srgb" or
    "linear". profile: an ICC profile, or empty. pages: of the file that it was read from. notes: a sentence for each
    thing that the user should know about the reading, without the file's name."""

    pixels: Array
    curve: str = "srgb"
    profile: bytes = b""
    pages: Pages = ONE_PAGE
    notes: tuple[str, ...] = ()

    @property
    def has_alpha(self) -> bool:
        return self.pixels.shape[2] in (2, 4)


def to_picture(raster: Raster) -> Picture:
    """Convert to a Picture, without a copy if the array already has the memory layout of one. A profile whose colour
    space does not fit the channels is dropped."""
    height, width, channels = raster.pixels.shape
    pixels = np.ascontiguousarray(raster.pixels, dtype=raster.pixels.dtype.newbyteorder("<"))
    profile_fits = profile_space(raster.profile) == ("GRAY" if channels <= 2 else "RGB")
    fmt = PixelFormat(
        CHANNEL_NAMES[channels], SAMPLE_NAMES[pixels.dtype], raster.curve, raster.profile if profile_fits else b""
    )
    return Picture(width, height, fmt, pixels.reshape(-1).view(np.uint8).data)


def from_picture(picture: Picture) -> Raster:
    """Return a view of the picture's bytes as (H, W, C). BGRA is reordered to RGBA, which copies."""
    fmt = picture.format
    flat = np.frombuffer(picture.data, dtype=DTYPES[fmt.sample])
    pixels = flat.reshape(picture.height, picture.width, CHANNELS[fmt.channels])
    return Raster(pixels[..., [2, 1, 0, 3]] if fmt.channels == "BGRA" else pixels, fmt.curve, fmt.profile)


def profile_space(profile: bytes) -> str:
    """Return the colour space of an ICC profile: RGB, GRAY, CMYK…; '' if the bytes are not a profile."""
    return profile[16:20].decode("latin-1").strip() if len(profile) >= 128 and profile[36:40] == b"acsp" else ""


def by_rows(pixels: Array, convert: Callable[[Array], Array], sample: str, channels: int) -> Array:
    """Convert (H, W, …) to (H, W, channels) a band of rows at a time."""
    converted = np.empty((*pixels.shape[:2], channels), DTYPES[sample])
    rows = max(1, BAND_PIXELS // pixels.shape[1])
    for top in range(0, pixels.shape[0], rows):
        converted[top : top + rows] = convert(pixels[top : top + rows])
    return converted


def to_float(pixels: Array) -> Array:
    """Convert to float32; integers are scaled to 0..1."""
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32)
    values: Array = pixels.astype(np.float32)
    values /= np.iinfo(pixels.dtype).max
    return values


def to_sample(pixels: Array, sample: str) -> Array:
    """Convert to u8, u16, f16 or f32. For integers, values are clipped to 0..1 and rounded."""
    dtype = np.dtype(DTYPES[sample])
    if pixels.dtype == dtype:
        return pixels
    if dtype.kind != "u":
        return by_rows(pixels, to_float, sample, pixels.shape[2])
    top = np.float32(np.iinfo(dtype).max)

    def rounded(band: Array) -> Array:
        values: Array = to_float(band).clip(0, 1) * top + np.float32(0.5)
        return values

    return by_rows(pixels, rounded, sample, pixels.shape[2])


def with_curve(raster: Raster, curve: str) -> Raster:
    """Express the same light with another transfer curve, as float32. Alpha has no curve and stays. A picture with a
    profile is returned unchanged: the profile defines its own curve."""
    if raster.profile or raster.curve == curve:
        return raster
    channels = raster.pixels.shape[2]

    def converted(band: Array) -> Array:
        values = to_float(band)
        colours = values[..., : channels - raster.has_alpha]
        colours[...] = srgb_encoded(colours) if curve == "srgb" else srgb_decoded(colours)
        return values

    return Raster(by_rows(raster.pixels, converted, "f32", channels), curve)


def unpremultiplied(pixels: Array) -> Array:
    """Divide colour by alpha. pixels: (H, W, 2 or 4), premultiplied. Fully transparent pixels get colour 0."""
    sample = SAMPLE_NAMES[pixels.dtype]

    def divided(band: Array) -> Array:
        values = to_float(band)
        colour, alpha = values[..., :-1], values[..., -1:]
        np.divide(colour, alpha, out=colour, where=alpha > 0)
        colour[np.broadcast_to(alpha <= 0, colour.shape)] = 0
        if pixels.dtype.kind == "f":  # light in nearly transparent pixels may be more than half floats can hold
            values[..., :-1] = np.where(np.isfinite(band[..., :-1]), within(pixels.dtype, colour), colour)
        return to_sample(values, sample)

    return by_rows(pixels, divided, sample, pixels.shape[2])


def within(dtype: np.dtype[Any], values: Array) -> Array:
    """Clip to the range of a float type."""
    clipped: Array = values.clip(np.finfo(dtype).min, np.finfo(dtype).max)
    return clipped


def over_white(pixels: Array) -> Array:
    """Blend over white. pixels: (H, W, 2 or 4). Returns float32 (H, W, 1 or 3)."""

    def blended(band: Array) -> Array:
        values = to_float(band)
        alpha = values[..., -1:].clip(0, 1)
        mixed: Array = values[..., :-1] * alpha + (1 - alpha)
        return mixed

    return by_rows(pixels, blended, "f32", pixels.shape[2] - 1)


def oriented(pixels: Array, orientation: int) -> Array:
    """Turn the pixels upright by an EXIF orientation, 1 to 8; from 5 on, width and height are swapped."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def oriented_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    """Return (width, height) after `oriented`."""
    return (height, width) if orientation >= 5 else (width, height)


def from_cmyk(pixels: Array, profile: bytes) -> Array:
    """Convert inks (0 is none, the full range is all) of u8 or u16 to sRGB: through the profile, or without one as (1 -
    ink) · (1 - black)."""
    through_profile = to_srgb(pixels, profile, "cmyk") if profile_space(profile) == "CMYK" else None
    if through_profile is not None:
        return through_profile
    sample = SAMPLE_NAMES[pixels.dtype]

    def mixed(band: Array) -> Array:
        light = 1 - to_float(band)
        return to_sample(light[..., :3] * light[..., 3:], sample)

    return by_rows(pixels, mixed, sample, 3)


def to_srgb(pixels: Array, profile: bytes, space: str) -> Array | None:
    """Convert through a profile to sRGB of the same depth. Returns None if LittleCMS cannot use the profile.

    pixels: (H, W, 4) for space "cmyk", (H, W) for "gray".
    """
    import imagecodecs

    srgb = imagecodecs.cms_profile("srgb")
    values = np.ascontiguousarray(pixels)
    try:
        converted: Array = imagecodecs.cms_transform(values, profile, srgb, colorspace=space, outcolorspace="rgb")
    except imagecodecs.CmsError:
        return None
    return converted

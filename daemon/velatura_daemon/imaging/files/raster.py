"""Pixels between a file and a Picture: an array, and the arithmetic that files ask for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from velatura.pixels import CHANNELS, Picture, PixelFormat

Array = np.ndarray[Any, Any]

DTYPES = {"u8": "<u1", "u16": "<u2", "f16": "<f2", "f32": "<f4"}
SAMPLE_NAMES = {np.dtype(dtype): name for name, dtype in DTYPES.items()}
CHANNEL_NAMES = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True)
class Raster:
    """pixels: (H, W, C), C of 1 to 4: grey, grey + alpha, RGB, RGBA; alpha not premultiplied."""

    pixels: Array
    curve: str = "srgb"
    profile: bytes = b""

    @property
    def has_alpha(self) -> bool:
        return self.pixels.shape[2] in (2, 4)


def to_picture(raster: Raster) -> Picture:
    """Without a copy where the array already lies as a picture does. A profile of another colour space is dropped."""
    height, width, channels = raster.pixels.shape
    pixels = np.ascontiguousarray(raster.pixels, dtype=raster.pixels.dtype.newbyteorder("<"))
    fits = profile_space(raster.profile) == ("GRAY" if channels <= 2 else "RGB")
    fmt = PixelFormat(
        CHANNEL_NAMES[channels], SAMPLE_NAMES[pixels.dtype], raster.curve, raster.profile if fits else b""
    )
    return Picture(width, height, fmt, pixels.reshape(-1).view(np.uint8).data)


def from_picture(picture: Picture) -> Raster:
    """A view of the picture's bytes; BGRA becomes RGBA."""
    fmt = picture.format
    flat = np.frombuffer(picture.data, dtype=DTYPES[fmt.sample])
    pixels = flat.reshape(picture.height, picture.width, CHANNELS[fmt.channels])
    return Raster(pixels[..., [2, 1, 0, 3]] if fmt.channels == "BGRA" else pixels, fmt.curve, fmt.profile)


def profile_space(profile: bytes) -> str:
    """The colour space that an ICC profile speaks of: RGB, GRAY, CMYK..; empty for what is no profile."""
    return profile[16:20].decode("latin-1").strip() if len(profile) >= 128 and profile[36:40] == b"acsp" else ""


def to_float(pixels: Array) -> Array:
    """float32; integers span 0 to 1."""
    if pixels.dtype.kind == "f":
        return pixels.astype(np.float32)
    values: Array = pixels.astype(np.float32)
    values /= np.iinfo(pixels.dtype).max
    return values


def to_sample(pixels: Array, sample: str) -> Array:
    """To u8, u16, f16 or f32; integers are rounded, and clipped to 0 to 1."""
    dtype = np.dtype(DTYPES[sample])
    if pixels.dtype == dtype:
        return pixels
    values = to_float(pixels)
    if dtype.kind == "u":
        values = values.clip(0, 1) * np.float32(np.iinfo(dtype).max) + np.float32(0.5)
    return values.astype(dtype)


def srgb_encoded(light: Array) -> Array:
    """The curve of IEC 61966-2-1; beyond 0 to 1 it continues."""
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055)


def srgb_decoded(code: Array) -> Array:
    return np.where(code <= 0.04045, code / 12.92, ((np.maximum(code, 0.04045) + 0.055) / 1.055) ** 2.4)


def with_curve(raster: Raster, curve: str) -> Raster:
    """The same light under another curve, as float32; alpha has none. A profile speaks for itself: nothing changes."""
    if raster.profile or raster.curve == curve:
        return raster
    pixels = to_float(raster.pixels)
    colours = pixels[..., : pixels.shape[2] - raster.has_alpha]
    colours[...] = srgb_encoded(colours) if curve == "srgb" else srgb_decoded(colours)
    return Raster(pixels, curve)


def unpremultiplied(pixels: Array) -> Array:
    """pixels: (H, W, 2 or 4), colour times alpha. Colour where nothing shows is 0."""
    values = to_float(pixels)
    colour, alpha = values[..., :-1], values[..., -1:]
    np.divide(colour, alpha, out=colour, where=alpha > 0)
    colour[np.broadcast_to(alpha <= 0, colour.shape)] = 0
    return to_sample(values, SAMPLE_NAMES[pixels.dtype])


def over_white(pixels: Array) -> Array:
    """pixels: (H, W, 2 or 4). Returns float32 without alpha."""
    values = to_float(pixels)
    alpha = values[..., -1:].clip(0, 1)
    blended: Array = values[..., :-1] * alpha + (1 - alpha)
    return blended


def oriented(pixels: Array, orientation: int) -> Array:
    """As EXIF says it is meant to be seen: 1 to 8; 5 and up swap the sides."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels


def oriented_size(width: int, height: int, orientation: int) -> tuple[int, int]:
    return (height, width) if orientation >= 5 else (width, height)


def from_cmyk(pixels: Array, profile: bytes) -> Array:
    """Ink (0 none, full range all) of u8 or u16 to sRGB: through the profile, or as (1 - ink) · (1 - black) without."""
    through_profile = to_srgb(pixels, profile, "cmyk") if profile_space(profile) == "CMYK" else None
    if through_profile is not None:
        return through_profile
    light = 1 - to_float(pixels)
    return to_sample(light[..., :3] * light[..., 3:], SAMPLE_NAMES[pixels.dtype])


def to_srgb(pixels: Array, profile: bytes, space: str) -> Array | None:
    """Through the profile to sRGB, of the same depth; None if LittleCMS cannot use the profile.

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

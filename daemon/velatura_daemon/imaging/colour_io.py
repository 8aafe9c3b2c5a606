"""Pixels between a Picture and the engine's tensors: formats, alpha, transfer curves and ICC profiles."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import imagecodecs
import numpy as np
import torch
from torch import Tensor

from velatura.errors import BadMask, BadPixels, BadProfile
from velatura.i18n import lazy_plural, lazy_text
from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura_daemon.srgb import srgb_decoded, srgb_encoded

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
WHOLE = {"u8": 255.0, "u16": 65535.0}  # the value of integer samples that stands for 1
# Pixels that are converted at a time: their intermediate values stay in the processor's cache, so that a large picture
# takes a fraction of the time and memory that it takes in one piece. With NumPy, since such small pieces are not worth
# torch's threads, which wait long for each other beside another busy process.
BLOCK_PIXELS = 1 << 13
PROFILE_BLOCK_PIXELS = 1 << 18  # through an ICC profile, since each block prepares the transform anew
REC_601 = np.array([[0.299], [0.587], [0.114]], np.float32)  # luma of sRGB-encoded values, as in engine.colour


def decode(picture: Picture) -> tuple[Tensor, Tensor]:
    """A picture's colours, (3, H, W), RGB in 0..1, sRGB-encoded, and its alpha, (H, W) in 0..1, both float32.

    Samples of float pictures beyond 0..1 are clipped: the network sees what a screen shows; `encode` adds back what was
    clipped. An alpha that is 1 everywhere takes no memory. Raises BadPixels for NaN or infinite samples; BadProfile.
    """
    samples = _samples(picture)  # (H, W, C)
    fmt = picture.format
    if fmt.sample in ("f16", "f32") and not np.isfinite(samples).all():
        row, column = np.argwhere(~np.isfinite(samples).all(axis=2))[0]
        count = int((~np.isfinite(samples)).any(axis=2).sum())
        raise BadPixels(
            lazy_plural(
                "The picture has {count} pixel that is not a number (NaN or infinite), at column {column}, row {row}. "
                "Repair or fill it, then restyle again.",
                "The picture has {count} pixels that are not numbers (NaN or infinite), the first at column {column}, "
                "row {row}. Repair or fill them, then restyle again.",
                count,
                column=int(column),
                row=int(row),
            )
        )
    image, alpha = np.empty((3, picture.height, picture.width), np.float32), None
    for rows in _blocks(picture):
        colours, block_alpha = _decoded(samples[rows], fmt)
        np.clip(colours.transpose(2, 0, 1), 0, 1, out=image[:, rows])
        if block_alpha is not None and not (block_alpha >= 1).all():
            alpha = np.ones(image.shape[1:], np.float32) if alpha is None else alpha
            np.clip(block_alpha, 0, 1, out=alpha[rows])
    visible = torch.ones(1).expand(image.shape[1:]) if alpha is None else torch.from_numpy(alpha)
    return torch.from_numpy(image), visible


def _blocks(picture: Picture) -> Iterator[slice]:
    """The picture's rows, in blocks of about BLOCK_PIXELS or PROFILE_BLOCK_PIXELS."""
    rows = max(1, (PROFILE_BLOCK_PIXELS if picture.format.profile else BLOCK_PIXELS) // picture.width)
    return (slice(top, min(top + rows, picture.height)) for top in range(0, picture.height, rows))


def _decoded(samples: Array, fmt: PixelFormat) -> tuple[Array, Array | None]:
    """(H, W, C) → colours, (H, W, 3), sRGB-encoded, and alpha, (H, W), or None."""
    values = samples.astype(np.float32) * np.float32(1 / WHOLE.get(fmt.sample, 1.0))
    colours = values[..., :-1] if fmt.has_alpha else values
    if fmt.channels == "BGRA":
        colours = colours[..., ::-1]
    return _to_srgb(np.ascontiguousarray(colours), fmt), values[..., -1] if fmt.has_alpha else None


def encode(image: Tensor, like: Picture) -> Picture:
    """Colours (3, H, W), sRGB-encoded, as a picture in the format of `like`, with exactly its alpha.

    For float samples beyond 0..1, what a sample of `like` has above 1 or below 0 is added to the result, in the
    picture's own encoding. A light of 3.0 that becomes a stroke of 0.8 is 2.8: it still shines.
    """
    fmt = like.format
    samples = _samples(like)
    out, pixels = samples.copy(), image.cpu().numpy()
    for rows in _blocks(like):
        colours = np.clip(pixels[:, rows].transpose(1, 2, 0), 0, 1)  # (h, W, 3)
        colours = _from_srgb(np.ascontiguousarray(colours), fmt)
        if fmt.channels == "BGRA":
            colours = colours[..., ::-1]
        out_colours = out[rows, :, : colours.shape[2]]  # a view without alpha
        if fmt.sample in WHOLE:
            out_colours[...] = _quantise(colours, fmt.sample)
        else:
            values = out_colours.astype(np.float32)  # NumPy takes several times as long with half floats
            out_colours[...] = colours + (values - np.clip(values, 0, 1))  # and what lies beyond 0..1; 0 for most
    return Picture(like.width, like.height, fmt, out.data.cast("B"))


def mask_values(mask: Picture) -> Tensor:
    """The values of a mask, (H, W) in 0..1; masks have no curve. Raises BadMask for NaN or infinite values."""
    values = torch.from_numpy(_samples(mask)[..., 0].astype(np.float32) / WHOLE.get(mask.format.sample, 1.0))
    if not bool(torch.isfinite(values).all()):
        raise BadMask(
            lazy_text("The mask has values that are not numbers (NaN or infinite). Make a new one, then restyle.")
        )
    return values.clamp_(0, 1)


def crop(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """A rectangle of a picture, in the same format."""
    part = np.ascontiguousarray(_samples(picture)[top : top + height, left : left + width])
    return Picture(width, height, picture.format, part.data.cast("B"))


def paste(part: Picture, whole: Picture, left: int, top: int) -> Picture:
    """The whole picture with a rectangle of it replaced by `part`; both in the same format."""
    samples = _samples(whole).copy()
    samples[top : top + part.height, left : left + part.width] = _samples(part)
    return Picture(whole.width, whole.height, whole.format, samples.data.cast("B"))


def keep_bytes_where(untouched: Tensor, original: Picture, result: Picture) -> Picture:
    """The result, with the original's bytes at the pixels where `untouched`, (H, W), is true."""
    if not bool(untouched.any()):
        return result
    samples = np.where(untouched.cpu().numpy()[..., None], _samples(original), _samples(result))
    return Picture(result.width, result.height, result.format, samples.data.cast("B"))


def _samples(picture: Picture) -> Array:
    """A view of the picture's samples, (H, W, C)."""
    flat = np.frombuffer(picture.data, DTYPES[picture.format.sample])
    return flat.reshape(picture.height, picture.width, CHANNELS[picture.format.channels])


def _quantise(values: Array, sample: str) -> Array:
    if sample in WHOLE:
        values = np.clip(values, 0, 1) * WHOLE[sample] + 0.5
    return values.astype(DTYPES[sample])


def _to_srgb(colours: Array, fmt: PixelFormat) -> Array:
    """(H, W, 1 or 3) in the encoding of the format → (H, W, 3) sRGB-encoded."""
    if fmt.profile:
        return _through_profiles(colours, fmt.profile, imagecodecs.cms_profile("srgb"), "rgb")
    if fmt.curve == "linear":
        colours = srgb_encoded(colours)
    return np.repeat(colours, 3, axis=2) if fmt.is_grey else colours


def _from_srgb(colours: Array, fmt: PixelFormat) -> Array:
    """(H, W, 3) sRGB-encoded → (H, W, 1 or 3) in the encoding of the format."""
    if fmt.profile:
        return _through_profiles(
            colours, imagecodecs.cms_profile("srgb"), fmt.profile, "gray" if fmt.is_grey else "rgb"
        )
    if fmt.is_grey:
        colours = colours @ REC_601
    return srgb_decoded(colours) if fmt.curve == "linear" else colours


def _through_profiles(colours: Array, source: bytes, target: bytes, target_space: str) -> Array:
    """(H, W, 1 or 3) from one ICC profile to another, by LittleCMS in float32, relative colorimetric."""
    space = "gray" if colours.shape[2] == 1 else "rgb"
    pixels = colours[..., 0] if space == "gray" else colours
    try:
        out = imagecodecs.cms_transform(
            np.ascontiguousarray(pixels),
            source,
            target,
            colorspace=space,
            outcolorspace=target_space,
            outdtype=np.float32,
            intent=1,
        )
    except Exception as error:
        raise BadProfile(
            lazy_text(
                "The picture's colour profile cannot be used ({problem}). Assign another profile, such as sRGB, and "
                "try again.",
                problem=str(error),
            )
        ) from error
    return np.asarray(out, np.float32).reshape(*colours.shape[:2], 1 if target_space == "gray" else 3)

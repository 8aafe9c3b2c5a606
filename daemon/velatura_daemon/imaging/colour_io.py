"""Pixels between a Picture and the engine's tensors: formats, alpha, transfer curves and ICC profiles."""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np
import torch
from torch import Tensor

from velatura.errors import BadMask, BadPixels, BadProfile
from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura_daemon.srgb import srgb_decoded, srgb_encoded

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
WHOLE = {"u8": 255.0, "u16": 65535.0}  # the value of integer samples that stands for 1
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
            f"The picture has {count} pixels that are not numbers (NaN or infinite), the first at column {column}, "
            f"row {row}. Repair or fill them, then restyle again."
        )
    scale = np.float32(1 / WHOLE.get(fmt.sample, 1.0))
    values = samples.astype(np.float32) * scale
    alpha = values[..., -1]
    colours = values[..., :-1] if fmt.has_alpha else values
    if fmt.channels == "BGRA":
        colours = colours[..., ::-1]
    colours = _to_srgb(np.ascontiguousarray(colours), fmt)  # (H, W, 3)
    image = torch.from_numpy(np.ascontiguousarray(colours.transpose(2, 0, 1))).clamp_(0, 1)
    if not fmt.has_alpha or bool((alpha >= 1).all()):
        return image, torch.ones(1).expand(image.shape[1:])
    return image, torch.from_numpy(np.ascontiguousarray(alpha)).clamp_(0, 1)


def encode(image: Tensor, like: Picture) -> Picture:
    """Colours (3, H, W), sRGB-encoded, as a picture in the format of `like`, with exactly its alpha.

    For float samples beyond 0..1, what a sample of `like` has above 1 or below 0 is added to the result, in the
    picture's own encoding. A light of 3.0 that becomes a stroke of 0.8 is 2.8: it still shines.
    """
    fmt = like.format
    samples = _samples(like)
    colours = image.clamp(0, 1).permute(1, 2, 0).cpu().numpy()  # (H, W, 3)
    colours = _from_srgb(np.ascontiguousarray(colours), fmt)
    if fmt.channels == "BGRA":
        colours = colours[..., ::-1]
    out = samples.copy()
    out_colours = out[..., : colours.shape[2]]  # a view without alpha
    if fmt.sample in WHOLE:
        out_colours[...] = _quantise(colours, fmt.sample)
    else:
        out_colours -= np.clip(out_colours, 0, 1)  # what lies beyond 0..1; 0 for most
        out_colours += colours.astype(out_colours.dtype)
    return Picture(like.width, like.height, fmt, out.data.cast("B"))


def mask_values(mask: Picture) -> Tensor:
    """The values of a mask, (H, W) in 0..1; masks have no curve. Raises BadMask for NaN or infinite values."""
    values = torch.from_numpy(_samples(mask)[..., 0].astype(np.float32) / WHOLE.get(mask.format.sample, 1.0))
    if not bool(torch.isfinite(values).all()):
        raise BadMask("The mask has values that are not numbers (NaN or infinite). Select again, then restyle.")
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
            f"The picture's colour profile cannot be used ({error}). Assign another profile, such as sRGB, and try "
            "again."
        ) from error
    return np.asarray(out, np.float32).reshape(*colours.shape[:2], 1 if target_space == "gray" else 3)

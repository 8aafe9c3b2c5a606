"""Formats, curves and profiles in and out; and the painter's wish to keep colours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import torch
from torch import Tensor

from velatura.errors import BadMask, BadPixels, BadProfile
from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura_daemon.srgb import srgb_decoded, srgb_encoded

if TYPE_CHECKING:
    from velatura_daemon.engine.source import Source

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
LUMA = torch.tensor([0.299, 0.587, 0.114])  # Rec. 601, on sRGB-coded values
WHOLE = {"u8": 255.0, "u16": 65535.0}


# --- in and out ------------------------------------------------------------------------------------
def decode(picture: Picture) -> tuple[Tensor, Tensor]:
    """A picture's colours, (3, H, W) RGB in 0..1, sRGB-coded, and its alpha (H, W) in 0..1, both float32.

    Values of float pictures beyond 0..1 are clipped: the network sees what a screen shows; `encode` puts what is beyond
    back. An alpha that is 1 everywhere takes no memory. Raises BadPixels for NaN or infinite samples and BadProfile.
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
    """Colours (3, H, W), sRGB-coded, as a picture in the format of `like` and with its alpha, to the bit.

    The rule for values beyond 0..1, in the picture's own numbers: what a sample has over 1, or under 0, is set aside
    before the restyle and added to its result. A light of 3.0 that becomes a stroke of 0.8 is 2.8: it still shines.
    """
    fmt = like.format
    samples = _samples(like)
    colours = image.clamp(0, 1).permute(1, 2, 0).cpu().numpy()  # (H, W, 3)
    colours = _from_srgb(np.ascontiguousarray(colours), fmt)
    if fmt.channels == "BGRA":
        colours = colours[..., ::-1]
    out = samples.copy()
    inside = out[..., : colours.shape[2]]
    if fmt.sample in WHOLE:
        inside[...] = _quantised(colours, fmt.sample)
    else:
        inside -= np.clip(inside, 0, 1)  # what lies beyond, 0 for most
        inside += colours.astype(inside.dtype)
    return Picture(like.width, like.height, fmt, out.data.cast("B"))


def mask_values(mask: Picture) -> Tensor:
    """A selection, (H, W) in 0..1. Raises BadMask for NaN or infinite values."""
    values = torch.from_numpy(_samples(mask)[..., 0].astype(np.float32) / WHOLE.get(mask.format.sample, 1.0))
    if not bool(torch.isfinite(values).all()):
        raise BadMask("The mask has values that are not numbers (NaN or infinite). Select again, then restyle.")
    return values.clamp_(0, 1)


def crop(picture: Picture, left: int, top: int, width: int, height: int) -> Picture:
    """A part of a picture, in the same format."""
    part = np.ascontiguousarray(_samples(picture)[top : top + height, left : left + width])
    return Picture(width, height, picture.format, part.data.cast("B"))


def paste(part: Picture, whole: Picture, left: int, top: int) -> Picture:
    """The whole picture with a part of it replaced; both in the same format."""
    samples = _samples(whole).copy()
    samples[top : top + part.height, left : left + part.width] = _samples(part)
    return Picture(whole.width, whole.height, whole.format, samples.data.cast("B"))


def keep_bytes_where(untouched: Tensor, original: Picture, result: Picture) -> Picture:
    """The result, with the original's own bytes where untouched (H, W) is true."""
    samples = np.where(untouched.cpu().numpy()[..., None], _samples(original), _samples(result))
    return Picture(result.width, result.height, result.format, samples.data.cast("B"))


def _samples(picture: Picture) -> Array:
    flat = np.frombuffer(picture.data, DTYPES[picture.format.sample])
    return flat.reshape(picture.height, picture.width, CHANNELS[picture.format.channels])


def _quantised(values: Array, sample: str) -> Array:
    if sample in WHOLE:
        values = np.clip(values, 0, 1) * WHOLE[sample] + 0.5
    return values.astype(DTYPES[sample])


def _to_srgb(colours: Array, fmt: PixelFormat) -> Array:
    """(H, W, 1 or 3) as the format means it → (H, W, 3) sRGB-coded."""
    if fmt.profile:
        return _through_profiles(colours, fmt.profile, imagecodecs.cms_profile("srgb"), "rgb")
    if fmt.curve == "linear":
        colours = srgb_encoded(colours)
    return np.repeat(colours, 3, axis=2) if fmt.is_grey else colours


def _from_srgb(colours: Array, fmt: PixelFormat) -> Array:
    """(H, W, 3) sRGB-coded → (H, W, 1 or 3) as the format means it."""
    if fmt.profile:
        return _through_profiles(
            colours, imagecodecs.cms_profile("srgb"), fmt.profile, "gray" if fmt.is_grey else "rgb"
        )
    if fmt.is_grey:
        colours = colours @ LUMA.numpy()[:, None]
    return srgb_decoded(colours) if fmt.curve == "linear" else colours


def _through_profiles(colours: Array, source: bytes, target: bytes, target_space: str) -> Array:
    """LittleCMS in float32, relative colorimetric."""
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


# --- keep colours (Gatys et al. 2017, 'Controlling perceptual factors', section 4) -------------------
def luminance(image: Tensor) -> Tensor:
    """(3, H, W) → (H, W)."""
    return (image * LUMA.to(image).view(3, 1, 1)).sum(0)


def before(content: Source, styles: Sequence[Source], keep: str) -> tuple[Source, list[Source]]:
    """What the network is shown. off: the pictures. luminance: both in grey, the style's brought to the content's
    mean and deviation. palette: the style in the content's colours (means and covariances matched by Cholesky)."""
    if keep == "off":
        return content, list(styles)
    match = _matched_luminance if keep == "luminance" else _matched_palette

    def shown_like(style: Source) -> Source:
        """A style with a region takes the colours of the content there."""
        place = content if style.region is None else replace(content, weight=content.weight * style.region)
        return replace(style, image=match(style, place), key=(keep, style.key, content.key, style.region_key))

    shown = [shown_like(style) for style in styles]
    if keep == "luminance":
        grey = luminance(content.image).expand(3, -1, -1).contiguous()
        return replace(content, image=grey, key=(keep, content.key)), shown
    return content, shown


def after(image: Tensor, content: Tensor, keep: str) -> Tensor:
    """The finished picture: with luminance, its light and dark over the content's colours. All (3, H, W)."""
    if keep != "luminance":
        return image
    return content + (luminance(image) - luminance(content))


def _moments(source: Source) -> tuple[Tensor, Tensor]:
    """Mean (3, 1) and covariance (3, 3) of the colours that count, in float64, on the CPU: mps has no float64."""
    colours, weight = source.image.cpu().double().flatten(1), source.weight.cpu().double().flatten()
    weight = weight / weight.sum().clamp_min(1e-9)
    mean = (colours * weight).sum(1, keepdim=True)
    return mean, ((colours - mean) * weight) @ (colours - mean).T


def _matched_palette(style: Source, content: Source) -> Tensor:
    """x' = L_c L_s⁻¹ (x − μ_s) + μ_c, with Σ = L Lᵀ; 1e-5 on the diagonals keeps flat pictures solvable."""
    (mean_s, cov_s), (mean_c, cov_c) = _moments(style), _moments(content)
    floor = 1e-5 * torch.eye(3, dtype=torch.float64)
    l_s, l_c = torch.linalg.cholesky(cov_s + floor), torch.linalg.cholesky(cov_c + floor)
    transform: Tensor = l_c @ torch.linalg.inv(l_s)
    matched = transform @ (style.image.cpu().double().flatten(1) - mean_s) + mean_c
    matched = matched.clamp(0, 1).to(style.image)
    return matched.reshape(style.image.shape)


def _matched_luminance(style: Source, content: Source) -> Tensor:
    """L' = σ_c / σ_s (L_s − μ_s) + μ_c (Gatys 2017, eq. 10), in all three channels."""
    grey = [replace(s, image=luminance(s.image).expand(3, -1, -1)) for s in (style, content)]
    (mean_s, cov_s), (mean_c, cov_c) = _moments(grey[0]), _moments(grey[1])
    ratio = float((cov_c[0, 0].clamp_min(0) / cov_s[0, 0].clamp_min(1e-8)).sqrt())
    matched = ratio * (grey[0].image - float(mean_s[0])) + float(mean_c[0])
    return matched.clamp(0, 1).contiguous()

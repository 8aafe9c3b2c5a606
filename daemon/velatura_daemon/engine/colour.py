"""Keeping the content's colours (Gatys et al. 2017, 'Controlling perceptual factors in neural style transfer',
section 4): what the network sees before the restyle, and how the colours come back after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from velatura_daemon.engine.masks import resize_weight
from velatura_daemon.engine.source import Source

LUMA = torch.tensor([0.299, 0.587, 0.114])  # Rec. 601, on sRGB-encoded values
COVARIANCE_RIDGE = 1e-5  # added to the diagonals of colour covariances: flat images would have no Cholesky factor


def luminance(image: Tensor) -> Tensor:
    """(3, H, W) → (H, W)."""
    return (image * LUMA.to(image).view(3, 1, 1)).sum(0)


def match_colours(content: Source, styles: Sequence[Source], keep_colours: str) -> tuple[Source, list[Source]]:
    """The images as the network sees them.

    keep_colours: 'off', the images as they are; 'luminance', both in grey, the style's mean and deviation matched to
    the content's; 'palette', the style in the content's colours (means and covariances matched by Cholesky factors).
    """
    if keep_colours == "off":
        return content, list(styles)
    match = _match_luminance if keep_colours == "luminance" else _match_palette

    def matched(style: Source) -> Source:
        """A style with a region is matched to the content's colours in that region."""
        reference = content if style.region is None else replace(content, weight=content.weight * style.region)
        key = (keep_colours, style.key, content.key, style.region_key)
        return replace(style, image=match(style, reference), key=key)

    matched_styles = [matched(style) for style in styles]
    if keep_colours == "luminance":
        grey = luminance(content.image).expand(3, -1, -1).contiguous()
        return replace(content, image=grey, key=(keep_colours, content.key)), matched_styles
    return content, matched_styles


def matched_start(image: Tensor, content: Source, keep_colours: str) -> Tensor:
    """An earlier image (3, h, w) to start from, in the colours that the network will see: grey for 'luminance', the
    content's for 'palette'. The image may have been made with another `keep_colours`, and few steps cannot change its
    colours: after two, the loss was twice to five times that of a restyle from the content (docs/performance.md)."""
    if keep_colours == "luminance":
        return luminance(image).expand(3, -1, -1)
    if keep_colours == "palette":
        weight = resize_weight(content.weight, *image.shape[1:])
        return _match_palette(replace(content, image=image, weight=weight), content)
    return image


def restore_colours(image: Tensor, content: Tensor, keep_colours: str) -> Tensor:
    """The finished image: for 'luminance' its luminance with the content's colours, otherwise the image itself. All
    (3, H, W)."""
    if keep_colours != "luminance":
        return image
    return content + (luminance(image) - luminance(content))


def _mean_and_covariance(source: Source) -> tuple[Tensor, Tensor]:
    """Mean (3, 1) and covariance (3, 3) of the colours, by weight; in float64, and on the CPU since MPS has none."""
    colours = source.image.cpu().double().flatten(1)  # (3, H * W)
    weight = source.weight.cpu().double().flatten()  # (H * W,)
    weight = weight / weight.sum().clamp_min(1e-9)
    mean = (colours * weight).sum(1, keepdim=True)
    return mean, ((colours - mean) * weight) @ (colours - mean).T


def _match_palette(style: Source, content: Source) -> Tensor:
    """x' = L_c L_s⁻¹ (x − μ_s) + μ_c, with Σ = L Lᵀ."""
    (style_mean, style_cov), (content_mean, content_cov) = _mean_and_covariance(style), _mean_and_covariance(content)
    ridge = COVARIANCE_RIDGE * torch.eye(3, dtype=torch.float64)
    style_factor, content_factor = torch.linalg.cholesky(style_cov + ridge), torch.linalg.cholesky(content_cov + ridge)
    transform: Tensor = content_factor @ torch.linalg.inv(style_factor)
    matched = transform @ (style.image.cpu().double().flatten(1) - style_mean) + content_mean
    return matched.clamp(0, 1).to(style.image).reshape(style.image.shape)


def _match_luminance(style: Source, content: Source) -> Tensor:
    """L' = σ_c / σ_s (L_s − μ_s) + μ_c (Gatys 2017, eq. 10), in all three channels."""
    grey_style, grey_content = (replace(s, image=luminance(s.image).expand(3, -1, -1)) for s in (style, content))
    (style_mean, style_cov), (content_mean, content_cov) = map(_mean_and_covariance, (grey_style, grey_content))
    ratio = float((content_cov[0, 0].clamp_min(0) / style_cov[0, 0].clamp_min(1e-8)).sqrt())
    matched = ratio * (grey_style.image - float(style_mean[0])) + float(content_mean[0])
    return matched.clamp(0, 1).contiguous()

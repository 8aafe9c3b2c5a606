"""Keeping the content's colours: what the network sees before the restyle, and how the colours come back after it.

Gatys et al. 2017, 'Controlling perceptual factors in neural style transfer', section 4.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from velatura_daemon.engine.masks import resize_weight
from velatura_daemon.engine.source import Source

LUMA = torch.tensor([0.299, 0.587, 0.114])  # Rec. 601, on sRGB-encoded values
CHUNK = 1 << 16  # pixels that are converted to float64 at a time: a style of 16 megapixels would take gigabytes
COVARIANCE_RIDGE = 1e-5  # added to the diagonals of colour covariances: flat images would have no Cholesky factor


def luminance(image: Tensor) -> Tensor:
    """Luma of an image (Rec. 601): (3, H, W) → (H, W)."""
    return (image * LUMA.to(image).view(3, 1, 1)).sum(0)


def match_colours(content: Source, styles: Sequence[Source], keep_colours: str) -> tuple[Source, list[Source]]:
    """Returns the images as the network sees them, with their colours matched.

    A style with a region is matched to the content's colours in that region.

    Args:
        content: The picture to restyle.
        styles: As given.
        keep_colours: 'off', the images as they are; 'luminance', both in grey, the style's mean and deviation matched
            to the content's; 'palette', the style in the content's colours (means and covariances matched by Cholesky
            factors).

    Returns:
        The content and the styles.
    """
    if keep_colours == "off":
        return content, list(styles)
    match = _match_luminance if keep_colours == "luminance" else _match_palette

    images: dict[Hashable, Tensor] = {}

    def matched(style: Source) -> Source:
        """A style with a region is matched to the content's colours in that region."""
        key = (keep_colours, style.key, content.key, style.region_key)
        if key not in images:
            reference = content if style.region is None else replace(content, weight=content.weight * style.region)
            images[key] = match(style, reference)
        return replace(style, image=images[key], key=key)

    matched_styles = [matched(style) for style in styles]
    if keep_colours == "luminance":
        grey = luminance(content.image).expand(3, -1, -1).contiguous()
        return replace(content, image=grey, key=(keep_colours, content.key)), matched_styles
    return content, matched_styles


def matched_start(image: Tensor, content: Source, keep_colours: str) -> Tensor:
    """Returns an earlier image to start from, in the colours that the network will see.

    The image may have been made with another `keep_colours`, and few steps cannot change its colours: after two, the
    loss was twice to five times that of a restyle from the content (docs/performance.md).

    Args:
        image: (3, h, w).
        content: As the network will see it.
        keep_colours: As in the settings.

    Returns:
        (3, h, w), grey for 'luminance', in the content's colours for 'palette'.
    """
    if keep_colours == "luminance":
        return luminance(image).expand(3, -1, -1)
    if keep_colours == "palette":
        weight = resize_weight(content.weight, *image.shape[1:])
        return _match_palette(replace(content, image=image, weight=weight), content)
    return image


def restore_colours(image: Tensor, content: Tensor, keep_colours: str) -> Tensor:
    """Returns the finished image in its final colours.

    Args:
        image: (3, H, W), the optimised image.
        content: (3, H, W).
        keep_colours: As in the settings.

    Returns:
        (3, H, W), for 'luminance' the image's luminance with the content's colours, otherwise the image itself.
    """
    if keep_colours != "luminance":
        return image
    return content + (luminance(image) - luminance(content))


def _mean_and_covariance(source: Source) -> tuple[Tensor, Tensor]:
    """Mean (3, 1) and covariance (3, 3) of the colours, by weight; in float64, and on the CPU since MPS has none."""

    def chunks() -> Iterator[tuple[Tensor, Tensor]]:
        pairs = zip(
            torch.split(source.image.flatten(1), CHUNK, 1), torch.split(source.weight.flatten(), CHUNK), strict=True
        )
        return ((colours.cpu().double(), weight.cpu().double()) for colours, weight in pairs)

    total = sum((weight.sum() for _, weight in chunks()), torch.zeros((), dtype=torch.float64)).clamp_min(1e-9)
    zeros = torch.zeros(3, 1, dtype=torch.float64)
    mean = sum(((colours * weight).sum(1, keepdim=True) for colours, weight in chunks()), zeros) / total
    squares = (((colours - mean) * weight) @ (colours - mean).T for colours, weight in chunks())
    return mean, sum(squares, zeros.expand(3, 3)) / total


def _match_palette(style: Source, content: Source) -> Tensor:
    """The style in the content's colours: x' = L_c L_s⁻¹ (x − μ_s) + μ_c, with Σ = L Lᵀ."""
    (style_mean, style_cov), (content_mean, content_cov) = _mean_and_covariance(style), _mean_and_covariance(content)
    ridge = COVARIANCE_RIDGE * torch.eye(3, dtype=torch.float64)
    style_factor, content_factor = torch.linalg.cholesky(style_cov + ridge), torch.linalg.cholesky(content_cov + ridge)
    transform: Tensor = content_factor @ torch.linalg.inv(style_factor)
    matched = torch.empty_like(style.image, memory_format=torch.contiguous_format)
    for before, after in zip(
        torch.split(style.image.flatten(1), CHUNK, 1), torch.split(matched.flatten(1), CHUNK, 1), strict=True
    ):
        after.copy_((transform @ (before.cpu().double() - style_mean) + content_mean).clamp_(0, 1))
    return matched


def _match_luminance(style: Source, content: Source) -> Tensor:
    """L' = σ_c / σ_s (L_s − μ_s) + μ_c (Gatys 2017, eq. 10), in all three channels."""
    grey_style, grey_content = (replace(s, image=luminance(s.image).expand(3, -1, -1)) for s in (style, content))
    (style_mean, style_cov), (content_mean, content_cov) = map(_mean_and_covariance, (grey_style, grey_content))
    ratio = float((content_cov[0, 0].clamp_min(0) / style_cov[0, 0].clamp_min(1e-8)).sqrt())
    matched = ratio * (grey_style.image[:1] - float(style_mean[0])) + float(content_mean[0])
    return matched.clamp_(0, 1).expand(3, -1, -1).contiguous()

"""From a coarse image to a finer size: upsampling with the content's own detail."""

from __future__ import annotations

import torch
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.inputs import working_image
from velatura_daemon.engine.masks import fill_hidden
from velatura_daemon.engine.source import Source


def upsample(coarse: Tensor, content: Tensor, detail: float = 1.0, circular: bool = False) -> Tensor:
    """Upsamples an image to the content's size, and adds the detail of the content that the coarse size cannot hold.

    That detail is the content minus what is left of it at the coarse size (a level of its Laplacian pyramid, Burt and
    Adelson 1983). Without it every scale begins blurred, and most of its steps reconstruct what the content has: with
    it the last scale of a draft ends at half the loss (docs/performance.md). Differs from the paper, which has one
    scale.

    Args:
        coarse: (3, h, w).
        content: (3, H, W).
        detail: How much of the detail, 0 to 1.
        circular: The images continue at their opposite edges.

    Returns:
        (3, H, W), not clamped.
    """
    height, width = content.shape[-2:]
    upsampled = resize(coarse.to(content.device), height, width, circular)
    if not detail:
        return upsampled.clone()
    blurred = resize(resize(content, coarse.shape[1], coarse.shape[2], circular), height, width, circular)
    return torch.add(upsampled, content - blurred, alpha=detail)


def detail_share(settings: StyleSettings) -> float:
    """Returns how much of the content's detail a finer scale starts with.

    All of it up to strength 50, none at 100, where the style draws the forms; set by eye (docs/performance.md).
    Reconstructions show what the network knows and get none.

    Args:
        settings: The settings of the restyle.

    Returns:
        The share, 0 to 1.
    """
    return min(1.0, (100 - settings.strength) / 50) if settings.reconstruct == "both" else 0.0


def full_size(image: Tensor, content: Source, settings: StyleSettings) -> Tensor:
    """Upsamples a result to the content's size, with the content's detail.

    Drafts of large images and seamless results end at another size than the content's.

    Args:
        image: (3, h, w), the result.
        content: The picture that was restyled.
        settings: The settings of the restyle.

    Returns:
        (3, H, W), not clamped.
    """
    if image.shape[-2:] == content.size:
        return image
    detailed = working_image(fill_hidden(content.image, content.visible), settings)
    return upsample(image, detailed, detail_share(settings), settings.seamless)

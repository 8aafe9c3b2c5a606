"""Selections, transparency and weights: how much each pixel and each feature map position counts."""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from velatura_daemon.engine.geometry import interpolate
from velatura_daemon.engine.network import STRIDE_OF


def full_weight(image: Tensor) -> Tensor:
    """The weight (H, W) of an image that counts everywhere: ones."""
    return torch.ones(image.shape[-2:], dtype=image.dtype, device=image.device)


def resize_weight(weight: Tensor, height: int, width: int) -> Tensor:
    """(H, W) in 0..1 → (height, width), averaged by area, so that no pixel counts for more than was there."""
    if weight.shape == (height, width):
        return weight
    return interpolate(weight[None, None], height, width, "bilinear")[0, 0].clamp(0, 1)


def pad_weight(weight: Tensor, height: int, width: int) -> Tensor:
    """(H, W) → (height, width), extended with 0 to the right and below: padding does not count."""
    return F.pad(weight, (0, width - weight.shape[1], 0, height - weight.shape[0]))


def weights_by_layer(weight: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """Returns how much each position of each layer's feature map counts: the mean weight of its pixels.

    Args:
        weight: (H, W), 0 to 1.
        layers: Names of layers.

    Returns:
        (H / stride, W / stride), by layer.
    """
    by_layer = {}
    for name in layers:
        stride = STRIDE_OF[name]
        by_layer[name] = weight if stride == 1 else F.avg_pool2d(weight[None, None], stride)[0, 0]
    return by_layer


def fill_hidden(image: Tensor, visible: Tensor) -> Tensor:
    """Fills hidden pixels from the visible ones around them.

    So the colours that a transparent pixel happens to hold do not bleed into the result. Pull-push (Gortler 1996):
    weighted means on ever coarser grids fill what the finer grids do not know.

    Args:
        image: (C, H, W).
        visible: (H, W), 0 to 1.

    Returns:
        (C, H, W); the image itself if all of it is visible.
    """
    if bool((visible >= 1).all()):
        return image
    return _pull_push(image * visible, visible)


def _pull_push(weighted: Tensor, weight: Tensor) -> Tensor:
    """Returns a colour for every pixel, (C, H, W).

    Args:
        weighted: (C, H, W), colours times weight; overwritten.
        weight: (H, W).
    """
    height, width = weight.shape
    known = weight.clamp(0, 1)
    smallest = 1e-12  # a single pixel of alpha 1/255 among 2^28 is still a colour
    if bool((known >= 1).all()) or max(height, width) == 1:
        return weighted.div_(weight.clamp_min(smallest))
    coarse = _pull_push(
        F.avg_pool2d(weighted[None], 2, ceil_mode=True, count_include_pad=False)[0],
        F.avg_pool2d(weight[None, None], 2, ceil_mode=True, count_include_pad=False)[0, 0],
    )  # (C, ⌈H / 2⌉, ⌈W / 2⌉)
    guess = F.interpolate(coarse[None], size=(height, width), mode="bilinear", align_corners=False)[0]
    colour = weighted.div_(weight.clamp_min(smallest)).mul_(known)  # in place: large styles are filled too
    return colour.add_(guess.mul_(1 - known))

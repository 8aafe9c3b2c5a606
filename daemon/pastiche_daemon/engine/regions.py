"""Selections, transparency and masks: what counts how much, and what the network sees where nothing is to be seen."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from pastiche.pixels import SELECTION_CONTEXT
from pastiche_daemon.engine.network import GRID, STRIDE_OF


@dataclass(frozen=True)
class Box:
    """A rectangle of a picture, in its pixels."""

    left: int
    top: int
    width: int
    height: int

    def of(self, tensor: Tensor) -> Tensor:
        """The part of (..., H, W) that lies inside."""
        return tensor[..., self.top : self.top + self.height, self.left : self.left + self.width]


def box_around(mask: Tensor, context: int = SELECTION_CONTEXT) -> Box | None:
    """The box of all places over 0 in mask (H, W), with context, aligned to the network's grid where the picture
    is large enough. None where nothing is selected."""
    rows, columns = mask.amax(dim=1).nonzero(), mask.amax(dim=0).nonzero()
    if not len(rows):
        return None
    top, height = _span(int(rows[0]), int(rows[-1]) + 1, mask.shape[0], context)
    left, width = _span(int(columns[0]), int(columns[-1]) + 1, mask.shape[1], context)
    return Box(left, top, width, height)


def _span(first: int, end: int, limit: int, context: int) -> tuple[int, int]:
    """Start and length of [first, end) with context on both sides, cut to [0, limit), to a multiple of GRID where it fits."""
    first, end = max(0, first - context), min(limit, end + context)
    missing = -(end - first) % GRID
    if end - first + missing <= limit:
        end = min(limit, end + missing)
        first = max(0, end - (-(-(end - first) // GRID) * GRID))
    return first, end - first


def resized(image: Tensor, height: int, width: int) -> Tensor:
    """(C, H, W) at another size, antialiased when it shrinks."""
    if image.shape[-2:] == (height, width):
        return image
    return F.interpolate(image[None], size=(height, width), mode="bicubic", antialias=True, align_corners=False)[0]


def resized_weight(weight: Tensor, height: int, width: int) -> Tensor:
    """(H, W) in 0..1 at another size: by area, so that no place counts for more than was there."""
    if weight.shape == (height, width):
        return weight
    return F.interpolate(weight[None, None], size=(height, width), mode="bilinear", antialias=True)[0, 0].clamp(0, 1)


def padded(image: Tensor, height: int, width: int) -> Tensor:
    """(C, H, W) continued to the right and below by its last column and row."""
    return F.pad(image[None], (0, width - image.shape[-1], 0, height - image.shape[-2]), mode="replicate")[0]


def padded_weight(weight: Tensor, height: int, width: int) -> Tensor:
    """(H, W) continued with 0: what padding shows does not count."""
    return F.pad(weight, (0, width - weight.shape[1], 0, height - weight.shape[0]))


def weights_by_layer(weight: Tensor, layers: Iterable[str]) -> dict[str, Tensor]:
    """How much each cell of each layer counts: the mean weight of its pixels. Also 'image', the pixels themselves."""
    by_layer = {"image": weight}
    for name in layers:
        stride = STRIDE_OF[name]
        by_layer[name] = weight if stride == 1 else F.avg_pool2d(weight[None, None], stride)[0, 0]
    return by_layer


def fill_hidden(image: Tensor, visible: Tensor) -> Tensor:
    """The image (C, H, W) with hidden places painted from the visible ones around them, so that nothing of what a
    transparent pixel happens to hold bleeds into the picture. visible: (H, W) in 0..1.

    Pull and push (Gortler 1996): weighted means on ever coarser grids, used where the finer ones know nothing.
    """
    if bool((visible >= 1).all()):
        return image
    return _pull_push(image * visible, visible)


def _pull_push(weighted: Tensor, weight: Tensor) -> Tensor:
    """weighted: (C, H, W), colours times weight. Returns colours everywhere, (C, H, W)."""
    height, width = weight.shape
    known = weight.clamp(0, 1)
    colour = weighted / weight.clamp_min(1e-12)  # one pixel of alpha 1/255 in 2^28 is still a colour
    if bool((known >= 1).all()) or max(height, width) == 1:
        return colour
    coarse = _pull_push(
        F.avg_pool2d(weighted[None], 2, ceil_mode=True, count_include_pad=False)[0],
        F.avg_pool2d(weight[None, None], 2, ceil_mode=True, count_include_pad=False)[0, 0],
    )
    guess = F.interpolate(coarse[None], size=(height, width), mode="bilinear", align_corners=False)[0]
    return colour * known + guess * (1 - known)


def all_of(image: Tensor) -> Tensor:
    """The weight (H, W) of a picture that counts everywhere."""
    return torch.ones(image.shape[-2:], dtype=image.dtype, device=image.device)

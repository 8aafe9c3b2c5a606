"""Selections, transparency and masks: what counts how much, and what the network sees where nothing is to be seen."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from velatura.pixels import SELECTION_CONTEXT
from velatura_daemon.engine.network import STRIDE_OF
from velatura_daemon.memory_plan import GRID

MOST_ON_CUDA = 32  # times smaller


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

    def at(self, stride: int) -> Box:
        """The same on a map whose cells are `stride` pixels apart."""
        return Box(self.left // stride, self.top // stride, self.width // stride, self.height // stride)

    def inside(self, other: Box) -> Box:
        """The same, counted from another's corner."""
        return Box(self.left - other.left, self.top - other.top, self.width, self.height)


def cut(tensor: Tensor, box: Box, circular: bool = False) -> Tensor:
    """The part of (..., H, W) in a box; with wraps it may reach over the edges, as often as need be."""
    height, width = tensor.shape[-2:]
    if not circular or (
        box.top >= 0 and box.left >= 0 and box.top + box.height <= height and box.left + box.width <= width
    ):
        return box.of(tensor)
    rows = torch.arange(box.top, box.top + box.height, device=tensor.device) % height
    columns = torch.arange(box.left, box.left + box.width, device=tensor.device) % width
    return tensor.index_select(-2, rows).index_select(-1, columns)


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
    """Start and length of [first, end) with context on both sides, cut to [0, limit), to a multiple of GRID where it
    fits."""
    first, end = max(0, first - context), min(limit, end + context)
    missing = -(end - first) % GRID
    if end - first + missing <= limit:
        end = min(limit, end + missing)
        first = max(0, end - (-(-(end - first) // GRID) * GRID))
    return first, end - first


def resized(image: Tensor, height: int, width: int, circular: bool = False) -> Tensor:
    """(C, H, W) at another size, antialiased when it shrinks. wraps: the picture goes on at its opposite edge."""
    if image.shape[-2:] == (height, width):
        return image
    if circular:
        return _resized_wrapping(image, height, width)
    return _interpolated(image[None], height, width, "bicubic")[0]


def _interpolated(maps: Tensor, height: int, width: int, mode: str) -> Tensor:
    """(1, C, H, W) at another size, antialiased. On CUDA a filter has to fit into 48 KB, and from 47 times as small it
    does not: a picture of 6000 pixels at the coarsest scale. Such a one is made smaller by the CPU, to the same
    result."""
    much_smaller = max(maps.shape[-2] / height, maps.shape[-1] / width) > MOST_ON_CUDA
    found = F.interpolate(
        maps.cpu() if maps.is_cuda and much_smaller else maps, size=(height, width), mode=mode, antialias=True
    )
    return found.to(maps.device)


def _resized_wrapping(image: Tensor, height: int, width: int) -> Tensor:
    """With a margin of itself on each side that is whole pixels at both sizes."""
    (old_height, old_width), new = image.shape[-2:], (height, width)
    down, right = (old // math.gcd(old, n) for old, n in zip((old_height, old_width), new, strict=True))
    # A wide enough view for the filter, which sees two pixels of the coarser size to each side.
    down, right = (
        m * math.ceil(4 * max(1.0, old / n) / m)
        for m, old, n in zip((down, right), (old_height, old_width), new, strict=True)
    )
    with_margin = cut(image, Box(-right, -down, old_width + 2 * right, old_height + 2 * down), circular=True)
    more_down, more_right = down * height // old_height, right * width // old_width
    large = resized(with_margin, height + 2 * more_down, width + 2 * more_right)
    return large[..., more_down : more_down + height, more_right : more_right + width]


def periodic_part(image: Tensor) -> Tensor:
    """The image (3, H, W) without its jump from one edge to the opposite: the jump is spread over the whole as smoothly
    as can be (the periodic component of Moisan 2011, 'Periodic plus smooth image decomposition')."""
    height, width = image.shape[-2:]
    jump = torch.zeros_like(image)
    rows, columns = image[:, 0] - image[:, -1], image[:, :, 0] - image[:, :, -1]
    jump[:, 0] += rows
    jump[:, -1] -= rows
    jump[:, :, 0] += columns
    jump[:, :, -1] -= columns
    down = torch.cos(2 * math.pi * torch.fft.fftfreq(height, dtype=image.dtype, device=image.device))[:, None]
    across = torch.cos(2 * math.pi * torch.fft.rfftfreq(width, dtype=image.dtype, device=image.device))
    laplacian = 2 * down + 2 * across - 4
    laplacian[0, 0] = 1.0
    smooth = torch.fft.rfft2(-jump) / laplacian
    smooth[:, 0, 0] = 0  # the mean stays
    periodic: Tensor = image - torch.fft.irfft2(smooth, s=(height, width))
    return periodic


def resized_weight(weight: Tensor, height: int, width: int) -> Tensor:
    """(H, W) in 0..1 at another size: by area, so that no place counts for more than was there."""
    if weight.shape == (height, width):
        return weight
    return _interpolated(weight[None, None], height, width, "bilinear")[0, 0].clamp(0, 1)


def padded(image: Tensor, height: int, width: int) -> Tensor:
    """(C, H, W) continued to the right and below by its last column and row."""
    if image.shape[-2:] == (height, width):
        return image
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

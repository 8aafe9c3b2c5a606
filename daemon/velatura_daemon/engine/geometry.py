"""Boxes, sizes and edges of images: cropping, resizing, padding, and images that tile."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from velatura.pixels import SELECTION_CONTEXT
from velatura_daemon.memory_plan import GRID

# CUDA's antialiasing filter has to fit into 48 KB of shared memory; from a reduction by 47 on it does not
# (docs/performance.md, 'On a GPU').
MAX_CUDA_REDUCTION = 32


@dataclass(frozen=True)
class Box:
    """A rectangle of an image, in pixels."""

    left: int
    top: int
    width: int
    height: int

    def crop(self, tensor: Tensor) -> Tensor:
        """The part of (..., H, W) inside the box, as a view."""
        return tensor[..., self.top : self.top + self.height, self.left : self.left + self.width]

    def at_stride(self, stride: int) -> Box:
        """The same box on a feature map whose cells are `stride` pixels apart."""
        return Box(self.left // stride, self.top // stride, self.width // stride, self.height // stride)

    def scaled(self, x: float, y: float) -> Box:
        """The smallest box of whole pixels around this one on an image that is x and y times as large."""
        left, top = math.floor(self.left * x + 1e-6), math.floor(self.top * y + 1e-6)
        right, bottom = (self.left + self.width) * x, (self.top + self.height) * y
        return Box(left, top, max(1, math.ceil(right - 1e-6) - left), max(1, math.ceil(bottom - 1e-6) - top))

    def intersection(self, other: Box) -> Box | None:
        """Returns the overlap of two boxes; None if there is none."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        width = min(self.left + self.width, other.left + other.width) - left
        height = min(self.top + self.height, other.top + other.height) - top
        return Box(left, top, width, height) if width > 0 and height > 0 else None

    def relative_to(self, other: Box) -> Box:
        """The same box, with coordinates counted from the corner of another box."""
        return Box(self.left - other.left, self.top - other.top, self.width, self.height)


def crop(tensor: Tensor, box: Box, circular: bool = False) -> Tensor:
    """Returns the part of (..., H, W) inside a box.

    Args:
        tensor: (..., H, W).
        box: Inside of it, unless circular.
        circular: The box may extend over the edges, any number of times; the image continues at its opposite edge.

    Returns:
        (..., box.height, box.width), as a view if the box is inside.
    """
    height, width = tensor.shape[-2:]
    inside = box.top >= 0 and box.left >= 0 and box.top + box.height <= height and box.left + box.width <= width
    if inside or not circular:
        return box.crop(tensor)
    rows = torch.arange(box.top, box.top + box.height, device=tensor.device) % height
    columns = torch.arange(box.left, box.left + box.width, device=tensor.device) % width
    return tensor.index_select(-2, rows).index_select(-1, columns)


def box_around(mask: Tensor, context: int = SELECTION_CONTEXT) -> Box | None:
    """Returns the bounding box of all pixels over 0 in a mask.

    Args:
        mask: (H, W).
        context: Pixels on each side, as far as the image goes.

    Returns:
        The box, with sides that are multiples of GRID if the image is large enough. None if the mask is 0 everywhere.
    """
    rows, columns = mask.amax(dim=1).nonzero(), mask.amax(dim=0).nonzero()
    if not len(rows):
        return None
    top, height = _extent(int(rows[0]), int(rows[-1]) + 1, mask.shape[0], context)
    left, width = _extent(int(columns[0]), int(columns[-1]) + 1, mask.shape[1], context)
    return Box(left, top, width, height)


def with_context(box: Box, height: int, width: int, context: int) -> Box:
    """Extends a box by `context` pixels on each side, as far as the image goes.

    Args:
        box: Inside an image of this size.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        context: Pixels on each side.

    Returns:
        The box, with sides that are multiples of GRID if the image is large enough.
    """
    top, new_height = _extent(box.top, box.top + box.height, height, context)
    left, new_width = _extent(box.left, box.left + box.width, width, context)
    return Box(left, top, new_width, new_height)


def _extent(start: int, end: int, limit: int, context: int) -> tuple[int, int]:
    """[start, end) with context on both sides, clipped to [0, limit), as its start and length.

    Extended to a multiple of GRID if that fits.
    """
    start, end = max(0, start - context), min(limit, end + context)
    missing = -(end - start) % GRID
    if end - start + missing <= limit:
        end = min(limit, end + missing)
        start = max(0, end - (-(-(end - start) // GRID) * GRID))
    return start, end - start


def resize(image: Tensor, height: int, width: int, circular: bool = False) -> Tensor:
    """Resizes an image: bicubic, antialiased when it shrinks.

    Args:
        image: (C, H, W).
        height: The new height in pixels.
        width: The new width in pixels.
        circular: The image continues at its opposite edge.

    Returns:
        (C, height, width); the same tensor if it has that size.
    """
    if image.shape[-2:] == (height, width):
        return image
    if circular:
        return _resize_circular(image, height, width)
    return interpolate(image[None], height, width, "bicubic")[0]


def magnify(image: Tensor, left: float, top: float, width: float, height: float, size: tuple[int, int]) -> Tensor:
    """Enlarges a rectangle of an image, whose edges need not lie between pixels. Bicubic.

    Args:
        image: (C, H, W). Beyond it, its edge is repeated.
        left: Left edge of the rectangle, in pixels of the image.
        top: Its upper edge.
        width: Its width.
        height: Its height.
        size: (height, width) of the result, not smaller than the rectangle.

    Returns:
        (C, *size).
    """
    rows = (top + (torch.arange(size[0], device=image.device) + 0.5) * (height / size[0])) * (2 / image.shape[1]) - 1
    columns = (left + (torch.arange(size[1], device=image.device) + 0.5) * (width / size[1])) * (2 / image.shape[2]) - 1
    grid = torch.stack([columns.expand(len(rows), -1), rows[:, None].expand(-1, len(columns))], -1).to(image.dtype)
    sampled: Tensor = F.grid_sample(image[None], grid[None], "bicubic", "border", align_corners=False)[0]
    return sampled


def interpolate(maps: Tensor, height: int, width: int, mode: str) -> Tensor:
    """Resizes maps, antialiased.

    Reductions by more than MAX_CUDA_REDUCTION, as of an image of 6000 pixels at the coarsest scale, are computed on the
    CPU. The result is the same.

    Args:
        maps: (1, C, H, W).
        height: The new height in pixels.
        width: The new width in pixels.
        mode: The mode of torch's `interpolate`, such as bicubic.

    Returns:
        (1, C, height, width).
    """
    reduction = max(maps.shape[-2] / height, maps.shape[-1] / width)
    source = maps.cpu() if maps.is_cuda and reduction > MAX_CUDA_REDUCTION else maps
    return F.interpolate(source, size=(height, width), mode=mode, antialias=True).to(maps.device)


def _resize_circular(image: Tensor, height: int, width: int) -> Tensor:
    """Resizes the image with a margin of itself on each side, then cuts the margin off.

    The margin is a whole number of pixels at both sizes.
    """
    old_height, old_width = image.shape[-2:]
    margin_y, margin_x = _margin(old_height, height), _margin(old_width, width)
    box = Box(-margin_x, -margin_y, old_width + 2 * margin_x, old_height + 2 * margin_y)
    with_margin = crop(image, box, circular=True)
    new_margin_y, new_margin_x = margin_y * height // old_height, margin_x * width // old_width
    resized = resize(with_margin, height + 2 * new_margin_y, width + 2 * new_margin_x)
    return Box(new_margin_x, new_margin_y, width, height).crop(resized)


def _margin(old: int, new: int) -> int:
    """Pixels of margin at the old size.

    Wide enough for the bicubic filter, which reaches two pixels of the coarser size to each side, and a multiple of the
    smallest length that is whole at both sizes.
    """
    unit = old // math.gcd(old, new)
    return unit * math.ceil(4 * max(1.0, old / new) / unit)


def pad(image: Tensor, height: int, width: int) -> Tensor:
    """Pads (C, H, W) to (C, height, width), repeating the last column and row."""
    if image.shape[-2:] == (height, width):
        return image
    return F.pad(image[None], (0, width - image.shape[-1], 0, height - image.shape[-2]), mode="replicate")[0]


def periodic_component(image: Tensor) -> Tensor:
    """Removes the jump from each edge to the opposite one, by spreading it smoothly over the whole image.

    Moisan 2011, 'Periodic plus smooth image decomposition': the periodic component.

    Args:
        image: (3, H, W).

    Returns:
        (3, H, W), of which values may lie outside 0..1.
    """
    height, width = image.shape[-2:]
    jump = torch.zeros_like(image)  # (3, H, W), 0 except at the edges
    vertical, horizontal = image[:, 0] - image[:, -1], image[:, :, 0] - image[:, :, -1]
    jump[:, 0] += vertical
    jump[:, -1] -= vertical
    jump[:, :, 0] += horizontal
    jump[:, :, -1] -= horizontal
    cos_y = torch.cos(2 * math.pi * torch.fft.fftfreq(height, dtype=image.dtype, device=image.device))[:, None]
    cos_x = torch.cos(2 * math.pi * torch.fft.rfftfreq(width, dtype=image.dtype, device=image.device))
    laplacian = 2 * cos_y + 2 * cos_x - 4  # (H, W // 2 + 1), the discrete Laplacian of each frequency
    laplacian[0, 0] = 1.0
    smooth = torch.fft.rfft2(-jump) / laplacian
    smooth[:, 0, 0] = 0  # the mean stays in the periodic component
    periodic: Tensor = image - torch.fft.irfft2(smooth, s=(height, width))
    return periodic

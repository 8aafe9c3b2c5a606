"""How the network halves its feature maps: average, antialiased or max pooling."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class AveragePool(nn.AvgPool2d):
    """Means of 2 × 2 cells: (1, C, H, W) → (1, C, H // 2, W // 2). Gatys 2015 prefers it to max pooling."""

    def forward(self, x: Tensor) -> Tensor:
        """(1, C, H, W) → (1, C, H // 2, W // 2)."""
        if x.is_cuda and x.is_contiguous(memory_format=torch.channels_last):
            halved: Tensor = _Halve.apply(x)
            return halved
        return super().forward(x)


class _Halve(torch.autograd.Function):
    """Average pooling for channels_last maps on CUDA, equal to torch's to the last bit.

    torch's own took a third of an evaluation, forward and backward (docs/performance.md).
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape
        return _in_pairs(x.permute(0, 2, 3, 1), 1).mean((2, 4)).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        result = torch.empty(ctx.size, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
        if any(side % 2 for side in ctx.size[-2:]):
            result.zero_()  # an odd last row or column is not pooled
        cells = _in_pairs(result, 2)
        cells.copy_((gradient / 4)[..., :, None, :, None].expand_as(cells))
        return result


def _in_pairs(maps: Tensor, dim: int) -> Tensor:
    """A view with dimension `dim` and the next one split into pairs: (…, H, W, …) → (…, H // 2, 2, W // 2, 2, …)."""
    height, width = maps.shape[dim] // 2, maps.shape[dim + 1] // 2
    even = maps.narrow(dim, 0, 2 * height).narrow(dim + 1, 0, 2 * width)
    return torch.unflatten(torch.unflatten(even, dim + 1, (width, 2)), dim, (height, 2))


class AntialiasedPool(nn.Module):
    """The mean of pooling by 2 × 2 and by 4 × 4 cells, both with a stride of 2. Differs from the paper.

    It filters out high frequencies before subsampling, as in Zhang 2019, 'Making convolutional networks shift-invariant
    again'. Plain 2 × 2 pooling aliases patterns of two cells; what is optimised through it has a weave of 4 and 8
    pixels (docs/quality.md). Zhang's [1 3 3 1] kernel looks the same here, but torch's depthwise convolutions take
    eight times as long as plain pooling.
    """

    def __init__(self) -> None:
        super().__init__()
        self.narrow = AveragePool(2)

    def forward(self, x: Tensor, circular: bool) -> Tensor:
        """Halves feature maps.

        Args:
            x: (1, C, H, W).
            circular: The map continues at its opposite edge; otherwise the 4 × 4 windows at an edge average the cells
                that exist.

        Returns:
            (1, C, H // 2, W // 2).
        """
        if circular:
            wide = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="circular"), 4, stride=2)
        else:
            wide = F.avg_pool2d(x, 4, stride=2, padding=1, count_include_pad=False)
        narrow: Tensor = self.narrow(x)
        return (narrow + wide).mul_(0.5)


POOLINGS: Mapping[str, type[nn.Module]] = {"antialiased": AntialiasedPool, "average": AveragePool, "max": nn.MaxPool2d}


def make_pooling(kind: str) -> nn.Module:
    """Makes a pooling layer: antialiased, average or max."""
    return AntialiasedPool() if kind == "antialiased" else POOLINGS[kind](2)

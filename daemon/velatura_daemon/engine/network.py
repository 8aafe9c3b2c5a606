"""The convolutions of VGG19 (Simonyan and Zisserman 2014), frozen: layers by name, features after the ReLU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from velatura_daemon.engine.precision import PLAIN, Precision

CONTENT_LAYER = "conv4_2"
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")  # Gatys 2015, section 'Methods'

# What torchvision's weights expect: RGB in 0..1, minus the mean, over the standard deviation.
INPUT_MEAN = (0.485, 0.456, 0.406)
INPUT_STD = (0.229, 0.224, 0.225)


class AveragePool(nn.AvgPool2d):
    """Means of 2 × 2 cells."""

    def forward(self, x: Tensor) -> Tensor:
        if x.is_cuda and x.is_contiguous(memory_format=torch.channels_last):
            halved: Tensor = _Halved.apply(x)
            return halved
        return super().forward(x)


class _Halved(torch.autograd.Function):
    """For channels_last on CUDA, where torch's own pooling took a third of an evaluation there and back
    (docs/performance.md). To the bit the same."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.size = x.shape
        return _cells(x.permute(0, 2, 3, 1), 1).mean((2, 4)).permute(0, 3, 1, 2)

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> Tensor:
        result = torch.empty(ctx.size, dtype=slope.dtype, device=slope.device, memory_format=torch.channels_last)
        if any(side % 2 for side in ctx.size[-2:]):
            result.zero_()  # an odd last row or column has no say
        cells = _cells(result, 2)
        cells.copy_((slope / 4)[..., :, None, :, None].expand_as(cells))
        return result


def _cells(maps: Tensor, first: int) -> Tensor:
    """The same memory with two dimensions, the first of them and the next, in pairs: … H, W … → … H // 2, 2, W // 2, 2
    …"""
    height, width = maps.shape[first] // 2, maps.shape[first + 1] // 2
    even = maps.narrow(first, 0, 2 * height).narrow(first + 1, 0, 2 * width)
    return torch.unflatten(torch.unflatten(even, first + 1, (width, 2)), first, (height, 2))


class AntialiasedPool(nn.Module):
    """The mean of pooling by 2 × 2 and by 4 × 4 cells, both with a stride of 2: low-pass filtering before subsampling,
    as in Zhang 2019, 'Making convolutional networks shift-invariant again'.

    Plain pooling by 2 × 2 lets patterns of two cells through as others; what is optimised through it has a weave of 4
    and 8 pixels (docs/quality.md). Zhang's [1 3 3 1] kernel looks the same here; torch's depthwise convolutions take
    eight times as long as plain pooling.
    """

    def __init__(self) -> None:
        super().__init__()
        self.narrow = AveragePool(2)

    def forward(self, x: Tensor, circular: bool) -> Tensor:
        """(1, C, H, W) → (1, C, H // 2, W // 2). wraps: the map continues at its opposite edge; else its edge cells
        have fewer neighbours."""
        if circular:
            wide = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="circular"), 4, stride=2)
        else:
            wide = F.avg_pool2d(x, 4, stride=2, padding=1, count_include_pad=False)
        narrow: Tensor = self.narrow(x)
        return (narrow + wide).mul_(0.5)


POOLINGS: Mapping[str, type[nn.Module]] = {"antialiased": AntialiasedPool, "average": AveragePool, "max": nn.MaxPool2d}


def _layout() -> tuple[dict[str, int], dict[str, int]]:
    """Position of each convolution in torchvision's `features`, and its stride: pixels between neighbouring cells."""
    index, stride, position, block, number = {}, {}, 0, 1, 1
    for item in cfgs["E"]:
        if item == "M":
            block, number, position = block + 1, 1, position + 1
            continue
        index[f"conv{block}_{number}"] = position
        stride[f"conv{block}_{number}"] = 2 ** (block - 1)
        number, position = number + 1, position + 2  # the convolution and its ReLU
    return index, stride


INDEX_OF, STRIDE_OF = _layout()
LAYERS = tuple(INDEX_OF)  # conv1_1 … conv5_4, sixteen of them
REQUIRED_LAYERS = LAYERS[: LAYERS.index(STYLE_LAYERS[-1]) + 1]  # a restyle needs these; the rest serve `content_layer`


def channels_of(name: str) -> int:
    """The number of feature maps of a layer."""
    return min(512, 64 * STRIDE_OF[name])


def reach_of(layers: Iterable[str]) -> int:
    """How far beyond a tile, in pixels, the picture has to go on for the features inside it to be exact: the radius of
    the deepest layer's receptive field, rounded up to a multiple of 16. 96 for conv5_1."""
    deepest = max(layers, key=LAYERS.index)
    convolutions = sum(
        STRIDE_OF[name] for name in LAYERS[: LAYERS.index(deepest) + 1]
    )  # each adds one cell to either side
    poolings = STRIDE_OF[deepest] - 1  # so do antialiased poolings: 1 + 2 + 4 + … pixels
    return -(-(convolutions + poolings) // 16) * 16


class Network(nn.Module):
    """The feature maps of a picture. Weights come by layer name: `conv1_1.weight`, `conv1_1.bias`, …

    weights: of REQUIRED_LAYERS at least; `layers` are those that it has, as wide as they are there. name: identifies
    the weights, for caches. Differs from the paper: every convolution continues its input beyond the edges by its
    outermost cells (replicate padding) and not by zeros, which are dark frames to the network: Gram matrices of such
    frames came back as bars along the edges.
    """

    def __init__(self, weights: Mapping[str, Tensor], name: str = "") -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.name = name
        self.precision = PLAIN
        self.layers = tuple(layer for layer in LAYERS if f"{layer}.weight" in weights)
        widths = iter([len(weights[f"{layer}.bias"]) for layer in self.layers])
        plan = [item if item == "M" else next(widths, 512) for item in cfgs["E"]]
        with torch.device("meta"):  # no time for random numbers that are written over at once
            stack = make_layers(plan, batch_norm=False)[: INDEX_OF[self.layers[-1]] + 2]
        for layer in stack:
            if isinstance(layer, nn.ReLU):
                # nobody wants what a convolution gives before it: half the memory, fewer page faults
                layer.inplace = True
        self.stack = stack
        self.register_buffer("mean", torch.tensor(INPUT_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(INPUT_STD).view(1, 3, 1, 1))
        self.load(weights)
        self.set_pooling("antialiased")
        self.requires_grad_(False).eval()

    def convolution(self, name: str) -> nn.Conv2d:
        layer = self.stack[INDEX_OF[name]]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over weights by layer name; the caller has checked names and shapes."""
        for name in self.layers:
            self.convolution(name).load_state_dict(
                {kind: weights[f"{name}.{kind}"].clone() for kind in ("weight", "bias")}, assign=True
            )

    def use_precision(self, precision: Precision) -> Network:
        """From now on in this arithmetic. The picture stays float32, and so do losses and Grams.

        conv1_1 stays float32 too: it sees the picture itself, whose rounding to bfloat16 more than doubles the error of
        all that comes after it, and with three channels to read it costs little.
        """
        self.stack.to(dtype=precision.dtype, memory_format=precision.memory_format)
        self.convolution("conv1_1").to(torch.float32)
        self.precision = precision
        return self

    @property
    def element(self) -> int:
        """Bytes of a number of its feature maps."""
        return self.precision.dtype.itemsize

    def set_pooling(self, kind: str) -> None:
        """kind: antialiased, average or max."""
        for position, layer in enumerate(self.stack):
            if not isinstance(layer, (nn.Conv2d, nn.ReLU)):
                self.stack[position] = AntialiasedPool() if kind == "antialiased" else POOLINGS[kind](2)

    def forward(self, image: Tensor, wanted: Iterable[str], circular: bool = False) -> dict[str, Tensor]:
        """image: (3, H, W), RGB in 0..1, sRGB-coded. Returns (C, H / stride, W / stride) for each layer wanted,
        after the ReLU. Goes no deeper than the deepest layer wanted. wraps: beyond an edge the network sees the
        opposite one; the sides are then multiples of GRID."""
        last = max(INDEX_OF[name] + 1 for name in wanted)
        keep = {INDEX_OF[name] + 1: name for name in wanted}
        features = {}
        x = (image[None] - self.mean) / self.std  # (1, 3, H, W)
        x = x.to(memory_format=self.precision.memory_format)
        beyond = "circular" if circular else "replicate"
        for position, layer in enumerate(self.stack[: last + 1]):
            if isinstance(layer, nn.Conv2d):
                x = _convolved(layer, x, beyond)
            elif isinstance(layer, AntialiasedPool):
                x = layer(x, circular)
            else:
                x = layer(x)
            if position == INDEX_OF["conv1_1"]:
                x = x.to(self.convolution("conv1_2").weight.dtype)
            if position in keep:
                features[keep[position]] = x.squeeze(0)  # (C, H, W); x[0] would cost a copy on the way back
        return features


def _convolved(convolution: nn.Conv2d, x: Tensor, beyond: str) -> Tensor:
    """A 3 × 3 convolution of (1, C, H, W), to the same size. beyond: F.pad's mode for the cells around the edges."""
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=beyond), convolution.weight, convolution.bias)

"""VGG19 up to conv5_1 (Simonyan and Zisserman 2014), frozen: layers by name, features after the ReLU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision.models.vgg import cfgs, make_layers

from velatura_daemon.engine.arithmetic import PLAIN, Arithmetic

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
    """The same memory with two dimensions, the first of them and the next, in pairs: … H, W … → … H // 2, 2, W // 2, 2 …"""
    height, width = maps.shape[first] // 2, maps.shape[first + 1] // 2
    even = maps.narrow(first, 0, 2 * height).narrow(first + 1, 0, 2 * width)
    return torch.unflatten(torch.unflatten(even, first + 1, (width, 2)), first, (height, 2))


POOLINGS = {"average": AveragePool, "max": nn.MaxPool2d}


def _layout() -> tuple[dict[str, int], dict[str, int]]:
    """Where each convolution stands in torchvision's `features`, and by how many pixels its cells are apart."""
    index, stride, position, block, number = {}, {}, 0, 1, 1
    for item in cfgs["E"]:
        if item == "M":
            block, number, position = block + 1, 1, position + 1
            continue
        index[f"conv{block}_{number}"] = position
        stride[f"conv{block}_{number}"] = 2 ** (block - 1)
        number, position = number + 1, position + 2  # the convolution and its ReLU
        if f"conv{block}_{number - 1}" == "conv5_1":
            break
    return index, stride


INDEX_OF, STRIDE_OF = _layout()
LAYERS = tuple(INDEX_OF)  # conv1_1 … conv5_1, thirteen of them


def channels_of(name: str, width: float = 1.0) -> int:
    """How many feature maps a layer has in a network so many times as wide as VGG19."""
    return round(width * min(512, 64 * STRIDE_OF[name]))


def width_of(weights: Mapping[str, Tensor]) -> float:
    """How many times as wide as VGG19 the network of these weights is; 1 where the first layer is not there."""
    first = weights.get(f"{LAYERS[0]}.bias")
    return 1.0 if first is None else len(first) / channels_of(LAYERS[0])


class Network(nn.Module):
    """The feature maps of a picture. Weights come by layer name: `conv1_1.weight`, `conv1_1.bias`, …

    It is as wide as its weights: VGG19's own channels, or a share of them. name: which weights, for caches.
    sees_colour_poorly: its Grams leave a style's palette open, so that the pixels' own colour statistics have to
    stand beside them.
    """

    def __init__(
        self, weights: Mapping[str, Tensor] | None = None, name: str = "", sees_colour_poorly: bool = False
    ) -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.name = name
        self.sees_colour_poorly = sees_colour_poorly
        self.arithmetic = PLAIN
        self.width = width = width_of(weights or {})  # of VGG19's
        with torch.device("meta"):  # no time for random numbers that are written over at once
            layers = [item if item == "M" else round(item * width) for item in cfgs["E"]]
            stack = make_layers(layers, batch_norm=False)[: INDEX_OF[LAYERS[-1]] + 2]
        if not weights:
            stack.to_empty(device="cpu")
        for layer in stack:
            if isinstance(layer, nn.ReLU):
                layer.inplace = True  # nobody wants what a convolution gives before it: half the memory, fewer page faults
        self.stack = stack
        self.register_buffer("mean", torch.tensor(INPUT_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(INPUT_STD).view(1, 3, 1, 1))
        if weights:
            self.load(weights)
        self.requires_grad_(False).eval()

    def convolution(self, name: str) -> nn.Conv2d:
        layer = self.stack[INDEX_OF[name]]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Take over weights by layer name; the caller has checked names and shapes."""
        for name in LAYERS:
            self.convolution(name).load_state_dict(
                {kind: weights[f"{name}.{kind}"].clone() for kind in ("weight", "bias")}, assign=True
            )

    def compute_in(self, arithmetic: Arithmetic) -> Network:
        """From now on in this arithmetic. The picture stays float32, and so do losses and Grams.

        conv1_1 stays float32 too: it sees the picture itself, whose rounding to bfloat16 more than doubles the error of all
        that comes after it, and with three channels to read it costs little.
        """
        self.stack.to(dtype=arithmetic.dtype, memory_format=arithmetic.memory_format)
        self.convolution("conv1_1").to(torch.float32)
        self.arithmetic = arithmetic
        return self

    @property
    def element(self) -> int:
        """Bytes of a number of its feature maps."""
        return self.arithmetic.dtype.itemsize

    def set_pooling(self, kind: str) -> None:
        """kind: average or max."""
        for position, layer in enumerate(self.stack):
            if isinstance(layer, (nn.AvgPool2d, nn.MaxPool2d)):
                self.stack[position] = POOLINGS[kind](kernel_size=2, stride=2)

    def forward(self, image: Tensor, wanted: Iterable[str], wraps: bool = False) -> dict[str, Tensor]:
        """image: (3, H, W), RGB in 0..1, sRGB-coded. Returns (C, H / stride, W / stride) for each layer wanted,
        after the ReLU. Goes no deeper than the deepest layer wanted. wraps: beyond an edge the network sees the opposite one
        and not zeros; the sides are then multiples of GRID."""
        last = max(INDEX_OF[name] + 1 for name in wanted)
        keep = {INDEX_OF[name] + 1: name for name in wanted}
        features = {}
        x = (image[None] - self.mean) / self.std  # (1, 3, H, W)
        x = x.to(memory_format=self.arithmetic.memory_format)
        for position, layer in enumerate(self.stack[: last + 1]):
            x = _wrapping(layer, x) if wraps and isinstance(layer, nn.Conv2d) else layer(x)
            if position == INDEX_OF["conv1_1"]:
                x = x.to(self.convolution("conv1_2").weight.dtype)
            if position in keep:
                features[keep[position]] = x.squeeze(0)  # (C, H, W); x[0] would cost a copy on the way back
        return features


def _wrapping(convolution: nn.Conv2d, x: Tensor) -> Tensor:
    """A 3 × 3 convolution whose picture goes on at its opposite edge. (1, C, H, W)."""
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode="circular"), convolution.weight, convolution.bias)

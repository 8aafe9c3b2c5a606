"""The convolutions of VGG19 (Simonyan and Zisserman 2014), frozen: feature maps by layer name, after the ReLU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from velatura_daemon.engine.pooling import AntialiasedPool, make_pooling
from velatura_daemon.engine.precision import PLAIN, Precision

CONTENT_LAYER = "conv4_2"  # Gatys 2015, section 'Methods', as is the next line
STYLE_LAYERS = ("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1")

# Convolutions between two poolings (Simonyan and Zisserman 2014, table 1, column E). Written here because the import of
# torchvision's models takes as long as that of torch, at every start of a worker (docs/performance.md).
BLOCKS = (2, 2, 4, 4, 4)

# The input that torchvision's weights expect: RGB in 0..1, minus the mean, divided by the standard deviation.
INPUT_MEAN = (0.485, 0.456, 0.406)
INPUT_STD = (0.229, 0.224, 0.225)


def _layout() -> tuple[dict[str, int], dict[str, int]]:
    """For each convolution its index in torchvision's `features`, and its stride: pixels between neighbouring cells."""
    index, stride, position = {}, {}, 0
    for block, convolutions in enumerate(BLOCKS, 1):
        for number in range(1, convolutions + 1):
            index[f"conv{block}_{number}"] = position
            stride[f"conv{block}_{number}"] = 2 ** (block - 1)
            position += 2  # the convolution and its ReLU
        position += 1  # the pooling
    return index, stride


INDEX_OF, STRIDE_OF = _layout()
LAYERS = tuple(INDEX_OF)  # conv1_1 … conv5_4, sixteen of them
REQUIRED_LAYERS = LAYERS[: LAYERS.index(STYLE_LAYERS[-1]) + 1]  # every restyle; deeper ones only as content layers


def channels_of(name: str) -> int:
    """The number of feature maps of a layer of VGG19."""
    return min(512, 64 * STRIDE_OF[name])


def receptive_radius(layers: Iterable[str]) -> int:
    """Returns how many pixels around a tile are needed for the features inside to be exact.

    Args:
        layers: Names of layers.

    Returns:
        The radius of the deepest layer's receptive field, rounded up to a multiple of 16, such as 96 for conv5_1.
    """
    deepest = max(layers, key=LAYERS.index)
    convolutions = sum(STRIDE_OF[name] for name in LAYERS[: LAYERS.index(deepest) + 1])  # each adds a cell to each side
    poolings = STRIDE_OF[deepest] - 1  # antialiased poolings too: 1 + 2 + 4 + … pixels
    return -(-(convolutions + poolings) // 16) * 16


class Network(nn.Module):
    """Maps an image to the feature maps of VGG19's convolutions.

    Differs from the paper: convolutions repeat the outermost cells beyond the edges (replicate padding). With zeros the
    network sees a dark frame, and Gram matrices of such frames came back as bars along the edges.

    Args:
        weights: By layer name, `conv1_1.weight`, `conv1_1.bias`, …, of REQUIRED_LAYERS at least, with as many channels
            as they have there.
        name: Identifies the weights, for caches.

    Attributes:
        layers: The names of the layers that the weights have.
        precision: The number type of weights and feature maps.
    """

    def __init__(self, weights: Mapping[str, Tensor], name: str = "") -> None:
        super().__init__()
        self.mean: Tensor
        self.std: Tensor
        self.name = name
        self.precision = PLAIN
        self.layers = tuple(layer for layer in LAYERS if f"{layer}.weight" in weights)
        self.stack = _stack([len(weights[f"{layer}.bias"]) for layer in self.layers])
        self.register_buffer("mean", torch.tensor(INPUT_MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(INPUT_STD).view(1, 3, 1, 1))
        self.load(weights)
        self.requires_grad_(False).eval()

    @property
    def device(self) -> torch.device:
        """The device of the weights, on which features are computed."""
        return self.mean.device

    @property
    def bytes_per_value(self) -> int:
        """Bytes of one value of a feature map."""
        return self.precision.dtype.itemsize

    def convolution(self, name: str) -> nn.Conv2d:
        """Returns the convolution of a layer."""
        layer = self.stack[INDEX_OF[name]]
        assert isinstance(layer, nn.Conv2d)
        return layer

    def load(self, weights: Mapping[str, Tensor]) -> None:
        """Copies weights by layer name. The caller has checked names and shapes."""
        for name in self.layers:
            self.convolution(name).load_state_dict(
                {kind: weights[f"{name}.{kind}"].clone() for kind in ("weight", "bias")}, assign=True
            )

    def use_precision(self, precision: Precision) -> Network:
        """Switches weights and feature maps to a precision, in place. The image, losses and Gram matrices stay float32.

        conv1_1 stays float32 too: it reads the image itself. Rounding that to bfloat16 more than doubles the error of
        every later layer, and with three input channels float32 costs little.

        Args:
            precision: For example `precision.fastest_on(device)`.

        Returns:
            The network itself.
        """
        self.stack.to(precision.dtype).to(memory_format=precision.memory_format)
        self.convolution("conv1_1").to(torch.float32)
        self.precision = precision
        return self

    def set_pooling(self, kind: str) -> None:
        """Chooses how feature maps are halved: antialiased, average or max."""
        for position, layer in enumerate(self.stack):
            if not isinstance(layer, (nn.Conv2d, nn.ReLU)):
                self.stack[position] = make_pooling(kind)

    def forward(self, image: Tensor, layers: Iterable[str], circular: bool = False) -> dict[str, Tensor]:
        """Computes feature maps after the ReLU. Layers deeper than the deepest one asked for are not computed.

        Args:
            image: (3, H, W), RGB in 0..1, sRGB-encoded.
            layers: Names of layers.
            circular: Beyond an edge the network sees the opposite one; the sides are then multiples of GRID.

        Returns:
            (C, H / stride, W / stride), by layer name, in the network's precision.
        """
        names = {INDEX_OF[name] + 1: name for name in layers}  # by the index of their ReLU
        padding_mode = "circular" if circular else "replicate"
        features = {}
        x = (image[None] - self.mean) / self.std  # (1, 3, H, W)
        x = x.to(memory_format=self.precision.memory_format)
        for index, layer in enumerate(self.stack[: max(names) + 1]):
            if isinstance(layer, nn.Conv2d):
                x = _convolve(layer, x, padding_mode)
            elif isinstance(layer, AntialiasedPool):
                x = layer(x, circular)
            else:
                x = layer(x)
            if index == INDEX_OF["conv1_1"]:
                x = x.to(self.convolution("conv1_2").weight.dtype)
            if index in names:
                # (C, h, w). Not x[0], whose gradient costs a copy of the map (docs/performance.md).
                features[names[index]] = x.squeeze(0)
        return features


def _stack(widths: Sequence[int]) -> nn.Sequential:
    """The first convolutions, each with its ReLU, and the poolings between them. widths: the feature maps of each."""
    stack: list[nn.Module] = []
    with torch.device("meta"):  # spends no time on random weights that are replaced at once
        for name, inputs, outputs in zip(LAYERS, (3, *widths), widths, strict=False):
            if len(stack) < INDEX_OF[name]:
                stack.append(make_pooling("antialiased"))
            # In place, since the values before the ReLU are not used: half the memory, fewer page faults.
            stack += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(inplace=True)]
    return nn.Sequential(*stack)


def _convolve(convolution: nn.Conv2d, x: Tensor, padding_mode: str) -> Tensor:
    """A 3 × 3 convolution of (1, C, H, W) to the same size."""
    return F.conv2d(F.pad(x, (1, 1, 1, 1), mode=padding_mode), convolution.weight, convolution.bias)

"""The objective: content, style and total variation losses of an image at one scale, and their weighted total.

Notation of Gatys 2015: F and P are the feature maps of the image and of the content, with N channels and M positions; G
and A are the Gram matrices of the image and of the style.

The style loss depends on sums over the image's positions and on nothing else; content loss and total variation are such
sums themselves. So the objective can be computed from the parts of an image: `Objective.style_sums` and
`Objective.pixel_terms` give the sums of a part, `Objective.combine` the losses of the whole (`evaluation/tiled.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from velatura_daemon.engine.geometry import Box, crop
from velatura_daemon.engine.losses.pixel_terms import PixelTerms, content_loss, squared_differences
from velatura_daemon.engine.losses.statistics import LayerSums, Statistics, layer_sums
from velatura_daemon.engine.losses.style_distance import STYLE_DISTANCES
from velatura_daemon.engine.network import STRIDE_OF, STYLE_LAYERS, Network, receptive_radius

Features = Mapping[str, Tensor]  # (C, h, w) by layer
StyleSums = Mapping[tuple[int, str], LayerSums]  # by index of the style target, and layer


@dataclass(frozen=True)
class Weighting:
    """L = α L_content + β L_style + τ TV (Gatys 2015, eq. 7, with a total variation beside it). layer_weights: w_l by
    layer; the paper's are 1/5 each."""

    alpha: float
    beta: float
    tau: float
    layer_weights: Mapping[str, float]


@dataclass(frozen=True)
class Losses:
    """The losses of one evaluation, scalars on the device. total: what is minimised. content, style: unweighted."""

    total: Tensor
    content: Tensor
    style: Tensor


@dataclass(frozen=True)
class Canvas:
    """The plane that the image covers at one scale.

    size: (height, width) in pixels, multiples of GRID. weight: (H, W), how much each pixel counts, 0 to 1; None if each
    counts fully. circular: opposite edges touch.
    """

    size: tuple[int, int]
    weight: Tensor | None = None
    circular: bool = False

    @property
    def box(self) -> Box:
        return Box(0, 0, self.size[1], self.size[0])

    @property
    def pixels(self) -> Tensor | float:
        """The number of pixels that count."""
        return self.size[0] * self.size[1] if self.weight is None else self.weight.sum().clamp_min(1)


@dataclass(frozen=True)
class ContentTarget:
    """features: (C, H, W), P, of the content at `layer`. weight: (H, W) there, or None. They may lie on another device
    than the network."""

    layer: str
    features: Tensor
    weight: Tensor | None


@dataclass(frozen=True)
class StyleTarget:
    """The style of one region.

    statistics: of the region's styles, by layer. weights: (H, W) by layer, the region; None by layer if it is
    everywhere. share: λ, of the image's weight, 0 to 1, so that a position counts the same in a small region as in a
    large one.
    """

    statistics: Mapping[str, Statistics]
    weights: Mapping[str, Tensor | None]
    share: float = 1.0

    def positions(self, layer: str, size: tuple[int, int]) -> Tensor | float:
        """M at a layer of an image of (height, width): the sum of the region's weights."""
        weight, stride = self.weights[layer], STRIDE_OF[layer]
        return size[0] // stride * (size[1] // stride) if weight is None else weight.sum().clamp_min(1e-6)


class Objective:
    """Computes the losses of an image (3, H, W) at one scale."""

    def __init__(
        self,
        network: Network,
        canvas: Canvas,
        content: ContentTarget | None,
        styles: Sequence[StyleTarget],
        weighting: Weighting,
        style_distance: str = "gram",
    ) -> None:
        self.network = network
        self.canvas = canvas
        self.content = content if weighting.alpha else None
        self.styles = styles if weighting.beta else []
        self.weighting = weighting
        self.style_distance = STYLE_DISTANCES[style_distance]
        self.style_layers = [n for n in STYLE_LAYERS if weighting.beta and weighting.layer_weights.get(n, 0)]
        self.layers = [*self.style_layers, *([self.content.layer] if self.content else [])] or [STYLE_LAYERS[0]]
        self.receptive_radius = receptive_radius(self.layers)
        self._positions = [
            {layer: target.positions(layer, canvas.size) for layer in self.style_layers} for target in self.styles
        ]
        self._pixels = canvas.pixels

    def __call__(self, image: Tensor) -> Losses:
        features = self.network(image, self.layers, circular=self.canvas.circular)
        if self.weighting.tau and self.canvas.circular:  # the last pixels' neighbours are the first ones
            image = F.pad(image[None], (0, 1, 0, 1), mode="circular")[0]  # (3, H + 1, W + 1)
        box = self.canvas.box
        return self.combine(self.style_sums(features, box), self.pixel_terms(features, image, box))

    def style_sums(self, features: Features, box: Box) -> StyleSums:
        """Sums of each region at each style layer. features: of a box of the image, whose sides are multiples of GRID;
        on a circular canvas it may extend over the edges."""
        sums = {}
        for region, target in enumerate(self.styles):
            for layer in self.style_layers:
                weight, maps = self._crop(target.weights[layer], layer, box), features[layer]
                if self.style_distance.float32_sums and maps.dtype == torch.bfloat16:
                    maps = maps.float()
                sums[region, layer] = layer_sums(maps, weight, self.style_distance.uses_means)
        return sums

    def pixel_terms(self, features: Features, image: Tensor, box: Box) -> PixelTerms:
        """features: of a box of the image, as for `style_sums`. image: (3, h, w), the box's pixels, with one row and
        column more at the end if the image continues there."""
        content = differences = torch.zeros((), device=image.device)
        if self.content is not None:
            layer = self.content.layer
            target = self._crop(self.content.features, layer, box)
            assert target is not None
            content = content_loss(features[layer], target, self._crop(self.content.weight, layer, box))
        if self.weighting.tau:
            weight = self.canvas.weight
            if weight is not None:
                with_neighbours = Box(box.left, box.top, image.shape[2], image.shape[1])
                weight = crop(weight, with_neighbours, self.canvas.circular).to(image.device)
            differences = squared_differences(image, weight, box.height, box.width)
        return PixelTerms(content, differences)

    def combine(self, sums: StyleSums, terms: PixelTerms) -> Losses:
        """The losses of the image from the sums of all its parts."""
        style = self.style_loss(sums)
        total = self.weighting.alpha * terms.content + self.weighting.beta * style + self.total_variation(terms)
        return Losses(total, terms.content, style)

    def style_loss(self, sums: StyleSums) -> Tensor:
        """L_style = Σ_r λ_r Σ_l w_l E_l over regions r (Gatys 2015, eq. 5; for regions Gatys 2017, eq. 5 and 6; λ_r is
        the region's share of the image)."""
        loss = torch.zeros((), device=self.network.device)
        for region, target in enumerate(self.styles):
            for layer in self.style_layers:
                statistics = sums[region, layer].divided_by(self._positions[region][layer])
                distance = self.style_distance(statistics, target.statistics[layer])
                loss = loss + target.share * self.weighting.layer_weights[layer] * distance
        return loss

    def total_variation(self, terms: PixelTerms) -> Tensor:
        """τ times the mean squared difference of neighbouring pixels. Not in the paper. A mean and not a sum, so that
        it means the same at each size."""
        return self.weighting.tau * terms.squared_differences / self._pixels

    def _crop(self, tensor: Tensor | None, layer: str, box: Box) -> Tensor | None:
        """The part of a layer's map, (..., H, W), inside a box of the image, on the network's device."""
        if tensor is None:
            return None
        return crop(tensor, box.at_stride(STRIDE_OF[layer]), self.canvas.circular).to(self.network.device)

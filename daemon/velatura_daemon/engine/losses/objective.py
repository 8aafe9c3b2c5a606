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
from velatura_daemon.engine.losses.pixel_terms import PixelTerms, content_loss, squared_differences, temporal_loss
from velatura_daemon.engine.losses.statistics import LayerSums, Statistics, layer_sums
from velatura_daemon.engine.losses.style_distance import STYLE_DISTANCES
from velatura_daemon.engine.network import STRIDE_OF, STYLE_LAYERS, Network, receptive_radius

Features = Mapping[str, Tensor]  # (C, h, w) by layer
StyleSums = Mapping[tuple[int, str], LayerSums]  # by index of the style target, and layer


@dataclass(frozen=True)
class Weighting:
    """The weights of the losses: L = α L_content + β L_style + τ TV.

    Gatys 2015, eq. 7, with a total variation beside it.

    Attributes:
        alpha: α, the weight of the content loss.
        beta: β, the weight of the style loss.
        tau: τ, the weight of the total variation.
        layer_weights: w_l, the weight of each style layer; the paper's are 1/5 each.
    """

    alpha: float
    beta: float
    tau: float
    layer_weights: Mapping[str, float]


@dataclass(frozen=True)
class Losses:
    """The losses of one evaluation, scalars on the device.

    Attributes:
        total: What is minimised.
        content: The unweighted content loss.
        style: The unweighted style loss.
    """

    total: Tensor
    content: Tensor
    style: Tensor


@dataclass(frozen=True)
class Canvas:
    """The plane that the image covers at one scale.

    Attributes:
        size: (height, width) in pixels, multiples of GRID.
        weight: (H, W), how much each pixel counts, 0 to 1; None if each counts fully.
        circular: Opposite edges touch.
    """

    size: tuple[int, int]
    weight: Tensor | None = None
    circular: bool = False

    @property
    def box(self) -> Box:
        """The box of the whole canvas."""
        return Box(0, 0, self.size[1], self.size[0])

    @property
    def pixels(self) -> Tensor | float:
        """The number of pixels that count."""
        return self.size[0] * self.size[1] if self.weight is None else self.weight.sum().clamp_min(1)


@dataclass(frozen=True)
class ContentTarget:
    """The content's features. They may lie on another device than the network.

    Attributes:
        layer: The content layer.
        features: (C, H, W), P.
        weight: (H, W), how much each position counts, 0 to 1; None if each counts fully.
    """

    layer: str
    features: Tensor
    weight: Tensor | None


@dataclass(frozen=True)
class StyleTarget:
    """The style of one region.

    Attributes:
        statistics: The statistics of the region's styles, by layer.
        weights: (H, W) by layer, the region; None for each layer if it is everywhere.
        share: λ, the region's share of the image's weight, 0 to 1, so that a position counts the same in a small region
            as in a large one.
        surroundings: By layer, what the statistics of the whole picture have more than those of the image, which is a
            part of it. None: the image is the whole picture.
    """

    statistics: Mapping[str, Statistics]
    weights: Mapping[str, Tensor | None]
    share: float = 1.0
    surroundings: Mapping[str, Statistics] | None = None

    def positions(self, layer: str, size: tuple[int, int]) -> Tensor | float:
        """Returns M, the number of positions at a layer: the sum of the region's weights.

        Args:
            layer: Its name.
            size: (height, width) of the image.

        Returns:
            A number, or a scalar on the device.
        """
        weight, stride = self.weights[layer], STRIDE_OF[layer]
        return size[0] // stride * (size[1] // stride) if weight is None else weight.sum().clamp_min(1e-6)


@dataclass(frozen=True)
class TemporalTarget:
    """What a frame of a film follows. It may lie on another device than the network.

    Attributes:
        image: (3, H, W).
        weight: (H, W), how far each pixel is to be followed, 0 to 1.
        gamma: γ, the weight of the loss.
    """

    image: Tensor
    weight: Tensor
    gamma: float


class Objective:
    """Computes the losses of an image at one scale.

    Args:
        network: The network that computes the features.
        canvas: The size of the image, and which pixels count.
        content: The content's features; None for no content loss.
        styles: One for each region.
        weighting: The weights of the losses.
        style_distance: A name in STYLE_DISTANCES.
        temporal: What a frame of a film follows; None for a still.

    Attributes:
        layers: The layers whose features are needed.
        receptive_radius: How far, in pixels, a position sees; see `network.receptive_radius`.
    """

    def __init__(
        self,
        network: Network,
        canvas: Canvas,
        content: ContentTarget | None,
        styles: Sequence[StyleTarget],
        weighting: Weighting,
        style_distance: str = "gram",
        temporal: TemporalTarget | None = None,
    ) -> None:
        self.network = network
        self.canvas = canvas
        self.content = content if weighting.alpha else None
        self.styles = styles if weighting.beta else []
        self.weighting = weighting
        self.temporal = temporal
        self.style_distance = STYLE_DISTANCES[style_distance]
        self.style_layers = [n for n in STYLE_LAYERS if weighting.beta and weighting.layer_weights.get(n, 0)]
        self.layers = [*self.style_layers, *([self.content.layer] if self.content else [])] or [STYLE_LAYERS[0]]
        self.receptive_radius = receptive_radius(self.layers)
        self._positions = [
            {layer: target.positions(layer, canvas.size) for layer in self.style_layers} for target in self.styles
        ]
        self._pixels = canvas.pixels

    def __call__(self, image: Tensor) -> Losses:
        """The losses of an image (3, H, W) of the canvas's size."""
        features = self.network(image, self.layers, circular=self.canvas.circular)
        if self.weighting.tau and self.canvas.circular:  # the last pixels' neighbours are the first ones
            image = F.pad(image[None], (0, 1, 0, 1), mode="circular")[0]  # (3, H + 1, W + 1)
        box = self.canvas.box
        return self.combine(self.style_sums(features, box), self.pixel_terms(features, image, box))

    def style_sums(self, features: Features, box: Box) -> StyleSums:
        """Computes the sums of each region at each style layer.

        Args:
            features: (C, h, w) by layer, the features of a box of the image.
            box: Its sides are multiples of GRID. On a circular canvas it may extend over the edges.

        Returns:
            Sums over the box, by the index of the style target and the layer.
        """
        sums = {}
        for region, target in enumerate(self.styles):
            for layer in self.style_layers:
                weight, maps = self._crop(target.weights[layer], layer, box), features[layer]
                if self.style_distance.float32_sums and maps.dtype == torch.bfloat16:
                    maps = maps.float()
                sums[region, layer] = layer_sums(maps, weight, self.style_distance.uses_means)
        return sums

    def pixel_terms(self, features: Features, image: Tensor, box: Box) -> PixelTerms:
        """Computes the losses of a box that are plain sums over positions and pixels.

        Args:
            features: (C, h, w) by layer, the features of the box.
            image: (3, h, w), the box's pixels, with one row and column more at the end if the image continues there.
            box: As for `style_sums`.

        Returns:
            Sums over the box.
        """
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
        return PixelTerms(content, differences, self._temporal_term(image, box))

    def _temporal_term(self, image: Tensor, box: Box) -> Tensor | None:
        if self.temporal is None:
            return None
        circular, pixels = self.canvas.circular, image[:, : box.height, : box.width]
        target, weight = (crop(t, box, circular).to(image.device) for t in (self.temporal.image, self.temporal.weight))
        return temporal_loss(pixels, target, weight)

    def combine(self, sums: StyleSums, terms: PixelTerms) -> Losses:
        """Returns the losses of the image from the sums of all its parts."""
        style = self.style_loss(sums)
        total = self.weighting.alpha * terms.content + self.weighting.beta * style + self.total_variation(terms)
        if terms.temporal is not None:
            total = total + self.temporal_loss(terms)
        return Losses(total, terms.content, style)

    def style_loss(self, sums: StyleSums) -> Tensor:
        """L_style = Σ_r λ_r Σ_l w_l E_l over regions r (Gatys 2015, eq. 5; for regions Gatys 2017, eq. 5 and 6).

        λ_r is the region's share of the image, and E_l the style distance at layer l.
        """
        loss = torch.zeros((), device=self.network.device)
        for region, target in enumerate(self.styles):
            for layer in self.style_layers:
                statistics = sums[region, layer].divided_by(self._positions[region][layer])
                if target.surroundings is not None and layer in target.surroundings:
                    statistics = statistics + target.surroundings[layer]
                distance = self.style_distance(statistics, target.statistics[layer])
                loss = loss + target.share * self.weighting.layer_weights[layer] * distance
        return loss

    def total_variation(self, terms: PixelTerms) -> Tensor:
        """τ times the mean squared difference of neighbouring pixels. Not in the paper.

        A mean and not a sum, so that it means the same at each size.
        """
        return self.weighting.tau * terms.squared_differences / self._pixels

    def temporal_loss(self, terms: PixelTerms) -> Tensor:
        """γ times the mean squared difference from what a frame follows (Ruder 2016, eq. 7 and 8)."""
        assert self.temporal is not None and terms.temporal is not None
        return self.temporal.gamma * terms.temporal / (3 * self._pixels)

    def _crop(self, tensor: Tensor | None, layer: str, box: Box) -> Tensor | None:
        """The part of a layer's map, (..., H, W), inside a box of the image, on the network's device."""
        if tensor is None:
            return None
        return crop(tensor, box.at_stride(STRIDE_OF[layer]), self.canvas.circular).to(self.network.device)

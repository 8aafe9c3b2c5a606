"""What a good picture is: content, style and total variation, as formulas.

Notation of Gatys 2015: F, P feature maps of the picture in work and of the content, N channels, M places;
G, A Gram matrices of the picture in work and of the style.

Style looks at sums over the picture's places, and at nothing else; content and total variation are sums themselves.
So an objective can be had from the parts of a picture, one at a time: `Part` gives a part's sums, `Objective.judged`
the losses of the whole (`tiles.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.losses.statistics import Moments, sum_of
from velatura_daemon.engine.losses.style_distance import NEEDS_EXACT_SUMS, NOT_RECORDABLE, STYLE_DISTANCES
from velatura_daemon.engine.network import STRIDE_OF, STYLE_LAYERS, Network, reach_of
from velatura_daemon.engine.regions import Box, cut

Weights = Mapping[
    str, Tensor | None
]  # (H, W) by layer, and 'image' for the pixels; None where every place counts in full


def content_loss(features: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    """L_content = 1/2 Σ_ik w_k (F_ik − P_ik)² (Gatys 2015, eq. 1).

    features, target: (C, H, W). weight: (H, W), how much each place counts, 0 to 1; with all 1, or None, it is the
    paper's.
    """
    squares = (features - target).square()
    return 0.5 * (squares if weight is None else weight * squares).sum(dtype=_accurate(squares))


def _accurate(tensor: Tensor) -> torch.dtype:
    """In which numbers many of these are added up."""
    return torch.float32 if tensor.dtype == torch.bfloat16 else tensor.dtype


def squared_steps(image: Tensor, weight: Tensor | None, height: int, width: int) -> Tensor:
    """Σ of squared differences of neighbours, to the right and below, of the first `height` rows and `width` columns.

    image: (3, H, W), at least that large; one row and column more, where there are some, are the last ones' neighbours.
    weight: (H, W); a pair counts by the product of its two.
    """
    across = (image[:, :height, 1 : width + 1] - image[:, :height, : min(width, image.shape[2] - 1)]).square()
    down = (image[:, 1 : height + 1, :width] - image[:, : min(height, image.shape[1] - 1), :width]).square()
    if weight is not None:
        across = weight[:height, 1 : width + 1] * weight[:height, : across.shape[2]] * across
        down = weight[1 : height + 1, :width] * weight[: down.shape[1], :width] * down
    return across.sum() + down.sum()


def total_variation(image: Tensor, weight: Tensor) -> Tensor:
    """Mean squared difference of neighbours, over the places that count. Not in the paper.

    image: (3, H, W). weight: (H, W). A mean, not a sum, so that it means the same at each size.
    """
    return squared_steps(image, weight, *image.shape[1:]) / weight.sum().clamp_min(1)


@dataclass(frozen=True)
class Weighting:
    """Total = α L_content + β L_style + τ TV; layer_weights: w_l by layer (the paper's: 1/5 each)."""

    alpha: float
    beta: float
    tau: float
    layer_weights: Mapping[str, float]


@dataclass(frozen=True)
class Losses:
    """Scalars on the device, one evaluation's: total is what is minimised; content and style are unweighted."""

    total: Tensor
    content: Tensor
    style: Tensor


@dataclass(frozen=True)
class ContentTarget:
    """features: (C, H, W), of the content at `layer`. weight: (H, W) there, or None. They may lie elsewhere than the
    network."""

    layer: str
    features: Tensor
    weight: Tensor | None


@dataclass(frozen=True)
class StyleTarget:
    """What one region is to look like. weights: where it is. moments: by layer, of its styles. share: of the picture, 0
    to 1, so that a place counts the same in a small region and a large."""

    weights: Weights
    moments: Mapping[str, Moments]
    share: float = 1.0

    def places(self, layer: str, size: tuple[int, int]) -> Tensor | float:
        """M, the sum of weights at a layer of a picture of (height, width)."""
        weight = self.weights[layer]
        stride = STRIDE_OF[layer]
        return size[0] // stride * (size[1] // stride) if weight is None else weight.sum().clamp_min(1e-6)


@dataclass(frozen=True)
class PixelTerms:
    """What places have for themselves, summed over a part: content, and squared steps between pixels."""

    content: Tensor
    steps: Tensor


class Objective:
    """The total loss of a picture at one scale. Called with the image, returns its `Losses`."""

    def __init__(
        self,
        network: Network,
        content: ContentTarget | None,
        styles: Sequence[StyleTarget],
        weight: Tensor | None,  # (H, W), how much each pixel counts; None where each does in full
        size: tuple[int, int],  # (height, width), padded to the network's grid
        weighting: Weighting,
        style_distance: str = "gram",
        circular: bool = False,  # the picture goes on at its opposite edge
    ) -> None:
        self.network = network
        self.content = content if weighting.alpha else None
        self.styles = styles if weighting.beta else []
        self.weight = weight
        self.size = size
        self.weighting = weighting
        self.style_distance = STYLE_DISTANCES[style_distance]
        self.circular = circular
        self.looks_at_means = style_distance not in ("paper", "gram")  # the others need no means
        self.sums_exactly = style_distance in NEEDS_EXACT_SUMS
        self.waits_for_the_device = style_distance in NOT_RECORDABLE
        self.places = [
            {layer: target.places(layer, size) for layer in target.weights if layer != "image"}
            for target in self.styles
        ]
        self.pixels = size[0] * size[1] if weight is None else weight.sum().clamp_min(1)
        self.style_layers = [n for n in STYLE_LAYERS if weighting.beta and weighting.layer_weights.get(n, 0)]
        self.layers = [*self.style_layers, *([self.content.layer] if self.content else [])] or [STYLE_LAYERS[0]]
        self.reach = reach_of(self.layers)

    def __call__(self, image: Tensor) -> Losses:
        """image: (3, H, W)."""
        features = self.network(image, self.layers, circular=self.circular)
        whole = self.part(Box(0, 0, self.size[1], self.size[0]))
        if self.weighting.tau and self.circular:
            image = F.pad(image[None], (0, 1, 0, 1), mode="circular")[0]
        return self.combine(whole.sums(features), whole.pixel_terms(features, image))

    def part(self, box: Box) -> TileTerms:
        """What lies in a box, whose sides are multiples of GRID. With `wraps` it may reach over the edges."""
        return TileTerms(self, box)

    def combine(self, sums: Sequence[Tensor], pixel_terms: PixelTerms) -> Losses:
        """The losses of a picture from what its parts gave, added up."""
        w = self.weighting
        style = self.style_loss(sums)
        total = w.alpha * pixel_terms.content + w.beta * style + w.tau * pixel_terms.steps / self.pixels
        return Losses(total, pixel_terms.content, style)

    def style_loss(self, sums: Sequence[Tensor]) -> Tensor:
        """L_style = Σ_r λ_r Σ_l w_l E_l over regions r, from the sums of all parts (Gatys 2017, eq. 5 and 6; λ_r is the
        region's share of the picture)."""
        given = iter(sums)
        style = torch.zeros((), device=self.network.mean.device)
        for target, places in zip(self.styles, self.places, strict=True):
            for name in self.style_layers:
                wanted = target.moments[name]
                mean = next(given) / places[name] if self.looks_at_means else torch.zeros_like(wanted.mean)
                found = Moments(mean, next(given) / places[name])
                layer = self.style_distance(found, wanted)
                style = style + target.share * self.weighting.layer_weights[name] * layer
        return style


class TileTerms:
    """A box of the picture: its sums, from the features and pixels there."""

    def __init__(self, objective: Objective, box: Box) -> None:
        self.objective = objective
        self.box = box

    def _cut(self, tensor: Tensor | None, layer: str) -> Tensor | None:
        if tensor is None:
            return None
        stride = STRIDE_OF.get(layer, 1)
        return cut(tensor, self.box.at(stride), self.objective.circular).to(self.objective.network.mean.device)

    def sums(self, features: Mapping[str, Tensor]) -> list[Tensor]:
        """Of each region, of each layer: Σ w F, (C,), where means are looked at, and Σ w F Fᵀ, (C, C).

        features: (C, h, w) of the box."""
        objective, sums = self.objective, []
        for target in objective.styles:
            for name in objective.style_layers:
                weight = self._cut(target.weights[name], name)
                found = features[name]
                if objective.sums_exactly and found.dtype == torch.bfloat16:
                    found = found.float()
                if objective.looks_at_means:
                    sums.append(sum_of(found, weight))
                sums.append(gram(found, weight))
        return sums

    def pixel_terms(self, features: Mapping[str, Tensor], image: Tensor) -> PixelTerms:
        """image: one row and column larger than the box, where the picture goes on."""
        objective = self.objective
        content = steps = torch.zeros((), device=image.device)
        if objective.content is not None:
            layer = objective.content.layer
            target = self._cut(objective.content.features, layer)
            assert target is not None
            content = content_loss(features[layer], target, self._cut(objective.content.weight, layer))
        if objective.weighting.tau:
            weight = objective.weight
            if weight is not None:
                b, (height, width) = self.box, image.shape[1:]
                weight = cut(weight, Box(b.left, b.top, width, height), objective.circular).to(image.device)
            steps = squared_steps(image, weight, self.box.height, self.box.width)
        return PixelTerms(content, steps)

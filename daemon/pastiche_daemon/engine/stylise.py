"""The recipe: content + styles + settings → pictures, coarse to fine.

for progress in stylise(content, [style], settings, network):
    show(progress.image)
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from pastiche.settings import StyleSettings
from pastiche_daemon.engine import colour
from pastiche_daemon.engine.cache import KeptCurvature, TargetCache
from pastiche_daemon.engine.colour_statistics import BLOCKS, colour_moments
from pastiche_daemon.engine.gram import gram
from pastiche_daemon.engine.network import CONTENT_LAYER, STRIDE_OF, STYLE_LAYERS, Network
from pastiche_daemon.engine.objective import Losses, Objective
from pastiche_daemon.engine.optimise import LBFGS, Way, optimise
from pastiche_daemon.engine.pyramid import Scale, scales_for
from pastiche_daemon.engine.regions import fill_hidden, padded, padded_weight, resized, resized_weight, weights_by_layer
from pastiche_daemon.engine.weighting import weighting_for

LARGEST_STYLE = 2048  # pixels, longest side: a style is looked at no larger than that, whatever the stroke size
SMALLEST_STYLE = 32
LOOK_EVERY = 10  # steps
STILL = 2 / 255  # of the 0..1 range


@dataclass(frozen=True)
class Source:
    """A picture that goes in: image (3, H, W), RGB in 0..1, sRGB-coded; weight (H, W), how much each place counts,
    0 to 1. visible: (H, W), what may be seen of it (its alpha). key names the pixels, for the cache.
    whole: longest side of the picture that it was cut from, for stroke sizes in picture units."""

    image: Tensor
    weight: Tensor
    visible: Tensor
    key: Hashable
    whole: int
    share: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.image.shape[-2], self.image.shape[-1]


@dataclass(frozen=True)
class Progress:
    """After an evaluation: scale `level` of `levels`, step of steps there, losses, share of the work done, and the
    picture in work, (3, h, w) at that scale's size, not yet clamped to 0..1."""

    level: int
    levels: int
    scale: Scale
    step: int
    losses: Losses
    done: float
    image: Tensor


def stylise(
    content: Source,
    styles: Sequence[Source],
    settings: StyleSettings,
    network: Network,
    cache: TargetCache | None = None,
    last: Tensor | None = None,
) -> Generator[Progress, None, None]:
    """Restyle content, yielding after each evaluation; the last one holds the result. To cancel, ask for no more.

    last: (3, h, w), an earlier picture of the same content to go on from: the scales coarser than it are left out.
    """
    cache = TargetCache(0) if cache is None else cache
    network.set_pooling(settings.pooling)
    content = replace(content, image=fill_hidden(content.image, content.visible))
    content, styles = colour.before(content, styles, settings.keep_colours)
    scales = scales_for(content.size[1], content.size[0], settings)
    if last is not None:
        scales = [s for s in scales if s.width >= last.shape[-1]] or scales[-1:]
    steps_were_asked_for = settings.iterations > 0 or settings.quality == "paper"
    work, done = sum(_work(s) for s in scales), 0
    image = last
    for level, scale in enumerate(scales):
        weights = place_weights(content, scale)
        canvas = padded(resized(content.image, scale.height, scale.width).clamp(0, 1), *scale.padded)
        free = (weights["image"] > 0).to(canvas)
        image = _starting_picture(image, canvas, scale, free, settings)
        objective = objective_at(network, content, styles, canvas, weights, scale, settings, cache)
        way: str | Way = settings.optimiser
        if way == "lbfgs" and level == len(scales) - 1:
            key = _picture_key(network, content, styles, scale, settings)
            way = _going_on(cache.curvature, key, known=last is not None)
        still = Stillness(image, free)
        for step, losses in enumerate(optimise(image, objective, free, scale.steps, way)):
            share = (done + _work(scale) * step / scale.steps) / work
            yield Progress(level, len(scales), scale, step, losses, share, _visible(image, scale))
            if not steps_were_asked_for and still.at(step):
                break
        done += _work(scale)
        image = _visible(image, scale)


def _going_on(kept: KeptCurvature, key: Hashable, known: bool) -> Way:
    """L-BFGS whose memory is kept for the next job of the same picture. known: begin with the last job's."""

    def way(image: Tensor, free: Tensor) -> LBFGS:
        stepper = LBFGS(image, free, memory=kept.get(key) if known else None)
        kept.keep(key, stepper.memory)
        return stepper

    return way


def _picture_key(
    network: Network, content: Source, styles: Sequence[Source], scale: Scale, settings: StyleSettings
) -> Hashable:
    """What must be the same for curvature to be. Not the strength, nor the stroke size: it survives their moves."""
    shares = tuple((style.key, style.share) for style in styles)
    return network.name, content.key, shares, scale.padded, settings.keep_colours, settings.pooling, settings.quality


class Stillness:
    """Whether the picture has stopped changing: where it may move, by less than STILL (root mean square) over the last
    LOOK_EVERY steps, which nobody sees. image: (3, H, W), moved in place. free: (H, W), 1 where it may move."""

    def __init__(self, image: Tensor, free: Tensor) -> None:
        self.image = image
        self.before = image.clone()
        self.places = image.shape[0] * free.sum().clamp_min(1)

    def at(self, step: int) -> bool:
        """Looks at the picture at every LOOK_EVERYth step: that is how seldom a GPU is waited for."""
        if step == 0 or step % LOOK_EVERY:
            return False
        change = ((self.image - self.before).square().sum() / self.places).sqrt()
        self.before.copy_(self.image)
        return bool(change < STILL)


def _work(scale: Scale) -> int:
    """Time goes with pixels times evaluations."""
    return scale.width * scale.height * (scale.steps + 1)


def _visible(image: Tensor, scale: Scale) -> Tensor:
    return image[:, : scale.height, : scale.width]


def place_weights(content: Source, scale: Scale) -> dict[str, Tensor]:
    """(H, W) by layer, and 'image': how much each place counts at this scale."""
    weight = padded_weight(resized_weight(content.weight, scale.height, scale.width), *scale.padded)
    return weights_by_layer(weight, (*STYLE_LAYERS, CONTENT_LAYER))


def _starting_picture(
    image: Tensor | None, canvas: Tensor, scale: Scale, free: Tensor, settings: StyleSettings
) -> Tensor:
    """(3, H, W), padded: the coarser scale's picture, or the first one: the content or noise. Where no pixel may
    move, it is the content."""
    if image is not None:
        visible = canvas[:, : scale.height, : scale.width]
        start = padded(with_detail(image, visible, detail_share(settings.strength)).clamp(0, 1), *scale.padded)
    elif settings.start == "noise":
        random = torch.Generator().manual_seed(settings.seed)
        start = torch.rand(canvas.shape, generator=random).to(canvas)
    else:
        start = canvas
    return torch.where(free > 0, start, canvas).contiguous()


def detail_share(strength: float) -> float:
    """How much of the content's detail a finer scale starts with: all of it up to strength 50, none at 100, where forms are the
    style's to draw. By eye."""
    return min(1.0, (100 - strength) / 50)


def with_detail(coarse: Tensor, canvas: Tensor, share: float = 1.0) -> Tensor:
    """The coarser picture at the size of the canvas, with the content's detail that it had no room for: the canvas less what
    is left of it at the coarse size (a level of its Laplacian pyramid, Burt and Adelson 1983).

    Without it every scale begins blurred, and most of its steps go into finding again what the content has: with it the
    last scale of a draft ends at half the loss (docs/performance.md). coarse: (3, h, w). canvas, returned: (3, H, W).
    """
    height, width = canvas.shape[-2:]
    blurred = resized(resized(canvas, *coarse.shape[-2:]), height, width)
    return resized(coarse, height, width) + share * (canvas - blurred)


@torch.no_grad()
def objective_at(
    network: Network, content: Source, styles: Sequence[Source], canvas: Tensor, weights: dict[str, Tensor],
    scale: Scale, settings: StyleSettings, cache: TargetCache,
) -> Objective:  # fmt: skip
    """What is to become small at this scale. canvas: (3, H, W), the content there, padded; weights: of `place_weights`."""
    (content_target,) = cache.get(
        ("content", network.name, content.key, scale.padded, settings.pooling),
        lambda: (network(canvas, (CONTENT_LAYER,))[CONTENT_LAYER],),
    )
    grams: dict[str, Tensor] = {}
    palettes = [torch.zeros(4, 4).to(canvas) for _ in BLOCKS]
    total = sum(style.share for style in styles)
    for style in styles:
        height, width = _style_size(style, content.whole * scale.width / content.size[1] * settings.stroke_size)
        means = cache.get(
            ("style", network.name, style.key, height, width, settings.pooling),
            lambda style=style, height=height, width=width: _style_means(network, style, height, width),  # type: ignore[misc]
        )
        # Second moments of a mixture: the mean of its parts' second moments.
        for name, mean in zip(STYLE_LAYERS, means, strict=False):
            grams[name] = grams.get(name, torch.zeros_like(mean)) + style.share / total * mean
        palettes = [p + style.share / total * m for p, m in zip(palettes, means[len(STYLE_LAYERS) :], strict=True)]
    places = float(weights[CONTENT_LAYER].sum())
    weighting = weighting_for(settings, content_target.shape[0], places, network.sees_colour_poorly)
    return Objective(network, content_target, grams, weights, weighting, palettes)


def _style_size(style: Source, longest: float) -> tuple[int, int]:
    """(height, width) of the style so that its longest side is `longest`, within what is sensible."""
    factor = min(max(longest, SMALLEST_STYLE), LARGEST_STYLE) / max(style.size)
    deepest = STRIDE_OF[STYLE_LAYERS[-1]]
    return max(deepest, round(style.size[0] * factor)), max(deepest, round(style.size[1] * factor))


def _style_means(network: Network, style: Source, height: int, width: int) -> tuple[Tensor, ...]:
    """The style's Gram matrices, divided by its places: (C, C) a layer; then its colour moments: (4, 4) a size."""
    image = resized(fill_hidden(style.image, style.visible), height, width).clamp(0, 1)
    weights = weights_by_layer(resized_weight(style.weight, height, width), STYLE_LAYERS)
    features = network(image, STYLE_LAYERS)
    grams = (gram(features[n], weights[n]) / weights[n].sum().clamp_min(1e-6) for n in STYLE_LAYERS)
    return (*grams, *colour_moments(image, weights["image"]))

"""The recipe: content + styles + settings → pictures, coarse to fine.

for progress in stylise(content, [style], settings, network):
    show(progress.image)
"""

from __future__ import annotations

from collections.abc import Generator, Hashable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from pastiche.errors import NothingToRestyle
from pastiche.settings import StyleSettings
from pastiche_daemon.engine import colour
from pastiche_daemon.engine.allocation import large_blocks_apart
from pastiche_daemon.engine.cache import KeptCurvature, TargetCache
from pastiche_daemon.engine.colour_statistics import BLOCKS, colour_moments
from pastiche_daemon.engine.evaluation import Evaluation
from pastiche_daemon.engine.moments import Moments, mixed
from pastiche_daemon.engine.network import STYLE_LAYERS, Network
from pastiche_daemon.engine.objective import ContentTarget, Losses, Objective, StyleTarget
from pastiche_daemon.engine.optimise import LBFGS, Way, optimise
from pastiche_daemon.engine.pyramid import Scale, scales_for
from pastiche_daemon.engine.regions import (
    fill_hidden,
    padded,
    padded_weight,
    periodic_part,
    resized,
    resized_weight,
    weights_by_layer,
)
from pastiche_daemon.engine.tiles import features_of, moments_of
from pastiche_daemon.engine.weighting import likeness_for, weighting_for
from pastiche_daemon.room import EVERYTHING, GRID, Room, plan_for

LARGEST_STYLE = 4096  # pixels, longest side: a style is looked at no larger than that, whatever the stroke size
ON_GRID = 512  # pixels: larger styles have sides that tiles can have, since they may be looked at in tiles
SMALLEST_STYLE = 32
LOOK_EVERY = 10  # steps
STILL = 2 / 255  # of the 0..1 range


@dataclass(frozen=True)
class Source:
    """A picture that goes in: image (3, H, W), RGB in 0..1, sRGB-coded; weight (H, W), how much each place counts,
    0 to 1. visible: (H, W), what may be seen of it (its alpha). key names the pixels, for the cache.
    whole: longest side of the picture that it was cut from, for stroke sizes in picture units.
    Of a style: share, among several; region: (H, W) of the content, 0 to 1, where it goes, None: wherever no region is."""

    image: Tensor
    weight: Tensor
    visible: Tensor
    key: Hashable
    whole: int
    share: float = 1.0
    region: Tensor | None = None
    region_key: Hashable = None

    @property
    def size(self) -> tuple[int, int]:
        """(height, width)."""
        return self.image.shape[-2], self.image.shape[-1]


@dataclass(frozen=True)
class Progress:
    """After an evaluation: scale `level` of `levels`, step of steps there, losses, share of the work done, and the
    picture in work, (3, h, w) at that scale's size, not yet clamped to 0..1. news: a sentence a painter should read, or ''."""

    level: int
    levels: int
    scale: Scale
    step: int
    losses: Losses
    done: float
    image: Tensor
    news: str = ""


def stylise(
    content: Source,
    styles: Sequence[Source],
    settings: StyleSettings,
    network: Network,
    cache: TargetCache | None = None,
    last: Tensor | None = None,
    room: Room = EVERYTHING,
) -> Generator[Progress, None, None]:
    """Restyle content, yielding after each evaluation; the last one holds the result. To cancel, ask for no more.

    last: (3, h, w), an earlier picture of the same content to go on from: the scales coarser than it are left out.
    room: the memory there is; a picture that does not fit is worked on in tiles, to the same result.
    With settings.seamless the last scale may be a little other in size than the content: `full_size`.
    """
    cache = TargetCache(0) if cache is None else cache
    network.set_pooling(settings.pooling)
    content = replace(content, image=fill_hidden(content.image, content.visible))
    if settings.seamless:
        content = replace(content, image=as_seen(content.image, settings), key=("seamless", content.key))
    content, styles = colour.before(content, styles, settings.keep_colours)
    territories = territories_of(content, styles)
    scales = scales_for(content.size[1], content.size[0], settings)
    if last is not None:
        scales = [s for s in scales if s.width >= last.shape[-1]] or scales[-1:]
    steps_were_asked_for = settings.iterations > 0 or settings.quality == "paper"
    work, done = sum(_work(s) for s in scales), 0
    image = last
    for level, scale in enumerate(scales):
        plan = plan_for(*scale.padded, room, network.element, network.width)
        with large_blocks_apart() if plan.side else nullcontext():
            canvas = canvas_at(content, scale, settings.seamless)
            if plan.on_host:
                canvas = canvas.cpu()
            free = free_places([territory.weight for territory in territories], scale, canvas)
            image = _starting_picture(image, canvas, scale, free, settings)
            objective = objective_at(network, content, territories, canvas, scale, settings, cache, plan.side)
            way: str | Way = settings.optimiser
            if way == "lbfgs":
                way = partial(LBFGS, pairs=plan.pairs)
                if level == len(scales) - 1:
                    key = _picture_key(network, content, styles, scale, settings)
                    way = _going_on(cache.curvature, key, known=last is not None, pairs=plan.pairs)
            still = None if steps_were_asked_for else Stillness(image, free)
            evaluation = Evaluation(objective, image, plan.side)
            for step, losses in enumerate(optimise(image, evaluation, free, scale.steps, way)):
                share = (done + _work(scale) * step / scale.steps) / work
                news = evaluation.news.pop(0) if evaluation.news else ""
                yield Progress(level, len(scales), scale, step, losses, share, _visible(image, scale), news)
                if still is not None and still.at(step):
                    break
            done += _work(scale)
            image = _visible(image, scale)


def as_seen(image: Tensor, settings: StyleSettings) -> Tensor:
    """The content's pixels (3, H, W) as they are worked on; their colours are the ones to keep. Of a seamless picture, its
    periodic part."""
    return periodic_part(image).clamp_(0, 1) if settings.seamless else image


def full_size(image: Tensor, content: Source, settings: StyleSettings) -> Tensor:
    """The result (3, h, w) at the content's size, where it has not got that already."""
    return resized(image, content.size[0], content.size[1], wraps=settings.seamless)


def _going_on(kept: KeptCurvature, key: Hashable, known: bool, pairs: int) -> Way:
    """L-BFGS whose memory is kept for the next job of the same picture. known: begin with the last job's."""

    def way(image: Tensor, free: Tensor) -> LBFGS:
        stepper = LBFGS(image, free, memory=kept.get(key) if known else None, pairs=pairs)
        kept.keep(key, stepper.memory)
        return stepper

    return way


def _picture_key(
    network: Network, content: Source, styles: Sequence[Source], scale: Scale, settings: StyleSettings
) -> Hashable:
    """What must be the same for curvature to be. Not the strength, nor the stroke size: it survives their moves."""
    shares = tuple((style.key, style.share, style.region_key) for style in styles)
    return (network.name, content.key, shares, scale.padded, settings.keep_colours, settings.pooling, settings.quality,
            likeness_for(settings))  # fmt: skip


class Stillness:
    """Whether the picture has stopped changing: where it may move, by less than STILL (root mean square) over the last
    LOOK_EVERY steps, which nobody sees. image: (3, H, W), moved in place. free: (H, W), 1 where it may move."""

    def __init__(self, image: Tensor, free: Tensor) -> None:
        self.image = image
        self.before = image.half()  # half the memory, and a sixteenth of what is asked about
        self.places = image.shape[0] * free.sum().clamp_min(1)

    def at(self, step: int) -> bool:
        """Looks at the picture at every LOOK_EVERYth step: that is how seldom a GPU is waited for."""
        if step == 0 or step % LOOK_EVERY:
            return False
        change = torch.linalg.vector_norm(self.image - self.before) / self.places.sqrt()
        self.before.copy_(self.image)
        return bool(change < STILL)


def _work(scale: Scale) -> int:
    """Time goes with pixels times evaluations."""
    return scale.width * scale.height * (scale.steps + 1)


def _visible(image: Tensor, scale: Scale) -> Tensor:
    return image[:, : scale.height, : scale.width]


@dataclass(frozen=True)
class Territory:
    """A part of the content, and the styles that go there. weight: (H, W), 0 to 1. share: of all that is restyled, 0 to 1."""

    weight: Tensor
    styles: list[Source]
    share: float


def territories_of(content: Source, styles: Sequence[Source]) -> list[Territory]:
    """Regions with their styles; where several overlap, they share the place. Styles without a region go where no region is.
    What is left over stays the content. Raises NothingToRestyle where no style has a place to go."""
    regions: dict[Hashable, list[Source]] = {}
    for style in styles:
        regions.setdefault(style.region_key if style.region is not None else None, []).append(style)
    everywhere = regions.pop(None, [])
    if not regions:
        return [Territory(content.weight, everywhere, 1.0)]
    claims = [group[0].region for group in regions.values()]
    claimed = torch.stack([claim for claim in claims if claim is not None]).sum(0)
    parts = [(group[0].region / claimed.clamp_min(1), group) for group in regions.values() if group[0].region is not None]
    parts.append(((1 - claimed).clamp_min(0), everywhere))
    all_places = content.weight.sum()
    territories = []
    for part, group in parts:
        weight = part.to(content.weight) * content.weight
        share = float(weight.sum() / all_places)
        if group and share > 0:
            territories.append(Territory(weight, group, share))
    if not territories:
        raise NothingToRestyle("The regions cover nothing that is to be restyled. Paint them where the picture is.")
    return territories


def covered_by(styles: Sequence[Source]) -> Tensor | None:
    """(H, W) of the content, 0 to 1: where any style goes. None where one has no region: everywhere."""
    regions = {style.region_key: style.region for style in styles}
    claims = [region for region in regions.values() if region is not None]
    return torch.stack(claims).sum(0).clamp_max(1) if len(claims) == len(regions) else None


def canvas_at(content: Source, scale: Scale, wraps: bool = False) -> Tensor:
    """(3, H, W): the content at a scale, padded to the grid."""
    canvas = resized(content.image, scale.height, scale.width, wraps)
    if canvas is not content.image:
        canvas = canvas.clamp_(0, 1)
    return padded(canvas, *scale.padded)


def place_weight(weight: Tensor, scale: Scale) -> Tensor | None:
    """(H, W), padded: how much each place counts at this scale; None where each counts in full."""
    if scale.padded == (scale.height, scale.width) and bool((weight == 1).all()):
        return None
    return padded_weight(resized_weight(weight, scale.height, scale.width), *scale.padded)


def free_places(weights: Sequence[Tensor], scale: Scale, canvas: Tensor) -> Tensor:
    """(H, W), padded: 1 where the picture may move, which is where a style has a say, 0 elsewhere. weights: the territories'."""
    placed = [place_weight(weight, scale) for weight in weights]
    somewhere = [weight for weight in placed if weight is not None]
    if len(somewhere) < len(placed):
        return torch.ones(1).to(canvas).expand(canvas.shape[1:])
    return (torch.stack(somewhere).amax(0) > 0).to(canvas)


def _starting_picture(
    image: Tensor | None, canvas: Tensor, scale: Scale, free: Tensor, settings: StyleSettings
) -> Tensor:
    """(3, H, W), padded: the coarser scale's picture, or the first one: the content or noise. Where no pixel may
    move, it is the content."""
    if image is not None:
        visible = canvas[:, : scale.height, : scale.width]
        share = detail_share(settings) if image.shape[-2:] != visible.shape[-2:] else 0.0
        start = padded(with_detail(image, visible, share, settings.seamless).clamp_(0, 1), *scale.padded)
    elif settings.start == "noise":
        random = torch.Generator().manual_seed(settings.seed)
        start = torch.rand(canvas.shape, generator=random).to(canvas)
    else:
        start = canvas
    return torch.where(free > 0, start, canvas).contiguous()


def detail_share(settings: StyleSettings) -> float:
    """How much of the content's detail a finer scale starts with: all of it up to strength 50, none at 100, where forms are the
    style's to draw. By eye. A reconstruction is to show what the network knows, and gets none."""
    return min(1.0, (100 - settings.strength) / 50) if settings.reconstruct == "both" else 0.0


def with_detail(coarse: Tensor, canvas: Tensor, share: float = 1.0, wraps: bool = False) -> Tensor:
    """The coarser picture at the size of the canvas, with the content's detail that it had no room for: the canvas less what
    is left of it at the coarse size (a level of its Laplacian pyramid, Burt and Adelson 1983).

    Without it every scale begins blurred, and most of its steps go into finding again what the content has: with it the
    last scale of a draft ends at half the loss (docs/performance.md). coarse: (3, h, w). canvas, returned: (3, H, W).
    """
    height, width = canvas.shape[-2:]
    large = resized(coarse.to(canvas.device), height, width, wraps)
    if not share:
        return large.clone()
    blurred = resized(resized(canvas, coarse.shape[1], coarse.shape[2], wraps), height, width, wraps)
    return torch.add(large, canvas - blurred, alpha=share)


@torch.no_grad()
def objective_at(
    network: Network, content: Source, territories: Sequence[Territory], canvas: Tensor, scale: Scale,
    settings: StyleSettings, cache: TargetCache, side: int = 0,
) -> Objective:  # fmt: skip
    """What is to become small at this scale. canvas: (3, H, W), the content there, padded. side: of tiles, 0 for the whole."""
    layer, wraps = settings.content_layer, settings.seamless
    weight = place_weight(content.weight, scale)
    content_weight = None if weight is None else weights_by_layer(weight, (layer,))[layer]
    (features,) = cache.get(
        ("content", network.name, content.key, scale.padded, settings.pooling, layer, wraps),
        lambda: (features_of(network, canvas, layer, side, wraps),),
    )
    longest = content.whole * scale.width / content.size[1] * settings.stroke_size
    targets = []
    for territory in territories:
        here = place_weight(territory.weight, scale)
        weights = dict.fromkeys((*STYLE_LAYERS, "image")) if here is None else weights_by_layer(here, STYLE_LAYERS)
        means = [_style_means(network, style, longest, settings, cache, side) for style in territory.styles]
        shares = [style.share for style in territory.styles]
        moments = {name: mixed([m.moments[name] for m in means], shares) for name in STYLE_LAYERS}
        palettes = [torch.stack([s / sum(shares) * m.palettes[size] for s, m in zip(shares, means, strict=True)]).sum(0)
                    for size in range(len(BLOCKS))]  # fmt: skip
        targets.append(StyleTarget(weights, moments, palettes, territory.share))
    places = features[0].numel() if content_weight is None else float(content_weight.sum())
    weighting = weighting_for(settings, features.shape[0], places, network.sees_colour_poorly)
    if not (weighting.alpha or weighting.gamma or any(weighting.layer_weights.values())):
        raise NothingToRestyle(
            "The style alone is asked for, and none of it counts: fine, middle and coarse are 0 where the style is looked at."
        )
    return Objective(network, ContentTarget(layer, features, content_weight), targets, weight, scale.padded, weighting,
                     likeness_for(settings), wraps)  # fmt: skip


def _style_size(style: Source, longest: float) -> tuple[int, int]:
    """(height, width) of the style so that its longest side is `longest`, within what is sensible."""
    factor = min(max(longest, SMALLEST_STYLE), LARGEST_STYLE) / max(style.size)
    height, width = (side * factor for side in style.size)
    if factor * max(style.size) > ON_GRID:
        return max(GRID, round(height / GRID) * GRID), max(GRID, round(width / GRID) * GRID)
    return max(GRID, round(height)), max(GRID, round(width))


@dataclass(frozen=True)
class StyleMeans:
    """Of one style at one size: moments by layer, and palettes, (4, 4) by size of BLOCKS."""

    moments: dict[str, Moments]
    palettes: Sequence[Tensor]


def _style_means(
    network: Network, style: Source, longest: float, settings: StyleSettings, cache: TargetCache, side: int
) -> StyleMeans:
    """longest: pixels of its longest side. side: of tiles, where the style is larger than one."""
    height, width = _style_size(style, longest)

    def make() -> tuple[Tensor, ...]:
        image = resized(fill_hidden(style.image, style.visible), height, width).clamp(0, 1)
        weights = weights_by_layer(resized_weight(style.weight, height, width), STYLE_LAYERS)
        in_tiles = side if side and max(height, width) > max(side, ON_GRID) else 0
        moments = moments_of(network, image, STYLE_LAYERS, weights, in_tiles)
        return (*(t for name in STYLE_LAYERS for t in (moments[name].mean, moments[name].second)),
                *colour_moments(image, weights["image"]))  # fmt: skip

    kept = cache.get(("style", network.name, style.key, height, width, settings.pooling), make)
    pairs = zip(kept[0 : 2 * len(STYLE_LAYERS) : 2], kept[1 : 2 * len(STYLE_LAYERS) : 2], strict=True)
    moments = {name: Moments(mean, second) for name, (mean, second) in zip(STYLE_LAYERS, pairs, strict=True)}
    return StyleMeans(moments, kept[2 * len(STYLE_LAYERS) :])

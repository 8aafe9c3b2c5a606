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

from velatura.settings import StyleSettings
from velatura_daemon.engine import colour
from velatura_daemon.engine.cache import CurvatureCache, TargetCache
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.losses.weighting import style_distance_for
from velatura_daemon.engine.malloc import large_blocks_apart
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.optim.optimise import LBFGS, StepperFactory, optimise
from velatura_daemon.engine.pyramid import Scale, scales_for
from velatura_daemon.engine.regions import fill_hidden, padded, periodic_part, resized
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import free_places, style_regions_of
from velatura_daemon.engine.targets import canvas_at, objective_at
from velatura_daemon.engine.tiling.evaluation import Evaluation
from velatura_daemon.memory_plan import UNLIMITED, MemoryBudget, plan_memory

LOOK_EVERY = 10  # steps
STILL = 2 / 255  # of the 0..1 range


@dataclass(frozen=True)
class Progress:
    """After an evaluation: scale `level` of `levels`, step of steps there, losses, share of the work done, and the
    picture in work, (3, h, w) at that scale's size, not yet clamped to 0..1. news: a sentence a painter should read, or
    ''."""

    level: int
    levels: int
    scale: Scale
    step: int
    losses: Losses
    done: float
    image: Tensor
    warnings: str = ""


def stylise(
    content: Source,
    styles: Sequence[Source],
    settings: StyleSettings,
    network: Network,
    cache: TargetCache | None = None,
    last: Tensor | None = None,
    room: MemoryBudget = UNLIMITED,
    steps_made: int = 0,
) -> Generator[Progress, None, None]:
    """Restyle content, yielding after each evaluation; the last one holds the result. To cancel, ask for no more.

    last: (3, h, w), an earlier picture of the same content to go on from: the scales coarser than it are left out.
    steps_made: how many steps of its scale it has behind it.
    room: the memory there is; a picture that does not fit is worked on in tiles, to the same result.
    Drafts of large pictures, and pictures with settings.seamless, end at another size than the content's: `full_size`.
    """
    cache = TargetCache(0) if cache is None else cache
    network.set_pooling(settings.pooling)
    content = replace(content, image=fill_hidden(content.image, content.visible))
    if settings.seamless:
        content = replace(content, image=as_seen(content.image, settings), key=("seamless", content.key))
    content, styles = colour.before(content, styles, settings.keep_colours)
    style_regions = style_regions_of(content, styles)
    scales = scales_for(content.size[1], content.size[0], settings)
    if last is not None:
        scales = [s for s in scales if s.width >= last.shape[-1]] or scales[-1:]
        if steps_made and scales[0].width == last.shape[-1]:
            scales[0] = replace(scales[0], steps=max(1, scales[0].steps - steps_made))
    steps_were_asked_for = settings.iterations > 0 or settings.quality == "paper"
    work, done = sum(_work(s) for s in scales), 0
    image = last
    for level, scale in enumerate(scales):
        plan = plan_memory(*scale.padded, room, network.element)
        with large_blocks_apart() if plan.side else nullcontext():
            canvas = canvas_at(content, scale, settings.seamless)
            if plan.on_host:
                canvas = canvas.cpu()
            free = free_places([territory.weight for territory in style_regions], scale, canvas)
            image = _starting_picture(image, canvas, scale, free, settings)
            objective = objective_at(network, content, style_regions, canvas, scale, settings, cache, plan.side)
            way: str | StepperFactory = settings.optimiser
            if way == "lbfgs":
                way = partial(LBFGS, pairs=plan.pairs)
                if level == len(scales) - 1:
                    key = _picture_key(network, content, styles, scale, settings)
                    way = _going_on(cache.curvature, key, known=last is not None, pairs=plan.pairs)
            still = None if steps_were_asked_for else ConvergenceTest(image, free)
            evaluation = None  # a scale's recorded work and its memory go before the next one's come
            evaluation = Evaluation(objective, image, plan.side)
            for step, losses in enumerate(optimise(image, evaluation, free, scale.steps, way)):
                share = (done + _work(scale) * step / scale.steps) / work
                warnings = evaluation.warnings.pop(0) if evaluation.warnings else ""
                yield Progress(level, len(scales), scale, step, losses, share, _visible(image, scale), warnings)
                if still is not None and still.at(step):
                    break
            done += _work(scale)
            image = _visible(image, scale)


def as_seen(image: Tensor, settings: StyleSettings) -> Tensor:
    """The content's pixels (3, H, W) as they are worked on; their colours are the ones to keep. Of a seamless picture,
    its periodic part."""
    return periodic_part(image).clamp_(0, 1) if settings.seamless else image


def full_size(image: Tensor, content: Source, settings: StyleSettings) -> Tensor:
    """The result (3, h, w) at the content's size, with the content's detail if it was smaller."""
    if image.shape[-2:] == content.size:
        return image
    seen = as_seen(fill_hidden(content.image, content.visible), settings)
    return with_detail(image, seen, detail_share(settings), settings.seamless)


def _going_on(kept: CurvatureCache, key: Hashable, known: bool, pairs: int) -> StepperFactory:
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
    return (
        network.name,
        content.key,
        shares,
        scale.padded,
        settings.keep_colours,
        settings.pooling,
        settings.quality,
        style_distance_for(settings),
    )


class ConvergenceTest:
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
    """How much of the content's detail a finer scale starts with: all of it up to strength 50, none at 100, where forms
    are the style's to draw. By eye. A reconstruction is to show what the network knows, and gets none."""
    return min(1.0, (100 - settings.strength) / 50) if settings.reconstruct == "both" else 0.0


def with_detail(coarse: Tensor, canvas: Tensor, share: float = 1.0, circular: bool = False) -> Tensor:
    """The coarser picture at the size of the canvas, with the content's detail that it had no room for: the canvas less
    what is left of it at the coarse size (a level of its Laplacian pyramid, Burt and Adelson 1983).

    Without it every scale begins blurred, and most of its steps go into finding again what the content has: with it the
    last scale of a draft ends at half the loss (docs/performance.md). coarse: (3, h, w). canvas, returned: (3, H, W).
    """
    height, width = canvas.shape[-2:]
    large = resized(coarse.to(canvas.device), height, width, circular)
    if not share:
        return large.clone()
    blurred = resized(resized(canvas, coarse.shape[1], coarse.shape[2], circular), height, width, circular)
    return torch.add(large, canvas - blurred, alpha=share)

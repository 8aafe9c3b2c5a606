"""The recipe: content, styles and settings become an image, coarse to fine.

for progress in stylise(content, [style], settings, network):
    show(progress.image)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Hashable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch import Tensor

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import CurvatureCache, TargetCache
from velatura_daemon.engine.colour import matched_start
from velatura_daemon.engine.evaluation.fallback import evaluation_for
from velatura_daemon.engine.geometry import pad
from velatura_daemon.engine.inputs import prepare_inputs
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.losses.weighting import style_distance_for
from velatura_daemon.engine.malloc import mmap_large_blocks
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.optim.convergence import ConvergenceTest
from velatura_daemon.engine.optim.lbfgs import LBFGS
from velatura_daemon.engine.optim.optimise import STEPPERS, optimise
from velatura_daemon.engine.optim.preconditioner import preconditioner_exponent
from velatura_daemon.engine.optim.stepper import StepperFactory
from velatura_daemon.engine.pyramid import Scale, scales_for
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.style_regions import style_regions_of, trainable_mask
from velatura_daemon.engine.targets import TargetExtractor, content_at, objective_at
from velatura_daemon.engine.upsampling import detail_share, upsample
from velatura_daemon.memory_plan import UNLIMITED, MemoryBudget, plan_memory


@dataclass(frozen=True)
class Progress:
    """The state after an evaluation.

    level: of `levels`, from 0. step: of scale.steps, from 0. done: share of the whole work, 0 to 1. expected: how many
    of the scale's evaluations are expected to be made; fewer than all if it will have converged before.
    image: (3, h, w), at the scale's size, not yet clamped to 0..1; changed in place by the next step.
    warning: a sentence for the user, or ''.
    """

    level: int
    levels: int
    scale: Scale
    step: int
    losses: Losses
    done: float
    expected: int
    image: Tensor
    warning: str = ""


@dataclass(frozen=True)
class WarmStart:
    """An earlier image (3, h, w) of the same content to continue from: coarser scales than its own are left out, and so
    are `steps_done` steps of its own scale."""

    image: Tensor
    steps_done: int = 0


@dataclass(frozen=True)
class Resources:
    """cache: targets and curvature of earlier restyles; by default nothing is kept. budget: of memory; an image that
    does not fit is optimised in tiles, with the same result."""

    cache: TargetCache = field(default_factory=lambda: TargetCache(0))
    budget: MemoryBudget = UNLIMITED


def stylise(
    content: Source,
    styles: Sequence[Source],
    settings: StyleSettings,
    network: Network,
    warm_start: WarmStart | None = None,
    resources: Resources | None = None,
) -> Generator[Progress, None, None]:
    """Restyles the content, yielding after each evaluation. The last Progress holds the result. To cancel, close the
    generator: the image of the last Progress is then the best one so far.

    Drafts of large images and seamless results end at another size than the content's; see `upsampling.full_size`.
    """
    resources = resources or Resources()
    network.set_pooling(settings.pooling)
    content, styles = prepare_inputs(content, styles, settings)
    style_regions = style_regions_of(content, styles)
    scales = remaining_scales(scales_for(content.size[1], content.size[0], settings), warm_start)
    image = matched_start(warm_start.image, content, settings.keep_colours) if warm_start else None
    for level, scale in enumerate(scales):
        plan = plan_memory(*scale.padded, resources.budget, network.bytes_per_value)
        with mmap_large_blocks(plan.side > 0):
            pixels = content_at(content, scale, settings.seamless)  # (3, H, W), padded
            pixels = pixels.cpu() if plan.on_host else pixels
            trainable = trainable_mask(style_regions, scale, pixels)
            image = _initial_image(image, pixels, trainable, scale, settings)
            targets = TargetExtractor(network, settings, resources.cache, plan.side)
            objective = objective_at(scale, content, pixels, style_regions, targets)
            evaluate = evaluation_for(objective, image, plan.side)
            converged = _convergence_test(image, trainable, settings)
            stepper: StepperFactory = STEPPERS[settings.optimiser]
            if stepper is LBFGS:
                stepper = partial(LBFGS, exponent=preconditioner_exponent(settings), pairs=plan.pairs)
                if level == len(scales) - 1:  # the next restyle of this image begins at the last scale
                    key = _curvature_key(network, content, styles, scale, settings)
                    stepper = _cached_lbfgs(stepper, resources.cache.curvature, key, warm_start is not None)
            with closing(optimise(image, evaluate, trainable, scale.steps, stepper, scale.check_last)) as steps:
                for step, losses in enumerate(steps):
                    done = _share_done(scales, level, step)
                    warning = evaluate.warnings.pop(0) if evaluate.warnings else ""
                    expected = converged.expected_evaluations(scale.evaluations) if converged else scale.evaluations
                    visible = _visible(image, scale)
                    yield Progress(level, len(scales), scale, step, losses, done, expected, visible, warning)
                    if converged and converged(step):
                        break
            image = _visible(image, scale)
            del objective, evaluate  # frees their feature maps before those of the next scale are computed


def remaining_scales(scales: list[Scale], warm_start: WarmStart | None) -> list[Scale]:
    """The scales and steps that a warm start leaves to do: the last scale, and one step, at least."""
    if warm_start is None:
        return scales
    width = warm_start.image.shape[-1]
    scales = [scale for scale in scales if scale.width >= width] or scales[-1:]
    if warm_start.steps_done and scales[0].width == width:
        scales[0] = replace(scales[0], steps=max(1, scales[0].steps - warm_start.steps_done))
    return scales


def _initial_image(
    previous: Tensor | None, content: Tensor, trainable: Tensor, scale: Scale, settings: StyleSettings
) -> Tensor:
    """The image that a scale starts from, (3, H, W), padded: the previous scale's, upsampled; at the first scale the
    content or white noise. Pixels that may not change are the content's.

    previous: (3, h, w). content: (3, H, W), padded.
    """
    if previous is not None:
        visible = _visible(content, scale)
        detail = detail_share(settings) if previous.shape[-2:] != visible.shape[-2:] else 0.0
        start = pad(upsample(previous, visible, detail, settings.seamless).clamp_(0, 1), *scale.padded)
    elif settings.start == "noise":
        generator = torch.Generator().manual_seed(settings.seed)
        start = torch.rand(content.shape, generator=generator).to(content)
    else:
        start = content
    return torch.where(trainable > 0, start, content).contiguous()


def _visible(image: Tensor, scale: Scale) -> Tensor:
    """The image without its padding, (3, h, w), as a view."""
    return image[:, : scale.height, : scale.width]


def _convergence_test(image: Tensor, trainable: Tensor, settings: StyleSettings) -> ConvergenceTest | None:
    """None: a number of steps that was asked for is taken in full."""
    steps_are_fixed = settings.iterations > 0 or settings.quality == "paper"
    return None if steps_are_fixed else ConvergenceTest(image, trainable)


def _share_done(scales: Sequence[Scale], level: int, step: int) -> float:
    """The share of the whole work that is done after a step. An evaluation's time is proportional to its pixels."""
    work = [scale.width * scale.height * scale.evaluations for scale in scales]
    return (sum(work[:level]) + work[level] * (step + 1) / scales[level].evaluations) / sum(work)


def _cached_lbfgs(lbfgs: Callable[..., LBFGS], cache: CurvatureCache, key: Hashable, reuse: bool) -> StepperFactory:
    """L-BFGS whose curvature is cached for the next restyle of the same image. reuse: begin with the last restyle's."""

    def make(image: Tensor, trainable: Tensor) -> LBFGS:
        stepper = lbfgs(image, trainable, memory=cache.get(key) if reuse else None)
        cache.put(key, stepper.memory)
        return stepper

    return make


def _curvature_key(
    network: Network, content: Source, styles: Sequence[Source], scale: Scale, settings: StyleSettings
) -> Hashable:
    """What has to be the same for curvature to be reused. Strength and stroke size may differ: the curvature remains
    useful when they are moved (docs/performance.md)."""
    style_keys = tuple((style.key, style.share, style.region_key) for style in styles)
    choices = settings.keep_colours, settings.pooling, settings.quality, style_distance_for(settings)
    return network.name, content.key, style_keys, scale.padded, *choices

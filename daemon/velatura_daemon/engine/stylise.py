"""The recipe: content, styles and settings become an image, coarse to fine.

The engine's use::

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
from velatura_daemon.engine.following import followed, reference
from velatura_daemon.engine.geometry import Box, pad
from velatura_daemon.engine.guide import Guide
from velatura_daemon.engine.inputs import inputs_of, prepare_inputs
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.losses.weighting import style_distance_for
from velatura_daemon.engine.malloc import mmap_large_blocks
from velatura_daemon.engine.network import Network
from velatura_daemon.engine.optim.convergence import ConvergenceTest
from velatura_daemon.engine.optim.lbfgs import LBFGS
from velatura_daemon.engine.optim.optimise import STEPPERS, optimise
from velatura_daemon.engine.optim.preconditioner import preconditioner_exponent
from velatura_daemon.engine.optim.stepper import StepperFactory
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stages import Stage, WarmStart, stages_for, upsample_part, with_surroundings
from velatura_daemon.engine.style_regions import style_regions_of, trainable_mask
from velatura_daemon.engine.targets import TargetExtractor, content_at, objective_at
from velatura_daemon.engine.upsampling import detail_share, upsample
from velatura_daemon.memory_plan import UNLIMITED, MemoryBudget, plan_memory


@dataclass(frozen=True)
class Progress:
    """The state after an evaluation.

    Attributes:
        level: The stage, of `levels`, from 0.
        levels: The number of stages.
        scale: The size of the whole picture at this stage, and its steps.
        step: The step, of `scale.steps`, from 0.
        losses: The losses of this evaluation.
        done: The share of the whole work that is done, 0 to 1.
        expected: How many of the scale's evaluations are expected; fewer than all if it will have converged before.
        image: (3, h, w), at the scale's size, not yet clamped to 0..1. The next step changes it in place.
        warning: A sentence for the user, or ''.
        stage: What is optimised; the image is of the stage's part, if it has one.
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
    stage: Stage | None = None


@dataclass(frozen=True)
class Resources:
    """The cache and the memory that a restyle may use.

    Attributes:
        cache: Targets and curvature of earlier restyles; by default nothing is kept.
        budget: The memory that may be used. An image that does not fit is optimised in tiles, with the same result.
        keeps_content: Whether the targets of contents are kept, and not only those of styles.
    """

    cache: TargetCache = field(default_factory=lambda: TargetCache(0))
    budget: MemoryBudget = UNLIMITED
    keeps_content: bool = True


def stylise(
    content: Source,
    styles: Sequence[Source],
    settings: StyleSettings,
    network: Network,
    warm_start: WarmStart | None = None,
    resources: Resources | None = None,
    view: Box | None = None,
    guide: Guide | None = None,
) -> Generator[Progress, None, None]:
    """Restyles the content, yielding after each evaluation.

    To cancel, close the generator: the image of the last Progress is then the best one so far. Drafts of large images
    and seamless results end at another size than the content's; see `upsampling.full_size`.

    Args:
        content: The picture to restyle.
        styles: At least one.
        settings: The settings of the restyle.
        network: On the device that computes. Its pooling is set to that of the settings.
        warm_start: An earlier image to continue from.
        resources: Cache and memory; by default no cache and no limit.
        view: Only this part of the content is restyled, at the content's own resolution (`stages`).
        guide: What a frame of a film follows, instead of a view.

    Yields:
        The state after each evaluation. The last one holds the result.

    Raises:
        NothingToRestyle: The regions cover nothing, or no loss counts.
        BadWeights: The network lacks the content layer of the settings.
    """
    resources = resources or Resources()
    network.set_pooling(settings.pooling)
    stages = stages_for(content.size[1], content.size[0], settings, warm_start, view, guide is not None)
    start = _Start.from_warm_start(warm_start, content, settings) if warm_start else None
    inputs = inputs_of(styles, guide is not None)
    guide = guide.seen_with(settings.keep_colours) if guide is not None else None
    content, styles = prepare_inputs(content, styles, settings)
    if start is not None:
        start.image = matched_start(start.image, content, settings.keep_colours)
    style_regions = style_regions_of(content, styles)
    for level, stage in enumerate(stages):
        scale, source = stage.optimised, stage.source(content)
        local = settings if stage.part is None else replace(settings, seamless=False)  # a part's edges do not meet
        if stage.part is not None and view is not None and start is not None and start.stage.part is None:
            style_regions = with_surroundings(style_regions, start.image, network, view, content.size)
        regions = stage.regions(style_regions, source)
        plan = plan_memory(*scale.padded, resources.budget, network.bytes_per_value, inputs, content.pixels)
        with mmap_large_blocks(plan.side > 0):
            pixels = content_at(source, scale, local.seamless)  # (3, H, W), padded
            pixels = pixels.cpu() if plan.on_host else pixels
            trainable = trainable_mask(regions, scale, pixels) if regions else torch.zeros_like(pixels[0])
            begun = warm_start is None or level > 0
            image = _initial_image(start, content, pixels, trainable, stage, settings, guide if begun else None)
            if not regions:  # of a view where nothing is restyled
                image = _visible(image, scale)
                done = _share_done(stages, level, scale.evaluations - 1)
                none = torch.zeros((), device=image.device)
                losses = Losses(none, none, none)
                yield Progress(level, len(stages), stage.scale, 0, losses, done, 1, image, stage=stage)
                start = _Start(image, stage)
                continue
            targets = TargetExtractor(
                network,
                local,
                resources.cache,
                plan.side,
                sampled=stage.part is not None,
                keeps_content=resources.keeps_content,
            )
            temporal = guide.target_at(scale, pixels, settings) if guide is not None else None
            objective = objective_at(scale, source, pixels, regions, targets, temporal)
            evaluate = evaluation_for(objective, image, plan.side)
            converged = _convergence_test(image, trainable, settings)
            stepper: StepperFactory = STEPPERS[settings.optimiser]
            if stepper is LBFGS:
                stepper = partial(LBFGS, exponent=preconditioner_exponent(settings), pairs=plan.pairs)
                if level == len(stages) - 1 and view is None:  # the image's next restyle begins at the last scale
                    key = partial(_curvature_key, network, source, styles, scale, settings)
                    stepper = _cached_lbfgs(stepper, resources.cache.curvature, key, warm_start)
            with closing(optimise(image, evaluate, trainable, scale.steps, stepper, scale.check_last)) as steps:
                for step, losses in enumerate(steps):
                    done = _share_done(stages, level, step)
                    warning = evaluate.warnings.pop(0) if evaluate.warnings else ""
                    expected = converged.expected_evaluations(scale.evaluations) if converged else scale.evaluations
                    visible = _visible(image, scale)
                    yield Progress(
                        level, len(stages), stage.scale, step, losses, done, expected, visible, warning, stage
                    )
                    if converged and converged(step):
                        break
            start = _Start(_visible(image, scale), stage)
            del objective, evaluate  # frees their feature maps before those of the next scale are computed


@dataclass
class _Start:
    """The image (3, h, w) of an earlier stage, from which the next one starts."""

    image: Tensor
    stage: Stage

    @classmethod
    def from_warm_start(cls, warm_start: WarmStart, content: Source, settings: StyleSettings) -> _Start:
        image = warm_start.image
        if warm_start.content is not None:
            image = followed(image, warm_start.content, reference(content, settings))
        return cls(image, Stage(Scale(image.shape[2], image.shape[1], 0)))


def _initial_image(
    start: _Start | None,
    content: Source,
    pixels: Tensor,
    trainable: Tensor,
    stage: Stage,
    settings: StyleSettings,
    guide: Guide | None,
) -> Tensor:
    """The image that a stage starts from: the previous stage's, upsampled; at the first one the content or white noise.

    Pixels that may not change are the content's.

    Args:
        start: The previous stage's image; None at the first stage.
        content: The whole content.
        pixels: (3, H, W), the content at this stage, padded.
        trainable: (H, W), 1 if a pixel may change.
        stage: What is optimised.
        settings: The settings of the restyle.
        guide: What takes the place of all that, as far as it is to be followed.

    Returns:
        (3, H, W), padded.
    """
    scale = stage.optimised
    if start is not None:
        visible = _visible(pixels, scale)
        detail = detail_share(settings) if start.stage.scale.width != stage.scale.width else 0.0
        if stage.part is not None:
            image = start.image.to(pixels.device)
            upsampled = upsample_part(image, start.stage, stage, visible, content.image, detail)
        else:
            upsampled = upsample(start.image, visible, detail, settings.seamless)
        first = pad(upsampled.clamp_(0, 1), *scale.padded)
    elif settings.start == "noise":
        generator = torch.Generator().manual_seed(settings.seed)
        first = torch.rand(pixels.shape, generator=generator).to(pixels)
    else:
        first = pixels
    if guide is not None:
        coarser = _visible(first, scale) if start is not None else None
        first = pad(guide.started((scale.height, scale.width), coarser).to(pixels), *scale.padded)
    return torch.where(trainable > 0, first, pixels).contiguous()


def _visible(image: Tensor, scale: Scale) -> Tensor:
    """The image without its padding, (3, h, w), as a view."""
    return image[:, : scale.height, : scale.width]


def _convergence_test(image: Tensor, trainable: Tensor, settings: StyleSettings) -> ConvergenceTest | None:
    """None: a number of steps that was asked for is taken in full."""
    steps_are_fixed = settings.iterations > 0 or settings.quality == "paper"
    return None if steps_are_fixed else ConvergenceTest(image, trainable)


def _share_done(stages: Sequence[Stage], level: int, step: int) -> float:
    """The share of the whole work that is done after a step. An evaluation's time is proportional to its pixels."""
    scales = [stage.optimised for stage in stages]
    work = [scale.width * scale.height * scale.evaluations for scale in scales]
    return (sum(work[:level]) + work[level] * (step + 1) / scales[level].evaluations) / sum(work)


def _cached_lbfgs(
    lbfgs: Callable[..., LBFGS],
    cache: CurvatureCache,
    key: Callable[[Hashable], Hashable],
    warm_start: WarmStart | None,
) -> StepperFactory:
    """L-BFGS whose curvature is cached for the next restyle of the same image.

    Args:
        lbfgs: Makes the stepper.
        cache: Where the curvature is kept.
        key: The key of a content's curvature, from the content's own key; None stands for this content.
        warm_start: Begin with the curvature of the restyle that its image is from.

    Returns:
        A factory of steppers.
    """

    def make(image: Tensor, trainable: Tensor) -> LBFGS:
        known = cache.get(key(warm_start.content_key)) if warm_start else None
        stepper = lbfgs(image, trainable, memory=known)
        cache.put(key(None), stepper.memory)
        return stepper

    return make


def _curvature_key(
    network: Network,
    content: Source,
    styles: Sequence[Source],
    scale: Scale,
    settings: StyleSettings,
    content_key: Hashable = None,
) -> Hashable:
    """What has to be the same for curvature to be reused.

    Strength and stroke size may differ: the curvature remains useful when they are moved (docs/performance.md).
    """
    style_keys = tuple((style.key, style.share, style.region_key) for style in styles)
    choices = settings.keep_colours, settings.pooling, settings.quality, style_distance_for(settings)
    content_key = content_key or content.key
    return network.name, content_key, style_keys, scale.padded, *choices

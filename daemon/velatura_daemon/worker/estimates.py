"""Estimates a restyle's time and memory on this device, from measurements of the device and the errors of earlier
estimates."""

from __future__ import annotations

import json
import logging
import os
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch

from velatura.i18n import Text, lazy_plural, lazy_text
from velatura.settings import StyleSettings
from velatura_daemon.engine.devices import device_label, is_gpu
from velatura_daemon.engine.evaluation.fallback import evaluation_for
from velatura_daemon.engine.extraction import extract_features, extract_statistics
from velatura_daemon.engine.geometry import Box
from velatura_daemon.engine.losses.objective import Canvas, ContentTarget, Objective, StyleTarget
from velatura_daemon.engine.losses.weighting import weighting_for
from velatura_daemon.engine.masks import full_weight, weights_by_layer
from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS
from velatura_daemon.engine.optim.optimise import optimise
from velatura_daemon.engine.pyramid import Scale
from velatura_daemon.engine.stages import WarmStart, stages_for
from velatura_daemon.jobs.events import Estimated
from velatura_daemon.memory_plan import NO_INPUTS, Inputs, MemoryBudget, MemoryPlan, plan_memory, work_factor
from velatura_daemon.worker.model_cache import LoadedModel

log = logging.getLogger("velatura.worker")

# Pixels a side of the pictures that a device is measured with: what a step costs at least, and each pixel. A GPU takes
# as long for 192² as for 32², since launching is all that takes time there.
SIDES, SIDES_ON_GPU = (32, 192), (64, 640)
TIMES = 2
SENTENCES = {  # by (whether it is done in tiles, whether the picture does not fit into the device's memory)
    (False, False): lazy_text("About {duration} and {gb:.1f} GB on {device}."),
    (True, False): lazy_text("About {duration} and {gb:.1f} GB on {device}, in tiles of {side} pixels."),
    (False, True): lazy_text(
        "About {duration} and {gb:.1f} GB on {device}; the picture itself in the machine's memory."
    ),
    (True, True): lazy_text(
        "About {duration} and {gb:.1f} GB on {device}, in tiles of {side} pixels; the picture itself in the machine's "
        "memory."
    ),
}
TRUST = 0.5  # how far one job's time moves what is thought of the next: a machine that is busy stays so for a while


@dataclass(frozen=True)
class Pace:
    """seconds = correction · Σ over scales of (start + Σ over steps of (base + megapixels · each)). Of one network on
    one device."""

    base: float
    each: float
    correction: float = 1.0
    start: float = 0.0


@dataclass(frozen=True)
class ScaleCost:
    """Expected seconds at one scale. start: for its targets. each: for an evaluation with its step."""

    start: float
    each: float
    evaluations: int

    @property
    def seconds(self) -> float:
        return self.start + self.evaluations * self.each


@dataclass(frozen=True)
class Expected:
    """costs: of the scales, the coarsest first; empty if there is nothing to optimise. plan: of the largest scale."""

    costs: tuple[ScaleCost, ...]
    plan: MemoryPlan
    device: str

    @property
    def seconds(self) -> float:
        return sum((cost.seconds for cost in self.costs), 0.0)

    def event(self, ticket: str) -> Estimated:
        return Estimated(ticket, self.seconds, self.plan.bytes, self.plan.side, self.device, self.sentence)

    @property
    def sentence(self) -> str:
        return SENTENCES[bool(self.plan.side), bool(self.plan.on_host)].format(
            duration=in_words(self.seconds), gb=self.plan.bytes / 1e9, device=self.device, side=self.plan.side
        )


def in_words(seconds: float) -> Text:
    if seconds < 1:
        # Translators: a duration, after "About".
        return lazy_text("a second")
    if seconds < 90:
        # Translators: a duration, after "About".
        return lazy_plural("{count} second", "{count} seconds", round(seconds))
    if seconds < 5400:
        # Translators: a duration, after "About".
        return lazy_plural("{count} minute", "{count} minutes", round(seconds / 60))
    # Translators: a duration, after "About", such as "1.5 hours".
    return lazy_text("{hours:.1f} hours", hours=seconds / 3600)


class Estimates:
    """Paces by device and network, kept in a file: what this machine can do does not change from one start to the
    next."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._paces: dict[str, Pace] = {}
        self._warmed: set[str] = set()  # GPUs, with their networks, that have done a job in this process
        try:
            said = json.loads(path.read_text())
            self._paces = {str(name): Pace(*map(float, pace)) for name, pace in said.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            pass  # none yet, or a damaged one: it is measured anew

    def expect(
        self,
        width: int,
        height: int,
        settings: StyleSettings,
        warm: LoadedModel,
        room: MemoryBudget,
        warm_start: WarmStart | None = None,
        view: Box | None = None,
        inputs: Inputs = NO_INPUTS,
    ) -> Expected:
        """For a picture of this size. Measures a device that is not known yet: a third of a second on two cores."""
        pace = self._pace(warm)
        scales = [stage.optimised for stage in stages_for(width, height, settings, warm_start, view, inputs.guided)]
        element, pixels = warm.network.bytes_per_value, width * height
        plans = [plan_memory(*scale.padded, room, element, inputs, pixels) for scale in scales]
        nothing = settings.strength == 0 and not settings.strength_is_locked
        costs = () if nothing else tuple(map(partial(_cost, pace), scales, plans))
        return Expected(costs, max(plans, key=lambda plan: plan.bytes), device_label(warm.device))

    def learn(self, warm: LoadedModel, expected: float, seconds: float) -> None:
        """How long work took. expected: seconds that it was expected to take."""
        if expected <= 0 or seconds <= 0:
            return
        name, pace = _name(warm), self._pace(warm)
        if is_gpu(warm.device) and name not in self._warmed:
            self._warmed.add(name)  # the first is long for the libraries that it loads, and tells nothing of the others
            return
        wanted = pace.correction * min(4.0, max(0.25, seconds / expected))
        self._keep(name, replace(pace, correction=(1 - TRUST) * pace.correction + TRUST * wanted))

    def _pace(self, warm: LoadedModel) -> Pace:
        name = _name(warm)
        if name not in self._paces:
            self._keep(name, measured(warm))
        return self._paces[name]

    def _keep(self, name: str, pace: Pace) -> None:
        self._paces[name] = pace
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            said = {name: [pace.base, pace.each, pace.correction, pace.start] for name, pace in self._paces.items()}
            beside = self._path.with_name(f"{self._path.name}.{os.getpid()}")  # another worker may be writing too
            beside.write_text(json.dumps(said, indent=1))
            beside.replace(self._path)
        except OSError as error:
            log.warning("%s cannot be written: %s", self._path, error)


def _name(warm: LoadedModel) -> str:
    return f"{device_label(warm.device)} {warm.weights.name} {warm.network.bytes_per_value}"


def _cost(pace: Pace, scale: Scale, plan: MemoryPlan) -> ScaleCost:
    """Targets take about as long as an evaluation."""
    height, width = scale.padded
    work = height * width / 1e6 * work_factor(height, width, plan.side)
    each = pace.correction * (pace.base + work * pace.each)
    return ScaleCost(pace.correction * pace.start + each, each, scale.evaluations)


def measured(warm: LoadedModel) -> Pace:
    """The fastest of a few steps at two sizes, as a line: what else the machine does only ever makes them longer."""
    on_gpu = is_gpu(warm.device)
    sides = SIDES_ON_GPU if on_gpu else SIDES
    if on_gpu:
        _start_and_step(warm, sides[0])  # libraries come with the first that is computed
    (start, small), (_, large) = (_start_and_step(warm, side) for side in sides)
    pixels = [side * side / 1e6 for side in sides]
    # Where the small one took longer, something held it up, and the large one is all that is known.
    each = (large - small) / (pixels[1] - pixels[0]) if large > small else large / pixels[1]
    return Pace(max(0.0, small - pixels[0] * each), each, start=start if on_gpu else 0.0)


def _start_and_step(warm: LoadedModel, side: int) -> tuple[float, float]:
    """Seconds until a scale's first losses are known, less those of a step; and of a step with its evaluation."""
    network, device = warm.network, warm.device
    network.set_pooling(StyleSettings().pooling)
    image = torch.rand(3, side, side, generator=torch.Generator().manual_seed(0)).to(device)
    began = time.perf_counter()
    statistics = extract_statistics(network, image, weights_by_layer(full_weight(image), STYLE_LAYERS))
    features = extract_features(network, image, CONTENT_LAYER)
    weighting = weighting_for(StyleSettings(), len(features), features[0].numel())
    content = ContentTarget(CONTENT_LAYER, features, None)
    style = StyleTarget(statistics, dict.fromkeys(STYLE_LAYERS))
    objective = Objective(network, Canvas((side, side)), content, [style], weighting)
    times = []
    for losses in optimise(image, evaluation_for(objective, image), full_weight(image), TIMES):
        float(losses.total)  # waits for the device
        times.append(time.perf_counter() - began)
        began = time.perf_counter()
    step = min(times[1:])
    return max(0.0, times[0] - step), step

"""One measurement per process, given as JSON such as '{"what": "plain", "side": 512, …}'; prints JSON.

Each has its own process, because the plain implementation runs in a normal environment and Velatura's in that of a
worker (worker/environment.py); and because the peak memory of a process then belongs to one measurement.
"""

from __future__ import annotations

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from velatura.settings import StyleSettings
from velatura_daemon.bench.fast import faint_noise, optimise_fast
from velatura_daemon.bench.machine import copy_rate, flops_of_an_evaluation, matmul_rate
from velatura_daemon.bench.problem import PAINTING, SCENE, Problem, network, source
from velatura_daemon.bench.reference import Evaluation, optimise_plainly, white_noise
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.devices import budget_on, choose_device, device_label, memory_in_use, wait_for
from velatura_daemon.engine.evaluation.fallback import evaluation_for
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.optim.optimise import optimise
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stages import WarmStart
from velatura_daemon.engine.stylise import Progress, Resources, stylise
from velatura_daemon.memory_plan import GRID, plan_memory, work_factor


def machine(device: torch.device, **_: Any) -> dict[str, Any]:
    """Measure what the device is and how fast it is."""
    return {
        "device": device_label(device),
        "torch": torch.__version__,
        "arithmetic": str(fastest_on(device).dtype).removeprefix("torch."),
        "float32": matmul_rate(torch.float32, device),
        "bfloat16": matmul_rate(torch.bfloat16, device),
        "copy": copy_rate(device),
    }


def operations(device: torch.device, sides: list[int]) -> dict[str, Any]:
    """Count the FLOPs per evaluation, by side."""
    net = network(torch.device("cpu"))
    return {str(side): flops_of_an_evaluation(side, net) for side in sides}


def plain(device: torch.device, side: int, steps: int, picture: str = "") -> dict[str, Any]:
    """Run the plain implementation from white noise for `steps` evaluations. picture: file for the result, or ''."""
    problem = Problem(side, device)
    net = network(device)
    image = white_noise(side).to(device)
    evaluations = optimise_plainly(image, problem.objective(net), steps)
    _save(image, picture)
    return _of(evaluations, device)


def ours(device: torch.device, side: int, steps: int) -> dict[str, Any]:
    """Run Velatura's optimiser at a single scale, to measure the cost of a step."""
    problem = Problem(side, device)
    net = network(device).use_precision(fastest_on(device))
    image = faint_noise(side, device)
    objective = problem.objective(net)
    evaluations = []
    started_at = time.perf_counter()
    for losses in optimise(image, evaluation_for(objective, image), torch.ones_like(image[0]), steps - 1):
        evaluations.append(Evaluation(float(losses.total), time.perf_counter() - started_at))
    return _of(evaluations, device)


def to_loss(device: torch.device, side: int, steps: int, target: float, picture: str = "") -> dict[str, Any]:
    """Run Velatura's optimiser until the plain objective, in float32, is at most `target`. picture: file for the
    result, or ''."""
    problem = Problem(side, device)
    judge = problem.objective(network(device))
    full = network(device).use_precision(fastest_on(device))
    coarse_objective, full_objective = Problem(side // 2, device).objective(full), problem.objective(full)
    image = faint_noise(side, device)
    judged: list[float] = []

    @torch.no_grad()
    def enough(picture: torch.Tensor, total: float) -> bool:
        if total > 1.1 * target:  # far from the target, so the float32 evaluation is not needed
            return False
        judged.append(float(judge(picture).total))
        return judged[-1] <= target

    evaluations = optimise_fast(image, coarse_objective, full_objective, steps, enough)
    _save(image, picture)
    return {**_of(evaluations, device), "reached": bool(judged) and judged[-1] <= target, "judged": judged[-1:]}


def setting_changes(device: torch.device, side: int, quality: str, changes: list[dict[str, Any]]) -> dict[str, Any]:
    """Change one setting after a restyle with the defaults. Measures the seconds to the loss that a cold job with the
    new setting ends with: for that cold job, and for one that continues from the previous result. Targets and network
    are warm in both."""
    net = network(device).use_precision(fastest_on(device))
    content, style = source(SCENE, side, device), source(PAINTING, side, device)
    results = {}
    for change in changes:
        settings = StyleSettings(**{"quality": quality, **change})
        cache = TargetCache(1 << 30)
        # Fills the cache with the targets of both; the image is that of the defaults.
        for used in (settings, StyleSettings(quality=quality)):
            *_, ended = stylise(content, [style], used, net, resources=Resources(cache))
        curvature = cache.curvature.key, cache.curvature.memory
        last = ended.image.clone()
        cold = _curve(stylise(content, [style], settings, net, resources=Resources(cache)))
        cache.curvature.key, cache.curvature.memory = curvature
        warm = _curve(stylise(content, [style], settings, net, WarmStart(last), Resources(cache)))
        target = min(e.total for e in cold)
        seconds = [next((e.seconds for e in curve if e.total <= target), None) for curve in (cold, warm)]
        results[str(change)] = {"cold": seconds[0], "warm": seconds[1]}
    return results


def size(device: torch.device, megapixels: float, memory: int, steps: int) -> dict[str, Any]:
    """Measure a square picture at its own scale only, as a job does within `memory` bytes (0: the default): the seconds
    of each evaluation with its step, the peak memory of the process, and the memory plan."""
    net = network(device).use_precision(fastest_on(device))
    side = round((megapixels * 1e6) ** 0.5 / GRID) * GRID
    # Drawn small, so that drawing does not determine the peak memory.
    drawn, style = source(SCENE, 256, device), source(PAINTING, 256, device)
    everywhere = torch.ones(1, device=device).expand(side, side)
    content = Source(resize(drawn.image, side, side).clamp_(0, 1), everywhere, everywhere, (SCENE, side), side)
    budget, settings = budget_on(device, memory), StyleSettings(iterations=1)
    plan, times = plan_memory(side, side, budget, net.bytes_per_value), []
    # Starting from the picture itself skips the coarser scales.
    started_at = time.perf_counter()
    for _ in range(steps):
        for _ in stylise(content, [style], settings, net, WarmStart(content.image), Resources(budget=budget)):
            wait_for(device)
            times.append(time.perf_counter() - started_at)
            started_at = time.perf_counter()
    return {
        "side": side,
        "tile": plan.side,
        "pairs": plan.pairs,
        "on_host": plan.on_host,
        "expected": plan.bytes,
        "work": work_factor(side, side, plan.side),
        "first": times[0],
        "steps": times[1::2],
        "memory": memory_in_use(device),
    }


def _curve(pictures: Iterator[Progress]) -> list[Evaluation]:
    """Return the losses at the last scale, with the seconds since the start of the job."""
    started_at, evaluations = time.perf_counter(), []
    for progress in pictures:
        if progress.level == progress.levels - 1:
            evaluations.append(Evaluation(float(progress.losses.total), time.perf_counter() - started_at))
    return evaluations


def _of(evaluations: list[Evaluation], device: torch.device) -> dict[str, Any]:
    times = [e.seconds for e in evaluations]
    return {
        "totals": [e.total for e in evaluations],
        "times": times,
        "steps": [later - before for before, later in itertools.pairwise(times)],
        "memory": memory_in_use(device),
    }


def _save(image: torch.Tensor, path: str) -> None:
    if path:
        from PIL import Image

        pixels = (image.clamp(0, 1) * 255 + 0.5).to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        Image.fromarray(pixels).save(path)


MEASUREMENTS: dict[str, Callable[..., dict[str, Any]]] = {
    "machine": machine,
    "operations": operations,
    "plain": plain,
    "ours": ours,
    "to_loss": to_loss,
    "setting_changes": setting_changes,
    "size": size,
}


def main() -> None:
    """Read one JSON object from the command line, print one."""
    arguments = json.loads(sys.argv[1])
    print(json.dumps(MEASUREMENTS[arguments.pop("what")](choose_device(arguments.pop("device", "auto")), **arguments)))


if __name__ == "__main__":
    main()

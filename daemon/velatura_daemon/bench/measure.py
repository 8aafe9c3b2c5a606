"""One measurement a process: `python -m velatura_daemon.bench.measure '{"what": "plain", "side": 512, …}'` prints JSON.

A process of its own, because the plain way is measured as anybody would run it, and ours as the worker runs it
(executors/environment.py); and because a process's peak of memory is then that of the one thing.
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
from velatura_daemon.bench.machine import copy_rate, flops_of_an_evaluation, matmul_rate, wait_for
from velatura_daemon.bench.problem import PAINTING, SCENE, Problem, network, source
from velatura_daemon.bench.reference import Evaluation, optimise_plainly, white_noise
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.evaluation.fallback import evaluation_for
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.optim.optimise import optimise
from velatura_daemon.engine.precision import fastest_on
from velatura_daemon.engine.source import Source
from velatura_daemon.engine.stylise import Progress, Resources, WarmStart, stylise
from velatura_daemon.memory_plan import GRID, plan_memory, work_factor
from velatura_daemon.worker.devices import budget_on, choose_device, device_label, memory_in_use


def machine(device: torch.device, **_: Any) -> dict[str, Any]:
    """What the device is and can."""
    return {
        "device": device_label(device),
        "torch": torch.__version__,
        "arithmetic": str(fastest_on(device).dtype).removeprefix("torch."),
        "float32": matmul_rate(torch.float32, device),
        "bfloat16": matmul_rate(torch.bfloat16, device),
        "copy": copy_rate(device),
    }


def operations(device: torch.device, sides: list[int]) -> dict[str, Any]:
    """FLOPs an evaluation, by side."""
    net = network(torch.device("cpu"))
    return {str(side): flops_of_an_evaluation(side, net) for side in sides}


def plain(device: torch.device, side: int, steps: int, picture: str = "") -> dict[str, Any]:
    """The plain way for so many evaluations, from white noise. picture: where it is saved."""
    problem = Problem(side, device)
    net = network(device)
    image = white_noise(side).to(device)
    evaluations = optimise_plainly(image, problem.objective(net), steps)
    _save(image, picture)
    return _of(evaluations, device)


def ours(device: torch.device, side: int, steps: int) -> dict[str, Any]:
    """Our steps, at one scale: what one costs."""
    problem = Problem(side, device)
    net = network(device).use_precision(fastest_on(device))
    image = faint_noise(side, device)
    objective = problem.objective(net)
    spent = []
    began = time.perf_counter()
    for losses in optimise(image, evaluation_for(objective, image), torch.ones_like(image[0]), steps - 1):
        spent.append(Evaluation(float(losses.total), time.perf_counter() - began))
    return _of(spent, device)


def to_loss(device: torch.device, side: int, steps: int, target: float, picture: str = "") -> dict[str, Any]:
    """Our way until the plain objective, in float32, is no larger than target."""
    problem = Problem(side, device)
    judge = problem.objective(network(device))
    full = network(device).use_precision(fastest_on(device))
    coarse_objective, full_objective = Problem(side // 2, device).objective(full), problem.objective(full)
    image = faint_noise(side, device)
    seen: list[float] = []

    @torch.no_grad()
    def enough(picture: torch.Tensor, total: float) -> bool:
        if total > 1.1 * target:  # far from it: no need to judge
            return False
        seen.append(float(judge(picture).total))
        return seen[-1] <= target

    evaluations = optimise_fast(image, coarse_objective, full_objective, steps, enough)
    _save(image, picture)
    return {**_of(evaluations, device), "reached": bool(seen) and seen[-1] <= target, "judged": seen[-1:]}


def knob(device: torch.device, side: int, quality: str, moved: list[dict[str, Any]]) -> dict[str, Any]:
    """Each knob moved after a restyle with the defaults: seconds to the loss that a cold job with the new settings ends
    with, cold and going on from the last picture; targets and network warm in both."""
    net = network(device).use_precision(fastest_on(device))
    content, style = source(SCENE, side, device), source(PAINTING, side, device)
    found = {}
    for change in moved:
        settings = StyleSettings(**{"quality": quality, **change})
        cache = TargetCache(1 << 30)
        for wanted in (settings, StyleSettings(quality=quality)):  # the targets of the one, the picture of the other
            *_, ended = stylise(content, [style], wanted, net, resources=Resources(cache))
        kept = cache.curvature.key, cache.curvature.memory
        last = ended.image.clone()
        cold = _curve(stylise(content, [style], settings, net, resources=Resources(cache)))
        cache.curvature.key, cache.curvature.memory = kept
        warm = _curve(stylise(content, [style], settings, net, WarmStart(last), Resources(cache)))
        target = min(e.total for e in cold)
        seconds = [next((e.seconds for e in way if e.total <= target), None) for way in (cold, warm)]
        found[str(change)] = {"cold": seconds[0], "warm": seconds[1]}
    return found


def size(device: torch.device, megapixels: float, memory: int, steps: int) -> dict[str, Any]:
    """A square picture at its own scale alone, as a job works on it within `memory` bytes (0: what is sensible):
    seconds of each evaluation with its step, the process's peak of memory, and how it found room."""
    net = network(device).use_precision(fastest_on(device))
    side = round((megapixels * 1e6) ** 0.5 / GRID) * GRID
    # Drawn small: the drawing is not to be what takes the most memory.
    drawn, style = source(SCENE, 256, device), source(PAINTING, 256, device)
    everywhere = torch.ones(1, device=device).expand(side, side)
    content = Source(resize(drawn.image, side, side).clamp_(0, 1), everywhere, everywhere, (SCENE, side), side)
    room, settings = budget_on(device, memory), StyleSettings(iterations=1)
    plan, times = plan_memory(side, side, room, net.bytes_per_value), []
    # Going on from the picture itself: the coarser scales are left out.
    began = time.perf_counter()
    for _ in range(steps):
        for _ in stylise(content, [style], settings, net, WarmStart(content.image), Resources(budget=room)):
            wait_for(device)
            times.append(time.perf_counter() - began)
            began = time.perf_counter()
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
    """The last scale's losses, by the seconds since the job's start."""
    began, seen = time.perf_counter(), []
    for progress in pictures:
        if progress.level == progress.levels - 1:
            seen.append(Evaluation(float(progress.losses.total), time.perf_counter() - began))
    return seen


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


WHAT: dict[str, Callable[..., dict[str, Any]]] = {
    "machine": machine,
    "operations": operations,
    "plain": plain,
    "ours": ours,
    "to_loss": to_loss,
    "knob": knob,
    "size": size,
}


def main() -> None:
    """One JSON object in, one out."""
    asked = json.loads(sys.argv[1])
    print(json.dumps(WHAT[asked.pop("what")](choose_device(asked.pop("device", "auto")), **asked)))


if __name__ == "__main__":
    main()

"""The fast way to the reference's loss: the same objective, from noise too.

- The noise is faint and soft. White noise of full contrast is mostly high frequencies that have to be removed again: a
  third of the steps to the same loss (docs/performance.md).
- At half the size first: a quarter of the time per step.
- In the device's fastest arithmetic.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from velatura_daemon.bench.reference import Evaluation
from velatura_daemon.engine.evaluation.fallback import evaluation_for
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.losses.objective import Objective
from velatura_daemon.engine.optim.lbfgs import LBFGS
from velatura_daemon.engine.optim.optimise import optimise
from velatura_daemon.engine.optim.preconditioner import preconditioned, preconditioner

COARSE_STEPS = 45
CONTRAST = 0.03  # standard deviation of the noise, of the 0..1 range
# For long ways from noise; near the goal, restyles do better with 0.5 and 1.
FAR = partial(LBFGS, exponent=0.75, rate=1.5)


def faint_noise(side: int, device: torch.device, seed: int = 0) -> Tensor:
    """(3, side, side) around mid grey, amplitudes ∝ f^-½."""
    noise = torch.randn(3, side, side, generator=torch.Generator().manual_seed(seed))
    noise = preconditioned(noise, preconditioner(noise))
    return (0.5 + CONTRAST * noise / noise.std()).clamp(0, 1).to(device)


def optimise_fast(
    image: Tensor, coarse: Objective, full: Objective, steps: int, enough: Callable[[Tensor, float], bool]
) -> list[Evaluation]:
    """Move image (3, H, W) in place until it is good enough, `steps` evaluations at its own size at most. coarse: the
    same objective at half the size. The first Evaluation is the first at full size; enough(image, total) is asked off
    the clock."""
    spent, began = 0.0, time.perf_counter()
    half = resize(image, image.shape[1] // 2, image.shape[2] // 2)
    for _ in optimise(half, evaluation_for(coarse, half), torch.ones_like(half[0]), COARSE_STEPS, FAR):
        pass
    image.copy_(resize(half, *image.shape[1:]))
    evaluations: list[Evaluation] = []
    way = optimise(image, evaluation_for(full, image), torch.ones_like(image[0]), steps - 1, FAR)
    before = image.clone()
    for losses in way:
        total = float(losses.total)
        spent += time.perf_counter() - began
        evaluations.append(Evaluation(total, spent))
        if enough(before, total):
            way.close()
            image.copy_(before)
            break
        before.copy_(image)
        began = time.perf_counter()
    return evaluations

"""The plain implementation, as simple as possible: the reference for Velatura's speed and results.

One scale, float32, autograd, torch.optim.LBFGS with its defaults, from white noise. It shares the objective with
Velatura's implementation, but nothing that makes that fast.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura_daemon.engine.losses.objective import Objective


@dataclass(frozen=True)
class Evaluation:
    """total: the loss. seconds: time since the start at which it was known."""

    total: float
    seconds: float


def optimise_plainly(image: Tensor, objective: Objective, steps: int) -> list[Evaluation]:
    """Optimise image (3, H, W) in place with `steps` evaluations."""
    evaluations: list[Evaluation] = []
    image.requires_grad_(True)
    # Without tolerances, all steps are made. Defaults: a history of 100 pairs, learning rate 1, no line search.
    optimiser = torch.optim.LBFGS([image], max_iter=steps, max_eval=steps, tolerance_grad=0, tolerance_change=0)
    started_at = time.perf_counter()

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = objective(image).total
        total.backward()  # type: ignore[no-untyped-call]
        evaluations.append(Evaluation(float(total.detach()), time.perf_counter() - started_at))
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    image.requires_grad_(False)
    return evaluations


def white_noise(side: int, seed: int = 0) -> Tensor:
    """Return (3, side, side) in 0..1."""
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed))

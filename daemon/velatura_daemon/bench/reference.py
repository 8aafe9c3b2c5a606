"""The plain way, kept as simple as it can be said: what ours is measured against, and held to.

One scale, float32, autograd, torch.optim.LBFGS with its defaults, from white noise. It shares the objective with ours,
and nothing else of what makes ours fast.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from velatura_daemon.engine.losses.objective import Objective


@dataclass(frozen=True)
class Evaluation:
    """The total loss, and the seconds since the start when it was known."""

    total: float
    seconds: float


def optimise_plainly(image: Tensor, objective: Objective, steps: int) -> list[Evaluation]:
    """Move image (3, H, W) in place; `steps` evaluations."""
    evaluations: list[Evaluation] = []
    image.requires_grad_(True)
    # No tolerances: all the steps are made. What is left as it is: 100 pairs, a rate of 1, no line search.
    optimiser = torch.optim.LBFGS([image], max_iter=steps, max_eval=steps, tolerance_grad=0, tolerance_change=0)
    began = time.perf_counter()

    def closure() -> Tensor:
        optimiser.zero_grad()
        total = objective(image).total
        total.backward()  # type: ignore[no-untyped-call]
        evaluations.append(Evaluation(float(total.detach()), time.perf_counter() - began))
        return total

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    image.requires_grad_(False)
    return evaluations


def white_noise(side: int, seed: int = 0) -> Tensor:
    """(3, side, side), 0..1."""
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed))

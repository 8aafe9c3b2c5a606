"""The optimisation loop: evaluate, remember the best image, step. Each step costs one evaluation.

Nothing here reads a number from the device: decisions that depend on one (is this the best image? has the step
diverged?) are made on the device, so that a GPU never waits between two evaluations.
"""

from __future__ import annotations

from collections.abc import Generator

import torch
from torch import Tensor

from velatura_daemon.engine.evaluation.plain import Evaluation
from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.optim.first_order import Adam, GradientDescent
from velatura_daemon.engine.optim.lbfgs import LBFGS
from velatura_daemon.engine.optim.stepper import StepperFactory

# Largest mean change of a trainable value by a step that is not evaluated, of the 0..1 range. The last steps of a
# draft's scales moved values by 0.002 to 0.013 (four pairs, 512 × 384), so the limit only acts on unusual steps.
UNCHECKED_STEP = 0.02

STEPPERS: dict[str, StepperFactory] = {"lbfgs": LBFGS, "adam": Adam, "gradient": GradientDescent}


def optimise(
    image: Tensor,
    evaluate: Evaluation,
    trainable_mask: Tensor,
    steps: int,
    method: str | StepperFactory = "lbfgs",
    check_last: bool = True,
) -> Generator[Losses, None, None]:
    """Minimises the loss of an image in place, yielding the losses of each evaluation.

    When it ends or is closed, the image is the best one evaluated. Large images fill the memory, so everything that can
    be done in place is.

    Args:
        image: (3, H, W).
        evaluate: Computes losses and gradient.
        trainable_mask: (H, W), 1 if a pixel may change, 0 if not.
        steps: How many; they take steps + 1 evaluations, since the last one evaluates the last step's image.
        method: A name in STEPPERS, or a factory.
        check_last: Whether that last evaluation is made. Without it, the last step counts if it began at the best
            image, and its mean change is UNCHECKED_STEP at most.

    Yields:
        The losses.
    """
    stepper = (STEPPERS[method] if isinstance(method, str) else method)(image, trainable_mask)
    best, best_total = image.clone(), image.new_full((), torch.inf)
    try:
        for step in range(steps + check_last):
            losses, gradient = evaluate(image)
            better = losses.total < best_total  # false for NaN
            best_total = torch.where(better, losses.total, best_total)
            torch.where(better, image, best, out=best)
            if step < steps:
                finite = losses.total.isfinite() & gradient.sum().isfinite()
                diverged = ~(finite & (losses.total <= stepper.divergence_factor * best_total))
                torch.where(diverged, best, image, out=image)
                stepper.step(gradient.mul_(trainable_mask).masked_fill_(diverged, 0), diverged)
            yield losses
        if not check_last and steps:
            change = image - best
            mean_change = change.abs().sum() / stepper.trainable_values
            change.mul_((UNCHECKED_STEP / mean_change.clamp_min(1e-12)).clamp_max(1))
            best.add_(torch.where(better, change, 0))
    finally:
        image.copy_(best)

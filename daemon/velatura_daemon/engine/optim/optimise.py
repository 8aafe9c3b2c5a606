"""Moving the picture downhill: L-BFGS, Adam, plain gradient descent. Each step costs one evaluation.

Nothing here asks the device for a number: what depends on one (is it the best yet? has it run away?) is chosen on
the device, so that a GPU is never waited for between two evaluations.
"""

from __future__ import annotations

from collections.abc import Callable, Generator

import torch
from torch import Tensor

from velatura_daemon.engine.losses.objective import Losses
from velatura_daemon.engine.optim.lbfgs import CurvatureMemory
from velatura_daemon.engine.tiling.evaluation import Evaluation
from velatura_daemon.memory_plan import PAIRS

ADAM_RATE = 0.02  # of the 0..1 range, a step
FIRST_STEP = 0.01  # mean change of a pixel that may move, of the 0..1 range, at the first step
PRECONDITIONER_EXPONENT = (
    0.5  # exponent: 0 moves all frequencies alike; 1 leaves strokes out of drafts (docs/performance.md)
)
SMALL = 3 << 20  # numbers of a picture
DIVERGED = 2.0  # a loss this many times the best seen: without a line search, L-BFGS has run away


def optimise(
    image: Tensor,
    objective: Callable[[Tensor], Losses] | Evaluation,
    free: Tensor,
    steps: int,
    method: str | StepperFactory,
) -> Generator[Losses, None, None]:
    """Move `image` (3, H, W) in place, yielding the losses of each evaluation; it ends as the best one seen.

    free: (H, W), 1 where a pixel may move, 0 where it stays. method: lbfgs, adam or gradient, or a
    way of one's own.
    Large pictures fill the memory: what can be done in place is.
    `steps` moves take steps + 1 evaluations: the last one judges the last move. To stop early, ask for no more.
    """
    stepper = (STEPPERS[method] if isinstance(method, str) else method)(image, free)
    best, best_total = image.clone(), image.new_full((), torch.inf)
    evaluate = objective if isinstance(objective, Evaluation) else Evaluation(objective, image)
    try:
        for step in range(steps + 1):
            losses, gradient = evaluate(image)
            better = losses.total < best_total  # never so where it is not a number
            best_total = torch.where(better, losses.total, best_total)
            torch.where(better, image, best, out=best)
            if step < steps:
                finite = losses.total.isfinite() & gradient.sum().isfinite()
                diverged = ~(finite & (losses.total <= stepper.patience * best_total))
                torch.where(diverged, best, image, out=image)
                stepper.step(gradient.mul_(free).masked_fill_(diverged, 0), diverged)
            yield losses
    finally:
        image.copy_(best)


StepperFactory = Callable[[Tensor, Tensor], "Stepper"]  # from the image and what of it is free


class Stepper:
    """One way to move. patience: how far over the best loss a step may lead before the best picture is taken again.
    moving: how many of the image's values may move."""

    patience = DIVERGED

    def __init__(self, image: Tensor, free: Tensor) -> None:
        self.image = image
        self.free = free
        self.moving = image.shape[0] * free.count_nonzero().clamp_min(1)

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        """Move the image by this gradient. stumbled: one truth value: the last step led too far up; the image lies
        where it was best again, and the gradient is 0."""
        raise NotImplementedError


class LBFGS(Stepper):
    """L-BFGS with steps of full length. A deviation: the article says gradient descent.

    What it moves is not the pixels but z, with image = start + P z, where P (`softened`) favours coarse over fine:
    L-BFGS starts as if all directions curved alike, and then moves single pixels as readily as strokes. The minimum is
    the same; on the way there is less ringing, and a lower loss after as many steps (docs/performance.md).
    """

    def __init__(
        self,
        image: Tensor,
        free: Tensor,
        exponent: float = PRECONDITIONER_EXPONENT,
        rate: float = 1.0,
        memory: CurvatureMemory | None = None,
        pairs: int = PAIRS,
    ) -> None:
        """memory: what an earlier run, of the same softness, has learnt. pairs: how many it is to hold, where there is
        none."""
        super().__init__(image, free)
        self.gain = preconditioner(image, exponent)
        self.rate = image.new_full((), rate)
        self.move = torch.zeros_like(image).flatten()  # of z, at the last step
        self.last_slope = torch.zeros_like(self.move)
        self.memory = memory or CurvatureMemory(self.move, pairs)
        self.fresh = torch.tensor(memory is None, device=image.device)  # nothing is known of the curvature

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        slope = precondition_(
            gradient, self.gain
        ).flatten()  # P is symmetric: the slope in z is P times that in the image
        self.memory.add(self.move, torch.sub(slope, self.last_slope, out=self.last_slope))
        self.last_slope = slope
        self.memory.forget_where(diverged)  # the curvature that misled; and half as far from now on
        self.rate = torch.where(diverged, self.rate / 2, self.rate)
        del self.move  # the memory has it
        self.move = self.memory.newton(slope).neg_()
        change = precondition_(self.move.view_as(self.image).clone(), self.gain).mul_(self.free)
        first = FIRST_STEP * self.moving / torch.linalg.vector_norm(change, 1).clamp_min(1e-12)
        length = self.rate * torch.where(self.fresh, first, 1.0)
        self.image.add_(change.mul_(length))
        self.move.mul_(length)
        self.fresh = diverged


def preconditioner(image: Tensor, exponent: float = PRECONDITIONER_EXPONENT) -> Tensor:
    """(H, W // 2 + 1): the gain of each frequency f of an image (3, H, W), ∝ f^-softness, its mean square 1."""
    height, width = image.shape[-2:]
    down = torch.fft.fftfreq(height, dtype=image.dtype, device=image.device)[:, None]
    across = torch.fft.rfftfreq(width, dtype=image.dtype, device=image.device)
    gain: Tensor = (torch.hypot(down, across) + 1 / max(height, width)) ** -exponent
    return gain / gain.square().mean().sqrt()


def preconditioned(image: Tensor, gain: Tensor) -> Tensor:
    """P: (3, H, W) with each frequency times its gain. Symmetric and positive, wraps around the edges."""
    return precondition_(image.clone(), gain)


def precondition_(image: Tensor, gain: Tensor) -> Tensor:
    """The same in place, a channel at a time: a large picture's frequencies need much room. Of a small one on a GPU all
    at once: there launching takes longer."""
    for part in [image] if image.is_cuda and image.numel() <= SMALL else image:
        part.copy_(torch.fft.irfft2(torch.fft.rfft2(part).mul_(gain), s=image.shape[-2:]))
    return image


class Adam(Stepper):
    """torch.optim.Adam: its steps go up and down by nature."""

    patience = float("inf")

    def __init__(self, image: Tensor, free: Tensor) -> None:
        super().__init__(image, free)
        self.inner = torch.optim.Adam([image], lr=ADAM_RATE, betas=(0.9, 0.99))

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        self.image.grad = gradient
        self.inner.step()
        self.image.grad = None


class GradientDescent(Stepper):
    """image −= η · gradient. η grows by a tenth while the loss falls and halves when it rises (a 'bold driver':
    the article names no step length)."""

    patience = 1.0

    def __init__(self, image: Tensor, free: Tensor) -> None:
        super().__init__(image, free)
        self.rate = image.new_zeros(())

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        first = FIRST_STEP * self.moving / gradient.abs().sum().clamp_min(1e-12)
        changed = self.rate * torch.where(diverged, 0.5, 1.1)
        self.rate = torch.where((self.rate > 0) | diverged, changed, first)
        self.image.sub_(self.rate * gradient)


STEPPERS: dict[str, StepperFactory] = {"lbfgs": LBFGS, "adam": Adam, "gradient": GradientDescent}

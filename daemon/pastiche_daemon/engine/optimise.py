"""Moving the picture downhill: L-BFGS, Adam, plain gradient descent. Each step costs one evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pastiche_daemon.engine.objective import Losses

LBFGS_MEMORY = 20  # pairs of differences; more moves more memory than the network does and gains little
ADAM_RATE = 0.02  # of the 0..1 range, a step
FIRST_STEP = 0.01  # mean change of a pixel that may move, of the 0..1 range, at the first step
BLOW_UP = 2.0  # a loss this many times the best seen: without a line search, L-BFGS has run away


def optimise(
    image: Tensor, objective: Callable[[Tensor], Losses], free: Tensor, steps: int, method: str
) -> Iterator[Losses]:
    """Move `image` (3, H, W) in place, yielding the losses of each evaluation; it ends as the best one seen.

    free: (H, W), 1 where a pixel may move, 0 where it stays. method: lbfgs, adam or gradient.
    `steps` moves take steps + 1 evaluations: the last one judges the last move. To stop early, ask for no more.
    """
    stepper = STEPPERS[method](image, max(1, image.shape[0] * int(free.count_nonzero())))
    best, best_total = image.clone(), float("inf")
    try:
        for step in range(steps + 1):
            losses = objective(image.requires_grad_(True))
            (gradient,) = torch.autograd.grad(losses.total, image)
            image.requires_grad_(False)
            total = float(losses.total.detach())
            if total < best_total:
                best_total = total
                best.copy_(image)
            if step < steps:
                if total <= stepper.patience * best_total:
                    stepper.step(gradient * free, losses.total.detach())
                else:  # also for a loss that is not a number
                    image.copy_(best)
                    stepper.stumbled()
            yield Losses(losses.total.detach(), losses.content.detach(), losses.style.detach())
    finally:
        image.requires_grad_(False).copy_(best)


class Stepper:
    """One way to move. patience: how far over the best loss a step may lead before the best picture is taken again.
    moving: how many of the image's values may move."""

    patience = BLOW_UP

    def __init__(self, image: Tensor, moving: int) -> None:
        self.image = image
        self.moving = moving

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        """Move the image by this gradient."""
        raise NotImplementedError

    def stumbled(self) -> None:
        """The last step led too far up; the image lies where it was best."""


class LBFGS(Stepper):
    """torch.optim.LBFGS, one iteration a step. A deviation: the article says gradient descent."""

    def __init__(self, image: Tensor, moving: int, rate: float = 1.0) -> None:
        super().__init__(image, moving)
        self.rate = rate
        # torch makes its first step lr long in the sum of changes: this is FIRST_STEP in their mean.
        self.inner = torch.optim.LBFGS([image], lr=rate * FIRST_STEP * moving, max_iter=1,
                                       history_size=LBFGS_MEMORY, tolerance_grad=0, tolerance_change=0)  # fmt: skip

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        self.image.grad = gradient
        self.inner.step(lambda: loss)  # type: ignore[no-untyped-call]
        self.image.grad = None
        self.inner.param_groups[0]["lr"] = self.rate

    def stumbled(self) -> None:
        self.__init__(self.image, self.moving, rate=self.rate / 2)  # type: ignore[misc]  # forget the curvature that misled


class Adam(Stepper):
    """torch.optim.Adam: its steps go up and down by nature."""

    patience = float("inf")

    def __init__(self, image: Tensor, moving: int) -> None:
        super().__init__(image, moving)
        self.inner = torch.optim.Adam([image], lr=ADAM_RATE, betas=(0.9, 0.99))

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        self.image.grad = gradient
        self.inner.step()
        self.image.grad = None

    def stumbled(self) -> None:
        self.__init__(self.image, self.moving)  # type: ignore[misc]  # moments that a gradient without a number has spoilt stay so


class GradientDescent(Stepper):
    """image −= η · gradient. η grows by a tenth while the loss falls and halves when it rises (a 'bold driver':
    the article names no step length)."""

    patience = 1.0

    def __init__(self, image: Tensor, moving: int) -> None:
        super().__init__(image, moving)
        self.rate = 0.0

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        self.rate = self.rate * 1.1 or FIRST_STEP * self.moving / float(gradient.abs().sum().clamp_min(1e-12))
        self.image.sub_(self.rate * gradient)

    def stumbled(self) -> None:
        self.rate /= 2


STEPPERS: dict[str, type[Stepper]] = {"lbfgs": LBFGS, "adam": Adam, "gradient": GradientDescent}

"""Moving the picture downhill: L-BFGS, Adam, plain gradient descent. Each step costs one evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from pastiche_daemon.engine.objective import Losses

LBFGS_MEMORY = 20  # pairs of differences; more moves more memory than the network does and gains little
ADAM_RATE = 0.02  # of the 0..1 range, a step
FIRST_STEP = 0.01  # mean change of a pixel that may move, of the 0..1 range, at the first step
SOFTNESS = 0.5  # exponent: 0 moves all frequencies alike; 1 leaves strokes out of drafts (docs/performance.md)
BLOW_UP = 2.0  # a loss this many times the best seen: without a line search, L-BFGS has run away


def optimise(
    image: Tensor, objective: Callable[[Tensor], Losses], free: Tensor, steps: int, method: str
) -> Iterator[Losses]:
    """Move `image` (3, H, W) in place, yielding the losses of each evaluation; it ends as the best one seen.

    free: (H, W), 1 where a pixel may move, 0 where it stays. method: lbfgs, adam or gradient.
    `steps` moves take steps + 1 evaluations: the last one judges the last move. To stop early, ask for no more.
    """
    stepper = STEPPERS[method](image, free)
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
                    stepper.step(gradient * stepper.free, losses.total.detach())
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

    def __init__(self, image: Tensor, free: Tensor) -> None:
        self.image = image
        self.free = free
        self.moving = max(1, image.shape[0] * int(free.count_nonzero()))

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        """Move the image by this gradient."""
        raise NotImplementedError

    def stumbled(self) -> None:
        """The last step led too far up; the image lies where it was best."""


class LBFGS(Stepper):
    """torch.optim.LBFGS, one iteration a step. A deviation: the article says gradient descent.

    What it moves is not the pixels but z, with image = start + P z, where P (`softened`) favours coarse over fine: L-BFGS
    starts as if all directions curved alike, and then moves single pixels as readily as strokes. The minimum
    is the same; on the way there is less ringing, and a lower loss after as many steps (docs/performance.md).
    """

    def __init__(self, image: Tensor, free: Tensor, rate: float = 1.0) -> None:
        super().__init__(image, free)
        self.rate = rate
        self.start = image.clone()
        self.gain = softening(image)
        self.z = torch.zeros_like(image)
        self.fresh = True
        self.inner = torch.optim.LBFGS(
            [self.z], max_iter=1, history_size=LBFGS_MEMORY, tolerance_grad=0, tolerance_change=0
        )

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        slope = softened(gradient, self.gain)  # P is symmetric: the slope in z is P times that in the image
        self.inner.param_groups[0]["lr"] = self.rate * (self._first_length(slope) if self.fresh else 1.0)
        self.fresh = False
        self.z.grad = slope
        self.inner.step(lambda: loss)  # type: ignore[no-untyped-call]
        self.z.grad = None
        self.image.copy_(self.start + self.free * softened(self.z, self.gain))

    def _first_length(self, slope: Tensor) -> float:
        """The rate that makes torch's first step, rate · slope / max(1, |slope|₁), FIRST_STEP long in the image."""
        change = float((self.free * softened(slope, self.gain)).abs().sum().clamp_min(1e-12))
        return FIRST_STEP * self.moving / change * max(1.0, float(slope.abs().sum()))

    def stumbled(self) -> None:
        self.__init__(self.image, self.free, rate=self.rate / 2)  # type: ignore[misc]  # forget the curvature that misled


def softening(image: Tensor) -> Tensor:
    """(H, W // 2 + 1): the gain of each frequency of an image (3, H, W), ∝ f^-1/2, its mean square 1."""
    height, width = image.shape[-2:]
    down = torch.fft.fftfreq(height, dtype=image.dtype, device=image.device)[:, None]
    across = torch.fft.rfftfreq(width, dtype=image.dtype, device=image.device)
    gain: Tensor = (torch.hypot(down, across) + 1 / max(height, width)) ** -SOFTNESS
    return gain / gain.square().mean().sqrt()


def softened(image: Tensor, gain: Tensor) -> Tensor:
    """P: (3, H, W) with each frequency times its gain. Symmetric and positive, wraps around the edges."""
    smooth: Tensor = torch.fft.irfft2(torch.fft.rfft2(image) * gain, s=image.shape[-2:])
    return smooth


class Adam(Stepper):
    """torch.optim.Adam: its steps go up and down by nature."""

    patience = float("inf")

    def __init__(self, image: Tensor, free: Tensor) -> None:
        super().__init__(image, free)
        self.inner = torch.optim.Adam([image], lr=ADAM_RATE, betas=(0.9, 0.99))

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        self.image.grad = gradient
        self.inner.step()
        self.image.grad = None

    def stumbled(self) -> None:
        self.__init__(self.image, self.free)  # type: ignore[misc]  # moments that a gradient without a number has spoilt stay so


class GradientDescent(Stepper):
    """image −= η · gradient. η grows by a tenth while the loss falls and halves when it rises (a 'bold driver':
    the article names no step length)."""

    patience = 1.0

    def __init__(self, image: Tensor, free: Tensor) -> None:
        super().__init__(image, free)
        self.rate = 0.0

    def step(self, gradient: Tensor, loss: Tensor) -> None:
        self.rate = self.rate * 1.1 or FIRST_STEP * self.moving / float(gradient.abs().sum().clamp_min(1e-12))
        self.image.sub_(self.rate * gradient)

    def stumbled(self) -> None:
        self.rate /= 2


STEPPERS: dict[str, type[Stepper]] = {"lbfgs": LBFGS, "adam": Adam, "gradient": GradientDescent}

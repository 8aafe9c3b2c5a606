"""Adam and plain gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor

from velatura_daemon.engine.optim.stepper import FIRST_STEP, Stepper

ADAM_RATE = 0.02  # of the 0..1 range, per step
ADAM_BETAS = (0.9, 0.99)
# Gradient descent's rate is multiplied by these after a step that lowered the loss, and after one that raised it.
RATE_GROWTH, RATE_DECAY = 1.1, 0.5


class Adam(Stepper):
    """torch.optim.Adam. Its losses rise and fall by nature, so no step counts as diverged."""

    divergence_factor = float("inf")

    def __init__(self, image: Tensor, trainable_mask: Tensor) -> None:
        super().__init__(image, trainable_mask)
        self.adam = torch.optim.Adam([image], lr=ADAM_RATE, betas=ADAM_BETAS)

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        """Moves the image by a gradient; see `Stepper.step`."""
        self.image.grad = gradient
        self.adam.step()
        self.image.grad = None


class GradientDescent(Stepper):
    """image ← image − η · gradient (Gatys 2015, 'Methods').

    The paper gives no step length: η grows by a tenth while the loss falls and halves when it rises (a 'bold driver').
    """

    divergence_factor = 1.0

    def __init__(self, image: Tensor, trainable_mask: Tensor) -> None:
        super().__init__(image, trainable_mask)
        self.rate = image.new_zeros(())

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        """Moves the image by a gradient; see `Stepper.step`."""
        first = FIRST_STEP * self.trainable_values / gradient.abs().sum().clamp_min(1e-12)
        changed = self.rate * torch.where(diverged, RATE_DECAY, RATE_GROWTH)
        self.rate = torch.where((self.rate > 0) | diverged, changed, first)
        self.image.sub_(self.rate * gradient)

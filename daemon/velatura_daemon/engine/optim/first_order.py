"""Adam and plain gradient descent."""

from __future__ import annotations

import torch
from torch import Tensor

from velatura_daemon.engine.optim.stepper import FIRST_STEP, Stepper

ADAM_RATE = 0.02  # of the 0..1 range, per step
ADAM_BETAS = (0.9, 0.99)  # decay of the means of gradients and of their squares
ADAM_EPSILON = 1e-8  # the paper's
# Gradient descent's rate is multiplied by these after a step that lowered the loss, and after one that raised it.
RATE_GROWTH, RATE_DECAY = 1.1, 0.5


class Adam(Stepper):
    """Adam (Kingma and Ba 2015, algorithm 1). Its losses rise and fall by nature, so no step counts as diverged.

    The same as torch.optim.Adam, whose first step imports torch's compiler, which takes as long as importing torch.
    """

    divergence_factor = float("inf")

    def __init__(self, image: Tensor, trainable_mask: Tensor) -> None:
        super().__init__(image, trainable_mask)
        self.mean = torch.zeros_like(image)  # of the gradients
        self.mean_square = torch.zeros_like(image)
        self.steps = 0

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        """Moves the image by a gradient; see `Stepper.step`."""
        self.steps += 1
        beta, beta_square = ADAM_BETAS
        self.mean.lerp_(gradient, 1 - beta)
        self.mean_square.mul_(beta_square).addcmul_(gradient, gradient, value=1 - beta_square)
        # Both begin with zeros; what they lack for that is made up.
        rate, mean_square = ADAM_RATE / (1 - beta**self.steps), self.mean_square / (1 - beta_square**self.steps)
        self.image.addcdiv_(self.mean, mean_square.sqrt_().add_(ADAM_EPSILON), value=-rate)


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

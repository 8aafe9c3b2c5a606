"""L-BFGS with a preconditioner, and with a longest step in place of a line search."""

from __future__ import annotations

import torch
from torch import Tensor

from velatura_daemon.engine.optim.curvature import CurvatureMemory
from velatura_daemon.engine.optim.preconditioner import EXPONENT, precondition_, preconditioner
from velatura_daemon.engine.optim.stepper import FIRST_STEP, Stepper
from velatura_daemon.memory_plan import PAIRS

# Largest mean change of a trainable value by a step, of the 0..1 range. Where the loss hardly curves between two
# images, the quadratic model asks for steps of 0.4, which diverge and cost a draft half of its steps; steps that lower
# the loss have up to 0.05 (docs/performance.md).
MAX_STEP = 0.05


class LBFGS(Stepper):
    """L-BFGS with steps of full length, up to MAX_STEP. Differs from the paper, which uses gradient descent.

    It moves not the pixels but z, with image = start + P z, where P (`preconditioner`) favours coarse over fine. L-BFGS
    starts as if the loss had the same curvature in all directions, and then moves single pixels as readily as strokes.
    The minimum is the same; on the way there is less ringing, and a lower loss after as many steps
    (docs/performance.md).

    Args:
        image: (3, H, W), moved in place.
        trainable_mask: (H, W), 1 if a pixel may change, 0 if not.
        exponent: The exponent of the preconditioner.
        rate: Length of a step, 1 for the full one.
        memory: What an earlier run with the same exponent has learnt.
        pairs: Size of a new memory, if none is given.
    """

    def __init__(
        self,
        image: Tensor,
        trainable_mask: Tensor,
        exponent: float = EXPONENT,
        rate: float = 1.0,
        memory: CurvatureMemory | None = None,
        pairs: int = PAIRS,
    ) -> None:
        super().__init__(image, trainable_mask)
        self.gain = preconditioner(image, exponent)
        self.rate = image.new_full((), rate)
        self.last_move = torch.zeros_like(image).flatten()  # of z
        self.last_gradient = torch.zeros_like(self.last_move)  # by z
        self.memory = memory or CurvatureMemory(self.last_move, pairs)
        self.memory_is_empty = torch.tensor(memory is None, device=image.device)

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        """Moves the image by a gradient; see `Stepper.step`."""
        gradient = precondition_(gradient, self.gain).flatten()  # by z: P is symmetric, so it is P times that by image
        self.memory.add(self.last_move, torch.sub(gradient, self.last_gradient, out=self.last_gradient))
        self.last_gradient = gradient
        self.memory.clear_if(diverged)  # the curvature that misled; and steps half as long from now on
        self.rate = torch.where(diverged, self.rate / 2, self.rate)
        del self.last_move  # frees it before the next one is allocated
        self.last_move = self.memory.inverse_hessian_times(gradient).neg_()
        change = precondition_(self.last_move.view_as(self.image).clone(), self.gain).mul_(self.trainable_mask)
        mean_change = torch.linalg.vector_norm(change, 1).clamp_min(1e-12) / self.trainable_values
        longest = (MAX_STEP / mean_change).clamp_max(1)
        length = self.rate * torch.where(self.memory_is_empty, FIRST_STEP / mean_change, longest)
        self.image.add_(change.mul_(length))
        self.last_move.mul_(length)
        self.memory_is_empty = diverged

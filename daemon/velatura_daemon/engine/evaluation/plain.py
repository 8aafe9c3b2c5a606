"""One evaluation of an image: its losses and the gradient of the total."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from velatura_daemon.engine.losses.objective import Losses


class Evaluation(Protocol):
    """Computes the losses of an image (3, H, W) and the gradient of the total loss, (3, H, W).

    Both lie on the image's device. The caller may keep them and overwrite the gradient; the image is not changed.
    """

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the gradient of the total, (3, H, W)."""


class PlainEvaluation:
    """Evaluates the whole image at once, by autograd.

    Args:
        objective: Any function of an image, such as an `Objective`.
    """

    def __init__(self, objective: Callable[[Tensor], Losses]) -> None:
        self.objective = objective

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the gradient of the total, (3, H, W)."""
        image = image.detach().requires_grad_(True)
        losses = self.objective(image)
        (gradient,) = torch.autograd.grad(losses.total, image)
        detached = Losses(losses.total.detach(), losses.content.detach(), losses.style.detach())
        return detached, gradient.contiguous()

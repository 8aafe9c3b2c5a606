"""The base class of all optimisers, which move the image by one gradient at a time."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

FIRST_STEP = 0.01  # mean change of a trainable value at the first step, of the 0..1 range (docs/performance.md)
DIVERGED = 2.0  # without a line search, L-BFGS has diverged if the loss is this many times the best one so far


class Stepper:
    """Moves an image in place.

    Args:
        image: (3, H, W).
        trainable_mask: (H, W), 1 if a pixel may change, 0 if not.

    Attributes:
        divergence_factor: A loss of more than this many times the best one so far means that the last step diverged.
    """

    divergence_factor = DIVERGED

    def __init__(self, image: Tensor, trainable_mask: Tensor) -> None:
        self.image = image
        self.trainable_mask = trainable_mask
        self.trainable_values = image.shape[0] * trainable_mask.count_nonzero().clamp_min(1)

    def step(self, gradient: Tensor, diverged: Tensor) -> None:
        """Moves the image by a gradient.

        Args:
            gradient: (3, H, W), 0 outside the mask. It may be overwritten or kept.
            diverged: A truth value on the device. If true, the last step led too far up, the image has been reset to
                the best one so far, and the gradient is 0.
        """
        raise NotImplementedError


StepperFactory = Callable[[Tensor, Tensor], Stepper]  # from the image and its trainable mask

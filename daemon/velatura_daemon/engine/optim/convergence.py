"""A test of whether a scale has converged before its steps are used up."""

from __future__ import annotations

import math

import torch
from torch import Tensor

INTERVAL = 10  # steps between two looks at the image: how seldom a GPU is waited for
# Root mean square change of a trainable value over INTERVAL steps, of the 0..1 range: not visible
# (docs/performance.md, 'What helped').
TOLERANCE = 2 / 255


class ConvergenceTest:
    """Tests whether an image has stopped changing: by less than TOLERANCE over INTERVAL steps.

    Args:
        image: (3, H, W), changed in place by the optimiser.
        trainable_mask: (H, W), 1 if a pixel may change.
    """

    def __init__(self, image: Tensor, trainable_mask: Tensor) -> None:
        self.image = image
        self.previous = image.half()  # half the memory; float16 is spaced by a sixteenth of TOLERANCE or less
        self.trainable_values = image.shape[0] * trainable_mask.sum().clamp_min(1)
        self._expected_step: int | None = None  # when it will have converged; not known before the first look

    def __call__(self, step: int) -> bool:
        """Whether the image has converged at this step. Compares at every INTERVALth step only."""
        if step == 0 or step % INTERVAL:
            return False
        change = float(torch.linalg.vector_norm(self.image - self.previous) / self.trainable_values.sqrt())
        self.previous.copy_(self.image)
        if math.isfinite(change):
            self._expected_step = math.ceil(max(step + 1.5 * INTERVAL, step * change / TOLERANCE))
        return change < TOLERANCE

    def expected_evaluations(self, evaluations: int) -> int:
        """Predicts how many of a scale's evaluations will be made, from the last change.

        Changes are about inversely proportional to the step (docs/performance.md, 'Time left'). Close to TOLERANCE they
        hardly fall, so at least one and a half intervals are expected.

        Args:
            evaluations: The number of evaluations of the scale.

        Returns:
            At most that many.
        """
        return evaluations if self._expected_step is None else min(evaluations, self._expected_step + 1)

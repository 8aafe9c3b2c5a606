"""Chooses how an objective is evaluated, and falls back to smaller tiles if memory runs out."""

from __future__ import annotations

import logging

from torch import Tensor

from velatura.i18n import lazy_text
from velatura_daemon.engine.devices import give_all_device_memory_back, is_out_of_memory
from velatura_daemon.engine.evaluation.plain import Evaluation, PlainEvaluation
from velatura_daemon.engine.evaluation.recorded import MAX_RECORDED_PIXELS, CudaGraph, RecordedEvaluation
from velatura_daemon.engine.evaluation.tiled import TiledEvaluation
from velatura_daemon.engine.losses.objective import Losses, Objective
from velatura_daemon.memory_plan import GRID, SMALLEST_TILE

log = logging.getLogger("velatura.engine")


def evaluation_for(objective: Objective, image: Tensor, tile_side: int = 0) -> FallbackEvaluation:
    """Returns the fastest evaluation of an objective for images of this size on this device.

    Args:
        objective: The objective.
        image: (3, H, W), an example.
        tile_side: Side of the tiles in pixels; 0 for the whole image at once.

    Returns:
        An evaluation that falls back to smaller tiles if memory runs out.
    """
    evaluation: Evaluation = PlainEvaluation(objective)
    if tile_side:
        evaluation = TiledEvaluation(objective, tile_side)
    elif image.is_cuda and objective.style_distance.recordable and image[0].numel() <= MAX_RECORDED_PIXELS:
        evaluation = _recorded_if_possible(evaluation, image)
    return FallbackEvaluation(objective, evaluation, tile_side)


def _recorded_if_possible(evaluation: Evaluation, image: Tensor) -> Evaluation:
    try:
        return RecordedEvaluation(evaluation, image, CudaGraph())
    except RuntimeError as error:
        # Slower without, but not wrong. Only the message is logged: a log that keeps the exception would keep the
        # feature maps of the frames it was raised in.
        log.warning("no CUDA graph for an image of %s: %s", tuple(image.shape), str(error).split("\n", 1)[0])
        return evaluation


class FallbackEvaluation:
    """Wraps an evaluation; if memory runs out, it continues in tiles of half the size.

    The image that ran out of memory is evaluated again, so the optimisation continues from where it was.

    Attributes:
        tile_side: Side of the tiles now in use; 0 for the whole image.
        warnings: A sentence for the user for each fallback.
    """

    def __init__(self, objective: Objective, evaluation: Evaluation, tile_side: int = 0) -> None:
        self.objective = objective
        self.evaluation = evaluation
        self.tile_side = tile_side
        self.warnings: list[str] = []

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the gradient of the total, (3, H, W)."""
        while True:
            try:
                return self.evaluation(image)
            except (RuntimeError, MemoryError) as error:
                side = smaller_tile_side(self.tile_side, max(image.shape[1:]))
                if not is_out_of_memory(error) or not side:
                    raise
            # Outside of the except clause, whose exception holds the feature maps of the frames it was raised in.
            self._fall_back_to(side)

    def _fall_back_to(self, tile_side: int) -> None:
        self.tile_side = tile_side
        self.evaluation = TiledEvaluation(self.objective, tile_side)  # and frees the previous one's memory
        give_all_device_memory_back()
        self.warnings.append(
            lazy_text(
                "The device ran out of memory. The restyle continues in tiles of {side} pixels, which takes longer.",
                side=tile_side,
            )
        )


def smaller_tile_side(side: int, longest: int) -> int:
    """Returns the next smaller side of tiles.

    Args:
        side: Side of the tiles so far in pixels; 0 for the whole image.
        longest: The image's longest side in pixels.

    Returns:
        Half the side, or 0 if that is too small to be worth it.
    """
    half = (side or longest) // 2 // GRID * GRID
    return half if half >= SMALLEST_TILE else 0

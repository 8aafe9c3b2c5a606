"""An evaluation recorded as a CUDA graph and replayed.

An evaluation is some 230 small kernels. On a fast GPU, launching them takes most of the time at 512² and below: 5 ms,
while the kernels themselves take 0.7 to 2.1 ms (an H100). A CUDA graph launches all of them at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from velatura_daemon.engine.evaluation.plain import Evaluation
from velatura_daemon.engine.losses.objective import Losses

# Pixels: recording takes 15 to 50 ms, which pays for images of up to that many. For larger ones the kernels take longer
# than their launching (docs/performance.md).
MAX_RECORDED_PIXELS = 1_200_000

Result = tuple[Losses, Tensor]


class Graph(Protocol):
    """Records work and repeats it. A replay reads from and writes to the same memory as the recording."""

    def record(self, work: Callable[[], Result]) -> Result:
        """Does the work once and records it. Raises RuntimeError if it cannot be recorded."""

    def replay(self) -> None:
        """Repeats the recorded work."""


class CudaGraph:
    """torch.cuda.CUDAGraph, warmed up on a side stream as its documentation asks."""

    WARM_UPS = 1  # libraries allocate their workspaces in the first run, which a recording must not do

    def __init__(self) -> None:
        self.graph = torch.cuda.CUDAGraph()

    def record(self, work: Callable[[], Result]) -> Result:
        """Does the work, first unrecorded, and records it."""
        side_stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        side_stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side_stream):
            for _ in range(self.WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(side_stream)
        with torch.cuda.graph(self.graph):
            return work()

    def replay(self) -> None:
        """Repeats the recorded work."""
        self.graph.replay()


class RecordedEvaluation:
    """Repeats another evaluation from a recording.

    The results are copies: the next replay writes to the same memory. Without the copies L-BFGS compared each gradient
    with itself, learnt nothing, and returned every image unchanged (docs/performance.md, 'On a GPU').

    Args:
        evaluation: What is recorded.
        example: (3, H, W), an image of the size and device of all images to come.
        graph: Records it.

    Raises:
        RuntimeError: The evaluation cannot be recorded.
    """

    def __init__(self, evaluation: Evaluation, example: Tensor, graph: Graph) -> None:
        image = example.clone()
        self._image = image
        self._graph = graph
        # The closure holds the image, not self: in a reference cycle the recording's feature maps would stay alive.
        self._losses, self._gradient = graph.record(lambda: evaluation(image))

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        """The losses of an image (3, H, W), and the gradient of the total, (3, H, W)."""
        self._image.copy_(image)
        self._graph.replay()
        losses = Losses(self._losses.total.clone(), self._losses.content.clone(), self._losses.style.clone())
        return losses, self._gradient.clone()

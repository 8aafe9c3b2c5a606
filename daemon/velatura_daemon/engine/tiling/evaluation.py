"""Loss and slope of a picture; on a CUDA device recorded once and replayed.

An evaluation is some 230 small kernels, and on a fast GPU their launching takes most of the time at 512² and below: 5
ms where the kernels themselves take 0.7 to 2.1 (an H100). A CUDA graph launches all of them at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from velatura_daemon.engine.losses.objective import Losses, Objective
from velatura_daemon.engine.tiling.tiles import Tiled
from velatura_daemon.memory_plan import GRID, SMALLEST_TILE

# Pixels: up to that many recording pays, which takes 15 to 50 ms. Beyond, the kernels take longer than
# their launching (docs/performance.md).
RECORDED = 1_200_000

log = logging.getLogger("velatura.engine")
Tensors = tuple[Tensor, ...]


class Graph(Protocol):
    """What records work and does it again: reading from and writing to the same memory each time."""

    def record(self, work: Callable[[], Tensors]) -> Tensors: ...
    def replay(self) -> None: ...


class CudaGraph:
    """torch.cuda.CUDAGraph, warmed up beside the main stream as its documentation asks."""

    WARM_UPS = 1  # its libraries take what memory they want, which may not be in a recording

    def __init__(self) -> None:
        self.graph = torch.cuda.CUDAGraph()

    def record(self, work: Callable[[], Tensors]) -> Tensors:
        beside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        beside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(beside):
            for _ in range(self.WARM_UPS):
                work()
        torch.cuda.current_stream().wait_stream(beside)
        with torch.cuda.graph(self.graph):
            return work()

    def replay(self) -> None:
        self.graph.replay()


class Recorded:
    """A function of one tensor to some, recorded by a graph. What it gives is the caller's, to keep and to write
    over."""

    def __init__(self, function: Callable[[Tensor], Tensors], example: Tensor, graph: Graph) -> None:
        self.input = example.clone()
        self.graph = graph
        self.output = graph.record(lambda: function(self.input))

    def __call__(self, value: Tensor) -> Tensors:
        self.input.copy_(value)
        self.graph.replay()
        return tuple(output.clone() for output in self.output)  # the next replay writes to the same memory


class Evaluation:
    """The losses of an image (3, H, W) and the slope of the total, (3, H, W), which is the caller's to write over.

    Where the device's memory does not hold out, the work goes on in smaller tiles, from where it was; `news` then has a
    sentence.
    """

    def __init__(self, objective: Callable[[Tensor], Losses], image: Tensor, side: int = 0) -> None:
        """side: of tiles in pixels, 0 for the whole at once. Tiles want an `Objective`; the whole is any function's."""
        self.objective = objective
        self.warnings: list[str] = []
        # None: as it comes. Not a method: what holds itself lives on
        self.compute: Callable[[Tensor], Tensors] | None = None
        self.in_tiles_of(side)
        if image.is_cuda and not side and _worth_recording(objective, image):
            try:
                self.compute = Recorded(self.eagerly, image, CudaGraph())
            except RuntimeError as error:  # slower, not wrong
                # Its words alone: a log that keeps its records would keep the feature maps that the error was raised
                # among.
                log.warning("no CUDA graph for an image of %s: %s", tuple(image.shape), str(error).split("\n", 1)[0])

    def in_tiles_of(self, side: int) -> None:
        """From now on; 0 for the whole at once."""
        self.side = side
        if side:
            assert isinstance(self.objective, Objective)
            tiled = Tiled(self.objective, side)

            def compute(image: Tensor) -> Tensors:
                losses, slope = tiled.evaluate(image)
                return losses.total, losses.content, losses.style, slope

            self.compute = compute

    def eagerly(self, image: Tensor) -> Tensors:
        """Total, content, style, slope."""
        image = image.detach().requires_grad_(True)
        losses = self.objective(image)
        (slope,) = torch.autograd.grad(losses.total, image)
        return losses.total.detach(), losses.content.detach(), losses.style.detach(), slope.contiguous()

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        while True:
            try:
                total, content, style, slope = (self.compute or self.eagerly)(image)
                break
            except (RuntimeError, MemoryError) as error:
                side = smaller_side(self.side, max(image.shape[1:])) if isinstance(self.objective, Objective) else 0
                if not is_out_of_memory(error) or not side:
                    raise
            self._go_on_in_tiles_of(side)  # out here, where the error does not hold on to what it was raised among
        # Where the image lies, be that the host: so does all that is chosen by them.
        return Losses(*(loss.to(image.device) for loss in (total, content, style))), slope

    def _go_on_in_tiles_of(self, side: int) -> None:
        self.in_tiles_of(side)  # which lets go of what has filled the memory
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        self.warnings.append(
            f"The device's memory did not hold out: the picture is worked on in tiles of {side} pixels from here, "
            "which takes longer."
        )


def _worth_recording(objective: Callable[[Tensor], Losses], image: Tensor) -> bool:
    if not isinstance(objective, Objective):
        return True
    return not objective.waits_for_the_device and image[0].numel() <= RECORDED


def smaller_side(side: int, longest: int) -> int:
    """The next smaller tiles' side, or 0 where they would be smaller than is sensible. side: so far, 0 for the
    whole."""
    half = (side or longest) // 2 // GRID * GRID
    return half if half >= SMALLEST_TILE else 0


def is_out_of_memory(error: BaseException) -> bool:
    """torch's CPU allocator raises a plain RuntimeError, and so do CUDA itself and its libraries for what they take
    beside it; oneDNN says that it could not create a primitive."""
    words = ("allocate memory", "out of memory", "_ALLOC_FAILED", "could not create a primitive")
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(word in str(error) for word in words)

"""Loss and slope of a picture; on a CUDA device recorded once and replayed.

An evaluation is some 150 small kernels, and on a fast GPU their launching is expected to take most of the time at 512² and
below. A CUDA graph launches all of them at once. Unmeasured: no GPU has run this yet.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from pastiche_daemon.engine.objective import Losses

log = logging.getLogger(__name__)
Tensors = tuple[Tensor, ...]


class Graph(Protocol):
    """What records work and does it again: reading from and writing to the same memory each time."""

    def record(self, work: Callable[[], Tensors]) -> Tensors: ...
    def replay(self) -> None: ...


class CudaGraph:
    """torch.cuda.CUDAGraph, warmed up beside the main stream as its documentation asks."""

    WARM_UPS = 2

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
    """A function of one tensor to some, recorded by a graph. What it gives is overwritten by the next call."""

    def __init__(self, function: Callable[[Tensor], Tensors], example: Tensor, graph: Graph) -> None:
        self.input = example.clone()
        self.graph = graph
        self.output = graph.record(lambda: function(self.input))

    def __call__(self, value: Tensor) -> Tensors:
        self.input.copy_(value)
        self.graph.replay()
        return self.output


class Evaluation:
    """The losses of an image (3, H, W) and the slope of the total, (3, H, W)."""

    def __init__(self, objective: Callable[[Tensor], Losses], image: Tensor) -> None:
        self.objective = objective
        self.compute: Callable[[Tensor], Tensors] = self.eagerly
        if image.is_cuda:
            try:
                self.compute = Recorded(self.eagerly, image, CudaGraph())
            except RuntimeError as error:  # slower, not wrong
                log.warning("no CUDA graph for an image of %s: %s", tuple(image.shape), error)

    def eagerly(self, image: Tensor) -> Tensors:
        """Total, content, style, slope."""
        image = image.detach().requires_grad_(True)
        losses = self.objective(image)
        (slope,) = torch.autograd.grad(losses.total, image)
        return losses.total.detach(), losses.content.detach(), losses.style.detach(), slope

    def __call__(self, image: Tensor) -> tuple[Losses, Tensor]:
        total, content, style, slope = self.compute(image)
        return Losses(total.clone(), content.clone(), style.clone()), slope

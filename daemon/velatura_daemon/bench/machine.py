"""What a machine can do at most, measured, and what an evaluation asks of it, counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from velatura_daemon.bench.problem import Problem
from velatura_daemon.bench.reference import white_noise
from velatura_daemon.engine.network import Network

MATRIX = 2048
COUNTED = 64  # pixels a side of what operations are counted on


def wait_for(device: torch.device) -> None:
    """Until it has done all that it was asked for: a GPU is asked and not waited for."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(action: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """The median of some runs, after one to warm up."""
    spent = []
    for _ in range(repeats + 1):
        began = time.perf_counter()
        action()
        wait_for(device)
        spent.append(time.perf_counter() - began)
    return statistics.median(spent[1:])


def matmul_rate(dtype: torch.dtype, device: torch.device) -> float:
    """FLOP/s of a square product, 2 a multiply-add."""
    matrix = torch.rand(MATRIX, MATRIX, device=device).to(dtype)
    out = torch.empty_like(matrix)
    return 2 * MATRIX**3 / seconds(lambda: torch.mm(matrix, matrix, out=out), device)


def copy_rate(device: torch.device, size: int = 1 << 28) -> float:
    """Bytes/s, read and written."""
    source = torch.rand(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), device)


def flops_of_an_evaluation(side: int, network: Network) -> int:
    """Of loss and gradient at side × side: counted product by product on a small picture, in proportion to its
    pixels."""
    small = Problem(COUNTED, torch.device("cpu"))
    objective = small.objective(network)
    image = white_noise(COUNTED).requires_grad_(True)
    with FlopCounterMode(display=False) as counter:
        objective(image).total.backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops()) * side**2 // COUNTED**2

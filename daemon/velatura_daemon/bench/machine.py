"""The peak speed of a machine, measured, and the operations of an evaluation, counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from velatura_daemon.bench.problem import Problem
from velatura_daemon.bench.reference import white_noise
from velatura_daemon.engine.network import Network

MATRIX_SIDE = 2048
COUNTED_SIDE = 64  # pixels, of the picture on which operations are counted


def wait_for(device: torch.device) -> None:
    """Wait until a device has finished all work: GPU operations are asynchronous."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(action: Callable[[], object], device: torch.device, repeats: int = 7) -> float:
    """Return the median duration of several runs, after one warm-up run."""
    durations = []
    for _ in range(repeats + 1):
        started_at = time.perf_counter()
        action()
        wait_for(device)
        durations.append(time.perf_counter() - started_at)
    return statistics.median(durations[1:])


def matmul_rate(dtype: torch.dtype, device: torch.device) -> float:
    """Return the FLOP/s of a square matrix product, counting 2 for each multiply-add."""
    matrix = torch.rand(MATRIX_SIDE, MATRIX_SIDE, device=device).to(dtype)
    out = torch.empty_like(matrix)
    return 2 * MATRIX_SIDE**3 / seconds(lambda: torch.mm(matrix, matrix, out=out), device)


def copy_rate(device: torch.device, size: int = 1 << 28) -> float:
    """Return the bytes/s of a copy, counting bytes read and written."""
    source = torch.rand(size // 4, device=device)
    target = torch.empty_like(source)
    return 2 * size / seconds(lambda: target.copy_(source), device)


def flops_of_an_evaluation(side: int, network: Network) -> int:
    """Return the FLOPs of loss and gradient at side × side, counted on a small picture and scaled by the number of
    pixels."""
    small = Problem(COUNTED_SIDE, torch.device("cpu"))
    objective = small.objective(network)
    image = white_noise(COUNTED_SIDE).requires_grad_(True)
    with FlopCounterMode(display=False) as counter:
        objective(image).total.backward()  # type: ignore[no-untyped-call]
    return int(counter.get_total_flops()) * side**2 // COUNTED_SIDE**2

"""The peak speed of a machine, measured, and the operations of an evaluation, counted."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import torch
from torch.utils.flop_counter import FlopCounterMode

from velatura_daemon.bench.problem import Problem
from velatura_daemon.bench.reference import white_noise
from velatura_daemon.engine.devices import wait_for
from velatura_daemon.engine.network import Network

# A matrix product is measured with sides that double until one takes this long, or up to the largest side: a CPU that
# emulates bfloat16 takes half a minute for what others do in milliseconds.
LEAST_SECONDS = 0.02
MATRIX_SIDES = (256, 512, 1024, 2048)
COUNTED_SIDE = 64  # pixels, of the picture on which operations are counted


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
    rate = 0.0
    for side in MATRIX_SIDES:
        matrix = torch.rand(side, side, device=device).to(dtype)
        multiply = partial(torch.mm, matrix, matrix, out=torch.empty_like(matrix))
        taken = seconds(multiply, device)
        rate = 2 * side**3 / taken
        if taken > LEAST_SECONDS:
            break
    return rate


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

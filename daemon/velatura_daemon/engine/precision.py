"""The number type and memory layout in which a network computes on a device."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """How a network computes.

    Attributes:
        dtype: The number type of weights and feature maps. The image, Gram matrices, losses and the optimiser's state
            stay float32.
        memory_format: The order of the values in memory.
    """

    dtype: torch.dtype
    memory_format: torch.memory_format


PLAIN = Precision(torch.float32, torch.contiguous_format)
FLOAT32 = Precision(torch.float32, torch.channels_last)
BFLOAT16 = Precision(torch.bfloat16, torch.channels_last)


def fastest_on(device: torch.device) -> Precision:
    """BFLOAT16 if the device multiplies bfloat16 faster than float32; otherwise float32.

    Decided by what the device reports, not by a timing, so that a restyle is the same each time.

    Args:
        device: The device that is to compute.

    Returns:
        The precision.
    """
    if device.type == "cuda":
        return BFLOAT16 if torch.cuda.is_bf16_supported(including_emulation=False) else FLOAT32
    if device.type == "cpu":
        return BFLOAT16 if _cpu_has_bfloat16() else FLOAT32
    return PLAIN


def _cpu_has_bfloat16() -> bool:
    """AVX512-BF16 or AMX. A CPU without them emulates bfloat16, which is slower than float32."""
    tests = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(test() for test in tests if test is not None)

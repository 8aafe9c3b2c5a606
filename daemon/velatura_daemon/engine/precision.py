"""In which numbers, and in which order of memory, a network computes on a device."""

from __future__ import annotations

from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Precision:
    """dtype: of weights and feature maps; the picture, Grams, losses and the optimiser's state are float32."""

    dtype: torch.dtype
    memory_format: torch.memory_format


PLAIN = Precision(torch.float32, torch.contiguous_format)
FLOAT32 = Precision(torch.float32, torch.channels_last)
BFLOAT16 = Precision(torch.bfloat16, torch.channels_last)


def fastest_on(device: torch.device) -> Precision:
    """bfloat16 where the device multiplies it faster than float32, by what it says of itself and not by trial, so that
    a picture is the same each time."""
    if device.type == "cuda":
        return BFLOAT16 if torch.cuda.is_bf16_supported(including_emulation=False) else FLOAT32
    if device.type == "cpu":
        return BFLOAT16 if _cpu_has_bfloat16() else FLOAT32
    return PLAIN


def _cpu_has_bfloat16() -> bool:
    """AVX512-BF16 or AMX; on a CPU without them bfloat16 is emulated, and slower."""
    asks = (getattr(torch.cpu, name, None) for name in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"))
    return any(ask() for ask in asks if ask is not None)

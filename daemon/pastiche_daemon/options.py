"""What a daemon can be told at its start: one place for names, units and defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

BYTES_PER_PIXEL = 3200  # peak of one float32 job with a full L-BFGS memory, measured: docs/performance.md
LARGEST_MEGAPIXELS = 64.0


def memory_bytes() -> int:
    """The machine's memory."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1])
    return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))


def sensible_megapixels() -> float:
    """What three quarters of the machine's memory can hold."""
    return min(LARGEST_MEGAPIXELS, round(memory_bytes() * 3 / 4 / BYTES_PER_PIXEL / 1e6, 1))


@dataclass(frozen=True)
class Options:
    """device: auto, cpu, cuda, cuda:1, mps. weights: what `auto` of a job means. heartbeat, *_seconds: seconds.
    exit_seconds: leave after that long without work; 0: never. max_megapixels: 0 asks the machine's memory.
    threads: for the worker's arithmetic; 0: torch's own choice. previews: longest side in pixels."""

    device: str = "auto"
    weights: str = "auto"
    tcp: bool = True
    heartbeat: float = 5.0
    park_seconds: float = 300.0
    worker_seconds: float = 600.0
    exit_seconds: float = 0.0
    max_megapixels: float = 0.0
    spool_megabytes: int = 4096
    cache_megabytes: int = 1024
    threads: int = 0
    preview_side: int = 512
    preview_seconds: float = 0.5

    @property
    def megapixel_limit(self) -> float:
        return self.max_megapixels or sensible_megapixels()

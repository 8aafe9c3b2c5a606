"""What a daemon can be told at its start: one place for names, units and defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from pastiche_daemon.room import most_megapixels

LARGEST_MEGAPIXELS = 256.0


def memory_bytes() -> int:
    """The machine's memory."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1])
    return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))


def sensible_memory() -> int:
    """Bytes that a job may take of the machine's memory where nobody says: half, since an editor holds its pictures too."""
    return memory_bytes() // 2


def sensible_megapixels(memory: int = 0) -> float:
    """What so many bytes can hold, in tiles; 0: what is sensible."""
    return min(LARGEST_MEGAPIXELS, round(most_megapixels(memory or sensible_memory()), 1))


@dataclass(frozen=True)
class Options:
    """device: auto, cpu, cuda, cuda:1, mps. weights: what `auto` of a job means. heartbeat, *_seconds: seconds.
    hang_seconds: how long a worker may give no sign of life.
    exit_seconds: leave after that long without work; 0: never. max_megapixels: 0 asks the machine's memory.
    memory_megabytes: what a job may take of the machine's memory; 0: half of it.
    threads: for the worker's arithmetic; 0: torch's own choice. previews: longest side in pixels.
    listen: tcp://HOST:PORT, where other machines come in, by their keys. upstream: tcp://HOST:PORT of the daemon that does the work,
    '': this machine does. server_key: that daemon's public key, hex. client_key: the file of ours; '': the only one there is.
    keep_seconds: how often the picture in work is left on the disk."""

    device: str = "auto"
    weights: str = "auto"
    tcp: bool = True
    heartbeat: float = 5.0
    park_seconds: float = 300.0
    worker_seconds: float = 600.0
    hang_seconds: float = 60.0
    exit_seconds: float = 0.0
    max_megapixels: float = 0.0
    memory_megabytes: int = 0
    spool_megabytes: int = 8192
    cache_megabytes: int = 1024
    threads: int = 0
    preview_side: int = 512
    preview_seconds: float = 0.5
    listen: tuple[str, ...] = ()
    upstream: str = ""
    server_key: str = ""
    client_key: str = ""
    keep_seconds: float = 5.0

    @property
    def megapixel_limit(self) -> float:
        if self.upstream:  # how much the other machine takes, that one says
            return self.max_megapixels or LARGEST_MEGAPIXELS
        return self.max_megapixels or sensible_megapixels(self.memory_megabytes << 20)

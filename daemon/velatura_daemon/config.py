"""What a daemon can be told at its start: one place for names, units and defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from velatura_daemon.memory_plan import most_megapixels

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
    """Bytes that a job may take of the machine's memory where nobody says: half, since an editor holds its pictures
    too."""
    return memory_bytes() // 2


def sensible_megapixels(memory: int = 0) -> float:
    """What so many bytes can hold, in tiles; 0: what is sensible."""
    return min(LARGEST_MEGAPIXELS, round(most_megapixels(memory or sensible_memory()), 1))


@dataclass(frozen=True)
class DaemonConfig:
    """device: auto (all GPUs of the machine, or else its processor), cpu, cuda, cuda:1, mps. devices: the same by name,
    a worker each: cuda:0, cuda:1, or cpu twice; 'all'; none: what `device` says. weights: what `auto` of a job means.
    heartbeat, *_seconds: seconds. hang_seconds: how long a worker may give no sign of life. exit_seconds: leave after
    that long without work; 0: never. max_megapixels: 0 asks the machine's memory. memory_megabytes: what a job may take
    of the machine's memory; 0: half of it. threads: for the worker's arithmetic; 0: torch's own choice. previews:
    longest side in pixels. upstream: the connection file of another daemon, which does the work; '': this one does.
    keep_seconds: how often the picture in work is left on the disk. executor: who does the work: local, upstream, ray.
    address: of the Ray cluster: ray://HOST:10001, HOST:6379 or auto. min_actors, max_actors: how many workers there,
    kept whatever there is to do, and at most. actor_resources: what each takes of a node, as Ray has it: GPU=1, CPU=4.
    node_labels: of the nodes that may be taken. fallback: local, or nothing: who does the work while the others cannot
    be reached."""

    device: str = "auto"
    devices: tuple[str, ...] = ()
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
    upstream: str = ""
    keep_seconds: float = 5.0
    executor: str = "local"
    address: str = ""
    min_actors: int = 0
    max_actors: int = 8
    actor_resources: tuple[str, ...] = ()
    node_labels: tuple[str, ...] = ()
    fallback: str = ""

    @property
    def kind(self) -> str:
        """Of executor: the connection file of another daemon says it too."""
        return "upstream" if self.upstream else self.executor

    @property
    def elsewhere(self) -> str:
        """Who does the work, in words; '' where this machine does."""
        if self.kind == "ray":
            return f"the Ray cluster at {self.address}"
        return f"the daemon of {self.upstream}" if self.upstream else ""

    @property
    def stand_in(self) -> str:
        """What is said where this machine does the work that others should."""
        return f"{self.elsewhere} cannot be reached; this machine does its work meanwhile"

    @property
    def megapixel_limit(self) -> float:
        if self.kind != "local":  # how much another machine takes, that one says
            return self.max_megapixels or LARGEST_MEGAPIXELS
        return self.max_megapixels or self.megapixels_here

    @property
    def megapixels_here(self) -> float:
        """What this machine's memory can hold."""
        return sensible_megapixels(self.memory_megabytes << 20)

"""Which device: chosen by itself (cuda, mps, cpu) or by name."""

from __future__ import annotations

import torch

from velatura.errors import DeviceUnavailable
from velatura_daemon.config import default_memory
from velatura_daemon.memory_plan import CUDA_FEATURE_SHARE, MemoryBudget


def choose_device(name: str) -> torch.device:
    """auto, cpu, cuda, cuda:1, mps. Raises DeviceUnavailable."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise DeviceUnavailable(
            f"There is no device {name[:40]!r}. Known are auto, cpu, cuda, cuda:N and mps."
        ) from None
    there = {
        "cpu": device.index in (None, 0),
        "cuda": torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if not there.get(device.type, False):
        raise DeviceUnavailable(f"The device {name[:40]!r} is not on this machine. Use --device auto, or cpu.")
    return device


def device_label(device: torch.device) -> str:
    """For people: 'cpu (2 threads)' or the GPU's name."""
    if device.type == "cuda":
        return f"{device} ({torch.cuda.get_device_name(device)})"
    if device.type != "cpu":
        return str(device)
    threads = torch.get_num_threads()
    return f"cpu ({threads} thread{'' if threads == 1 else 's'})"


def memory_in_use(device: torch.device) -> int:
    """Bytes, of this process, at its peak: of the device's memory (CUDA's own share, half a gigabyte, not counted), or
    of the machine's on a CPU."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_reserved(device))
    try:
        import resource
    except ImportError:  # Windows
        return 0
    import sys

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def give_device_memory_back(device: torch.device) -> None:
    """Release the GPU memory that torch caches, so that other programs can use it between two jobs."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def budget_on(device: torch.device, memory: int) -> MemoryBudget:
    """What a job may take. memory: bytes of the machine's, 0 for what is sensible. Of a GPU's own it may have nearly
    all that is free."""
    memory = memory or default_memory()
    if device.type != "cuda":
        return MemoryBudget(memory)
    free, _ = torch.cuda.mem_get_info(device)
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)  # torch's, and idle
    return MemoryBudget(int((free + kept) * 0.9), host_bytes=memory, features=CUDA_FEATURE_SHARE)

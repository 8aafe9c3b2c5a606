"""The devices that PyTorch offers: which there are, why others are not used, their memory, and their errors.

Everything that depends on the kind of a device, except for faster ways to compute on some, is in this module. AMD's
cards have the kind 'cuda' too: PyTorch with ROCm gives them that name.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from velatura.errors import DeviceUnavailable
from velatura.i18n import lazy_list, lazy_text, sentences
from velatura_daemon.config import default_memory
from velatura_daemon.cpu_label import cpu_label
from velatura_daemon.memory_plan import CUDA_FEATURE_SHARE, MemoryBudget

# In the order in which 'auto' chooses: cards with memory of their own first, the tested kind before the others.
KINDS = ("cuda", "xpu", "mps", "cpu")
FREE_SHARE = 0.9  # of a card's free memory, for a job

OUT_OF_MEMORY = (  # not translated: compared
    "allocate memory",  # torch's CPU allocator
    "out of memory",  # CUDA, ROCm, MPS
    "_ALLOC_FAILED",  # CUDA's libraries
    "could not create a primitive",  # oneDNN
    "OUT_OF_DEVICE_MEMORY",  # Intel's drivers, and the next two
    "OUT_OF_HOST_MEMORY",
    "OUT_OF_RESOURCES",
)
DEVICE_LOST = ("CUDA error", "HIP error", "ERROR_DEVICE_LOST", "level_zero backend failed")  # not translated: compared


@dataclass(frozen=True)
class Device:
    """A device of this machine.

    Attributes:
        name: As --device takes it, such as cuda:1.
        label: With the name of the card, for people.
        memory: Its own memory in bytes; 0 if it uses the machine's.
    """

    name: str
    label: str
    memory: int = 0


def kind_name(kind: str) -> str:
    """The display name of a kind of device."""
    cuda = "AMD GPU (ROCm)" if torch.version.hip else "NVIDIA GPU (CUDA)"  # not translated: names
    names = {"cuda": cuda, "xpu": "Intel GPU (XPU)", "mps": "Apple GPU (MPS)"}  # not translated: names
    return names.get(kind, "CPU")


def devices() -> list[Device]:
    """Returns all devices of this machine, the one of 'auto' first."""
    return [_described(torch.device(name)) for kind in KINDS for name in _names(kind)]


def gpu_names() -> tuple[str, ...]:
    """Returns the names of all GPUs of the kind that 'auto' chooses, such as cuda:0 and cuda:1."""
    kind = choose_device("auto").type
    return _names(kind) if kind != "cpu" else ()


def unused() -> dict[str, str]:
    """Returns why each kind of GPU that this machine lacks cannot be used: a sentence by kind."""
    reasons: dict[str, Callable[[], str]] = {"cuda": _no_cuda, "xpu": _no_xpu, "mps": _no_mps}
    return {kind: reason() for kind, reason in reasons.items() if not _names(kind)}


def choose_device(name: str) -> torch.device:
    """Returns the device with this name.

    Args:
        name: auto, cpu, cuda, cuda:1, xpu, xpu:1 or mps.

    Returns:
        The device; of 'auto', a GPU if there is one.

    Raises:
        DeviceUnavailable: It is not on this machine; the message lists what is there.
    """
    if name == "auto":
        return torch.device(next(kind for kind in KINDS if _names(kind)))
    kind, _, index = name.partition(":")
    if kind in KINDS and (index.isdecimal() or name == kind):
        device = torch.device(kind, int(index)) if index and len(index) < 4 else torch.device(kind)
        names = _names(kind)
        if names and (name == kind or name in names or (len(names) == 1 and index == "0")):
            return device
    raise DeviceUnavailable(_unavailable(name, kind))


def device_label(device: torch.device) -> str:
    """For people: 'cpu (2 threads)' or the GPU's name."""
    if device.type in ("cuda", "xpu"):
        return f"{device} ({_module(device).get_device_name(device)})"
    if device.type != "cpu":
        return str(device)
    return cpu_label(torch.get_num_threads())


def is_gpu(device: torch.device) -> bool:
    """Whether the device is a GPU."""
    return device.type != "cpu"


def has_float64(device: torch.device) -> bool:
    """Whether the device computes in float64. Apple's GPUs and some of Intel's do not."""
    if device.type == "xpu":
        return bool(getattr(torch.xpu.get_device_properties(device), "has_fp64", False))
    return device.type != "mps"


# --- memory -----------------------------------------------------------------------------------------------------
def memory_in_use(device: torch.device) -> int:
    """Peak memory use of this process, on the device or, for a CPU, of the machine.

    Args:
        device: CUDA's own share, half a gigabyte, is not counted. MPS knows no peak: what it holds now.

    Returns:
        In bytes; 0 if the system does not tell (Windows).
    """
    if device.type in ("cuda", "xpu"):
        return int(_module(device).max_memory_reserved(device))
    if device.type == "mps":
        return int(torch.mps.driver_allocated_memory())
    try:
        import resource
    except ImportError:  # Windows
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def give_device_memory_back(device: torch.device) -> None:
    """Releases the GPU memory that torch caches, so that other programs can use it between two jobs."""
    if is_gpu(device):
        _module(device).empty_cache()


def give_all_device_memory_back() -> None:
    """The same on every GPU: an image that is processed in tiles lies on another device than they do."""
    for kind in KINDS:
        if kind != "cpu" and _names(kind):
            give_device_memory_back(torch.device(kind))


def budget_on(device: torch.device, memory: int) -> MemoryBudget:
    """Returns how much memory a job may use.

    Of a GPU's own memory it may have nearly all that is free; MPS shares the machine's, and recommends a limit.

    Args:
        device: The device that computes.
        memory: Bytes of the machine's; 0 for a sensible share.

    Returns:
        The budget.
    """
    memory = memory or default_memory()
    if device.type == "mps":
        return MemoryBudget(min(memory, int(torch.mps.recommended_max_memory())))
    if device.type == "cpu":
        return MemoryBudget(memory)
    module = _module(device)
    free, _ = module.mem_get_info(device)
    kept = module.memory_reserved(device) - module.memory_allocated(device)  # torch's, and idle
    features = CUDA_FEATURE_SHARE if device.type == "cuda" else 1.0  # not measured elsewhere
    return MemoryBudget(int((free + kept) * FREE_SHARE), host_bytes=memory, features=features)


def wait_for(device: torch.device) -> None:
    """Waits until a device has finished all work: GPU operations are asynchronous."""
    if device.type == "mps":
        torch.mps.synchronize()
    elif is_gpu(device):
        _module(device).synchronize(device)


# --- errors -----------------------------------------------------------------------------------------------------
def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error means that memory ran out.

    torch's CPU allocator raises a plain RuntimeError, and so do drivers and their libraries for the memory they
    allocate beside it; oneDNN reports that it could not create a primitive.
    """
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or any(text in str(error) for text in OUT_OF_MEMORY)


def is_device_lost(error: BaseException) -> bool:
    """Whether a process never gets its device back: after a driver reset, or with the card gone."""
    return any(text in str(error) for text in DEVICE_LOST) and not is_out_of_memory(error)


# --- which there are --------------------------------------------------------------------------------------------
def _module(device: torch.device) -> Any:
    """torch.cuda, torch.xpu or torch.mps, whose functions have the same names."""
    return getattr(torch, device.type)


def _names(kind: str) -> tuple[str, ...]:
    """The devices of a kind; () if there are none."""
    if kind == "cuda":
        return tuple(f"cuda:{index}" for index in range(torch.cuda.device_count())) if torch.cuda.is_available() else ()
    if kind == "xpu":
        return tuple(f"xpu:{index}" for index in range(torch.xpu.device_count())) if torch.xpu.is_available() else ()
    if kind == "mps":
        return ("mps",) if torch.backends.mps.is_available() else ()
    return ("cpu",)


def _described(device: torch.device) -> Device:
    memory = 0
    if device.type in ("cuda", "xpu"):
        memory = int(_module(device).get_device_properties(device).total_memory)
    return Device(str(device), device_label(device), memory)


def _unavailable(name: str, kind: str) -> str:
    """What to say about a device that cannot be used."""
    shown = repr(name[:40])
    why = unused().get(kind, "")
    if kind in ("rocm", "hip", "gpu", "amd"):
        why = lazy_text("AMD's cards are named cuda, Intel's xpu and Apple's mps.")
    there = lazy_list([device.label for device in devices()])
    if kind in KINDS:
        return sentences(
            lazy_text("This machine has no device {name}.", name=shown),
            why,
            lazy_text("Available: {devices}. Use --device auto, or one of these.", devices=there),
        )
    return sentences(
        lazy_text("There is no device {name}.", name=shown),
        why,
        lazy_text(
            "The known names are auto, cpu, cuda, cuda:N, xpu, xpu:N and mps; this machine has: {devices}.",
            devices=there,
        ),
    )


def _no_cuda() -> str:
    version = torch.__version__
    if torch.version.cuda is None and torch.version.hip is None:
        return lazy_text("CUDA: this PyTorch ({version}) was built without CUDA and ROCm.", version=str(version))
    built = f"ROCm {torch.version.hip}" if torch.version.hip else f"CUDA {torch.version.cuda}"
    what = "ROCm" if torch.version.hip else "CUDA"
    hidden = next((v for v in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES") if os.environ.get(v) in ("", "-1")), None)
    if hidden is not None:
        return lazy_text("{kind}: the environment variable {variable} hides all cards.", kind=what, variable=hidden)
    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]
    except (RuntimeError, AssertionError) as error:  # 'Found no NVIDIA driver', 'The NVIDIA driver … is too old'
        # Translators: {problem} is a whole sentence of PyTorch or the driver, in English.
        return lazy_text(
            "{kind}: {problem} PyTorch was built for {built}.", kind=what, problem=_first_sentence(error), built=built
        )
    return lazy_text("{kind}: no card was found. PyTorch was built for {built}.", kind=what, built=built)


def _no_xpu() -> str:
    if getattr(torch.version, "xpu", None) is None:
        return lazy_text(
            "XPU: this PyTorch ({version}) was built without support for Intel's GPUs.", version=str(torch.__version__)
        )
    return lazy_text("XPU: no Intel GPU was found, or its driver (Level Zero) is missing.")


def _no_mps() -> str:
    if not torch.backends.mps.is_built():
        return lazy_text("MPS: this PyTorch was built without MPS, which only macOS has.")
    return lazy_text("MPS: a newer macOS is needed, or a Mac with an Apple GPU or another supported one.")


def _first_sentence(error: BaseException) -> str:
    """The first sentence of a message on one line, at most 200 characters."""
    text = " ".join(str(error).split())
    return f"{text.split('. ')[0].rstrip('.')[:200]}."

"""Where PyTorch comes from: the user's own index, the build for this machine's GPU, or the small one for the CPU."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from velatura.client.environment import clean_environment
from velatura.i18n import lazy_text
from velatura.setup.find_python import PROBE_TIMEOUT, no_console

# Settings of pip and uv that name another index than PyPI. `pip config list` prints both files' and variables' as
# 'global.index-url=…', ':env:.index-url=…'. `no-index` counts: what is to be used instead is the user's choice.
PIP_SETTINGS = ("index-url", "extra-index-url", "find-links", "no-index")
UV_VARIABLES = (
    "UV_INDEX",
    "UV_DEFAULT_INDEX",
    "UV_INDEX_URL",
    "UV_EXTRA_INDEX_URL",
    "UV_FIND_LINKS",
    "UV_NO_INDEX",
    "UV_TORCH_BACKEND",
)
# What a folder of this user shows of an NVIDIA GPU; AMD's ROCm needs the last one.
NVIDIA = (Path("/proc/driver/nvidia/version"), Path("C:/Windows/System32/nvidia-smi.exe"))
AMD = Path("/dev/kfd")


@dataclass(frozen=True)
class Source:
    """How PyTorch is installed. backend: of `uv pip install --torch-backend`, or '' for plain pip. build: for people.
    download, size: bytes, about; download is 0 if it cannot be known."""

    backend: str
    build: str
    download: int
    size: int

    @property
    def space(self) -> int:
        """Bytes that are needed until all is installed: pip has each download twice, one of them in its cache."""
        return self.size + 2 * self.download


# PyTorch 2.14 with CUDA and Velatura's other packages on Linux: measured. For the CPU: from the content of its wheel.
# An index of the user's own may have either build: the larger one is expected.
CPU = Source("cpu", lazy_text("PyTorch for the CPU"), 300_000_000, 1_200_000_000)
PLAIN_CPU = Source("", lazy_text("PyTorch for the CPU"), 300_000_000, 1_200_000_000)
CUDA = Source("", lazy_text("PyTorch with CUDA, for NVIDIA GPUs"), 3_100_000_000, 5_900_000_000)
AUTO = Source("auto", lazy_text("PyTorch for this machine's GPU"), 3_100_000_000, 5_900_000_000)
OWN = Source("", lazy_text("PyTorch from your own package index"), 0, 5_900_000_000)


def choose_source(
    own_index: bool, env: Mapping[str, str], platform: str = sys.platform, gpu: str | None = None
) -> Source:
    """Return the source for this machine. gpu: 'nvidia', 'amd' or '', by default what `find_gpu` finds.

    PyPI has PyTorch with CUDA for Linux, and for the CPU alone on Windows; on macOS one build serves all.
    """
    gpu = find_gpu(env) if gpu is None else gpu
    if own_index:
        return OWN
    if platform == "darwin":
        return PLAIN_CPU
    if platform == "win32":
        return AUTO if gpu else PLAIN_CPU
    return CUDA if gpu == "nvidia" else AUTO if gpu == "amd" else CPU


def without_uv(source: Source, platform: str = sys.platform) -> Source:
    """Return what plain pip installs in place of this source."""
    if not source.backend:
        return source
    return CUDA if platform.startswith("linux") else PLAIN_CPU


def find_gpu(env: Mapping[str, str], nvidia: Sequence[Path] = NVIDIA, amd: Path = AMD) -> str:
    """Return 'nvidia', 'amd' or ''."""
    if shutil.which("nvidia-smi", path=env.get("PATH", "")) or any(path.exists() for path in nvidia):
        return "nvidia"
    return "amd" if amd.exists() else ""


def has_own_index(python: Path, env: Mapping[str, str]) -> bool:
    """Return whether the user has configured another package index than PyPI, for pip or for uv.

    python: one with pip; without pip only the variables are known. `-I`: a pip in the current folder does not count.
    """
    if any(env.get(name) for name in UV_VARIABLES):
        return True
    if any(env.get("PIP_" + name.upper().replace("-", "_")) for name in PIP_SETTINGS):
        return True
    try:
        listed = subprocess.run(
            [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "config", "list"],
            capture_output=True,
            stdin=subprocess.DEVNULL,
            env=clean_environment(env, str(python)),
            timeout=PROBE_TIMEOUT,
            check=False,
            **no_console(),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    keys = [line.partition("=")[0] for line in listed.stdout.decode(errors="replace").splitlines()]
    return any(key.rpartition(".")[2] in PIP_SETTINGS for key in keys)

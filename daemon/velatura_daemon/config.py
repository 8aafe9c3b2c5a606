"""The daemon's settings, with their units and defaults."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass

from velatura.i18n import lazy_text
from velatura_daemon.memory_plan import ALL_STYLES_MEGAPIXELS, megapixels_within, style_megapixels_within
from velatura_daemon.remote_target import parse_target

MAX_DEFAULT_MEGAPIXELS = 256.0  # the limit is never higher by default, whatever the memory


def memory_bytes() -> int:
    """Return the size of the machine's memory."""
    if sys.platform == "win32":
        import ctypes

        status = (ctypes.c_ulonglong * 8)(64)
        ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status))
        return int(status[1])
    return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))


def default_memory() -> int:
    """Return the default limit, in bytes, for the machine's memory that a job may take: half of it, because an editor
    needs memory for its pictures too."""
    return memory_bytes() // 2


def default_megapixels(memory: int = 0) -> float:
    """Return the largest picture that fits into so many bytes, processed in tiles; 0: the default memory limit."""
    return min(MAX_DEFAULT_MEGAPIXELS, round(megapixels_within(memory or default_memory()), 1))


@dataclass(frozen=True)
class DaemonConfig:
    """Settings of a daemon. All times are in seconds.

    device: auto (all GPUs, or the CPU if there is none), cpu, cuda, cuda:1, xpu, mps. devices: names of devices, with
    one worker for each (cuda:0, cuda:1; or cpu twice), or 'all'; empty: use `device`. weights: what `auto` in a job
    means. heartbeat: interval between heartbeats. park_seconds: how long to keep the job of a client that is not
    connected.
    worker_seconds: stop a worker after this long without work. hang_seconds: stop a worker that does not respond for
    this long. exit_seconds: exit after this long without work; 0: never. max_megapixels: largest picture; 0: derive it
    from the memory. memory_megabytes: machine memory that a job may take; 0: half of it. spool_megabytes: disk space
    for pictures. cache_megabytes: memory for targets of recent jobs. threads: CPU threads of a worker; 0: PyTorch's
    default. preview_side: longest side of previews in pixels. preview_seconds: interval between previews.
    remote: other machines whose daemons do the work, as ssh names them: me@box, me@box:/path/to/velatura. ssh: the
    command that connects to them. upstream: connection file of another daemon that does the work; '': this one does.
    keep_seconds: interval between checkpoints on disk. executor: where jobs run: local, remote, upstream, ray.
    address: of the Ray cluster: ray://HOST:10001, HOST:6379 or auto. min_actors, max_actors: number of Ray workers.
    actor_resources: resources that each of them reserves, in Ray's terms: GPU=1, CPU=4. node_labels: labels of the
    nodes to use. fallback: 'local' runs jobs on this machine while the other machines, the upstream daemon or the
    cluster cannot be reached; '': they wait.
    """

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
    remote: tuple[str, ...] = ()
    ssh: str = "ssh"
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
    def executor_kind(self) -> str:
        """The effective executor: `remote` implies "remote", `upstream` implies "upstream"."""
        if self.remote:
            return "remote"
        return "upstream" if self.upstream else self.executor

    @property
    def remote_name(self) -> str:
        """A description of the remote place where jobs run; '' if they run on this machine."""
        if self.executor_kind == "ray":
            # Translators: where jobs run; stands within a sentence.
            return lazy_text("the Ray cluster at {address}", address=self.address)
        if self.remote:
            return self._machines
        # Translators: where jobs run; stands within a sentence. file: a connection file.
        return lazy_text("the daemon at {file}", file=self.upstream) if self.upstream else ""

    @property
    def _machines(self) -> str:
        names, *rest = [str(parse_target(text)) for text in self.remote]
        for name in rest:
            # Translators: names of machines, in a list such as “a and b and c”.
            names = lazy_text("{first} and {second}", first=names, second=name)
        return names

    @property
    def fallback_notice(self) -> str:
        """What is shown while this machine runs jobs in place of an unreachable cluster or daemon, as a clause."""
        # Translators: place: such as “the Ray cluster at …” or the name of a machine.
        return lazy_text("{place} cannot be reached; jobs run on this machine meanwhile", place=self.remote_name)

    @property
    def fallback_sentence(self) -> str:
        """The same as a sentence."""
        if self.executor_kind == "ray":
            return lazy_text(
                "The Ray cluster at {address} cannot be reached; jobs run on this machine meanwhile.",
                address=self.address,
            )
        if self.remote:
            # Translators: machines: names, such as “a and b”.
            return lazy_text(
                "{machines} cannot be reached; jobs run on this machine meanwhile.", machines=self._machines
            )
        return lazy_text(
            "The daemon at {file} cannot be reached; jobs run on this machine meanwhile.", file=self.upstream
        )

    @property
    def megapixel_limit(self) -> float:
        if self.executor_kind != "local":  # how much another machine takes, that one says
            return self.max_megapixels or MAX_DEFAULT_MEGAPIXELS
        return self.max_megapixels or self.megapixels_here

    @property
    def style_megapixel_limit(self) -> float:
        """Of all styles of a restyle together."""
        return self.style_megapixels_here if self.executor_kind == "local" else ALL_STYLES_MEGAPIXELS

    @property
    def style_megapixels_here(self) -> float:
        """How large the styles of a restyle may be together in this machine's memory."""
        return style_megapixels_within(self.memory_megabytes << 20 or default_memory())

    @property
    def megapixels_here(self) -> float:
        """What this machine's memory can hold."""
        return default_megapixels(self.memory_megabytes << 20)

"""The commands that a worker process receives."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TypeAlias

from velatura_daemon.config import DaemonConfig
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec

# Signs of life of an idle worker within `hang_seconds`: so few that they cost next to nothing, and so many that one may
# come late.
IDLE_HEARTBEATS = 3


@dataclass(frozen=True)
class WorkerOptions:
    """Of `DaemonConfig`, what concerns a worker. device: what the worker takes for 'auto'."""

    device: str
    threads: int
    memory_megabytes: int
    cache_megabytes: int
    preview_side: int
    preview_seconds: float
    keep_seconds: float
    idle_heartbeat: float = 20.0  # seconds between signs of life without a job

    @classmethod
    def of(cls, config: DaemonConfig, device: str = "") -> WorkerOptions:
        """device: '' for the configuration's."""
        return cls(
            device or config.device,
            config.threads,
            config.memory_megabytes,
            config.cache_megabytes,
            config.preview_side,
            config.preview_seconds,
            config.keep_seconds,
            config.hang_seconds / IDLE_HEARTBEATS,
        )

    def to_config(self) -> DaemonConfig:
        """A configuration whose workers have these options, for a worker without a daemon of its own."""
        values = asdict(self)
        hang_seconds = values.pop("idle_heartbeat") * IDLE_HEARTBEATS
        return DaemonConfig(**values, hang_seconds=hang_seconds)


@dataclass(frozen=True)
class Begin:
    """The first command."""

    options: WorkerOptions


@dataclass(frozen=True)
class Run:
    spec: JobSpec


@dataclass(frozen=True)
class Estimate:
    request: EstimateRequest


@dataclass(frozen=True)
class Cancel:
    ticket: str


@dataclass(frozen=True)
class StepTaken:
    """The client has a step of this job: another one may follow."""

    ticket: str


@dataclass(frozen=True)
class SetMemory:
    """From the next job on it may take this much."""

    megabytes: int


Command: TypeAlias = Begin | Run | Estimate | Cancel | StepTaken | SetMemory

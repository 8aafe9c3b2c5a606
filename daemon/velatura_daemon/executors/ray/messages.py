"""What the daemon, Ray's driver process and the actors send each other: the scheduler's types in small envelopes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from velatura_daemon.executors.ray.config import RayConfig
from velatura_daemon.jobs.codec import Codec, messages_of
from velatura_daemon.jobs.commands import Cancel, Estimate, Run, WorkerOptions
from velatura_daemon.jobs.events import WorkerEvent

ALL_WORKERS = -1


# --- daemon to driver -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class BeginDriver:
    """The first message. build: the daemon's; actors of another build refuse."""

    config: RayConfig
    options: WorkerOptions
    build: str


@dataclass(frozen=True)
class StartActor:
    """Have an actor."""


@dataclass(frozen=True)
class Terminate:
    """It hangs: end its worker; if that does not help, the actor."""


@dataclass(frozen=True)
class Release:
    """Give the node's device back."""


ActorCommand: TypeAlias = StartActor | Run | Estimate | Cancel | Terminate | Release


@dataclass(frozen=True)
class ToActor:
    worker: int
    command: ActorCommand


# --- driver to daemon -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ClusterConnected:
    pass


@dataclass(frozen=True)
class ClusterUnreachable:
    """The last message: the cluster is lost. retry_seconds: until it is worth trying again."""

    sentence: str
    retry_seconds: float


@dataclass(frozen=True)
class ActorAlive:
    node: str


@dataclass(frozen=True)
class ActorAway:
    """Ray is placing it anew."""


@dataclass(frozen=True)
class ActorEnded:
    pass


DriverEvent: TypeAlias = ClusterConnected | ClusterUnreachable | ActorAlive | ActorAway | ActorEnded | WorkerEvent


@dataclass(frozen=True)
class FromDriver:
    """worker: number of the executor, or ALL_WORKERS."""

    worker: int
    event: DriverEvent


# --- actor to driver --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RemoteFile:
    """A file on the node. output: field of OutputPaths that it is for. blob: its SHA-256. size: bytes. data: its first
    piece, if known."""

    output: str
    blob: bytes
    size: int
    data: bytes = b""


@dataclass(frozen=True)
class ActorEvent:
    event: WorkerEvent
    files: tuple[RemoteFile, ...] = ()


TO_DRIVER = Codec(BeginDriver, ToActor)
FROM_DRIVER = Codec(FromDriver)
FROM_ACTOR = Codec(ActorEvent)
ACTOR_COMMANDS = Codec(*messages_of(ActorCommand))

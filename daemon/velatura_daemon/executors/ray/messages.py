"""The messages between the daemon, Ray's driver process and the actors. They wrap commands and events."""

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
    """The first message. build: the daemon's; an actor with another build refuses to work."""

    config: RayConfig
    options: WorkerOptions
    build: str


@dataclass(frozen=True)
class StartActor:
    """Request an actor from Ray, unless there is one."""


@dataclass(frozen=True)
class Terminate:
    """The job hangs: end the actor's worker; if that does not help, the actor."""


@dataclass(frozen=True)
class Release:
    """End the actor, which frees the node's device."""


ActorCommand: TypeAlias = StartActor | Run | Estimate | Cancel | Terminate | Release


@dataclass(frozen=True)
class ToActor:
    """worker: number of the executor."""

    worker: int
    command: ActorCommand


# --- driver to daemon -------------------------------------------------------------------------------------
@dataclass(frozen=True)
class ClusterConnected:
    """The driver is connected to the cluster."""


@dataclass(frozen=True)
class ClusterUnreachable:
    """The last message: the cluster is lost. retry_seconds: after which another attempt makes sense."""

    sentence: str
    retry_seconds: float


@dataclass(frozen=True)
class ActorAlive:
    """The actor answers. node: the address of its node."""

    node: str


@dataclass(frozen=True)
class ActorAway:
    """The actor does not answer; Ray is placing it again."""


@dataclass(frozen=True)
class ActorEnded:
    """The actor cannot be used and was ended."""


DriverEvent: TypeAlias = ClusterConnected | ClusterUnreachable | ActorAlive | ActorAway | ActorEnded | WorkerEvent


@dataclass(frozen=True)
class FromDriver:
    """worker: number of the executor, or ALL_WORKERS."""

    worker: int
    event: DriverEvent


# --- actor to driver --------------------------------------------------------------------------------------
@dataclass(frozen=True)
class RemoteFile:
    """A file on the node.

    output: the field of OutputPaths with its path on the daemon's machine. blob: its SHA-256. size: bytes. data: its
    first piece, or empty.
    """

    output: str
    blob: bytes
    size: int
    data: bytes = b""


@dataclass(frozen=True)
class ActorEvent:
    """An event of the actor's worker, with the files that it announces."""

    event: WorkerEvent
    files: tuple[RemoteFile, ...] = ()


TO_DRIVER = Codec(BeginDriver, ToActor)
FROM_DRIVER = Codec(FromDriver)
FROM_ACTOR = Codec(ActorEvent)
ACTOR_COMMANDS = Codec(*messages_of(ActorCommand))

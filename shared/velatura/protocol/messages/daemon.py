"""The messages about the daemon and the connection themselves: signs of life, estimates, status, the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from velatura.protocol.messages.base import Message


@dataclass(frozen=True)
class Ping(Message):
    """client → daemon: a sign of life. Any other message is one as well."""

    type: ClassVar[str] = "ping"


@dataclass(frozen=True)
class Pong(Message):
    """daemon → client: the answer to `ping`."""

    type: ClassVar[str] = "pong"


@dataclass(frozen=True)
class GetEstimate(Message):
    """client → daemon: request an estimate of time and memory. ticket: an id that the client chooses."""

    type: ClassVar[str] = "get_estimate"
    ticket: str
    width: int
    height: int
    settings: dict[str, Any]
    weights: str = "auto"
    device: str = "auto"


@dataclass(frozen=True)
class Estimate(Message):
    """daemon → client: the answer to `get_estimate`. Also sent as a job starts, with the job's id as the ticket.

    seconds: below 0 if this device was not measured yet. memory: bytes at the peak. tile: the longest side of the tiles
    in which the largest scale is processed, in pixels; 0 if it is processed in one piece. sentence: the same, for the
    user.
    """

    type: ClassVar[str] = "estimate"
    ticket: str
    seconds: float
    memory: int
    tile: int
    device: str
    sentence: str


@dataclass(frozen=True)
class GetStatus(Message):
    """client → daemon: request a `status` message."""

    type: ClassVar[str] = "get_status"


@dataclass(frozen=True)
class Status(Message):
    """daemon → client. report: the state of the daemon and its workers; docs/protocol.md lists the fields."""

    type: ClassVar[str] = "status"
    report: dict[str, Any]


@dataclass(frozen=True)
class Shutdown(Message):
    """client → daemon: shut down. if_idle: only if nothing is to be done; otherwise the daemon answers `failed`."""

    type: ClassVar[str] = "shutdown"
    if_idle: bool


@dataclass(frozen=True)
class Bye(Message):
    """either side: this side is about to close the connection."""

    type: ClassVar[str] = "bye"
    sentence: str = ""

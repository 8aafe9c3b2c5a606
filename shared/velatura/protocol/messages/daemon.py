"""The messages about the daemon and the connection themselves: signs of life, estimates, status, the end."""

from __future__ import annotations

from dataclasses import dataclass, field
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
    """client → daemon: request an estimate of time and memory.

    Attributes:
        ticket: An id that the client chooses.
        width: The content's width in pixels.
        height: The content's height in pixels.
        settings: The settings of the restyle.
        weights: A name, or 'auto' for the daemon's choice.
        device: A name, or 'auto' for the daemon's choice.
        style_pixels: Width × height of each different style picture. Since version 2.2.
        regions: How many different ones. Since version 2.2.
        via: As of a restyle. Since version 2.5.
    """

    type: ClassVar[str] = "get_estimate"
    ticket: str
    width: int
    height: int
    settings: dict[str, Any]
    weights: str = "auto"
    device: str = "auto"
    style_pixels: list[int] = field(default_factory=list)
    regions: int = 0
    via: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Estimate(Message):
    """daemon → client: the answer to `get_estimate`. Also sent as a job starts, with the job's id as the ticket.

    Attributes:
        ticket: The id in the request.
        seconds: Below 0 if this device was not measured yet.
        memory: Bytes at the peak.
        tile: The longest side of the tiles in which the largest scale is processed, in pixels; 0 if it is processed in
            one piece.
        device: Where it would be computed.
        sentence: The same, for the user.
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
    """daemon → client: the answer to `get_status`.

    Attributes:
        report: The state of the daemon and its workers; docs/protocol.md lists the fields.
    """

    type: ClassVar[str] = "status"
    report: dict[str, Any]


@dataclass(frozen=True)
class Shutdown(Message):
    """client → daemon: shut down.

    Attributes:
        if_idle: Only if nothing is to be done; otherwise the daemon answers `failed`.
    """

    type: ClassVar[str] = "shutdown"
    if_idle: bool


@dataclass(frozen=True)
class Bye(Message):
    """either side: this side is about to close the connection.

    Attributes:
        sentence: The reason, for the user, or empty.
    """

    type: ClassVar[str] = "bye"
    sentence: str = ""

"""Who is at the other end of a connection, as the front sees them. Entrances make them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pastiche_daemon.keys import Allowance


class Peer(Protocol):
    """Somebody at the other end. key: the name of the CURVE key that they have proved to hold; '' on this machine."""

    @property
    def endpoint(self) -> str:
        """The published address they came to."""

    @property
    def key(self) -> str: ...

    @property
    def allowance(self) -> Allowance | None:
        """What its key may have; None on this machine: all."""

    def send(self, frames: Sequence[Any]) -> bool:
        """Hand over a message; never blocks. False where they have gone or take nothing: it is lost then."""

    def trust(self) -> None:
        """They have proved who they are: more is taken from them."""

    def distrust(self) -> None:
        """Their session is over: a stranger again."""


class Entrance(Protocol):
    """An address where peers come in. It registers with the front's selector what it waits for."""

    @property
    def endpoint(self) -> str: ...

    def tidy(self, now: float) -> None:
        """What the clock brings: strangers who have taken too long."""

    @property
    def due(self) -> float | None:
        """Seconds until `tidy` has something to do; None: nothing is waited for."""

    def close(self) -> None: ...


Take = Callable[[Peer, list[Any]], None]  # a message's frames, as buffers
Gone = Callable[[Peer], None]

"""One DEALER socket to the daemon. Two makers: pyzmq where it is there, else a plain socket that speaks ZMTP.

An editor's Python may have no pyzmq, and none may be put into it; both makers pass the same tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

try:
    from velatura.client.transport_pyzmq import PyzmqDealer as _chosen
except Exception:  # not installed, or built for another Python: an ImportError is only the politest sign of it
    from velatura.client.transport_plain import PlainDealer as _chosen  # type: ignore[assignment]


class Dealer(Protocol):
    """A connection to one endpoint: frames in, frames out. Never blocks, except in `wait`."""

    @property
    def wants_to_write(self) -> bool:
        """Whether something is left to send: watch `fileno()` for writing too, and call `receive()` then."""

    def fileno(self) -> int:
        """Becomes readable when something may have come. Edge-triggered (pyzmq): drain until `receive()` gives None."""

    def send(self, frames: Sequence[Any]) -> bool:
        """Hand over a message. False when the queue is full: the daemon takes nothing any more."""

    def receive(self) -> list[Any] | None:
        """The next message's frames as buffers, or None. Raises DaemonLost where the other side has hung up or does
        not speak ZMTP."""

    def wait(self, seconds: float) -> bool:
        """Wait until something has come (or could be sent), at most this long."""

    def close(self, linger: float = 0.0) -> None:
        """Close; what is still to be sent has `linger` seconds."""


open_dealer: Callable[[str], Dealer] = _chosen  # endpoint → Dealer; raises DaemonLost where it cannot be reached


def transport_name() -> str:
    """Which maker is used: for reports."""
    return open_dealer.__name__

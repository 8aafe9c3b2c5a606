"""The client's DEALER socket, with two implementations: pyzmq if it is available, else a plain socket that speaks ZMTP.

An editor's Python may lack pyzmq, and nothing may be installed into it. Both implementations pass the same tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

try:
    from velatura.client.transport_pyzmq import PyzmqDealer as _implementation
except Exception:  # not only ImportError: a pyzmq that was built for another Python can fail in many ways
    from velatura.client.transport_plain import PlainDealer as _implementation  # type: ignore[assignment]


class Dealer(Protocol):
    """A connection to one endpoint that sends and receives messages as frames. Only `wait` blocks."""

    @property
    def needs_write(self) -> bool:
        """Whether there is data to send. If so, watch `fileno()` for writing too, and call `receive()` then."""

    def fileno(self) -> int:
        """A descriptor that becomes readable when data may have arrived.

        With pyzmq it is edge-triggered: call `receive()` until it returns None.
        """

    def send(self, frames: Sequence[Any]) -> bool:
        """Queue a message. Returns False if the queue is full: the daemon does not read."""

    def receive(self) -> list[Any] | None:
        """Return the frames of the next message.

        Returns:
            Buffers; None if no message is complete.

        Raises:
            DaemonLost: The other side has closed the connection, or does not speak ZMTP.
        """

    def wait(self, seconds: float) -> bool:
        """Wait until data has arrived, or can be sent.

        Args:
            seconds: At most this long.

        Returns:
            Whether it has.
        """

    def close(self, linger: float = 0.0) -> None:
        """Close the connection.

        Args:
            linger: Up to this many seconds for unsent messages.
        """


open_dealer: Callable[[str], Dealer] = _implementation  # connects to an endpoint; raises DaemonLost if it cannot


def transport_name() -> str:
    """Return the name of the implementation in use, for error reports."""
    return open_dealer.__name__

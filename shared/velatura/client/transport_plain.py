"""The DEALER socket over the standard library's sockets, for editors whose Python has no pyzmq.

It has no thread: bytes move only inside `send` and `receive`, as far as the operating system allows at that moment.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from velatura.errors import DaemonLost
from velatura.i18n import lazy_text
from velatura.protocol import zmtp
from velatura.protocol.messages import CHUNK
from velatura.protocol.sockets import ZmtpSocket, configure_socket, set_socket_buffers

# Prefer poll: it accepts any descriptor and needs none of its own, while select accepts none over 1023.
Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)
CONNECT_PATIENCE = 1.0  # seconds; both kinds of endpoint are on this machine and answer at once


class PlainDealer:
    """A connection to one endpoint, see `transport.Dealer`. It does not reconnect: a lost daemon raises DaemonLost.

    Args:
        endpoint: ipc:// with a path, or tcp:// with host and port.

    Raises:
        DaemonLost: Nothing answers there.
    """

    def __init__(self, endpoint: str) -> None:
        try:
            connected = _connect(endpoint)
        except (OSError, ValueError) as error:
            raise DaemonLost(
                lazy_text(
                    "Nothing answers at {endpoint} ({why}). Run 'velatura daemon stop'.",
                    endpoint=endpoint,
                    why=str(error),
                )
            ) from error
        self._socket = ZmtpSocket(connected, zmtp.ready(zmtp.random_routing_id()), zmtp.AUTHENTICATED)
        self._received: deque[list[bytearray]] = deque()
        self._socket.flush()

    @property
    def needs_write(self) -> bool:
        return self._socket.needs_write

    @property
    def bytes_moved(self) -> int:
        """How many bytes were sent and received so far."""
        return self._socket.bytes_moved

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, frames: Sequence[Any]) -> bool:
        return self._socket.send(frames)

    def receive(self) -> list[Any] | None:
        self._socket.flush()
        self._receive()
        if self._received:
            return list(self._received.popleft())
        if self._socket.closed_reason is not None:
            raise DaemonLost(lazy_text("The connection to the daemon has ended: {why}", why=self._socket.closed_reason))
        return None

    def wait(self, seconds: float) -> bool:
        if self._received or self._socket.closed_reason is not None:
            return True
        with Selector() as selector:
            selector.register(self._socket, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.needs_write else 0))
            return bool(selector.select(max(0.0, seconds)))

    def close(self, linger: float = 0.0) -> None:
        deadline = time.monotonic() + linger
        while self._socket.has_unsent:
            self._socket.flush()
            self._receive()  # nothing can be sent before the answer to the handshake has arrived
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._socket.closed_reason is not None:
                break
            self.wait(min(remaining, 0.05))
            self._received.clear()
        self._socket.close()

    def _receive(self) -> None:
        if not self._received and (message := self._socket.receive()) is not None:
            self._received.append(message)


def _connect(endpoint: str) -> socket.socket:
    """Return a connected, non-blocking socket. Raises OSError or ValueError."""
    kind, _, address = endpoint.partition("://")
    if kind == "ipc":
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target: Any = address
    elif kind == "tcp":
        host, _, port = address.rpartition(":")
        connected = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        target = (host, int(port))
    else:
        raise ValueError("the address is of an unknown kind")
    try:
        connected.settimeout(CONNECT_PATIENCE)
        connected.connect(target)
        configure_socket(connected)
        set_socket_buffers(connected, CHUNK)
    except BaseException:
        connected.close()
        raise
    return connected

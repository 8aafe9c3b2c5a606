"""One DEALER socket over the stdlib's sockets: for editors whose Python has no pyzmq.

No thread: bytes move inside `send`, `receive` and `wait`, as far as the system takes or gives them then.
"""

from __future__ import annotations

import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from velatura.errors import DaemonLost
from velatura.protocol import zmtp
from velatura.protocol.messages import CHUNK
from velatura.protocol.sockets import ZmtpSocket, make_room, prepare

# Where it is to be had one that takes any descriptor, and needs none of its own: `select` takes none over 1023.
Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)
CONNECT_PATIENCE = 1.0  # seconds; both kinds of endpoint are on this machine and answer at once


class PlainDealer:
    """A connection to one endpoint: see `transport.Dealer`. Does not reconnect: a daemon that has gone is
    DaemonLost."""

    def __init__(self, endpoint: str) -> None:
        try:
            connected = _connect(endpoint)
        except (OSError, ValueError) as error:
            raise DaemonLost(f"Nobody answers at {endpoint} ({error}). Run 'velatura daemon stop'.") from error
        self._wire = ZmtpSocket(connected, zmtp.ready(zmtp.fresh_identity()), zmtp.TRUSTED)
        self._arrived: deque[list[bytearray]] = deque()
        self._wire.push()

    @property
    def wants_to_write(self) -> bool:
        return self._wire.wants_to_write

    def fileno(self) -> int:
        return self._wire.fileno()

    def send(self, frames: Sequence[Any]) -> bool:
        return self._wire.send(frames)

    def receive(self) -> list[Any] | None:
        self._wire.push()
        self._pull()
        if self._arrived:
            return list(self._arrived.popleft())
        if self._wire.gone is not None:
            raise DaemonLost(f"The way to the daemon has ended: {self._wire.gone}")
        return None

    def wait(self, seconds: float) -> bool:
        if self._arrived or self._wire.gone is not None:
            return True
        with Selector() as looking:
            looking.register(self._wire, selectors.EVENT_READ | (selectors.EVENT_WRITE if self.wants_to_write else 0))
            return bool(looking.select(max(0.0, seconds)))

    def close(self, linger: float = 0.0) -> None:
        end = time.monotonic() + linger
        while self._wire.has_unsent:
            self._wire.push()
            self._pull()  # before the handshake is done, its answer is what is waited for
            left = end - time.monotonic()
            if left <= 0 or self._wire.gone is not None:
                break
            self.wait(min(left, 0.05))
            self._arrived.clear()
        self._wire.close()

    def _pull(self) -> None:
        if not self._arrived and (message := self._wire.pull()) is not None:
            self._arrived.append(message)


def _connect(endpoint: str) -> socket.socket:
    """A connected, non-blocking socket. Raises OSError, ValueError."""
    kind, _, address = endpoint.partition("://")
    if kind == "ipc":
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        target: Any = address
    elif kind == "tcp":
        host, _, port = address.rpartition(":")
        one = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        target = (host, int(port))
    else:
        raise ValueError("an address of an unknown kind")
    try:
        one.settimeout(CONNECT_PATIENCE)
        one.connect(target)
        prepare(one)
        make_room(one, CHUNK)
    except BaseException:
        one.close()
        raise
    return one

"""One DEALER socket over the stdlib's sockets: for editors whose Python has no pyzmq.

No thread: bytes move inside `send`, `receive` and `wait`, as far as the system takes or gives them then.
"""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections import deque
from collections.abc import Sequence
from typing import Any

from pastiche import zmtp
from pastiche.errors import BadMessage, DaemonLost
from pastiche.protocol import CHUNK

CONNECT_PATIENCE = 1.0  # seconds; both kinds of endpoint are on this machine and answer at once
QUEUE_LIMIT = 1000  # messages, as libzmq's own high-water mark


class PlainDealer:
    """A connection to one endpoint: see `transport.Dealer`. Does not reconnect: a daemon that has gone is DaemonLost."""

    def __init__(self, endpoint: str) -> None:
        try:
            self._socket = _connect(endpoint)
        except (OSError, ValueError) as error:
            raise DaemonLost(f"Nobody answers at {endpoint} ({error}). Run 'pastiche daemon stop'.") from error
        self._incoming = zmtp.Incoming()
        self._arrived: deque[list[bytearray]] = deque()
        self._gone: str | None = None
        # The greeting goes out at once; messages wait for the other side's READY.
        self._outgoing: deque[memoryview] = deque([memoryview(zmtp.GREETING + zmtp.ready(zmtp.fresh_identity()))])
        self._unsent: deque[list[memoryview]] = deque()
        self._push()

    @property
    def wants_to_write(self) -> bool:
        return self._gone is None and bool(self._outgoing)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, frames: Sequence[Any]) -> bool:
        if len(self._unsent) + len(self._outgoing) // 4 >= QUEUE_LIMIT:
            return False
        self._unsent.append(zmtp.message_parts(frames))
        self._push()
        return True

    def receive(self) -> list[Any] | None:
        self._push()
        if not self._arrived:
            self._pull()
        if self._arrived:
            return list(self._arrived.popleft())
        if self._gone is not None:
            raise DaemonLost(f"The way to the daemon has ended: {self._gone}")
        return None

    def wait(self, seconds: float) -> bool:
        if self._arrived or self._gone is not None:
            return True
        writing = [self._socket] if self.wants_to_write else []
        readable, writable, _ = select.select([self._socket], writing, [], max(0.0, seconds))
        return bool(readable or writable)

    def close(self, linger: float = 0.0) -> None:
        end = time.monotonic() + linger
        while self._outgoing or self._unsent:
            self._push()
            self._pull()  # before the handshake is done, its answer is what is waited for
            left = end - time.monotonic()
            if left <= 0 or self._gone is not None:
                break
            self.wait(min(left, 0.05))
            self._arrived.clear()
        self._socket.close()

    # --- bytes -------------------------------------------------------------------------------------
    def _push(self) -> None:
        """Send as much as the system takes now."""
        try:
            while self._gone is None:
                if not self._outgoing:
                    if not self._incoming.is_ready or not self._unsent:
                        return
                    self._outgoing.extend(self._unsent.popleft())
                sent = self._socket.send(self._outgoing[0]) if self._outgoing[0] else 0
                if sent < self._outgoing[0].nbytes:
                    self._outgoing[0] = self._outgoing[0][sent:]
                else:
                    self._outgoing.popleft()
        except BlockingIOError:
            pass
        except OSError as error:
            # What has come before is still to be read: only reading finds the end.
            self._outgoing.clear()
            self._unsent.clear()
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                self._gone = f"{error}."

    def _pull(self) -> None:
        """Read until a message is whole, or nothing more has come."""
        try:
            while self._gone is None and not self._arrived:
                count = self._socket.recv_into(self._incoming.space())
                if count == 0:
                    self._gone = "it has hung up."
                    return
                was_ready = self._incoming.is_ready
                message = self._incoming.filled(count)
                if message is not None:
                    self._arrived.append(message)
                if self._incoming.is_ready and not was_ready:
                    self._push()
        except BlockingIOError:
            pass
        except BadMessage as error:
            self._gone = error.sentence
        except OSError as error:
            self._gone = f"{error}."


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
        if os.name == "posix":
            os.set_inheritable(one.fileno(), False)
        one.settimeout(CONNECT_PATIENCE)
        one.connect(target)
        if kind == "tcp":
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.SOL_SOCKET, option, CHUNK)
        one.setblocking(False)
    except BaseException:
        one.close()
        raise
    return one

"""A connected socket that speaks ZMTP: what is to go out, what has come in. Both sides of the protocol use it. No
thread: bytes move inside `push` and `pull`, as far as the system takes or gives them then."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from velatura.errors import BadMessage
from velatura.protocol import zmtp

QUEUE_LIMIT = 1000  # messages, as libzmq's own high-water mark
READS = 256  # in one go: commands give no message, and one who sends them without end is not to keep us here


class ZmtpSocket:
    """gone: why nothing comes any more, or None. Never blocks, never raises: an end of the connection is told by
    `gone`."""

    def __init__(self, connected: socket.socket, ready: bytes, limits: zmtp.Limits, queue: int = QUEUE_LIMIT) -> None:
        """connected: non-blocking; it is this object's from now on. ready: our READY command. queue: messages waiting
        to go out."""
        self._socket = connected
        self.queue = queue
        self.incoming = zmtp.FrameParser(limits)
        self.gone: str | None = None
        # The greeting goes out at once; messages wait for the other side's READY.
        self._outgoing: deque[memoryview] = deque([memoryview(zmtp.GREETING + ready)])
        self._unsent: deque[list[memoryview]] = deque()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def wants_to_write(self) -> bool:
        """Whether something is left to send that could be sent."""
        return self.gone is None and bool(self._outgoing or (self._unsent and self.incoming.is_ready))

    @property
    def has_unsent(self) -> bool:
        """Whether something is left to send at all."""
        return bool(self._outgoing or self._unsent)

    @property
    def waiting(self) -> int:
        """Messages that have not gone out yet."""
        return len(self._unsent)

    def send(self, frames: Sequence[Any]) -> bool:
        """Hand over a message. False when the queue is full: the other side takes nothing any more."""
        if len(self._unsent) >= self.queue:
            return False
        self._unsent.append(zmtp.message_parts(frames))
        self.push()
        return True

    def push(self) -> None:
        """Send as much as the system takes now."""
        try:
            while self.gone is None:
                if not self._outgoing:
                    if not self.incoming.is_ready or not self._unsent:
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
                self.gone = f"{error}."

    def pull(self) -> list[bytearray] | None:
        """Read until a message is whole, nothing more has come (None), or READS reads were made (None too: the socket
        stays readable)."""
        try:
            for _ in range(READS):
                if self.gone is not None:
                    break
                count = self._socket.recv_into(self.incoming.space())
                if count == 0:
                    self.gone = "it has hung up."
                    return None
                was_ready = self.incoming.is_ready
                message = self.incoming.filled(count)
                if self.incoming.is_ready and not was_ready:
                    self.push()
                if message is not None:
                    return message
        except BlockingIOError:
            pass
        except BadMessage as error:
            self.gone = error.sentence
        except OSError as error:
            self.gone = f"{error}."
        return None

    def close(self) -> None:
        """Hang up. Once or more."""
        self.gone = self.gone or "it was hung up on."
        self._outgoing.clear()
        self._unsent.clear()
        self._socket.close()


def prepare(connected: socket.socket) -> None:
    """What every socket of ours is: not inherited, not blocking, without Nagle's delay."""
    if os.name == "posix":
        os.set_inheritable(connected.fileno(), False)
    if connected.family != getattr(socket, "AF_UNIX", None):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setblocking(False)


def make_room(connected: socket.socket, size: int) -> None:
    """Room for `size` bytes each way in the system, where it gives that much."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        try:
            connected.setsockopt(socket.SOL_SOCKET, option, size)
        except OSError:
            return

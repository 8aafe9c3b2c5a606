"""A connected, non-blocking socket that speaks ZMTP. Used by the daemon's listener and by the client without pyzmq.

It has no thread: bytes move only inside `flush` and `receive`, as far as the operating system allows at that moment.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any

from velatura.errors import BadMessage
from velatura.protocol import zmtp

QUEUE_LIMIT = 1000  # messages, the same as libzmq's default high-water mark
# Reads in one call of `receive`. Commands complete no message, so a peer that sends them without end would otherwise
# keep the caller here forever.
READS = 256
FLUSH_BYTES = 4 << 20  # sent in one call of `flush`: a peer that reads as fast as we send would keep the caller here


class ZmtpSocket:
    """One ZMTP connection with queues for both directions.

    Its methods never block and never raise. When the connection has ended, `closed_reason` says why.
    """

    def __init__(
        self, connected: socket.socket, ready: bytes, limits: zmtp.Limits, max_queued: int = QUEUE_LIMIT
    ) -> None:
        """connected: a non-blocking socket, owned by this object from now on. ready: this side's READY command.
        limits: what is accepted from the peer. max_queued: how many messages may wait to be sent."""
        self._socket = connected
        self.max_queued = max_queued
        self.parser = zmtp.FrameParser(limits)
        self.closed_reason: str | None = None
        self.bytes_moved = 0  # sent and received: on a slow line a sign of life long before a message is complete
        # The greeting is sent at once. Messages wait for the peer's READY.
        self._outgoing: deque[memoryview] = deque([memoryview(zmtp.GREETING + ready)])
        self._unsent: deque[list[memoryview]] = deque()

    def fileno(self) -> int:
        return self._socket.fileno()

    @property
    def needs_write(self) -> bool:
        """Whether there is data that could be sent as soon as the socket is writable."""
        return self.closed_reason is None and bool(self._outgoing or (self._unsent and self.parser.is_ready))

    @property
    def has_unsent(self) -> bool:
        """Whether there is unsent data, including messages that wait for the peer's READY."""
        return bool(self._outgoing or self._unsent)

    @property
    def queued(self) -> int:
        """The number of messages that were not sent yet."""
        return len(self._unsent)

    def send(self, frames: Sequence[Any]) -> bool:
        """Queue a message, and send what can be sent now if nothing else waits. Returns False if the queue is full: the
        peer does not read."""
        if len(self._unsent) >= self.max_queued:
            return False
        was_waiting = self.has_unsent
        self._unsent.append(zmtp.message_parts(frames))
        if not was_waiting:
            self.flush()
        return True

    def flush(self) -> None:
        """Send as much as the operating system accepts now, up to FLUSH_BYTES. `needs_write` says what to do then."""
        allowed = FLUSH_BYTES
        try:
            while self.closed_reason is None and allowed > 0:
                if not self._outgoing:
                    if not self.parser.is_ready or not self._unsent:
                        return
                    self._outgoing.extend(self._unsent.popleft())
                sent = self._socket.send(self._outgoing[0][:allowed]) if self._outgoing[0] else 0
                allowed -= sent
                self.bytes_moved += sent
                if sent < self._outgoing[0].nbytes:
                    self._outgoing[0] = self._outgoing[0][sent:]
                else:
                    self._outgoing.popleft()
        except BlockingIOError:
            pass
        except OSError as error:
            # What the peer sent before it closed can still be read, so only reading reports the end.
            self._outgoing.clear()
            self._unsent.clear()
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                self.closed_reason = f"{error}."

    def receive(self) -> list[bytearray] | None:
        """Read until a message is complete and return its frames.

        Returns None if no more data is available, or after READS reads. The socket stays readable in the latter case.
        """
        try:
            for _ in range(READS):
                if self.closed_reason is not None:
                    break
                count = self._socket.recv_into(self.parser.get_buffer())
                if count == 0:
                    self.closed_reason = "it closed the connection."
                    return None
                self.bytes_moved += count
                was_ready = self.parser.is_ready
                message = self.parser.buffer_updated(count)
                if self.parser.is_ready and not was_ready:
                    self.flush()
                if message is not None:
                    return message
        except BlockingIOError:
            pass
        except BadMessage as error:
            self.closed_reason = error.sentence
        except OSError as error:
            self.closed_reason = f"{error}."
        return None

    def close(self) -> None:
        """Close the connection. May be called more than once."""
        self.closed_reason = self.closed_reason or "this side closed the connection."
        self._outgoing.clear()
        self._unsent.clear()
        self._socket.close()


def configure_socket(connected: socket.socket) -> None:
    """Make a socket non-blocking and not inheritable, and turn off Nagle's algorithm."""
    if os.name == "posix":
        os.set_inheritable(connected.fileno(), False)
    if connected.family != getattr(socket, "AF_UNIX", None):
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setblocking(False)


def set_socket_buffers(connected: socket.socket, size: int) -> None:
    """Request send and receive buffers of `size` bytes. The operating system may grant less."""
    for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
        try:
            connected.setsockopt(socket.SOL_SOCKET, option, size)
        except OSError:
            return

"""A connected, non-blocking socket that speaks ZMTP. Used by the daemon's listener and by the client without pyzmq.

It has no thread: bytes move only inside `flush` and `receive`, as far as the operating system allows at that moment.
"""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from velatura.errors import BadMessage
from velatura.i18n import lazy_text
from velatura.protocol import zmtp

QUEUE_LIMIT = 1000  # messages, the same as libzmq's default high-water mark
# Reads in one call of `receive`. Commands complete no message, so a peer that sends them without end would otherwise
# keep the caller here forever.
READS = 256
FLUSH_BYTES = 4 << 20  # sent in one call of `flush`: a peer that reads as fast as we send would keep the caller here


@dataclass
class _Lazy:
    """What is made when everything before it was sent.

    Attributes:
        messages: Made one at a time.
        size: The most memory that the only message takes; 0: any number of messages, which are views of memory that
            exists anyway.
    """

    messages: Iterator[Sequence[Any]]
    size: int


class ZmtpSocket:
    """One ZMTP connection with queues for both directions.

    Its methods never block and never raise. When the connection has ended, `closed_reason` says why.

    Args:
        connected: A non-blocking socket, owned by this object from now on.
        ready: This side's READY command.
        limits: What is accepted from the peer.
        max_queued: How many messages may wait to be sent.

    Attributes:
        max_queued: How many messages may wait to be sent.
        max_queued_bytes: How many bytes of messages may wait; None for no limit.
        parser: Parses what the peer sends.
        closed_reason: A sentence; None while the connection is open.
        starved: The next message was not admitted; `resume` tries again.
        bytes_waiting: Memory of the messages that wait.
    """

    def __init__(
        self, connected: socket.socket, ready: bytes, limits: zmtp.Limits, max_queued: int = QUEUE_LIMIT
    ) -> None:
        self._socket = connected
        self.max_queued = max_queued
        self.max_queued_bytes: int | None = None  # of the messages that wait; None: no limit
        self.parser = zmtp.FrameParser(limits)
        self.closed_reason: str | None = None
        self.bytes_sent = self.bytes_received = 0
        self.starved = False  # the next message was not admitted; `resume` tries again
        # The greeting is sent at once. Messages wait for the peer's READY.
        self._outgoing: deque[memoryview] = deque([memoryview(zmtp.GREETING + ready)])
        self._offset = 0  # in the first of them
        self._outgoing_bytes = 0  # memory of the message that is being sent
        self._unsent: deque[list[memoryview] | _Lazy] = deque()
        self.bytes_waiting = 0  # memory of the messages that wait

    def fileno(self) -> int:
        """The descriptor to watch."""
        return self._socket.fileno()

    @property
    def bytes_moved(self) -> int:
        """Sent and received: on a slow line a sign of life long before a message is complete."""
        return self.bytes_sent + self.bytes_received

    @property
    def needs_write(self) -> bool:
        """Whether there is data that could be sent as soon as the socket is writable."""
        waits = bool(self._unsent) and self.parser.is_ready and not self.starved
        return self.closed_reason is None and (bool(self._outgoing) or waits)

    @property
    def has_unsent(self) -> bool:
        """Whether there is unsent data, including messages that wait for the peer's READY."""
        return bool(self._outgoing or self._unsent)

    @property
    def queued(self) -> int:
        """The number of messages that were not sent yet. Lazy ones count as one."""
        return len(self._unsent)

    @property
    def bytes_unread(self) -> int:
        """Memory of everything that was not sent yet."""
        return self._outgoing_bytes + self.bytes_waiting

    def send(self, frames: Sequence[Any]) -> bool:
        """Queue a message, and send what can be sent now if nothing else waits.

        Args:
            frames: Buffers, not copied.

        Returns:
            False if the queue is full, since the peer does not read.
        """
        parts = zmtp.message_parts(frames)
        size = _size(parts)
        if self.max_queued_bytes is not None and self.bytes_waiting + size > self.max_queued_bytes:
            return False
        return self._queue(parts, size)

    def send_lazily(self, messages: Iterator[Sequence[Any]], size: int = 0) -> bool:
        """Queue messages that are made one at a time, when everything before them was sent.

        Args:
            messages: Must not raise.
            size: 0 if they are views of memory that exists anyway. Otherwise there is only one, and this is the most
                memory that it takes, which `parser.admit` has to admit.

        Returns:
            False if the queue is full.
        """
        return self._queue(_Lazy(messages, size))

    def _queue(self, message: list[memoryview] | _Lazy, size: int = 0) -> bool:
        if len(self._unsent) >= self.max_queued:
            return False
        was_waiting = self.has_unsent
        self._unsent.append(message)
        self.bytes_waiting += size
        if not was_waiting:
            self.flush()
        return True

    def resume(self) -> None:
        """Try again what was not admitted."""
        self.starved = False
        self.flush()

    def drop_unsent(self) -> None:
        """Drop the messages of which no byte was sent."""
        self._unsent.clear()
        self.bytes_waiting, self.starved = 0, False

    def flush(self) -> None:
        """Send as much as the operating system accepts now, up to FLUSH_BYTES. `needs_write` says what to do then."""
        allowed = FLUSH_BYTES
        try:
            while self.closed_reason is None and allowed > 0:
                if not self._outgoing and not self._begin_next():
                    return
                part = self._outgoing[0]
                sent = self._socket.send(part[self._offset : self._offset + allowed]) if part else 0
                allowed -= sent
                self.bytes_sent += sent
                self._offset += sent
                if self._offset == part.nbytes:
                    self._outgoing.popleft()
                    self._offset = 0
                    if not self._outgoing:
                        self._outgoing_bytes = 0
        except BlockingIOError:
            pass
        except OSError as error:
            # What the peer sent before it closed can still be read, so only reading reports the end.
            self._clear()
            if not isinstance(error, (BrokenPipeError, ConnectionResetError)):
                self.closed_reason = f"{error}."

    def _begin_next(self) -> bool:
        """Take the next message out of the queue. Returns False if there is none that can be sent now."""
        while self._unsent and self.parser.is_ready:
            first = self._unsent[0]
            if not isinstance(first, _Lazy):
                self._unsent.popleft()
                self._outgoing_bytes = _size(first)
                self.bytes_waiting -= self._outgoing_bytes
                self._outgoing.extend(first)
                return True
            if first.size and self.parser.admit is not None and not self.parser.admit(first.size):
                self.starved = True
                return False
            frames = next(first.messages, None)
            if first.size or frames is None:
                self._unsent.popleft()
            if frames is not None:
                parts = zmtp.message_parts(frames)
                self._outgoing_bytes = _size(parts) if first.size else 0
                self._outgoing.extend(parts)
                return True
        return False

    def _clear(self) -> None:
        self._outgoing.clear()
        self._offset = self._outgoing_bytes = 0
        self.drop_unsent()

    def receive(self) -> list[bytearray] | None:
        """Read until a message is complete.

        Returns:
            Its frames. None if no more data is available, if the message has to wait (`parser.waiting`), or after READS
            reads; in the latter cases the socket stays readable.
        """
        try:
            for _ in range(READS):
                if self.closed_reason is not None or not self.parser.proceed():
                    break
                count = self._socket.recv_into(self.parser.get_buffer())
                if count == 0:
                    self.closed_reason = lazy_text("it closed the connection.")
                    return None
                self.bytes_received += count
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
        self.closed_reason = self.closed_reason or lazy_text("this side closed the connection.")
        self._clear()
        self.parser.abandon()
        self._socket.close()


def _size(parts: Sequence[memoryview]) -> int:
    return sum(part.nbytes for part in parts)


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

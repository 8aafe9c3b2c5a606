"""Bytes between two connected sockets, a handful at a time: what stands between the network and libzmq.

libzmq takes as many connections as come, and from each, before any key is proved, a frame as large as the largest. Behind a sluice it
sees of a stranger what a handshake has, and of everybody no message without end.
"""

from __future__ import annotations

import socket

ROOM = 64 << 10  # bytes that are moved at a time


class Sluice:
    """One direction. What the sink does not take at once is held, and no more is read until it has gone."""

    _room = bytearray(ROOM)  # everybody's: it is empty again before anybody else's turn

    def __init__(self, source: socket.socket, sink: socket.socket) -> None:
        self._source, self._sink = source, sink
        self._held = memoryview(b"")
        self.ended = False

    @property
    def is_blocked(self) -> bool:
        """Whether the sink is to take something first."""
        return bool(self._held)

    def move(self, most: int = ROOM) -> int:
        """Read up to so many bytes and pass them on, never blocking. Returns how many were read."""
        if self.ended or self.is_blocked or most <= 0:
            return 0
        try:
            count = self._source.recv_into(self._room, min(most, ROOM))
        except (BlockingIOError, InterruptedError):
            return 0
        except OSError:
            count = 0
        if not count:
            self.ended = True
            return 0
        self._pass_on(memoryview(self._room)[:count])
        return count

    def push(self) -> None:
        """Pass on what is held, as far as the sink takes it."""
        self._pass_on(self._held)

    def _pass_on(self, data: memoryview) -> None:
        try:
            while data:
                data = data[self._sink.send(data) :]
        except (BlockingIOError, InterruptedError):
            pass
        except OSError:
            self.ended = True
            data = data[:0]
        self._held = memoryview(bytes(data))

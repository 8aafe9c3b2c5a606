"""One DEALER socket over pyzmq: the maker for every Python that has it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zmq

from velatura.errors import DaemonLost
from velatura.protocol.messages import CHUNK, MAX_FRAME
from velatura.protocol.zmtp import fresh_identity

zmq.Context, zmq.ZMQError  # noqa: B018  an empty folder of that name is a package too: find out now


class PyzmqDealer:
    """A connection to one endpoint: see `transport.Dealer`. libzmq's own thread does the sending."""

    wants_to_write = False

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.ROUTING_ID, fresh_identity())
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDBUF, CHUNK)
        self._socket.setsockopt(zmq.RCVBUF, CHUNK)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise DaemonLost(
                f"The daemon's address {endpoint} cannot be used ({error}). Run 'velatura daemon stop'."
            ) from error

    def fileno(self) -> int:
        """Becomes readable when something may have come; edge-triggered: drain until receive() gives None."""
        return int(self._socket.getsockopt(zmq.FD))

    def send(self, frames: Sequence[Any]) -> bool:
        """Hand over a message. False when the queue is full: the daemon takes nothing any more."""
        try:
            self._socket.send_multipart(frames, flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[Any] | None:
        """The next message's frames as buffers, or None."""
        try:
            frames = self._socket.recv_multipart(flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return None
        return [frame.buffer for frame in frames]

    def wait(self, seconds: float) -> bool:
        """Wait until something has come, at most this long."""
        return bool(self._socket.poll(int(max(0.0, seconds) * 1000) + 1))

    def close(self, linger: float = 0.0) -> None:
        """Close; what is still to be sent has `linger` seconds."""
        self._context.destroy(linger=int(linger * 1000))

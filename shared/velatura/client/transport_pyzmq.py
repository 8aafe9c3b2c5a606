"""The DEALER socket over pyzmq."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import zmq

from velatura.errors import DaemonLost
from velatura.i18n import lazy_text
from velatura.protocol.messages import CHUNK, MAX_FRAME
from velatura.protocol.zmtp import random_routing_id

zmq.Context, zmq.ZMQError  # noqa: B018  fails now if `zmq` is an empty folder, which is a package too


class PyzmqDealer:
    """A connection to one endpoint, see `transport.Dealer`. libzmq sends in a thread of its own.

    Args:
        endpoint: ipc:// with a path, or tcp:// with host and port.

    Raises:
        DaemonLost: The address cannot be used.
    """

    needs_write = False

    def __init__(self, endpoint: str) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.ROUTING_ID, random_routing_id())
        self._socket.setsockopt(zmq.MAXMSGSIZE, MAX_FRAME)
        self._socket.setsockopt(zmq.LINGER, 0)
        self._socket.setsockopt(zmq.SNDBUF, CHUNK)
        self._socket.setsockopt(zmq.RCVBUF, CHUNK)
        try:
            self._socket.connect(endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise DaemonLost(
                lazy_text(
                    "The daemon's address {endpoint} cannot be used ({why}). Run 'velatura daemon stop'.",
                    endpoint=endpoint,
                    why=str(error),
                )
            ) from error

    def fileno(self) -> int:
        return int(self._socket.getsockopt(zmq.FD))

    def send(self, frames: Sequence[Any]) -> bool:
        try:
            self._socket.send_multipart(frames, flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return False
        return True

    def receive(self) -> list[Any] | None:
        try:
            frames = self._socket.recv_multipart(flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return None
        return [frame.buffer for frame in frames]

    def wait(self, seconds: float) -> bool:
        return bool(self._socket.poll(int(max(0.0, seconds) * 1000) + 1))

    def close(self, linger: float = 0.0) -> None:
        self._context.destroy(linger=int(linger * 1000))

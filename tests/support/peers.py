"""Raw peers for a real daemon: one over libzmq, one that writes its own bytes. They keep no rules but those a test
gives them."""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import zmq

from velatura.errors import BadMessage
from velatura.protocol import messages as p
from velatura.protocol import zmtp

HANDSHAKE = zmtp.GREETING + zmtp.ready(b"raw")
PATIENCE = 10.0  # seconds for a connection, and for the other side's READY


class Peer(Protocol):
    endpoint: str

    def send(self, frames: Sequence[Any]) -> None:
        """Whatever happens: a connection that was hung up on is none of the sender's business."""

    def hear(self, seconds: float) -> p.Message | None:
        """The next message, or None where none comes within that time or the connection has ended."""

    def close(self, linger: float = 0.0) -> None:
        """linger: seconds for what is still to be sent."""


class ZmqPeer:
    """A DEALER of libzmq's."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.ROUTING_ID, zmtp.fresh_identity())
        # Another connection would be another peer. (Never, -1, makes libzmq wait for ever at its end.)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 60_000)
        self._ended = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._socket.connect(endpoint)

    def send(self, frames: Sequence[Any]) -> None:
        with contextlib.suppress(zmq.Again):
            self._socket.send_multipart(frames, flags=zmq.DONTWAIT)

    def hear(self, seconds: float) -> p.Message | None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._ended, zmq.POLLIN)
        poller.poll(int(seconds * 1000))
        if not self._socket.poll(0):  # nothing more: it is silent, or has hung up
            return None
        return p.unpack(self._socket.recv_multipart())[0]

    def close(self, linger: float = 0.0) -> None:
        self._socket.disable_monitor()
        self._ended.close(linger=0)  # by itself: a context that is destroyed with it may wait for ever
        self._socket.close(linger=int(1000 * linger))
        self._context.term()


def connected(endpoint: str) -> socket.socket:
    """A plain socket to a daemon's endpoint."""
    kind, _, address = endpoint.partition("://")
    if kind == "ipc":
        one = socket.socket(socket.AF_UNIX)
        target: Any = address
    else:
        one = socket.socket(socket.AF_INET)
        host, _, port = address.rpartition(":")
        target = (host, int(port))
    one.settimeout(PATIENCE)
    one.connect(target)
    return one


class PlainPeer:
    """A socket, and bytes as they come. A message may be cut into pieces on its way."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.socket = connected(endpoint)
        self._incoming = zmtp.FrameParser()
        self._arrived: deque[list[bytearray]] = deque()
        self._gone = False
        self.write(zmtp.GREETING + zmtp.ready(zmtp.fresh_identity()))
        while (
            not self._incoming.is_ready and not self._gone
        ):  # libzmq hangs up on messages that come before its own READY has gone
            self._read(PATIENCE)

    def send(self, frames: Sequence[Any]) -> None:
        self.write(b"".join(zmtp.message_parts(frames)))

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def hear(self, seconds: float) -> p.Message | None:
        while not self._arrived and not self._gone and self._read(seconds):
            pass
        return p.unpack(self._arrived.popleft())[0] if self._arrived else None

    def _read(self, seconds: float) -> bool:
        """Whether anything came, be it the end."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return False
        try:
            count = self.socket.recv_into(self._incoming.space())
            message = self._incoming.filled(count) if count else None
        except (OSError, BadMessage):
            count, message = 0, None
        self._gone = count == 0
        if message is not None:
            self._arrived.append(message)
        return True

    def close(self, linger: float = 0.0) -> None:
        self.socket.close()


PEERS: tuple[type[Peer], ...] = (ZmqPeer, PlainPeer)


def hello(nonce: bytes = b"", client_id: str = "raw") -> p.Hello:
    return p.Hello(list(p.VERSION), nonce or secrets.token_bytes(32), client_id, "raw")

"""Raw peers for a real daemon: one over libzmq, one that writes bytes to a socket. They send whatever a test sends."""

from __future__ import annotations

import contextlib
import secrets
import select
import socket
from collections import deque
from collections.abc import Sequence
from typing import Any, Protocol

import zmq

from velatura.errors import BadMessage, error_from
from velatura.protocol import auth, codec, zmtp
from velatura.protocol import messages as p

HANDSHAKE = zmtp.GREETING + zmtp.ready(b"raw")
PATIENCE = 60.0  # seconds for a connection, and for the other side's READY


class Peer(Protocol):
    endpoint: str

    def send(self, frames: Sequence[Any]) -> None:
        """Send a message; ignores that the daemon has closed the connection."""

    def never_wait(self) -> None:
        """From now on `send` sends what the system takes at once, even if it is half a message."""

    def receive(self, seconds: float) -> p.Message | None:
        """The next message, or None if none arrives within that time or the connection has ended."""

    def close(self, linger: float = 0.0) -> None:
        """linger: seconds to send what is still queued."""


class ZmqPeer:
    """A DEALER socket of libzmq."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.ROUTING_ID, zmtp.random_routing_id())
        # A new connection would be another peer. (With -1, never, libzmq waits forever when it is closed.)
        self._socket.setsockopt(zmq.RECONNECT_IVL, 60_000)
        self._ended = self._socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._socket.connect(endpoint)

    def send(self, frames: Sequence[Any]) -> None:
        with contextlib.suppress(zmq.Again):
            self._socket.send_multipart(frames, flags=zmq.DONTWAIT)

    def never_wait(self) -> None:
        """It never does."""

    def receive(self, seconds: float) -> p.Message | None:
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        poller.register(self._ended, zmq.POLLIN)
        poller.poll(int(seconds * 1000))
        if not self._socket.poll(0):  # the daemon is silent, or has closed the connection
            return None
        return codec.unpack(self._socket.recv_multipart())[0]

    def close(self, linger: float = 0.0) -> None:
        self._socket.disable_monitor()
        self._ended.close(linger=0)  # by itself: closed together with its context it may wait forever
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
    """A plain socket that speaks ZMTP."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.socket = connected(endpoint)
        self._incoming = zmtp.FrameParser()
        self._arrived: deque[list[bytearray]] = deque()
        self._gone = False
        self.write(zmtp.GREETING + zmtp.ready(zmtp.random_routing_id()))
        # libzmq closes the connection if a message arrives before it has sent its own READY.
        while not self._incoming.is_ready and not self._gone:
            self._read(PATIENCE)

    def send(self, frames: Sequence[Any]) -> None:
        self.write(b"".join(zmtp.message_parts(frames)))

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            self.socket.sendall(data)

    def never_wait(self) -> None:
        self.socket.setblocking(False)

    def receive(self, seconds: float) -> p.Message | None:
        while not self._arrived and not self._gone and self._read(seconds):
            pass
        return codec.unpack(self._arrived.popleft())[0] if self._arrived else None

    def _read(self, seconds: float) -> bool:
        """Whether anything arrived, including the end of the connection."""
        if not select.select([self.socket], [], [], seconds)[0]:
            return False
        try:
            count = self.socket.recv_into(self._incoming.get_buffer())
            message = self._incoming.buffer_updated(count) if count else None
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


def open_session(peer: Peer, key: bytes, client_id: str = "raw") -> bytes:
    """The whole handshake, on a connection with or without a session. Returns the id of the new session."""
    nonce = secrets.token_bytes(32)
    peer.send(codec.pack(hello(nonce, client_id)))
    challenge = _next(peer, p.Challenge)
    proof = auth.proof(key, "client", nonce, challenge.nonce, peer.endpoint, p.VERSION)
    peer.send(codec.pack(p.Proof(proof)))
    session: bytes = _next(peer, p.Welcome).session_id
    return session


def _next(peer: Peer, kind: type[Any]) -> Any:
    """The next message of a kind. Raises the error if the daemon refuses."""
    while (message := peer.receive(PATIENCE)) is not None:
        if isinstance(message, p.Failed):
            raise error_from(message.code, message.sentence)
        if isinstance(message, kind):
            return message
    raise AssertionError(f"no {kind.__name__} came")

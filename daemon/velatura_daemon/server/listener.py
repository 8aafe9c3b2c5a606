"""Listening on this machine: a Unix socket or a port on 127.0.0.1, ZMTP spoken by ourselves.

Limits apply from the first byte: an unauthenticated peer may send one frame of 4 KiB at a time, has some seconds to
prove the key, and there are at most MAX_UNAUTHENTICATED of them. So peers without the key can make the server hold at
most MAX_UNAUTHENTICATED × (a frame + what Python needs per connection), measured in docs/reliability.md; libzmq's
ROUTER would accept a message of any size.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from velatura.protocol import zmtp
from velatura.protocol.messages import CHUNK
from velatura.protocol.sockets import ZmtpSocket, configure_socket, set_socket_buffers
from velatura_daemon.clock import Clock

log = logging.getLogger("velatura.server")

MAX_UNAUTHENTICATED = 128  # connections that have not proved the key; the oldest is closed first
PROOF_SECONDS = 10.0  # for such a peer to prove it
BACKLOG = 128
BATCH = 16  # messages of one peer before the others are served
MAX_QUEUED = 256  # messages that wait for an authenticated peer to read them; one more is lost
UNAUTHENTICATED_QUEUE = 8
PAUSE_SECONDS = 1.0  # without accepting, after the system had no descriptor left


def _nothing(_: int) -> None:
    pass


class Peer:
    """One connection."""

    def __init__(self, listener: Listener, connected: socket.socket, connected_at: float) -> None:
        self._listener = listener
        self._socket = connected
        self.wire = ZmtpSocket(connected, zmtp.ready(b"", b"ROUTER"), zmtp.UNAUTHENTICATED, UNAUTHENTICATED_QUEUE)
        self.connected_at = connected_at
        self.watched = selectors.EVENT_READ
        self.on_ready: Callable[[int], None] = _nothing

    @property
    def endpoint(self) -> str:
        """The published address that it connected to."""
        return self._listener.endpoint

    def send(self, frames: Sequence[Any]) -> bool:
        """Queue a message; never blocks. False if the peer has gone or does not read: then the message is lost."""
        taken = self.wire.closed_reason is None and self.wire.send(frames)
        self._listener.watch(self)
        return taken

    def trust(self) -> None:
        """It has proved the key: larger and more messages are accepted from it."""
        self.wire.parser.limits, self.wire.max_queued = zmtp.AUTHENTICATED, MAX_QUEUED
        set_socket_buffers(self._socket, CHUNK)
        self._listener.settled(self)

    def distrust(self) -> None:
        """Its session is over: the limits of an unauthenticated peer apply again."""
        self.wire.parser.limits, self.wire.max_queued = zmtp.UNAUTHENTICATED, UNAUTHENTICATED_QUEUE
        self._listener.unsettled(self)


Take = Callable[[Peer, list[Any]], None]  # a message's frames, as buffers
Gone = Callable[[Peer], None]


class Listener:
    """Accepts connections at one address, and registers them with the server's selector."""

    def __init__(
        self,
        listening: socket.socket,
        endpoint: str,
        selector: selectors.BaseSelector,
        clock: Clock,
        take: Take,
        gone: Gone,
    ) -> None:
        """listening: a bound socket, owned by this object from now on. take: called with each message. gone: called
        with each peer whose connection was closed, by either side."""
        self.endpoint = endpoint
        self._listening, self._selector, self._clock = listening, selector, clock
        self._take, self._gone = take, gone
        self._unauthenticated: dict[Peer, None] = {}  # in order of arrival
        self._peers: set[Peer] = set()
        self._paused_until: float | None = None
        self.listen_anew(listening)

    def listen_anew(self, listening: socket.socket) -> None:
        """Listen with this socket, bound to the same address; existing connections stay."""
        if self._listening is not listening:
            if self._paused_until is None:
                self._selector.unregister(self._listening)
            self._listening.close()
        self._listening, self._paused_until = listening, None
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)

    # --- called by peers -------------------------------------------------------------------------------
    def watch(self, peer: Peer) -> None:
        """Update what the selector waits for on this peer's socket."""
        if peer not in self._peers:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.wire.needs_write else 0)
        if wanted != peer.watched:
            peer.watched = wanted
            self._selector.modify(peer.wire, wanted, peer.on_ready)

    def settled(self, peer: Peer) -> None:
        self._unauthenticated.pop(peer, None)

    def unsettled(self, peer: Peer) -> None:
        if peer in self._peers:
            peer.connected_at = self._clock.now()
            self._unauthenticated[peer] = None

    # --- the selector's calls ----------------------------------------------------------------------------
    def _accept(self, _: int) -> None:
        for _ in range(BATCH):
            try:
                connected, _address = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor or no memory left
                log.error("no connection can be accepted at %s: %s", self.endpoint, error.strerror)
                self._pause()
                return
            self._welcome(connected)

    def _welcome(self, connected: socket.socket) -> None:
        try:
            configure_socket(connected)
        except OSError:  # gone already
            connected.close()
            return
        while len(self._unauthenticated) >= MAX_UNAUTHENTICATED:
            self.hang_up(next(iter(self._unauthenticated)))
        peer = Peer(self, connected, self._clock.now())
        self._peers.add(peer)
        self._unauthenticated[peer] = None
        peer.on_ready = lambda events: self._ready(peer, events)
        self._selector.register(peer.wire, peer.watched, peer.on_ready)
        peer.wire.flush()
        self.watch(peer)

    def _ready(self, peer: Peer, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                peer.wire.flush()
            for _ in range(BATCH):
                message = peer.wire.receive()
                if message is None:
                    break
                self._take(peer, message)
        except Exception:  # a fault of ours with one connection must not take everybody's daemon down
            log.exception("a connection could not be served")
            self.hang_up(peer)
            return
        if peer.wire.closed_reason is not None:
            self.hang_up(peer)
        else:
            self.watch(peer)

    # --- the clock ---------------------------------------------------------------------------------------
    @property
    def due(self) -> float | None:
        """Seconds until `tidy` has something to do, or None."""
        times = [next(iter(self._unauthenticated)).connected_at + PROOF_SECONDS] if self._unauthenticated else []
        times += [self._paused_until] if self._paused_until is not None else []
        return min(times) - self._clock.now() if times else None

    def tidy(self, now: float) -> None:
        """Close connections of peers that did not prove the key in time."""
        for peer in [peer for peer in self._unauthenticated if now - peer.connected_at >= PROOF_SECONDS]:
            self.hang_up(peer)
        if self._paused_until is not None and now >= self._paused_until:
            self._paused_until = None
            self._selector.register(self._listening, selectors.EVENT_READ, self._accept)

    def _pause(self) -> None:
        self._selector.unregister(self._listening)
        self._paused_until = self._clock.now() + PAUSE_SECONDS

    # --- closing -----------------------------------------------------------------------------------------
    def hang_up(self, peer: Peer) -> None:
        """Close a connection, and report it."""
        if peer not in self._peers:
            return
        self._peers.discard(peer)
        self._unauthenticated.pop(peer, None)
        self._selector.unregister(peer.wire)
        peer.wire.close()
        self._gone(peer)

    def close(self) -> None:
        """Close all connections, after sending what the system takes at once."""
        if self._paused_until is None:
            self._selector.unregister(self._listening)
        self._listening.close()
        for peer in list(self._peers):
            peer.wire.flush()
            self.hang_up(peer)
        if self.endpoint.startswith("ipc://"):
            with contextlib.suppress(OSError):
                Path(self.endpoint.removeprefix("ipc://")).unlink(missing_ok=True)


def listen_on_path(path: Path) -> tuple[socket.socket, str]:
    """Bind a Unix socket for this user alone, replacing one that a crash has left. Returns it and its endpoint."""
    path.unlink(missing_ok=True)
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listening.bind(os.fspath(path))
        path.chmod(0o600)
    except OSError:
        listening.close()
        raise
    return listening, f"ipc://{path}"


def listen_on_loopback() -> tuple[socket.socket, str]:
    """Bind a free port of 127.0.0.1. Returns the socket and its endpoint."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.bind(("127.0.0.1", 0))
    except OSError:
        listening.close()
        raise
    return listening, f"tcp://127.0.0.1:{listening.getsockname()[1]}"

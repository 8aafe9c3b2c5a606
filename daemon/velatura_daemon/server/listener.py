"""Listening on this machine: a Unix socket or a port on 127.0.0.1, ZMTP spoken by ourselves.

Everything that comes counts from the first byte: a stranger may send one frame of 4 KiB at a time, has some seconds to
prove the key, and there are STRANGERS of them at most. So no peer that knows no key can make the front hold more than
STRANGERS × (a frame + what Python needs for a connection), measured in docs/reliability.md; libzmq's ROUTER would take
a message without end.
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

STRANGERS = 128  # connections that have not proved the key; the oldest goes first
PATIENCE = 10.0  # seconds for a stranger to prove it
BACKLOG = 128
BATCH = 16  # messages of one peer before the others get their turn
QUEUE_OUT = 256  # messages that wait for a trusted peer to take them; one more is lost
STRANGERS_QUEUE = 8
REST = 1.0  # seconds without accepting where the system has no descriptor left


def _nothing(_: int) -> None:
    pass


class Peer:
    """One connection: whoever is at its other end."""

    def __init__(self, listener: Listener, connected: socket.socket, came: float) -> None:
        self._listener = listener
        self._socket = connected
        self.wire = ZmtpSocket(connected, zmtp.ready(b"", b"ROUTER"), zmtp.UNAUTHENTICATED, STRANGERS_QUEUE)
        self.came = came
        self.watched = selectors.EVENT_READ
        self.on_ready: Callable[[int], None] = _nothing

    @property
    def endpoint(self) -> str:
        """The published address that it came to."""
        return self._listener.endpoint

    def send(self, frames: Sequence[Any]) -> bool:
        """Hand over a message; never blocks. False if the peer has gone or takes nothing: the message is lost then."""
        taken = self.wire.closed_reason is None and self.wire.send(frames)
        self._listener.watch(self)
        return taken

    def trust(self) -> None:
        """It has proved the key: larger and more messages are accepted from it."""
        self.wire.parser.limits, self.wire.max_queued = zmtp.AUTHENTICATED, QUEUE_OUT
        set_socket_buffers(self._socket, CHUNK)
        self._listener.settled(self)

    def distrust(self) -> None:
        """Its session is over: the limits of an unauthenticated peer apply again."""
        self.wire.parser.limits, self.wire.max_queued = zmtp.UNAUTHENTICATED, STRANGERS_QUEUE
        self._listener.unsettled(self)


Take = Callable[[Peer, list[Any]], None]  # a message's frames, as buffers
Gone = Callable[[Peer], None]


class Listener:
    """Accepts connections at one address, and registers with the front's selector what it waits for."""

    def __init__(
        self,
        listening: socket.socket,
        endpoint: str,
        selector: selectors.BaseSelector,
        clock: Clock,
        take: Take,
        gone: Gone,
    ) -> None:
        """listening: bound; it is this object's from now on. take: gets each message; gone: gets a peer that has hung
        up or was hung up on."""
        self.endpoint = endpoint
        self._listening, self._selector, self._clock = listening, selector, clock
        self._take, self._gone = take, gone
        self._strangers: dict[Peer, None] = {}  # in order of arrival
        self._peers: set[Peer] = set()
        self._rests_until: float | None = None
        self.listen_anew(listening)

    def listen_anew(self, listening: socket.socket) -> None:
        """Listen with this socket, bound to the same address; who is in stays."""
        if self._listening is not listening:
            if self._rests_until is None:
                self._selector.unregister(self._listening)
            self._listening.close()
        self._listening, self._rests_until = listening, None
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)

    # --- what a peer asks of its listener --------------------------------------------------------------
    def watch(self, peer: Peer) -> None:
        """Have the selector wait for what this peer's wire waits for."""
        if peer not in self._peers:
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.wire.needs_write else 0)
        if wanted != peer.watched:
            peer.watched = wanted
            self._selector.modify(peer.wire, wanted, peer.on_ready)

    def settled(self, peer: Peer) -> None:
        self._strangers.pop(peer, None)

    def unsettled(self, peer: Peer) -> None:
        if peer in self._peers:
            peer.came = self._clock.now()
            self._strangers[peer] = None

    # --- the selector's calls ----------------------------------------------------------------------------
    def _accept(self, _: int) -> None:
        for _ in range(BATCH):
            try:
                connected, _address = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:  # no descriptor or no memory left
                log.error("no connection can be taken at %s: %s", self.endpoint, error.strerror)
                self._rest()
                return
            self._welcome(connected)

    def _welcome(self, connected: socket.socket) -> None:
        try:
            configure_socket(connected)
        except OSError:  # gone already
            connected.close()
            return
        while len(self._strangers) >= STRANGERS:
            self.hang_up(next(iter(self._strangers)))
        peer = Peer(self, connected, self._clock.now())
        self._peers.add(peer)
        self._strangers[peer] = None
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

    # --- the clock's -------------------------------------------------------------------------------------
    @property
    def due(self) -> float | None:
        """Seconds until `tidy` has something to do; None: nothing is waited for."""
        times = [next(iter(self._strangers)).came + PATIENCE] if self._strangers else []
        times += [self._rests_until] if self._rests_until is not None else []
        return min(times) - self._clock.now() if times else None

    def tidy(self, now: float) -> None:
        """Strangers who have taken too long are hung up on."""
        for peer in [peer for peer in self._strangers if now - peer.came >= PATIENCE]:
            self.hang_up(peer)
        if self._rests_until is not None and now >= self._rests_until:
            self._rests_until = None
            self._selector.register(self._listening, selectors.EVENT_READ, self._accept)

    def _rest(self) -> None:
        self._selector.unregister(self._listening)
        self._rests_until = self._clock.now() + REST

    # --- ends --------------------------------------------------------------------------------------------
    def hang_up(self, peer: Peer) -> None:
        """Close a connection, and say so."""
        if peer not in self._peers:
            return
        self._peers.discard(peer)
        self._strangers.pop(peer, None)
        self._selector.unregister(peer.wire)
        peer.wire.close()
        self._gone(peer)

    def close(self) -> None:
        """What is still to be sent goes out as far as the system takes it at once."""
        if self._rests_until is None:
            self._selector.unregister(self._listening)
        self._listening.close()
        for peer in list(self._peers):
            peer.wire.flush()
            self.hang_up(peer)
        if self.endpoint.startswith("ipc://"):
            with contextlib.suppress(OSError):
                Path(self.endpoint.removeprefix("ipc://")).unlink(missing_ok=True)


def listen_on_path(path: Path) -> tuple[socket.socket, str]:
    """A Unix socket there, for this user alone, in place of one that a crash has left. Returns it and its endpoint."""
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
    """A free port of 127.0.0.1. Returns the socket and its endpoint."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listening.bind(("127.0.0.1", 0))
    except OSError:
        listening.close()
        raise
    return listening, f"tcp://127.0.0.1:{listening.getsockname()[1]}"

"""Listening on this machine: a Unix socket or a port on 127.0.0.1, ZMTP spoken by ourselves.

Limits apply from the first byte: an unauthenticated peer may send one frame of 4 KiB at a time, has some seconds to
prove the key, and there are at most MAX_UNAUTHENTICATED of them. So peers without the key can make the server hold at
most MAX_UNAUTHENTICATED × (a frame + what Python needs per connection), measured in docs/reliability.md; libzmq's
ROUTER would accept a message of any size.

With the key, nothing more is read from a peer while replies wait for it, large replies are made when the ones before
were sent, and all connections share a `BufferBudget`. A peer that lets messages pile up that it did not ask for is cut
off.
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import socket
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from velatura.protocol import zmtp
from velatura.protocol.messages import CHUNK
from velatura.protocol.sockets import ZmtpSocket, configure_socket, set_socket_buffers
from velatura_daemon.clock import Clock
from velatura_daemon.server.buffer_budget import BufferBudget

log = logging.getLogger("velatura.server")

MAX_UNAUTHENTICATED = 128  # connections that have not proved the key; the oldest is closed first
PROOF_SECONDS = 10.0  # for such a peer to prove it
BACKLOG = 128
BATCH = 16  # messages of one peer before the others are served
# Messages that wait for a peer to read them; for one more it is cut off. From half of them on nothing is read from it.
MAX_QUEUED, UNAUTHENTICATED_QUEUE = 256, 8
# Their bytes. A preview has up to 0.8 MB, and each running job of a client may have one under way.
MAX_QUEUED_BYTES, UNAUTHENTICATED_QUEUE_BYTES = 8 << 20, 64 << 10
PAUSE_SECONDS = 1.0  # without accepting, after the system had no descriptor left


class Peer:
    """One connection.

    connected_at: when its time to prove the key began. read_at: when it last read what it had not read before, which is
    a sign of life. watched: the events that the selector waits for.
    """

    def __init__(self, listener: Listener, connected: socket.socket, connected_at: float, budget: BufferBudget) -> None:
        self._listener = listener
        self._socket = connected
        self.wire = ZmtpSocket(connected, zmtp.ready(b"", b"ROUTER"), zmtp.UNAUTHENTICATED, UNAUTHENTICATED_QUEUE)
        self.wire.max_queued_bytes = UNAUTHENTICATED_QUEUE_BYTES
        # Refers back to this object; `ZmtpSocket.close` drops it, so that memory is freed without the collector.
        self.wire.parser.admit = partial(budget.admit, self)
        self.connected_at = self.read_at = connected_at
        self.watched = 0

    @property
    def endpoint(self) -> str:
        """The published address that it connected to."""
        return self._listener.endpoint

    @property
    def congested(self) -> bool:
        """Whether so many messages wait for it that no more are read from it."""
        return self.wire.queued >= self.wire.max_queued // 2 or self.wire.bytes_waiting > zmtp.SMALL

    @property
    def bytes_held(self) -> int:
        return self.wire.parser.bytes_held + self.wire.bytes_unread

    @property
    def progress(self) -> int:
        return self.wire.bytes_sent if self.wire.bytes_unread > zmtp.SMALL else self.wire.bytes_received

    def send(self, frames: Sequence[Any]) -> None:
        """Queue a message; never blocks. A peer that does not read is cut off; one that has gone loses the message."""
        self._sent(self.wire.closed_reason is not None or self.wire.send(frames))

    def send_lazily(self, messages: Iterator[Sequence[Any]], size: int = 0) -> None:
        """Queue messages that are made once everything before them was sent. See `ZmtpSocket.send_lazily`."""
        self._sent(self.wire.closed_reason is not None or self.wire.send_lazily(messages, size))

    def _sent(self, taken: bool) -> None:
        if not taken:
            self.cut_off("it does not read what it is sent")  # not translated: for the log
        self._listener.watch(self)

    def resume(self) -> bool:
        self._listener.resume(self)
        return self.wire.starved or self.wire.parser.waiting

    def cut_off(self, why: str) -> None:
        """Close the connection as soon as the server has finished what it is doing."""
        self._listener.cut_off(self, why)

    def trust(self) -> None:
        """It has proved the key: larger and more messages are accepted from it."""
        self.wire.parser.limits, self.wire.max_queued = zmtp.AUTHENTICATED, MAX_QUEUED
        self.wire.max_queued_bytes = MAX_QUEUED_BYTES
        set_socket_buffers(self._socket, CHUNK)
        self._listener.settled(self)

    def distrust(self) -> None:
        """Its session is over: the limits of an unauthenticated peer apply again."""
        self.wire.drop_unsent()
        self.wire.parser.limits, self.wire.max_queued = zmtp.UNAUTHENTICATED, UNAUTHENTICATED_QUEUE
        self.wire.max_queued_bytes = UNAUTHENTICATED_QUEUE_BYTES
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
        budget: BufferBudget,
        take: Take,
        gone: Gone,
    ) -> None:
        """listening: a bound socket, owned by this object from now on. take: called with each message. gone: called
        with each peer whose connection was closed, by either side."""
        self.endpoint = endpoint
        self._listening, self._selector, self._clock, self._budget = listening, selector, clock, budget
        self._take, self._gone = take, gone
        self._unauthenticated: dict[Peer, None] = {}  # in order of arrival
        self._peers: set[Peer] = set()
        self._to_cut_off: dict[Peer, str] = {}  # with the reasons
        self._paused_until: float | None = None
        self._bound: tuple[int, int] | None = None  # device and inode of the Unix socket's file
        self.listen_anew(listening)

    def listen_anew(self, listening: socket.socket) -> None:
        """Listen with this socket, bound to the same address; existing connections stay."""
        if self._listening is not listening:
            if self._paused_until is None:
                self._selector.unregister(self._listening)
            self._listening.close()
        self._listening, self._paused_until = listening, None
        self._bound = self._socket_file()
        listening.setblocking(False)
        listening.listen(BACKLOG)
        self._selector.register(listening, selectors.EVENT_READ, self._accept)

    # --- called by peers -------------------------------------------------------------------------------
    def watch(self, peer: Peer) -> None:
        """Update what the selector waits for on this peer's socket, and what it holds of the budget."""
        if peer not in self._peers:
            return
        reads = not peer.congested and not peer.wire.parser.waiting
        wanted = (selectors.EVENT_READ if reads else 0) | (selectors.EVENT_WRITE if peer.wire.needs_write else 0)
        if wanted != peer.watched:
            ready = partial(self._ready, peer)
            if not wanted:  # it waits for memory
                self._selector.unregister(peer.wire)
            elif peer.watched:
                self._selector.modify(peer.wire, wanted, ready)
            else:
                self._selector.register(peer.wire, wanted, ready)
            peer.watched = wanted
        self._budget.update(peer)

    def resume(self, peer: Peer) -> None:
        """Try again what was not admitted."""
        if peer in self._peers:
            peer.read_at = self._clock.now()  # that it was silent was not its choice
            peer.wire.resume()
            self._ready(peer, 0)

    def cut_off(self, peer: Peer, why: str) -> None:
        """Close a connection in the next `tidy`: at present the caller may be going through sessions or jobs."""
        if peer in self._peers:
            self._to_cut_off.setdefault(peer, why)

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
        peer = Peer(self, connected, self._clock.now(), self._budget)
        self._peers.add(peer)
        self._unauthenticated[peer] = None
        peer.wire.flush()
        self.watch(peer)

    def _ready(self, peer: Peer, events: int) -> None:
        try:
            if events & selectors.EVENT_WRITE:
                sent = peer.wire.bytes_sent
                peer.wire.flush()
                if peer.wire.bytes_sent > sent:
                    peer.read_at = self._clock.now()
            for _ in range(BATCH):
                if peer.congested:
                    break
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
        times += [self._clock.now()] if self._to_cut_off else []
        return min(times) - self._clock.now() if times else None

    def tidy(self, now: float) -> None:
        """Close connections of peers that did not prove the key in time, or that are to be cut off."""
        for peer, why in list(self._to_cut_off.items()):
            if peer not in self._unauthenticated:  # such a peer must not fill the log
                log.warning(
                    "a connection is closed: %s (%d messages, %.1f MB)", why, peer.wire.queued, peer.bytes_held / 1e6
                )
            self.hang_up(peer)
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
        self._to_cut_off.pop(peer, None)
        if peer.watched:
            self._selector.unregister(peer.wire)
            peer.watched = 0
        peer.wire.close()
        self._budget.remove(peer)
        self._gone(peer)

    def close(self) -> None:
        """Close all connections, after sending what the system takes at once."""
        if self._paused_until is None:
            self._selector.unregister(self._listening)
        self._listening.close()
        for peer in list(self._peers):
            peer.wire.flush()
            self.hang_up(peer)
        if self._bound is not None and self._bound == self._socket_file():  # it may be another daemon's by now
            with contextlib.suppress(OSError):
                Path(self.endpoint.removeprefix("ipc://")).unlink(missing_ok=True)

    def _socket_file(self) -> tuple[int, int] | None:
        """Device and inode of the Unix socket's file, or None if there is none."""
        with contextlib.suppress(OSError):
            if self.endpoint.startswith("ipc://"):
                info = Path(self.endpoint.removeprefix("ipc://")).lstat()
                return info.st_dev, info.st_ino
        return None


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

"""An entrance for other machines: CURVE alone, by libzmq, behind sluices of our own.

A connection gets a ZeroMQ socket to itself, and a ZAP domain: so its address, its key and its messages belong together, a revoked key's
connections can be hung up on, and nobody can pose as another by a routing id. Before its key is proved a connection may send
STRANGERS_BYTES in PATIENCE seconds, and there are STRANGERS such at most, the oldest going first. After that it is a key's: PER_KEY of them
each, and a message of more than LONGEST bytes ends it.
"""

from __future__ import annotations

import contextlib
import itertools
import logging
import selectors
import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import zmq

from pastiche.errors import DaemonCannotStart, UsageError
from pastiche.paths import POSIX
from pastiche.protocol import MAX_FRAME
from pastiche_daemon.audit import Audit
from pastiche_daemon.clock import Clock
from pastiche_daemon.keys import Allowance, AllowedKey, Keys
from pastiche_daemon.listening.peers import Gone, Take
from pastiche_daemon.listening.sluice import Sluice

log = logging.getLogger("pastiche")

STRANGERS = 32  # connections that have not proved a key
PATIENCE = 10.0  # seconds for a stranger to prove one
STRANGERS_BYTES = 4096  # a CURVE handshake has some 600
PER_KEY = 8  # connections; the oldest goes first
LONGEST = 4 * MAX_FRAME  # bytes in which a message must have come whole
QUEUE_IN, QUEUE_OUT = 8, 256  # messages between libzmq's thread and ours
MOST_SOCKETS = 4096  # of libzmq, one a connection; it begins with 1,023
BEAT = 5.0  # seconds between libzmq's own signs of life; three missed end a connection
BATCH = 16  # messages or moves of one peer before the others get their turn
BACKLOG = 128
REST = 1.0  # seconds without accepting where the system has no descriptor left
LOOK_EVERY = 1.0  # seconds between looks at who is allowed

_numbers = itertools.count(1)


class RemotePeer:
    """One connection: see `peers.Peer`. key: '' until it was proved."""

    def __init__(self, entrance: RemoteEntrance, outside: socket.socket, address: str, number: int, came: float) -> None:
        self._entrance = entrance
        self.address, self.number = address, number
        self.until: float | None = came + PATIENCE  # when it is hung up on; None: it may stay
        self.allowed: AllowedKey | None = None
        self.outside = outside
        self.socket, self.inside = entrance.chamber(number)
        self.inwards, self.outwards = Sluice(outside, self.inside), Sluice(self.inside, outside)
        self.taken = 0  # bytes of a handshake, then bytes since the last message that was whole
        self.watched: dict[Any, int] = {}

    @property
    def endpoint(self) -> str:
        return self._entrance.endpoint

    @property
    def key(self) -> str:
        return self.allowed.name if self.allowed else ""

    @property
    def allowance(self) -> Allowance | None:
        return self.allowed.allowance if self.allowed else None

    def send(self, frames: Sequence[Any]) -> bool:
        if self.socket.closed:
            return False
        try:
            self.socket.send_multipart(frames, flags=zmq.DONTWAIT, copy=False)
        except zmq.ZMQError:  # it takes nothing, or has gone
            return False
        finally:
            self._entrance.look_again(self)  # sending may have swallowed the descriptor's sign that something has come
        return True

    def trust(self) -> None:
        """It is trusted already, by its key."""

    def distrust(self) -> None:
        """It may say hello again: its key is as good as before."""


class RemoteEntrance:
    """Listens at one address: see `peers.Entrance`."""

    def __init__(self, address: str, keys: Keys, folder: Path, selector: selectors.BaseSelector, clock: Clock, audit: Audit,
                 take: Take, gone: Gone) -> None:  # fmt: skip
        """address: tcp://HOST:PORT. folder: 0700; sockets between us and libzmq lie in it. Raises UsageError, DaemonCannotStart."""
        self._keys, self._folder, self._selector, self._clock, self._audit = keys, folder, selector, clock, audit
        self._take, self._gone = take, gone
        self._pair = keys.server()
        self._stamp: Mapping[str, Any] = {}
        self._allowed: dict[bytes, AllowedKey] = {}
        self.read_keys()
        if not self._allowed:
            raise UsageError(
                f"Nobody could come in at {address}: no key is allowed yet. On the painter's machine run 'pastiche keys new NAME', "
                "and here what it says: 'pastiche keys allow PUBLIC_KEY --name NAME'."
            )
        self._listening = listen_at(address)
        for left in folder.glob("in-*.sock"):  # by a crash
            left.unlink(missing_ok=True)
        self.endpoint = _endpoint_of(self._listening, address)
        self._context = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, min(MOST_SOCKETS, self._context.get(zmq.SOCKET_LIMIT)))
        self._zap = self._context.socket(zmq.ROUTER)
        self._zap.setsockopt(zmq.LINGER, 0)
        self._zap.bind("inproc://zeromq.zap.01")
        self._peers: dict[int, RemotePeer] = {}  # in order of arrival
        self._unread: dict[RemotePeer, None] = {}  # may have more to say, without a sign of it
        self._rests_until: float | None = None
        self._next_look = clock.now() + LOOK_EVERY
        self._selector.register(_descriptor(self._zap), selectors.EVENT_READ, self._ask)
        self._selector.register(self._listening, selectors.EVENT_READ, self._accept)

    # --- what a peer asks of its entrance --------------------------------------------------------------
    def chamber(self, number: int) -> tuple[zmq.Socket[bytes], socket.socket]:
        """libzmq's end of a connection and ours."""
        path = self._folder / f"in-{number}.sock"
        one = self._context.socket(zmq.DEALER)
        for option, value in (
            (zmq.CURVE_SERVER, 1), (zmq.CURVE_PUBLICKEY, self._pair.public), (zmq.CURVE_SECRETKEY, self._pair.secret),
            (zmq.ZAP_DOMAIN, str(number).encode()), (zmq.LINGER, 0), (zmq.MAXMSGSIZE, MAX_FRAME + 64),
            (zmq.RCVHWM, QUEUE_IN), (zmq.SNDHWM, QUEUE_OUT), (zmq.HANDSHAKE_IVL, int(PATIENCE * 1000)),
            (zmq.HEARTBEAT_IVL, int(BEAT * 1000)), (zmq.HEARTBEAT_TIMEOUT, int(3 * BEAT * 1000)), (zmq.HEARTBEAT_TTL, int(3 * BEAT * 1000)),
        ):  # fmt: skip
            one.setsockopt(option, value)
        inside = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        inside.setblocking(False)
        try:
            one.bind(f"ipc://{path}")
            inside.connect(str(path))
        except (OSError, zmq.ZMQError):
            inside.close()
            one.close(0)
            raise
        return one, inside

    def look_again(self, peer: RemotePeer) -> None:
        self._unread[peer] = None

    # --- the selector's calls ----------------------------------------------------------------------------
    def _accept(self, _: int) -> None:
        for _turn in range(BATCH):
            try:
                outside, address = self._listening.accept()
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                self._rest(error)
                return
            self._welcome(outside, f"{address[0]}:{address[1]}")

    def _welcome(self, outside: socket.socket, address: str) -> None:
        strangers = [peer for peer in self._peers.values() if peer.allowed is None]
        for peer in strangers[: max(0, len(strangers) - STRANGERS + 1)]:
            self.hang_up(peer)
        number = next(_numbers)
        try:
            outside.setblocking(False)
            outside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = RemotePeer(self, outside, address, number, self._clock.now())
        except (OSError, zmq.ZMQError) as error:
            outside.close()
            self._rest(error)
            return
        self._peers[number] = peer
        self._register(_descriptor(peer.socket), peer, lambda _: self._read(peer))
        self._watch(peer)

    def _ask(self, _: int) -> None:
        """libzmq asks (by ZAP) whether a key that was proved may come in."""
        while True:
            try:
                frames = self._zap.recv_multipart(flags=zmq.DONTWAIT)
            except zmq.Again:
                return
            route, _empty, version, request, domain, _address, _identity, mechanism, *credentials = frames
            peer = self._peers.get(int(domain)) if domain.isdigit() else None
            is_in = peer is not None and mechanism == b"CURVE" and len(credentials) == 1 and self._let_in(peer, credentials[0])
            verdict = [b"200", b"", b"in"] if is_in else [b"400", b"this key is not allowed", b""]
            self._zap.send_multipart([route, b"", version, request, *verdict, b""])

    def _let_in(self, peer: RemotePeer, public: bytes) -> bool:
        self.read_keys()
        allowed = self._allowed.get(public)
        if allowed is None:
            log.warning("a key that is not allowed came from %s: %s", peer.address, public.hex())
            self._audit.refused(peer.address, public)
            return False
        same = [other for other in self._peers.values() if other.allowed is not None and other.allowed.public == public]
        for other in same[: max(0, len(same) - PER_KEY + 1)]:
            self.hang_up(other)
        peer.allowed, peer.taken, peer.until = allowed, 0, None
        self._watch(peer)
        log.info("%s has come from %s", allowed.name, peer.address)
        return True

    def _move(self, peer: RemotePeer, _: int) -> None:
        peer.inwards.push()
        peer.outwards.push()
        for _ in range(BATCH):
            peer.taken += (came := peer.inwards.move(self._may_take(peer)))
            if not came + peer.outwards.move():
                break
        if peer.outwards.ended:
            self._read(peer, last_words=True)
            self.hang_up(peer)
        elif peer.inwards.ended:  # libzmq is told, and hangs up when it has read what came before
            peer.until = self._clock.now() + PATIENCE
            with contextlib.suppress(OSError):
                peer.inside.shutdown(socket.SHUT_WR)
            self._watch(peer)
        elif self._may_take(peer) <= 0:
            log.warning("%s at %s sends without end; it is hung up on", peer.key or "a stranger", peer.address)
            self.hang_up(peer)
        else:
            self._watch(peer)

    @staticmethod
    def _may_take(peer: RemotePeer) -> int:
        """Bytes that it may still send before it has proved a key, or a message is whole."""
        return (LONGEST if peer.allowed else STRANGERS_BYTES) - peer.taken

    def _read(self, peer: RemotePeer, *, last_words: bool = False) -> None:
        self._unread.pop(peer, None)
        for _ in range(BATCH if not last_words else QUEUE_IN + BATCH):
            if peer.socket.closed:
                return
            try:
                frames = peer.socket.recv_multipart(flags=zmq.DONTWAIT, copy=False)
            except zmq.ZMQError:
                return
            peer.taken = 0
            if peer.allowed is not None:  # not even libzmq is believed where the key was not asked after
                self._take(peer, [frame.buffer for frame in frames])
        self.look_again(peer)

    def _watch(self, peer: RemotePeer) -> None:
        """Have the selector wait for what the sluices wait for."""
        if peer.number not in self._peers:
            return
        for end, reads, writes in ((peer.outside, peer.inwards, peer.outwards), (peer.inside, peer.outwards, peer.inwards)):
            wanted = (0 if reads.is_blocked or reads.ended else selectors.EVENT_READ) | (selectors.EVENT_WRITE if writes.is_blocked else 0)
            self._register(end, peer, lambda events: self._move(peer, events), wanted)

    def _register(self, what: Any, peer: RemotePeer, do: Callable[[int], None], wanted: int = selectors.EVENT_READ) -> None:
        watched = peer.watched.get(what, 0)
        if wanted == watched:
            return
        if not wanted:
            self._selector.unregister(what)
        elif not watched:
            self._selector.register(what, wanted, do)
        else:
            self._selector.modify(what, wanted, do)
        peer.watched[what] = wanted

    # --- who is allowed ----------------------------------------------------------------------------------
    def read_keys(self) -> None:
        """Look who is allowed, where that has changed. Who is not any more is hung up on."""
        try:
            stamp = self._keys.stamp()
            if stamp == self._stamp:
                return
            self._stamp, self._allowed = stamp, self._keys.allowed()
        except OSError as error:  # who was allowed a moment ago is still
            log.error("who may come in cannot be read: %s", error)
            self._stamp = {"": None}  # no folder's, an empty one's neither: look again
            return
        for peer in list(getattr(self, "_peers", {}).values()):
            if peer.allowed is None:
                continue
            now = self._allowed.get(peer.allowed.public)
            if now is None or now.name != peer.allowed.name:
                log.warning("%s is allowed no more; it is hung up on", peer.key)
                self._audit.refused(peer.address, peer.allowed.public, peer.key)
                self.hang_up(peer)
            else:
                peer.allowed = now  # its limits may be others

    def look_at_keys_soon(self) -> None:
        """From a signal, too."""
        self._next_look = 0.0

    # --- the clock's -------------------------------------------------------------------------------------
    @property
    def due(self) -> float | None:
        if self._unread:
            return 0.0
        now = self._clock.now()
        times = [peer.until for peer in self._peers.values() if peer.until is not None]
        times += [self._next_look] if self._peers else []
        times += [self._rests_until] if self._rests_until is not None else []
        return min(times) - now if times else None

    def tidy(self, now: float) -> None:
        """Strangers who have taken too long are hung up on; what came without a sign is read."""
        for peer in list(self._unread):
            self._read(peer)
        for peer in [peer for peer in self._peers.values() if peer.until is not None and now >= peer.until]:
            self.hang_up(peer)
        if now >= self._next_look:
            self._next_look = now + LOOK_EVERY
            self.read_keys()
        if self._rests_until is not None and now >= self._rests_until:
            self._rests_until = None
            self._selector.register(self._listening, selectors.EVENT_READ, self._accept)

    def _rest(self, error: Exception) -> None:
        log.error("no connection can be taken at %s: %s", self.endpoint, error)
        if self._rests_until is None:
            self._selector.unregister(self._listening)
            self._rests_until = self._clock.now() + REST

    # --- ends --------------------------------------------------------------------------------------------
    def hang_up(self, peer: RemotePeer) -> None:
        """Close a connection, and say so."""
        if self._peers.pop(peer.number, None) is None:
            return
        self._unread.pop(peer, None)
        for what, wanted in peer.watched.items():
            if wanted:
                self._selector.unregister(what)
        peer.outside.close()
        peer.inside.close()
        peer.socket.close(0)
        with contextlib.suppress(OSError):
            (self._folder / f"in-{peer.number}.sock").unlink(missing_ok=True)
        self._gone(peer)

    def close(self) -> None:
        if self._rests_until is None:
            self._selector.unregister(self._listening)
        self._listening.close()
        for peer in list(self._peers.values()):
            self.hang_up(peer)
        self._selector.unregister(_descriptor(self._zap))
        self._context.destroy(linger=0)


def _descriptor(one: zmq.Socket[bytes]) -> int:
    """Becomes readable when something may have come; edge-triggered."""
    return int(one.getsockopt(zmq.FD))


def listen_at(address: str) -> socket.socket:
    """A socket there. Raises UsageError, DaemonCannotStart."""
    host, port = host_and_port(address)
    if not POSIX or not zmq.has("curve"):
        what = "This ZeroMQ library has no CURVE" if POSIX else "Unix sockets are missing here"
        raise DaemonCannotStart(f"{what}, so no other machine can be let in. Let a Linux or macOS machine do the work.")
    try:
        family, _, _, _, where = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(where)
        listening.listen(BACKLOG)
    except OSError as error:
        raise DaemonCannotStart(
            f"The daemon cannot listen at {address} ({error.strerror or error}). Give an address of this machine and a free port."
        ) from error
    listening.setblocking(False)
    return listening


def host_and_port(address: str) -> tuple[str, int]:
    """Of tcp://HOST:PORT; '*' is every address of this machine. Raises UsageError."""
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not port.isdigit() or int(port) > 65535:
        raise UsageError(f"An address of another machine is tcp://HOST:PORT; {address[:100]!r} is not.")
    return ("" if host == "*" else host.strip("[]")), int(port)


def _endpoint_of(listening: socket.socket, address: str) -> str:
    return f"{address.rpartition(':')[0]}:{listening.getsockname()[1]}"



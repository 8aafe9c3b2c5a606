"""Many painters' plugins in one process: sockets, handshakes and messages as a `velatura.client.client.Client` has
them, and nothing that an editor needs, so that one core of them is more than a front can serve. For
`tests/bench/front.py`.

A process of them takes orders over a pipe: see `serve`.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import selectors
import time
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any

from velatura.app_dirs import app_dirs
from velatura.client.connection_file import ConnectionInfo, find
from velatura.client.transport import Dealer
from velatura.client.transport_plain import PlainDealer
from velatura.errors import DaemonLost, DaemonNotRunning
from velatura.pixels import PictureRef, PixelFormat
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.protocol.transfer import Download, put_messages
from velatura.settings import StyleSettings

PING_EVERY = 2.5  # seconds: half a heartbeat, as `link.Link` does
PATIENCE = 30.0  # seconds for an answer that is due
RGB = PixelFormat("RGB", "u8")

_numbers = itertools.count(1)


class Lost(Exception):
    """Something that was due did not come."""


class PainterPeer:
    """One plugin: a connection and a session of its own. restyles: while it is set, each result is followed by the next
    job."""

    def __init__(self, dealer: Dealer, name: str, side: int) -> None:
        """side: pixels of the square layer that it has restyled."""
        self.name, self.side = name, side
        self.dealer = dealer
        self.session = b""
        self.count_in = self.count_out = self.bytes_in = self.bytes_out = self.done = 0
        self.worst = 0.0  # seconds of the longest job
        self._asked_at = 0.0
        self.restyles = False
        self.job = ""
        self.status_at: float | None = None
        self._blobs: dict[bytes, bytes] = {}
        self._incoming: Download | None = None

    def greet(self, found: ConnectionInfo) -> None:
        """The handshake, waited for. Raises Lost."""
        nonce = auth.fresh_nonce()
        self.send(p.Hello(list(p.VERSION), nonce, self.name, "bench", found.build))
        challenge = self.waited_for(p.Challenge)
        said = (nonce, challenge.nonce, found.endpoints[0])
        if not auth.constant_time_equal(challenge.proof, auth.proof(found.key, "daemon", *said, challenge.version)):
            raise Lost("the daemon does not know its key")
        self.send(p.Proof(auth.proof(found.key, "client", *said, p.VERSION)))
        self.session = self.waited_for(p.Welcome).session_id

    def waited_for(self, kind: type[Any]) -> Any:
        until = time.monotonic() + PATIENCE
        while (left := until - time.monotonic()) > 0:
            self.dealer.wait(left)
            if (frames := self.dealer.receive()) is not None:
                message = codec.unpack(frames)[0]
                if not isinstance(message, kind):
                    raise Lost(f"{message} came where {kind.type} was due")
                return message
        raise Lost(f"no {kind.type} came in {PATIENCE:.0f} s")

    def send(self, message: p.Message) -> None:
        frames = codec.pack(message, self.session)
        self.count_out += 1
        self.bytes_out += sum(memoryview(frame).nbytes for frame in frames)
        if not self.dealer.send(frames):
            raise Lost("the front takes nothing any more")

    def ask(self) -> None:
        """A restyle of a layer that the daemon has not seen, with a style of its own that the daemon has after the
        first."""
        number = next(_numbers)
        self.job = f"{self.name}-{number}"
        pixels = hashlib.sha256(self.job.encode()).digest() * (self.side * self.side * 3 // 32)
        style = hashlib.sha256(self.name.encode()).digest() * (16 * 16 * 3 // 32)
        content_ref = PictureRef(hashlib.sha256(pixels).digest(), self.side, self.side, RGB, b"")
        style_ref = PictureRef(hashlib.sha256(style).digest(), 16, 16, RGB, b"")
        self._blobs = {content_ref.blob: pixels, style_ref.blob: style}
        self._asked_at = time.monotonic()
        styles = [{"picture": style_ref.to_wire(), "share": 1.0, "region": None}]
        self.send(p.Restyle(self.job, self.job, content_ref.to_wire(), styles, None, StyleSettings().to_wire()))

    def drain(self) -> None:
        """Whatever has come. Raises Lost, DaemonLost."""
        while (frames := self.dealer.receive()) is not None:
            self.count_in += 1
            self.bytes_in += sum(memoryview(frame).nbytes for frame in frames)
            self._take(codec.unpack(frames)[0])

    def _take(self, message: p.Message) -> None:
        if isinstance(message, p.Get):
            for put in put_messages(message, memoryview(self._blobs[message.blob])):
                self.send(put)
        elif isinstance(message, p.Preview):
            self.send(p.PreviewShown(message.job))
        elif isinstance(message, p.Result):
            ref = PictureRef.from_wire(message.picture)
            self._incoming = Download(ref.blob, bytearray().extend, ref.length)
            self.send(self._incoming.first_get())
        elif isinstance(message, p.Put) and self._incoming is not None:
            if (credit := self._incoming.add(message)) is not None:
                self.send(credit)
            if self._incoming.finished:
                self._finished()
        elif isinstance(message, (p.Failed, p.Cancelled, p.Bye)):
            raise Lost(str(message))

    def _finished(self) -> None:
        self.send(p.Received(self.job))
        self.done += 1
        self.worst = max(self.worst, time.monotonic() - self._asked_at)
        self.job, self._incoming = "", None
        if self.restyles:
            self.ask()


class Crowd:
    """Peers of one process, and the loop that serves them."""

    def __init__(self, home: Path, first: int) -> None:
        """first: the number of the first of them."""
        self._where, self._first = app_dirs({"VELATURA_HOME": str(home)}), first
        self.peers: list[PainterPeer] = []
        self._selector = selectors.DefaultSelector()
        self._watched: dict[PainterPeer, int] = {}
        self._next_ping, self._pings = 0.0, 0

    def connect(self, count: int, side: int) -> int:
        """So many more. Returns how many there are."""
        found = find(self._where)
        if found is None:
            raise DaemonNotRunning("There is no daemon.")
        for _ in range(count):
            peer = PainterPeer(PlainDealer(found.endpoints[0]), f"painter-{self._first + len(self.peers)}", side)
            peer.greet(found)
            self._add(peer)
        return len(self.peers)

    def _add(self, peer: PainterPeer) -> None:
        self.peers.append(peer)
        self._watched[peer] = selectors.EVENT_READ
        self._selector.register(peer.dealer.fileno(), selectors.EVENT_READ, peer)

    def restyle(self, seconds: float, busy: int) -> dict[str, Any]:
        """So many of them restyle for so long, one job at a time each, until each has its last result; the others only
        show that they live. Returns what was counted until then, and the longest wait for a result."""
        for peer in self.peers:
            peer.count_in = peer.count_out = peer.bytes_in = peer.bytes_out = peer.done = 0
            peer.worst = 0.0
        began, cpu = time.monotonic(), time.process_time()
        for peer in self.peers[:busy]:
            peer.restyles = True
            peer.ask()
            peer.drain()  # sending may have swallowed the descriptor's sign that something has come
        self._serve_until(began + seconds, settled=False)
        for peer in self.peers:
            peer.restyles = False
        self._serve_until(time.monotonic() + PATIENCE + 3 * seconds, settled=True)
        lasted, spent = time.monotonic() - began, time.process_time() - cpu
        said = {
            name: sum(getattr(peer, name) for peer in self.peers)
            for name in ("count_in", "count_out", "bytes_in", "bytes_out", "done")
        }
        waits = sorted(peer.worst for peer in self.peers[:busy])
        stuck = sum(bool(peer.job) for peer in self.peers)
        return {**said, "seconds": lasted, "own_cpu": spent, "longest": waits[-1] if waits else 0.0, "stuck": stuck}

    def rest(self, seconds: float) -> None:
        """All of them only show that they live."""
        self._serve_until(time.monotonic() + seconds, settled=False)

    def _serve_until(self, until: float, settled: bool) -> None:
        """settled: end before it where nobody waits for anything any more."""
        while (now := time.monotonic()) < until:
            if settled and not any(peer.job for peer in self.peers):
                return
            self._ping(now)
            for key, _ in self._selector.select(min(0.05, max(0.0, until - now))):
                key.data.drain()
                self._watch(key.data)

    def _ping(self, now: float) -> None:
        """One peer after the other, as they came."""
        self._next_ping = max(self._next_ping, now - PING_EVERY)
        while self.peers and self._next_ping <= now:
            self._next_ping += PING_EVERY / len(self.peers)
            self._pings += 1
            peer = self.peers[self._pings % len(self.peers)]
            peer.send(p.Ping())
            peer.drain()
            self._watch(peer)

    def _watch(self, peer: PainterPeer) -> None:
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.dealer.needs_write else 0)
        if self._watched[peer] != wanted:
            self._watched[peer] = wanted
            self._selector.modify(peer.dealer.fileno(), wanted, peer)

    def close(self) -> None:
        for peer in self.peers:
            peer.send(p.Bye())
            peer.dealer.close(linger=0.5)


def serve(pipe: Pipe, home: Path, first: int) -> None:
    """In a process of its own: orders are the names of a Crowd's methods with what they take; what they return, or the
    error that they raised, goes back. None, or the pipe's end, ends it."""
    crowd = Crowd(home, first)
    try:
        while True:
            while not pipe.poll(0):
                crowd.rest(0.05)
            order = pipe.recv()
            if order is None:
                break
            try:
                pipe.send(getattr(crowd, order[0])(*order[1:]))
            except Exception as error:
                pipe.send(error)
    except EOFError:
        return
    crowd.close()
    pipe.send(None)


def rush(home: Path, count: int) -> int:
    """So many strangers who connect at once, before the first says hello. Returns how many are welcome in the end."""
    found = find(app_dirs({"VELATURA_HOME": str(home)}))
    assert found is not None
    dealers = []
    for _ in range(count):
        with contextlib.suppress(DaemonLost):  # more wait to be let in than the system keeps waiting
            dealers.append(PlainDealer(found.endpoints[0]))
    nonces = [auth.fresh_nonce() for _ in dealers]
    for number, (dealer, nonce) in enumerate(zip(dealers, nonces, strict=True)):
        dealer.send(codec.pack(p.Hello(list(p.VERSION), nonce, f"rush-{number}", "bench", found.build)))
    welcome = 0
    until = time.monotonic() + PATIENCE
    waiting = dict(zip(dealers, nonces, strict=True))
    while waiting and time.monotonic() < until:
        for dealer, nonce in list(waiting.items()):
            try:
                frames = dealer.receive()
            except Exception:  # hung up on
                del waiting[dealer]
                continue
            if frames is None:
                continue
            message = codec.unpack(frames)[0]
            if isinstance(message, p.Challenge):
                said = (nonce, message.nonce, found.endpoints[0])
                dealer.send(codec.pack(p.Proof(auth.proof(found.key, "client", *said, p.VERSION))))
            else:
                welcome += isinstance(message, p.Welcome)
                del waiting[dealer]
        time.sleep(0.001)
    for dealer in dealers:
        dealer.close()
    return welcome

"""Many plugins in one process, for `tests/bench/server.py`: sockets, handshakes and messages as those of a
`velatura.client.client.Client`, without the parts for editors, so that one core of peers can saturate a server.

A process of peers receives requests over a pipe: see `serve`.
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

PING_EVERY = 2.5  # seconds: half a heartbeat, as a real client
PATIENCE = 30.0  # seconds to wait for a response
RGB = PixelFormat("RGB", "u8")

_numbers = itertools.count(1)


class PeerFailed(Exception):
    """An expected message did not arrive."""


class Peer:
    """One plugin with its own connection and session. keeps_restyling: submit the next job after each result."""

    def __init__(self, dealer: Dealer, name: str, side: int) -> None:
        """side: pixels per side of the square layer that it restyles."""
        self.name, self.side = name, side
        self.dealer = dealer
        self.session = b""
        self.count_in = self.count_out = self.bytes_in = self.bytes_out = self.done = 0
        self.longest_job = 0.0  # seconds
        self._submitted_at = 0.0
        self.keeps_restyling = False
        self.job = ""
        self.status_at: float | None = None
        self._blobs: dict[bytes, bytes] = {}
        self._download: Download | None = None

    def greet(self, connection: ConnectionInfo) -> None:
        """Perform the handshake. Raises PeerFailed."""
        nonce = auth.fresh_nonce()
        self.send(p.Hello(list(p.VERSION), nonce, self.name, "bench", connection.build))
        challenge = self.receive(p.Challenge)
        transcript = (nonce, challenge.nonce, connection.endpoints[0])
        if not auth.constant_time_equal(
            challenge.proof, auth.proof(connection.key, "daemon", *transcript, challenge.version)
        ):
            raise PeerFailed("the daemon does not know its key")
        self.send(p.Proof(auth.proof(connection.key, "client", *transcript, p.VERSION)))
        self.session = self.receive(p.Welcome).session_id

    def receive(self, kind: type[Any]) -> Any:
        deadline = time.monotonic() + PATIENCE
        while (left := deadline - time.monotonic()) > 0:
            self.dealer.wait(left)
            if (frames := self.dealer.receive()) is not None:
                message = codec.unpack(frames)[0]
                if not isinstance(message, kind):
                    raise PeerFailed(f"received {message} instead of {kind.type}")
                return message
        raise PeerFailed(f"received no {kind.type} within {PATIENCE:.0f} s")

    def send(self, message: p.Message) -> None:
        frames = codec.pack(message, self.session)
        self.count_out += 1
        self.bytes_out += sum(memoryview(frame).nbytes for frame in frames)
        if not self.dealer.send(frames):
            raise PeerFailed("the server accepts no more data")

    def submit(self) -> None:
        """Submit a restyle of a layer that the daemon has not seen, with a style that it has after the first job."""
        number = next(_numbers)
        self.job = f"{self.name}-{number}"
        pixels = hashlib.sha256(self.job.encode()).digest() * (self.side * self.side * 3 // 32)
        style = hashlib.sha256(self.name.encode()).digest() * (16 * 16 * 3 // 32)
        content_ref = PictureRef(hashlib.sha256(pixels).digest(), self.side, self.side, RGB, b"")
        style_ref = PictureRef(hashlib.sha256(style).digest(), 16, 16, RGB, b"")
        self._blobs = {content_ref.blob: pixels, style_ref.blob: style}
        self._submitted_at = time.monotonic()
        styles = [{"picture": style_ref.to_wire(), "share": 1.0, "region": None}]
        self.send(p.Restyle(self.job, self.job, content_ref.to_wire(), styles, None, StyleSettings().to_wire()))

    def drain(self) -> None:
        """Handle all messages that have arrived. Raises PeerFailed, DaemonLost."""
        while (frames := self.dealer.receive()) is not None:
            self.count_in += 1
            self.bytes_in += sum(memoryview(frame).nbytes for frame in frames)
            self._handle(codec.unpack(frames)[0])

    def _handle(self, message: p.Message) -> None:
        if isinstance(message, p.Get):
            for put in put_messages(message, memoryview(self._blobs[message.blob])):
                self.send(put)
        elif isinstance(message, p.Preview):
            self.send(p.PreviewShown(message.job))
        elif isinstance(message, p.Result):
            ref = PictureRef.from_wire(message.picture)
            self._download = Download(ref.blob, bytearray().extend, ref.length)
            self.send(self._download.first_get())
        elif isinstance(message, p.Put) and self._download is not None:
            if (credit := self._download.add(message)) is not None:
                self.send(credit)
            if self._download.finished:
                self._finished()
        elif isinstance(message, (p.Failed, p.Cancelled, p.Bye)):
            raise PeerFailed(str(message))

    def _finished(self) -> None:
        self.send(p.Received(self.job))
        self.done += 1
        self.longest_job = max(self.longest_job, time.monotonic() - self._submitted_at)
        self.job, self._download = "", None
        if self.keeps_restyling:
            self.submit()


class PeerGroup:
    """The peers of one process, and the loop that serves them."""

    def __init__(self, home: Path, first: int) -> None:
        """first: the number of the first peer."""
        self._where, self._first = app_dirs({"VELATURA_HOME": str(home)}), first
        self.peers: list[Peer] = []
        self._selector = selectors.DefaultSelector()
        self._registered: dict[Peer, int] = {}
        self._next_ping, self._pings = 0.0, 0

    def connect(self, count: int, side: int) -> int:
        """Connect `count` more peers. Returns how many there are."""
        connection = find(self._where)
        if connection is None:
            raise DaemonNotRunning("There is no daemon.")
        for _ in range(count):
            peer = Peer(PlainDealer(connection.endpoints[0]), f"painter-{self._first + len(self.peers)}", side)
            peer.greet(connection)
            self._add(peer)
        return len(self.peers)

    def _add(self, peer: Peer) -> None:
        self.peers.append(peer)
        self._registered[peer] = selectors.EVENT_READ
        self._selector.register(peer.dealer.fileno(), selectors.EVENT_READ, peer)

    def restyle(self, seconds: float, busy: int) -> dict[str, Any]:
        """Let `busy` peers restyle for `seconds`, one job at a time each, until each has its last result; the others
        only send heartbeats. Returns message counts, and the longest wait for a result."""
        for peer in self.peers:
            peer.count_in = peer.count_out = peer.bytes_in = peer.bytes_out = peer.done = 0
            peer.longest_job = 0.0
        started_at, cpu = time.monotonic(), time.process_time()
        for peer in self.peers[:busy]:
            peer.keeps_restyling = True
            peer.submit()
            peer.drain()  # sending may have consumed the descriptor's readiness for reading
        self._serve_until(started_at + seconds, until_done=False)
        for peer in self.peers:
            peer.keeps_restyling = False
        self._serve_until(time.monotonic() + PATIENCE + 3 * seconds, until_done=True)
        elapsed, cpu_seconds = time.monotonic() - started_at, time.process_time() - cpu
        transcript = {
            name: sum(getattr(peer, name) for peer in self.peers)
            for name in ("count_in", "count_out", "bytes_in", "bytes_out", "done")
        }
        waits = sorted(peer.longest_job for peer in self.peers[:busy])
        stuck = sum(bool(peer.job) for peer in self.peers)
        return {
            **transcript,
            "seconds": elapsed,
            "own_cpu": cpu_seconds,
            "longest": waits[-1] if waits else 0.0,
            "stuck": stuck,
        }

    def idle(self, seconds: float) -> None:
        """Let all peers only send heartbeats."""
        self._serve_until(time.monotonic() + seconds, until_done=False)

    def _serve_until(self, deadline: float, until_done: bool) -> None:
        """until_done: return early once no peer has a job."""
        while (now := time.monotonic()) < deadline:
            if until_done and not any(peer.job for peer in self.peers):
                return
            self._ping(now)
            for key, _ in self._selector.select(min(0.05, max(0.0, deadline - now))):
                key.data.drain()
                self._update_events(key.data)

    def _ping(self, now: float) -> None:
        """Ping one peer after the other, evenly over the interval."""
        self._next_ping = max(self._next_ping, now - PING_EVERY)
        while self.peers and self._next_ping <= now:
            self._next_ping += PING_EVERY / len(self.peers)
            self._pings += 1
            peer = self.peers[self._pings % len(self.peers)]
            peer.send(p.Ping())
            peer.drain()
            self._update_events(peer)

    def _update_events(self, peer: Peer) -> None:
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if peer.dealer.needs_write else 0)
        if self._registered[peer] != events:
            self._registered[peer] = events
            self._selector.modify(peer.dealer.fileno(), events, peer)

    def close(self) -> None:
        for peer in self.peers:
            peer.send(p.Bye())
            peer.dealer.close(linger=0.5)


def serve(pipe: Pipe, home: Path, first: int) -> None:
    """Run in its own process. Requests are names of PeerGroup methods with their arguments; the return value or the
    raised error is sent back. None, or the end of the pipe, ends the process."""
    crowd = PeerGroup(home, first)
    try:
        while True:
            while not pipe.poll(0):
                crowd.idle(0.05)
            request = pipe.recv()
            if request is None:
                break
            try:
                pipe.send(getattr(crowd, request[0])(*request[1:]))
            except Exception as error:
                pipe.send(error)
    except EOFError:
        return
    crowd.close()
    pipe.send(None)


def connect_at_once(home: Path, count: int) -> int:
    """Connect `count` unauthenticated peers before the first one sends hello. Returns how many are welcomed in the
    end."""
    connection = find(app_dirs({"VELATURA_HOME": str(home)}))
    assert connection is not None
    dealers = []
    for _ in range(count):
        with contextlib.suppress(DaemonLost):  # the listen backlog is full
            dealers.append(PlainDealer(connection.endpoints[0]))
    nonces = [auth.fresh_nonce() for _ in dealers]
    for number, (dealer, nonce) in enumerate(zip(dealers, nonces, strict=True)):
        dealer.send(codec.pack(p.Hello(list(p.VERSION), nonce, f"rush-{number}", "bench", connection.build)))
    welcome = 0
    deadline = time.monotonic() + PATIENCE
    waiting = dict(zip(dealers, nonces, strict=True))
    while waiting and time.monotonic() < deadline:
        for dealer, nonce in list(waiting.items()):
            try:
                frames = dealer.receive()
            except Exception:  # the server closed the connection
                del waiting[dealer]
                continue
            if frames is None:
                continue
            message = codec.unpack(frames)[0]
            if isinstance(message, p.Challenge):
                transcript = (nonce, message.nonce, connection.endpoints[0])
                dealer.send(codec.pack(p.Proof(auth.proof(connection.key, "client", *transcript, p.VERSION))))
            else:
                welcome += isinstance(message, p.Welcome)
                del waiting[dealer]
        time.sleep(0.001)
    for dealer in dealers:
        dealer.close()
    return welcome

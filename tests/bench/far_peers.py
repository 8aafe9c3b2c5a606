"""Peers from other machines: by CURVE over TCP, a key each, as the painters' daemons come to a studio's one (`--upstream`). They are on
this machine all the same. For `tests/bench/front.py`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import zmq
from zmq.utils import z85

from pastiche import protocol as p
from pastiche import trust
from pastiche.paths import places
from pastiche.protocol import MAX_FRAME
from pastiche_daemon.keys import Allowance, Keys, Pair
from tests.bench.peers import PainterPeer

BEAT = 5.0  # seconds between libzmq's own signs of life, as `executors.upstream_link` has them
MEGAPIXELS = 64.0

_context: zmq.Context[Any] | None = None  # one for all peers of a process: a context is a thread


def make_keys(home: Path, count: int) -> list[Pair]:
    """So many pairs, all allowed by the daemon of that home."""
    keys, pairs = Keys(places({"PASTICHE_HOME": str(home)})), []
    for number in range(count):
        public, secret = (z85.decode(half) for half in zmq.curve_keypair())
        pairs.append(Pair(public, secret))
        keys.allow(f"far-{number}", public.hex(), Allowance(MEGAPIXELS, 32, 1024))
    return pairs


class CurveDealer:
    """See `pastiche.transport.Dealer`."""

    wants_to_write = False  # libzmq's own thread does the sending

    def __init__(self, endpoint: str, server_key: bytes, pair: Pair) -> None:
        global _context
        if _context is None:
            _context = zmq.Context()
            _context.set(zmq.MAX_SOCKETS, 4096)
        self._socket = _context.socket(zmq.DEALER)
        for option, value in (
            (zmq.CURVE_SERVERKEY, server_key), (zmq.CURVE_PUBLICKEY, pair.public), (zmq.CURVE_SECRETKEY, pair.secret),
            (zmq.LINGER, 0), (zmq.MAXMSGSIZE, MAX_FRAME + 64),
            (zmq.HEARTBEAT_IVL, int(BEAT * 1000)), (zmq.HEARTBEAT_TIMEOUT, int(3 * BEAT * 1000)),
        ):  # fmt: skip
            self._socket.setsockopt(option, value)
        self._socket.connect(endpoint)

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
            return [frame.buffer for frame in self._socket.recv_multipart(flags=zmq.DONTWAIT, copy=False)]
        except zmq.Again:
            return None

    def wait(self, seconds: float) -> bool:
        return bool(self._socket.poll(int(seconds * 1000) + 1))

    def close(self, linger: float = 0.0) -> None:
        self._socket.close(int(linger * 1000))


class FarPeer(PainterPeer):
    """A painter's daemon. Its hello is answered by welcome: both keys are proved already."""

    def __init__(self, endpoint: str, server_key: bytes, pair: Pair, name: str, side: int) -> None:
        super().__init__(CurveDealer(endpoint, server_key, pair), name, side)

    def greet_by_key(self) -> None:
        """The handshake, waited for. Raises Lost."""
        self.send(p.Hello(list(p.VERSION), trust.fresh_nonce(), "daemon", "bench"))
        self.session = self.waited_for(p.Welcome).session_id

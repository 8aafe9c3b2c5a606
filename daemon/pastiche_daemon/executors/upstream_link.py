"""The way to a daemon on another machine: CURVE over TCP. See `pastiche.link.Way`."""

from __future__ import annotations

import time
from typing import Any

import zmq
from zmq.utils.monitor import parse_monitor_message

from pastiche import protocol as p
from pastiche import trust
from pastiche.errors import BadMessage, DaemonLost, NotTrusted, PasticheError, UnknownMessage, error_from
from pastiche.protocol import MAX_FRAME
from pastiche_daemon.keys import Pair

PATIENCE = 15.0  # seconds for the other daemon to come up, or back
TRY_EVERY = 0.3  # seconds between tries at an address where nobody listens
HANGING_UP = 4  # times, after which it is no accident
GREETING_PATIENCE = 10.0  # seconds from a connection to its welcome
BEAT = 5.0  # seconds between libzmq's own signs of life
LINGER = 2000  # milliseconds for last words: that a result has come, goodbye

IDLE, LOOKING, GREETING, READY = "idle", "looking", "greeting", "ready"


class UpstreamLink:
    """States: idle → looking → greeting → ready. Who listens there must hold the secret half of the server's key; that we hold ours is
    proved likewise, so that hello is answered by welcome."""

    wants_to_write = False  # libzmq's own thread does the sending

    def __init__(self, endpoint: str, server_key: bytes, pair: Pair, program: str = "daemon") -> None:
        """endpoint: tcp://HOST:PORT. server_key: public, 32 bytes. pair: ours."""
        self.endpoint = endpoint
        self._server_key, self._pair, self._program = server_key, pair, program
        self._state = LOOKING
        self._context: zmq.Context[Any] | None = None
        self._dealer: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self.patience = PATIENCE  # of this look; the next has the usual one
        self._session = b""
        self._heartbeat = 5.0
        self._began: float | None = None  # to look
        self._next_try = self._greeting_until = self._last_sent = 0.0
        self._connected = False
        self._hung_up_on = 0  # times in a row, before any key was proved
        self._unanswered_since: float | None = None
        self.heard = 0.0  # when the other side last said anything, by time.monotonic()

    @property
    def ready(self) -> bool:
        return self._state == READY

    @property
    def is_waiting(self) -> bool:
        """Whether nobody listens there, and it is tried again and again."""
        return self._state == LOOKING and self._next_try > 0

    def fileno(self) -> int | None:
        return int(self._dealer.getsockopt(zmq.FD)) if self._dealer is not None else None

    def start_looking(self) -> None:
        if self._state == IDLE:
            self._state, self._began, self._next_try, self._hung_up_on, self.patience = LOOKING, None, 0.0, 0, PATIENCE

    def advance(self) -> p.Welcome | None:
        """Raises DaemonLost where nobody answers, NotTrusted where either side does not take the other's key."""
        if self._state == LOOKING and time.monotonic() >= self._next_try:
            self._call()
        return self._greet() if self._state == GREETING else None

    def receive(self) -> p.Message | None:
        """Raises DaemonLost where the connection has ended."""
        if self._state != READY:
            return None
        while (frames := self._next()) is not None:
            self._unanswered_since, self.heard = None, time.monotonic()
            try:
                return p.unpack(frames)[0]
            except UnknownMessage:
                continue  # of a newer minor version
        for event in self._events():
            if event == zmq.EVENT_DISCONNECTED:
                raise self._lost("has hung up")
        return None

    def send(self, message: p.Message) -> bool:
        self._last_sent = time.monotonic()
        return self._put(p.pack(message, self._session))

    def keep_alive(self) -> None:
        now = time.monotonic()
        if self._state == READY and now - self._last_sent > self._heartbeat / 2:
            self.send(p.Ping())
            self._unanswered_since = self._unanswered_since or now

    def check_alive(self) -> None:
        silent = time.monotonic() - (self._unanswered_since or time.monotonic())
        if self._state == READY and silent > 2 * self._heartbeat:
            raise self._lost(f"has not answered for {silent:.0f} s")

    def wait(self) -> None:
        self.wait_or(None, self._heartbeat / 8)

    def wait_or(self, descriptor: int | None, seconds: float) -> None:
        """Wait until something has come from there, or the descriptor can be read, or so many seconds."""
        poller = zmq.Poller()
        for one in (self._dealer, self._monitor, descriptor):
            if one is not None:
                poller.register(one, zmq.POLLIN)
        if self._state in (LOOKING, GREETING):
            seconds = min(seconds, TRY_EVERY / 3)
        poller.poll(int(seconds * 1000) + 1)

    def drop(self) -> None:
        self._hang_up()
        self._state, self._session, self._unanswered_since = IDLE, b"", None

    def close(self) -> None:
        if self._state == READY:
            self._put(p.pack(p.Bye(), self._session))
            self._hang_up(linger=LINGER)
        self.drop()

    # --- calling ---------------------------------------------------------------------------------------
    def _call(self) -> None:
        self._hang_up()
        self._began = self._began or time.monotonic()
        self._context = zmq.Context()
        dealer = self._dealer = self._context.socket(zmq.DEALER)
        for option, value in (
            (zmq.CURVE_SERVERKEY, self._server_key), (zmq.CURVE_PUBLICKEY, self._pair.public), (zmq.CURVE_SECRETKEY, self._pair.secret),
            (zmq.LINGER, 0), (zmq.MAXMSGSIZE, MAX_FRAME + 64), (zmq.RECONNECT_IVL, -1), (zmq.IPV6, 1),
            (zmq.HEARTBEAT_IVL, int(BEAT * 1000)), (zmq.HEARTBEAT_TIMEOUT, int(3 * BEAT * 1000)),
        ):  # fmt: skip
            dealer.setsockopt(option, value)
        self._monitor = dealer.get_monitor_socket()
        try:
            dealer.connect(self.endpoint)
        except zmq.ZMQError as error:
            raise DaemonLost(f"{self.endpoint} cannot be used as an address ({error}). Give the daemon another --upstream.") from error
        self._state, self._connected = GREETING, False
        self._greeting_until = time.monotonic() + GREETING_PATIENCE
        hello = p.Hello(list(p.VERSION), trust.fresh_nonce(), "daemon", self._program)
        self._put(p.pack(hello))  # it goes out when both keys are proved, and not before

    def _greet(self) -> p.Welcome | None:
        for event in self._events():
            if event == zmq.EVENT_CONNECTED:
                self._connected = True
            elif event == zmq.EVENT_HANDSHAKE_FAILED_AUTH:
                raise NotTrusted(
                    f"The daemon at {self.endpoint} does not let this machine's key in. On that machine run "
                    f"'pastiche keys allow {self._pair.public.hex()} --name NAME'."
                )
            elif event in _ENDS and self._connected:
                self._hung_up_on += 1
                if self._hung_up_on < HANGING_UP:  # one that is just being stopped or started does so too
                    self._try_again()
                    return None
                raise NotTrusted(
                    f"What answers at {self.endpoint} has hung up before it proved to be the daemon of the given server key. Nothing was sent "
                    "to it. Compare --server-key with what 'pastiche keys server' prints on that machine, and see that it was started "
                    "with --listen at this port."
                )
            elif event in _ENDS:
                self._hung_up_on = 0
                self._try_again()
                return None
        frames = self._next()
        if frames is None:
            if time.monotonic() > self._greeting_until:
                raise self._lost("does not answer")
            return None
        message, _ = p.unpack(frames)
        if isinstance(message, p.Failed):
            raise error_from(message.code, message.sentence)
        if not isinstance(message, p.Welcome):
            raise BadMessage(f"The daemon at {self.endpoint} answered the greeting with a {message.type} message. Update it.")
        self._session, self._heartbeat = message.session_id, max(0.1, message.heartbeat)
        self._state, self._unanswered_since = READY, None
        self._last_sent = self.heard = time.monotonic()
        return message

    def _try_again(self) -> None:
        self._hang_up()
        if self._began is None or time.monotonic() - self._began > self.patience:
            raise self._lost("does not answer")
        self._state, self._next_try = LOOKING, time.monotonic() + TRY_EVERY

    def _lost(self, what: str) -> PasticheError:
        host, _, port = self.endpoint.rpartition(":")
        return DaemonLost(
            f"The daemon at {self.endpoint}, which does this one's work, {what}. See that it runs there: 'pastiche daemon run --listen "
            f"tcp://…:{port}', and that {host.removeprefix('tcp://')} can be reached; or start this machine's without --upstream."
        )

    # --- libzmq ----------------------------------------------------------------------------------------
    def _put(self, frames: list[Any]) -> bool:
        assert self._dealer is not None
        try:
            self._dealer.send_multipart(frames, flags=zmq.DONTWAIT, copy=False)
        except zmq.Again:
            return False
        return True

    def _next(self) -> list[Any] | None:
        assert self._dealer is not None
        try:
            return [frame.buffer for frame in self._dealer.recv_multipart(flags=zmq.DONTWAIT, copy=False)]
        except zmq.Again:
            return None

    def _events(self) -> list[int]:
        """What has become of the connection."""
        events = []
        while self._monitor is not None:
            try:
                events.append(int(parse_monitor_message(self._monitor.recv_multipart(flags=zmq.DONTWAIT))["event"]))
            except zmq.Again:
                break
        return events

    def _hang_up(self, linger: int = 0) -> None:
        """linger: milliseconds for what is still to be sent."""
        if self._dealer is not None:
            self._dealer.disable_monitor()
        if self._context is not None:
            self._context.destroy(linger=linger)
        self._context = self._dealer = self._monitor = None


_ENDS = (zmq.EVENT_CLOSED, zmq.EVENT_DISCONNECTED, zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL, zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL)

"""The daemon's event loop: sockets, sessions, turns. Without torch, so that it starts at once and outlives the worker."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import zmq

import pastiche
from pastiche import protocol as p
from pastiche import trust
from pastiche.connection import Connection, publish, withdraw
from pastiche.errors import BadMessage, NoSession, PasticheError, UnknownBlob
from pastiche.paths import POSIX, Places, make_private_folder
from pastiche.transfer import puts
from pastiche_daemon.blobs import BlobStore
from pastiche_daemon.executors.local import LocalExecutor
from pastiche_daemon.foreman import Foreman
from pastiche_daemon.options import Options
from pastiche_daemon.sessions import Address, Doorkeeper, Session

log = logging.getLogger("pastiche")

LONGEST_SOCKET_PATH = 100  # bytes; the system's limit is 104 on macOS and 107 on Linux
BATCH = 64  # messages of one socket before the others get their turn
QUEUE_IN, QUEUE_OUT = 8, 256  # whole messages a peer; one that never ends is not bounded by them (docs/protocol.md)
LONGEST_SENTENCE = 2000  # characters
LONGEST_GREETING = 4 << 10  # bytes of a header that is read from a stranger


class Front:
    """Listens, trusts, and passes on. `run()` returns when it is told to leave."""

    def __init__(self, places: Places, options: Options, build: str) -> None:
        """Binds its sockets and publishes the connection file. Raises DiskTrouble."""
        self._places = places
        self._options = options
        self._build = build
        self._started = time.monotonic()
        self._leaving = ""
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._context = zmq.Context()
        self._routers: list[Any] = []
        self._endpoints: list[str] = []
        self._socket_folder = self._folder_for_socket()
        self._listen()
        key = trust.fresh_key()
        self._door = Doorkeeper(key, self._endpoints)
        blobs = BlobStore(places.spool, options.spool_megabytes << 20)
        self._foreman = Foreman(options, blobs, LocalExecutor(options, self.wake), self._tell)
        publish(places, Connection(tuple(self._endpoints), key, os.getpid(), build))
        log.info("listening at %s, build %s", ", ".join(self._endpoints), build)

    # --- the loop ----------------------------------------------------------------------------------
    def run(self) -> None:
        """Serve until a signal or a client says to leave."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, _: self.leave(f"signal {number}"))
        poller = zmq.Poller()
        for router in self._routers:
            poller.register(router, zmq.POLLIN)
        poller.register(self._wake_out.fileno(), zmq.POLLIN)
        try:
            while not self._leaving:
                ready = dict(poller.poll(self._milliseconds_to_next()))
                if self._wake_out.fileno() in ready:
                    self._drain_wakes()
                self._foreman.listen()
                for index, router in enumerate(self._routers):
                    if router in ready:
                        self._receive(index, router)
                self._tick(time.monotonic())
        finally:
            self._close()

    def wake(self) -> None:
        """From any thread, or a signal: have a look."""
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake_in.send(b"!")

    def leave(self, why: str) -> None:
        """End `run()` soon."""
        self._leaving = why
        self.wake()

    def _drain_wakes(self) -> None:
        try:
            while self._wake_out.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _milliseconds_to_next(self) -> int | None:
        """Until something is due by the clock; None for never: an idle daemon sleeps."""
        due = []
        if self._door.sessions or self._door.waiting:
            due.append(self._options.heartbeat / 2)
        idle = time.monotonic() - self._foreman.active_at
        if self._foreman.executor.pid and not self._foreman.busy:
            due.append(self._options.worker_seconds - idle)
        if self._options.exit_seconds and not self._foreman.busy:
            due.append(self._options.exit_seconds - idle)
        return max(1, int(min(due) * 1000) + 1) if due else None

    def _tick(self, now: float) -> None:
        """What the clock brings: silent clients, an idle worker, the end."""
        self._door.tidy(now)
        for session in list(self._door.sessions.values()):
            silent = now - session.heard
            if silent > self._options.park_seconds:
                self._part_from(session)
            elif silent > 2 * self._options.heartbeat and not session.parked:
                session.parked = True
                self._foreman.park(session.token)
        self._foreman.rest(now)
        may_leave = self._options.exit_seconds > 0 and not self._foreman.busy
        if may_leave and now - self._foreman.active_at >= self._options.exit_seconds:
            self._leaving = "idle"

    # --- sockets -----------------------------------------------------------------------------------
    def _folder_for_socket(self) -> Path:
        if not POSIX:
            return self._places.runtime
        folder = make_private_folder(self._places.runtime)
        if len(os.fsencode(folder / "daemon.sock")) <= LONGEST_SOCKET_PATH:
            return folder
        return Path(tempfile.mkdtemp(prefix="pastiche-"))  # 0700, and short

    def _listen(self) -> None:
        if POSIX:
            path = self._socket_folder / "daemon.sock"
            path.unlink(missing_ok=True)
            self._bind(f"ipc://{path}")
        if self._options.tcp or not POSIX:
            self._bind("tcp://127.0.0.1:*")

    def _bind(self, endpoint: str) -> None:
        router = self._context.socket(zmq.ROUTER)
        router.setsockopt(zmq.MAXMSGSIZE, p.MAX_FRAME)
        router.setsockopt(zmq.ROUTER_MANDATORY, 1)  # a peer that has gone, or takes nothing, is an error to see
        router.setsockopt(zmq.ROUTER_HANDOVER, 0)
        router.setsockopt(zmq.RCVHWM, QUEUE_IN)
        router.setsockopt(zmq.SNDHWM, QUEUE_OUT)
        router.setsockopt(zmq.LINGER, 200)
        router.setsockopt(zmq.SNDBUF, p.CHUNK)
        router.setsockopt(zmq.RCVBUF, p.CHUNK)
        router.bind(endpoint)
        self._routers.append(router)
        self._endpoints.append(router.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0"))

    def _receive(self, index: int, router: Any) -> None:
        for _ in range(BATCH):
            try:
                frames = router.recv_multipart(flags=zmq.DONTWAIT, copy=False)
            except zmq.Again:
                return
            self._take((index, frames[0].bytes), [frame.buffer for frame in frames[1:]])

    def _send(self, address: Address, message: p.Message) -> None:
        """To a peer, or nowhere: one that has gone or takes nothing loses its messages, not our time."""
        try:
            self._routers[address[0]].send_multipart([address[1], *p.pack(message)], flags=zmq.DONTWAIT, copy=False)
        except (zmq.ZMQError, BadMessage) as error:
            log.debug("a %s message was not delivered: %s", message.type, error)

    def _tell(self, token: bytes, message: p.Message) -> None:
        session = self._door.sessions.get(token)
        if session is None:
            return
        if not session.parked:
            self._send(session.address, message)
        elif not isinstance(message, (p.Progress, p.Preview, p.Queued)):
            session.unsaid.append(message)  # it is told when it is heard of again

    # --- what comes in -----------------------------------------------------------------------------
    def _take(self, address: Address, frames: list[Any]) -> None:
        job = ""
        try:
            if len(frames) == 1 and self._at_the_door(address, frames[0]):
                return
            token = self._token_of(frames)
            session = self._door.session_of(address, token)
            message, _ = p.unpack(frames)
            job = getattr(message, "job", "")
            self._serve(session, message)
        except PasticheError as error:
            if not isinstance(error, NoSession):
                log.warning("refused (%s): %s", error.code, error.sentence)
            self._send(address, p.Failed(job[: p.MAX_NAME], error.code, error.sentence[:LONGEST_SENTENCE]))
        except Exception as error:  # a fault of ours must not take everybody's daemon down
            log.exception("a message could not be served")
            sentence = (
                f"Pastiche's daemon stumbled over this ({type(error).__name__}); it goes on. Its log has the details."
            )
            self._send(address, p.Failed(job[: p.MAX_NAME], PasticheError.code, sentence))

    def _at_the_door(self, address: Address, frame: Any) -> bool:
        """Hello and proof, the only messages that are read without a session. True when it was one of them."""
        if memoryview(frame).nbytes > LONGEST_GREETING:
            return False
        header = p.unpack_header(frame)
        if header.get("type") not in (p.Hello.type, p.Proof.type):
            return False
        message, _ = p.unpack([frame])
        if isinstance(message, p.Hello):
            self._send(address, self._door.hello(address, message))
        elif isinstance(message, p.Proof):
            session = self._door.proof(address, message)
            log.info("%s is here (%s)", session.program, session.client_id[:8])
            self._send(address, self._welcome(session))
        return True

    @staticmethod
    def _token_of(frames: list[Any]) -> bytes:
        """The session that a header claims. Raises BadMessage."""
        if not frames:
            raise BadMessage("A message without frames came.")
        token = p.unpack_header(frames[0]).get("session", b"")
        return token if isinstance(token, bytes) else b""

    def _welcome(self, session: Session) -> p.Welcome:
        limits = {"max_megapixels": self._options.megapixel_limit, "window": p.WINDOW, "chunk": p.CHUNK}
        results = [
            {name: value for name, value in vars(result).items() if name not in ("settings", "notes")}
            for result in self._foreman.results.of(session.client_id)
        ]
        return p.Welcome(session.token, self._build, self._options.heartbeat, not self._foreman.busy, limits, results)

    def _serve(self, session: Session, message: p.Message) -> None:
        """One message of a trusted client. Raises PasticheError."""
        if session.parked:
            session.parked = False
            for unsaid in session.unsaid:
                self._send(session.address, unsaid)
            session.unsaid.clear()
            self._foreman.unpark(session.token)
        if not isinstance(message, (p.Ping, p.AskStatus)):
            self._foreman.active_at = time.monotonic()
        handler = self._HANDLERS.get(type(message))
        if handler is None:
            raise BadMessage(f"A {message.type} message is not for the daemon.")
        handler(self, session, message)

    def _on_put(self, session: Session, put: p.Put) -> None:
        self._foreman.put(session.token, put)

    def _on_restyle(self, session: Session, asked: p.Restyle) -> None:
        self._foreman.submit(session.token, session.client_id, asked)

    def _on_get(self, session: Session, asked: p.Get) -> None:
        data = self._foreman.results.picture_bytes(session.client_id, asked.blob)
        if data is None:
            raise UnknownBlob("The daemon holds no such result for this program.")
        for put in puts(asked, data):
            self._send(session.address, put)

    def _on_cancel(self, session: Session, asked: p.Cancel) -> None:
        self._foreman.cancel(session.client_id, asked.job)

    def _on_seen(self, session: Session, seen: p.Seen) -> None:
        self._foreman.seen(session.client_id, seen.job)

    def _on_received(self, session: Session, received: p.Received) -> None:
        self._foreman.results.drop(session.client_id, received.job)

    def _on_ping(self, session: Session, _: p.Ping) -> None:
        self._send(session.address, p.Pong())

    def _on_ask_estimate(self, session: Session, asked: p.AskEstimate) -> None:
        self._foreman.estimate(session.token, asked)

    def _on_ask_status(self, session: Session, _: p.AskStatus) -> None:
        report = {
            "version": pastiche.__version__, "build": self._build, "pid": os.getpid(), "endpoints": self._endpoints,
            "uptime_seconds": time.monotonic() - self._started, "sessions": len(self._door.sessions),
            "max_megapixels": self._options.megapixel_limit, **self._foreman.status(),
        }  # fmt: skip
        self._send(session.address, p.Status(report))

    def _on_shutdown(self, session: Session, asked: p.Shutdown) -> None:
        if asked.if_idle and self._foreman.busy:
            raise BadMessage("The daemon is at work, so it stays.")
        self.leave(f"{session.program} asked")

    def _on_bye(self, session: Session, _: p.Bye) -> None:
        self._part_from(session)

    _HANDLERS: ClassVar[dict[type[p.Message], Callable[..., None]]] = {
        p.Put: _on_put, p.Restyle: _on_restyle, p.Get: _on_get, p.Cancel: _on_cancel, p.Seen: _on_seen,
        p.Received: _on_received, p.Ping: _on_ping, p.AskStatus: _on_ask_status, p.Shutdown: _on_shutdown,
        p.AskEstimate: _on_ask_estimate, p.Bye: _on_bye,
    }  # fmt: skip

    def _part_from(self, session: Session) -> None:
        log.info("%s has gone (%s)", session.program, session.client_id[:8])
        self._door.leave(session)
        self._foreman.drop_session(session.token)

    # --- the end -----------------------------------------------------------------------------------
    def _close(self) -> None:
        log.info("leaving: %s", self._leaving or "an error")
        withdraw(self._places)
        for session in self._door.sessions.values():
            self._send(session.address, p.Bye("The daemon has been stopped. Restyle again to start it."))
        self._foreman.executor.kill()
        self._foreman.blobs.close()
        self._context.destroy(linger=200)
        (self._socket_folder / "daemon.sock").unlink(missing_ok=True)
        if self._socket_folder != self._places.runtime:
            self._socket_folder.rmdir()

"""The daemon's event loop: sockets, sessions, turns. Without torch, so that it starts at once and outlives the
worker."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from typing import Any

import velatura
from velatura.app_dirs import POSIX, AppDirs, make_private_folder
from velatura.client.locks import Lock
from velatura.errors import BadMessage, DiskTrouble, VelaturaError
from velatura.i18n import lazy_text
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.protocol.zmtp import MAX_UNAUTHENTICATED_FRAME
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.factory import providers_for
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.scheduling.worker_pool import WorkerPool
from velatura_daemon.server.buffer_budget import BufferBudget
from velatura_daemon.server.listener import Listener, Peer, listen_on_loopback, listen_on_path
from velatura_daemon.server.presence import CHECK_SECONDS, Presence, folder_for_socket
from velatura_daemon.server.replies import failure, send
from velatura_daemon.server.requests import RequestHandler
from velatura_daemon.server.sessions import Session, SessionRegistry

log = logging.getLogger("velatura.server")

MAX_UNSAID = 256  # messages for a silent client: its 32 jobs have a few last ones each
ERROR_PAUSE = 0.1  # seconds, so that an error that repeats does not take a whole core


class Server:
    """Sockets, sessions and the event loop. `run()` returns after `stop()` or a signal."""

    def __init__(
        self, dirs: AppDirs, options: DaemonConfig, build: str, lock: Lock, clock: Clock | None = None
    ) -> None:
        """Binds its sockets and publishes the connection file. lock: the daemon's, acquired. Raises DiskTrouble."""
        self._dirs = dirs
        self._options = options
        self._build = build
        self._clock = clock or Clock()
        self._started = self._clock.now()
        self._stopping = ""
        self._selector = selectors.DefaultSelector()
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)
        self._selector.register(self._wake_out, selectors.EVENT_READ, self._drain_wakes)
        self._key = auth.fresh_key()
        self._presence = Presence(dirs, lock, self._key, build)
        self._sessions = SessionRegistry(self._key, self._clock)
        self._budget = BufferBudget(self._clock)
        self._job_service = JobService(options, dirs, self._pool(), self._notify, self._clock)
        self._scheduler = self._job_service.scheduler
        self._requests = RequestHandler(self._job_service, self)
        self._socket_folder = folder_for_socket(dirs)
        self._listeners: list[Listener] = []
        self._listen()
        self._presence.publish(self._endpoints)
        log.info("listening at %s, build %s", ", ".join(self._endpoints), build)

    def _pool(self) -> WorkerPool:
        """The executors that the configuration asks for. Raises UsageError."""
        provider, fallback = providers_for(self._options, self._dirs, self.wake)
        return WorkerPool(provider, fallback, self._options, self._clock)

    # --- the loop ----------------------------------------------------------------------------------
    def run(self) -> None:
        """Serve until a signal or a client stops the daemon."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda number, _: self.stop(f"signal {number}"))
        if hasattr(signal, "SIGHUP"):
            signal.signal(signal.SIGHUP, self._on_hangup)
        try:
            while not self._stopping:
                planned = self._seconds_to_next()
                self._clock.before_wait(planned)
                ready = self._selector.select(planned)
                self._clock.now()
                if lost := self._clock.take_lost_seconds():
                    log.warning("the machine slept, or the daemon was stopped, for %.0f s", lost)
                for key, events in ready:
                    key.data(events)
                try:
                    self._scheduler.poll()
                    self._tick(self._clock.now())
                except Exception:  # a fault of ours must not take everybody's daemon down
                    log.exception("a periodic task failed")
                    time.sleep(ERROR_PAUSE)
        finally:
            self._close()

    def wake(self) -> None:
        """Wake the event loop. From any thread, or a signal handler."""
        with contextlib.suppress(OSError):  # full: it is awake already
            self._wake_in.send(b"!")

    def stop(self, why: str) -> None:
        """End `run()` soon."""
        self._stopping = why
        self.wake()

    def _drain_wakes(self, _: int) -> None:
        try:
            while self._wake_out.recv(4096):
                pass
        except BlockingIOError:
            pass

    def _seconds_to_next(self) -> float:
        """Until the clock brings something to do."""
        due: list[float | None] = [CHECK_SECONDS, self._budget.due, *(listener.due for listener in self._listeners)]
        if self._sessions.sessions:
            due.append(self._options.heartbeat / 2)
        due.append(self._scheduler.seconds_to_next)
        if self._options.exit_seconds and not self._scheduler.busy:
            due.append(self._options.exit_seconds - (self._clock.now() - self._scheduler.active_at))
        return max(0.001, min(seconds for seconds in due if seconds is not None))

    def _tick(self, now: float) -> None:
        """Silent clients, idle and hung workers, expired records, exit after idling."""
        self._budget.tidy()
        for listener in self._listeners:
            listener.tidy(now)
        for session in list(self._sessions.sessions.values()):
            heard = now if self._budget.is_waiting(session.peer) else max(session.heard, session.peer.read_at)
            silent = now - heard
            if silent > self._options.park_seconds:
                self._lose(session)
            elif silent > 2 * self._options.heartbeat and not session.parked:
                session.parked = True
                self._job_service.park(session.token)
        self._job_service.tick(now)
        if not self._presence.check():
            if not self._scheduler.busy:
                self._stopping = "its lock file was deleted"  # not translated: for the log
        elif not self._stopping and not self._can_be_found:
            self._publish_again()
        may_leave = self._options.exit_seconds > 0 and not self._scheduler.busy
        if may_leave and now - self._scheduler.active_at >= self._options.exit_seconds:
            self._stopping = "idle"

    # --- publishing --------------------------------------------------------------------------------
    @property
    def _endpoints(self) -> list[str]:
        return [listener.endpoint for listener in self._listeners]

    def _listen(self) -> None:
        try:
            if POSIX:
                self._listen_at(*listen_on_path(self._socket_folder / "daemon.sock"))
            if self._options.tcp or not POSIX:
                self._listen_at(*listen_on_loopback())
        except OSError as error:
            raise DiskTrouble(
                lazy_text(
                    "The daemon cannot listen in {folder} ({problem}).",
                    folder=str(self._socket_folder),
                    problem=str(error.strerror),
                )
            ) from error

    def _listen_at(self, listening: socket.socket, endpoint: str) -> None:
        self._listeners.append(
            Listener(listening, endpoint, self._selector, self._clock, self._budget, self._take, self._disconnected)
        )

    @property
    def _can_be_found(self) -> bool:
        return self._dirs.connection_file.exists() and (not POSIX or (self._socket_folder / "daemon.sock").exists())

    def _publish_again(self) -> None:
        """Restore the connection file or the socket, after somebody has deleted one."""
        log.warning("the connection file or the socket was deleted; restoring it")
        try:
            socket_path = self._socket_folder / "daemon.sock"
            if POSIX and not socket_path.exists():
                make_private_folder(self._socket_folder)
                self._listeners[0].listen_anew(listen_on_path(socket_path)[0])
            self._presence.publish(self._endpoints)
        except (OSError, VelaturaError) as error:
            log.error("the connection file or the socket could not be restored: %s", error)

    def _on_hangup(self, *_: object) -> None:
        """SIGHUP: a client could not find the daemon. `_tick` restores what is missing."""
        self.wake()

    def _notify(self, token: bytes, message: p.Message) -> None:
        session = self._sessions.sessions.get(token)
        if session is None:
            return
        passing = isinstance(message, (p.Progress, p.Queued))  # another one will follow
        if not session.parked:
            if not (passing and session.peer.congested):
                send(session.peer, message)
        elif not passing and not isinstance(message, (p.Preview, p.ProgressSaved)):
            session.unsaid.append(message)  # sent when the client is back
            if len(session.unsaid) > MAX_UNSAID:
                session.peer.cut_off("it does not read, and too much waits for it")  # not translated: for the log

    # --- messages ----------------------------------------------------------------------------------
    def _take(self, peer: Peer, frames: list[Any]) -> None:
        job, known = "", False
        try:
            if len(frames) == 1 and self._handshake(peer, frames[0]):
                return
            session = self._sessions.session_of(peer, self._token_of(frames))
            known = True
            message, _ = codec.unpack(frames)
            job = getattr(message, "job", "")
            self._serve(session, message)
        except Exception as error:  # a fault of ours must not take everybody's daemon down
            if known and isinstance(error, VelaturaError):  # an unauthenticated peer must not fill the log
                log.warning("refused (%s): %s", error.code, error.sentence)
            send(peer, failure(job, error))

    def _handshake(self, peer: Peer, frame: Any) -> bool:
        """Hello and proof, the only messages that are read without a session. False: it is another one."""
        if memoryview(frame).nbytes > MAX_UNAUTHENTICATED_FRAME:
            return False
        header = codec.unpack_header(frame)
        if header.get("type") not in (p.Hello.type, p.Proof.type):
            return False
        message, _ = codec.unpack([frame])
        self._presence.refuse_new_work(message)
        if isinstance(message, p.Hello):
            send(peer, self._sessions.hello(peer, message))
        elif isinstance(message, p.Proof):
            session = self._sessions.proof(peer, message)
            if (former := self._sessions.of_peer(peer)) is not None:
                self._lose(former)  # one connection has one session, and its jobs do not outlive it
            elif (silent := self._sessions.silent_one_in_the_way) is not None:
                self._lose(silent)
            self._sessions.enter(session)
            log.info("%s connected (%s)", session.program, session.client_id[:8])
            send(peer, self._welcome(session))
        return True

    @staticmethod
    def _token_of(frames: list[Any]) -> bytes:
        """The session token in a header. Raises BadMessage."""
        if not frames:
            raise BadMessage(lazy_text("The message has no frames."))
        token = codec.unpack_header(frames[0]).get("session", b"")
        return token if isinstance(token, bytes) else b""

    def _welcome(self, session: Session) -> p.Welcome:
        limits = {
            "max_megapixels": self._options.megapixel_limit,
            "jobs": len(self._scheduler.pool.active),
            "window": p.WINDOW,
            "chunk": p.CHUNK,
        }
        results = self._job_service.results_for(session.client_id)
        return p.Welcome(session.token, self._build, self._options.heartbeat, not self._scheduler.busy, limits, results)

    def _serve(self, session: Session, message: p.Message) -> None:
        """Handle one message of an authenticated client. Raises VelaturaError."""
        if session.parked:
            session.parked = False
            for unsaid in session.unsaid:
                send(session.peer, unsaid)
            session.unsaid.clear()
            self._job_service.unpark(session.token)
        if not isinstance(message, (p.Ping, p.GetStatus)):
            self._scheduler.active_at = self._clock.now()
        self._requests.check(message)
        self._presence.refuse_new_work(message)
        self._requests.handle(session, message)

    def report(self) -> dict[str, Any]:
        """The fields of a status, see docs/protocol.md."""
        return {
            "version": velatura.__version__,
            "build": self._build,
            "pid": os.getpid(),
            "endpoints": self._endpoints,
            "executor": self._options.executor_kind,
            "address": self._options.address,
            "remote": list(self._options.remote),
            "upstream": self._options.upstream,
            "uptime_seconds": self._clock.now() - self._started,
            "sessions": len(self._sessions.sessions),
            "max_megapixels": self._options.megapixel_limit,
            **self._job_service.status(),
        }

    def say_goodbye(self, session: Session) -> None:
        """A client closes its session."""
        log.info("%s closed its session (%s)", session.program, session.client_id[:8])
        self._sessions.leave(session)
        self._job_service.end_session(session.token)

    def _disconnected(self, peer: Peer) -> None:
        """A connection was closed, by either side."""
        self._sessions.gone(peer)
        if (session := self._sessions.of_peer(peer)) is not None:
            self._lose(session)

    def _lose(self, session: Session) -> None:
        log.info("%s disconnected without closing its session (%s)", session.program, session.client_id[:8])
        self._sessions.leave(session)
        self._job_service.lose_session(session.token)

    # --- the end -----------------------------------------------------------------------------------
    def _close(self) -> None:
        log.info("stopping: %s", self._stopping or "an error")
        self._presence.withdraw()
        for session in self._sessions.sessions.values():
            send(session.peer, p.Bye(lazy_text("The daemon has been stopped. Restyle again to start it.")))
        self._scheduler.close()
        if self._presence.check():  # otherwise its folder may be another daemon's by now
            self._job_service.store.close()
        for listener in self._listeners:
            listener.close()
        if self._socket_folder != self._dirs.runtime:
            with contextlib.suppress(OSError):
                self._socket_folder.rmdir()

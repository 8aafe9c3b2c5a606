"""The daemon's event loop: sockets, sessions, turns. Without torch, so that it starts at once and outlives the
worker."""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import socket
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import velatura
from velatura.app_dirs import POSIX, AppDirs, make_private_folder
from velatura.client.connection_file import ConnectionInfo, publish, withdraw
from velatura.errors import BadMessage, DiskTrouble, UnknownBlob, VelaturaError
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.protocol.transfer import put_messages
from velatura.protocol.zmtp import MAX_UNAUTHENTICATED_FRAME
from velatura_daemon.clock import Clock
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.factory import providers_for
from velatura_daemon.scheduling.job_service import JobService
from velatura_daemon.scheduling.worker_pool import WorkerPool
from velatura_daemon.server.listener import Listener, Peer, listen_on_loopback, listen_on_path
from velatura_daemon.server.sessions import Session, SessionRegistry

log = logging.getLogger("velatura.server")

MAX_SOCKET_PATH = 100  # bytes; the system's limit is 104 on macOS and 107 on Linux
ERROR_PAUSE = 0.1  # seconds, so that an error that repeats does not take a whole core
MAX_SENTENCE = 2000  # characters


class Server:
    """Sockets, sessions and the event loop. `run()` returns after `stop()` or a signal."""

    def __init__(self, dirs: AppDirs, options: DaemonConfig, build: str, clock: Clock | None = None) -> None:
        """Binds its sockets and publishes the connection file. Raises DiskTrouble."""
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
        self._sessions = SessionRegistry(self._key, self._clock)
        self._job_service = JobService(options, dirs, self._pool(), self._notify, self._clock)
        self._scheduler = self._job_service.scheduler
        self._socket_folder = self._folder_for_socket()
        self._listeners: list[Listener] = []
        self._listen()
        self._publish()
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

    def _seconds_to_next(self) -> float | None:
        """Until the clock brings something to do; None: an idle daemon sleeps."""
        due = [listener.due for listener in self._listeners]
        if self._sessions.sessions:
            due.append(self._options.heartbeat / 2)
        due.append(self._scheduler.seconds_to_next)
        if self._options.exit_seconds and not self._scheduler.busy:
            due.append(self._options.exit_seconds - (self._clock.now() - self._scheduler.active_at))
        waits = [seconds for seconds in due if seconds is not None]
        return max(0.001, min(waits)) if waits else None

    def _tick(self, now: float) -> None:
        """Silent clients, idle and hung workers, expired records, exit after idling."""
        for listener in self._listeners:
            listener.tidy(now)
        for session in list(self._sessions.sessions.values()):
            silent = now - session.heard
            if silent > self._options.park_seconds:
                self._lose(session)
            elif silent > 2 * self._options.heartbeat and not session.parked:
                session.parked = True
                self._job_service.park(session.token)
        self._job_service.tick(now)
        if not self._stopping and not self._can_be_found:
            self._publish_again()
        may_leave = self._options.exit_seconds > 0 and not self._scheduler.busy
        if may_leave and now - self._scheduler.active_at >= self._options.exit_seconds:
            self._stopping = "idle"

    # --- publishing --------------------------------------------------------------------------------
    def _folder_for_socket(self) -> Path:
        if not POSIX:
            return self._dirs.runtime
        folder = make_private_folder(self._dirs.runtime)
        if len(os.fsencode(folder / "daemon.sock")) <= MAX_SOCKET_PATH:
            return folder
        return Path(tempfile.mkdtemp(prefix="velatura-"))  # 0700, and short

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
            raise DiskTrouble(f"The daemon cannot listen in {self._socket_folder} ({error.strerror}).") from error

    def _listen_at(self, listening: socket.socket, endpoint: str) -> None:
        self._listeners.append(
            Listener(listening, endpoint, self._selector, self._clock, self._take, self._disconnected)
        )

    def _publish(self) -> None:
        publish(self._dirs, ConnectionInfo(tuple(self._endpoints), self._key, os.getpid(), self._build))

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
            self._publish()
        except (OSError, VelaturaError) as error:
            log.error("it could not be restored: %s", error)

    def _on_hangup(self, *_: object) -> None:
        """SIGHUP: a client could not find the daemon. `_tick` restores what is missing."""
        self.wake()

    def _send(self, peer: Peer, message: p.Message) -> None:
        """Queue a message; a peer that has gone or does not read loses it."""
        try:
            if not peer.send(codec.pack(message)):
                log.debug("a %s message was not delivered", message.type)
        except BadMessage as error:
            log.debug("a %s message was not delivered: %s", message.type, error)

    def _notify(self, token: bytes, message: p.Message) -> None:
        session = self._sessions.sessions.get(token)
        if session is None:
            return
        if not session.parked:
            self._send(session.peer, message)
        elif not isinstance(message, (p.Progress, p.Preview, p.Queued)):
            session.unsaid.append(message)  # sent when the client is back

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
        except VelaturaError as error:
            if known:  # an unauthenticated peer must not fill the log
                log.warning("refused (%s): %s", error.code, error.sentence)
            self._send(peer, p.Failed(job[: p.MAX_NAME], error.code, error.sentence[:MAX_SENTENCE]))
        except Exception as error:  # a fault of ours must not take everybody's daemon down
            log.exception("a message could not be served")
            sentence = (
                f"An internal error of the daemon ({type(error).__name__}); it keeps running. Its log has the details."
            )
            self._send(peer, p.Failed(job[: p.MAX_NAME], VelaturaError.code, sentence))

    def _handshake(self, peer: Peer, frame: Any) -> bool:
        """Hello and proof, the only messages that are read without a session. False: it is another one."""
        if memoryview(frame).nbytes > MAX_UNAUTHENTICATED_FRAME:
            return False
        header = codec.unpack_header(frame)
        if header.get("type") not in (p.Hello.type, p.Proof.type):
            return False
        message, _ = codec.unpack([frame])
        if isinstance(message, p.Hello):
            self._send(peer, self._sessions.hello(peer, message))
        elif isinstance(message, p.Proof):
            session = self._sessions.proof(peer, message)
            log.info("%s connected (%s)", session.program, session.client_id[:8])
            self._send(peer, self._welcome(session))
        return True

    @staticmethod
    def _token_of(frames: list[Any]) -> bytes:
        """The session token in a header. Raises BadMessage."""
        if not frames:
            raise BadMessage("The message has no frames.")
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
                self._send(session.peer, unsaid)
            session.unsaid.clear()
            self._job_service.unpark(session.token)
        if not isinstance(message, (p.Ping, p.GetStatus)):
            self._scheduler.active_at = self._clock.now()
        handler = self._HANDLERS.get(type(message))
        if handler is None:
            raise BadMessage(f"A {message.type} message is not for the daemon.")
        handler(self, session, message)

    def _on_put(self, session: Session, put: p.Put) -> None:
        self._job_service.put(session.token, put)

    def _on_restyle(self, session: Session, request: p.Restyle) -> None:
        self._job_service.submit(session.token, session.client_id, session.program, request)

    def _on_get(self, session: Session, request: p.Get) -> None:
        data = self._job_service.store.results.picture_bytes(request.blob)
        if data is None:
            raise UnknownBlob("The daemon holds no such result.")
        for put in put_messages(request, data):
            self._send(session.peer, put)

    def _on_cancel(self, session: Session, request: p.Cancel) -> None:
        self._job_service.cancel(session.client_id, request.job)

    def _on_preview_shown(self, session: Session, seen: p.PreviewShown) -> None:
        self._job_service.preview_shown(session.client_id, seen.job)

    def _on_received(self, session: Session, received: p.Received) -> None:
        self._job_service.store.received((session.client_id, received.job))

    # Every session is this user's, so a program may also ask for what is kept for the user's other programs.
    def _on_list_saved(self, session: Session, request: p.ListSaved) -> None:
        self._send(
            session.peer, p.SavedList(self._job_service.store.listed(None if request.everyone else session.client_id))
        )

    def _on_resume(self, session: Session, request: p.Resume) -> None:
        self._job_service.resume(session.token, session.client_id, request.client or session.client_id, request)

    def _on_drop(self, session: Session, request: p.Drop) -> None:
        self._job_service.store.drop((request.client or session.client_id, request.job))

    def _on_get_history(self, session: Session, request: p.GetHistory) -> None:
        self._send(session.peer, p.History(self._job_service.store.past(request.before)))

    def _on_forget(self, session: Session, _: p.Forget) -> None:
        self._job_service.forget()
        self._send(session.peer, p.SavedList(self._job_service.store.listed(None)))

    def _on_ping(self, session: Session, _: p.Ping) -> None:
        self._send(session.peer, p.Pong())

    def _on_get_estimate(self, session: Session, request: p.GetEstimate) -> None:
        self._job_service.estimate(session.token, request)

    def _on_get_status(self, session: Session, _: p.GetStatus) -> None:
        report = {
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
        self._send(session.peer, p.Status(report))

    def _on_shutdown(self, session: Session, request: p.Shutdown) -> None:
        if request.if_idle and self._scheduler.busy:
            raise BadMessage("The daemon is at work, so it stays.")
        self.stop(f"{session.program} asked")

    def _on_bye(self, session: Session, _: p.Bye) -> None:
        log.info("%s closed its session (%s)", session.program, session.client_id[:8])
        self._sessions.leave(session)
        self._job_service.end_session(session.token)

    _HANDLERS: ClassVar[dict[type[p.Message], Callable[..., None]]] = {
        p.Put: _on_put,
        p.Restyle: _on_restyle,
        p.Get: _on_get,
        p.Cancel: _on_cancel,
        p.PreviewShown: _on_preview_shown,
        p.Received: _on_received,
        p.Ping: _on_ping,
        p.GetStatus: _on_get_status,
        p.Shutdown: _on_shutdown,
        p.GetEstimate: _on_get_estimate,
        p.Bye: _on_bye,
        p.ListSaved: _on_list_saved,
        p.Resume: _on_resume,
        p.Drop: _on_drop,
        p.GetHistory: _on_get_history,
        p.Forget: _on_forget,
    }

    def _disconnected(self, peer: Peer) -> None:
        """A connection was closed, by either side."""
        session = self._sessions.gone(peer)
        if session is not None:
            self._lose(session)

    def _lose(self, session: Session) -> None:
        log.info("%s vanished (%s)", session.program, session.client_id[:8])
        self._sessions.leave(session)
        self._job_service.lose_session(session.token)

    # --- the end -----------------------------------------------------------------------------------
    def _close(self) -> None:
        log.info("stopping: %s", self._stopping or "an error")
        withdraw(self._dirs)
        for session in self._sessions.sessions.values():
            self._send(session.peer, p.Bye("The daemon has been stopped. Restyle again to start it."))
        self._scheduler.close()
        self._job_service.store.close()
        for listener in self._listeners:
            listener.close()
        if self._socket_folder != self._dirs.runtime:
            self._socket_folder.rmdir()

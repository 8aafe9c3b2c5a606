"""The way to a daemon on another machine, through ssh."""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Sequence

from velatura.app_dirs import AppDirs
from velatura.client.connection_file import ConnectionInfo, read_connection
from velatura.errors import DaemonLost, VelaturaError
from velatura.i18n import Text, lazy_text, sentences
from velatura_daemon.executors.remote.forward import Forward
from velatura_daemon.executors.remote.probe import Probe, RemoteDaemonInfo, check_works_itself
from velatura_daemon.executors.remote.routes import Address
from velatura_daemon.executors.remote.ssh import RemoteFailure
from velatura_daemon.remote_target import Target

log = logging.getLogger("velatura.remote")

SILENCE = 30.0  # seconds; ssh and the system may hold 2.5 MB of a picture, which takes that long at 80 kB/s
ABANDONED_SECONDS = 5.0  # after which a search that nobody continues is given up
PATIENCE = 30.0  # seconds: a machine that wakes up takes 10 to 20 s until its ssh server answers
FIRST_RETRY, LAST_RETRY = 0.5, 15.0  # seconds between two attempts; each waits twice as long as the one before
UNUSED_SECONDS = 600.0  # after which an open connection is closed; the worker over there has stopped by then too


def no_gpu_sentence(target: Target) -> str:
    return lazy_text(
        "{machine} has no GPU that PyTorch can use, so it works on its CPU. If it has one, check the driver there "
        "('nvidia-smi' should list it).",
        machine=str(target),
    )


class SshTunnel:
    """Idle → probing (find and start the daemon) → forwarding → open. Shared by all sessions with one machine.

    A step that fails is not repeated by itself: everything begins with the probe again, since the daemon over there may
    have restarted with another key and another socket.
    """

    patience = PATIENCE
    silence = SILENCE

    def __init__(self, ssh: str, target: Target, dirs: AppDirs, owner: str = "daemon") -> None:
        """owner: what uses it; two owners at the same time need two names, since each has a socket of its own."""
        self._ssh, self.target, self._dirs, self._owner = ssh, target, dirs, owner
        # Translators: within a sentence, such as "The daemon on me@box does not answer."
        self.name: str = lazy_text("on {machine}", machine=str(target))
        self.machine = str(target)
        self.greeting: str = lazy_text("Connecting to {machine}.", machine=str(target))
        self.no_gpu_notice: str = no_gpu_sentence(target)
        self.problem = ""
        self.is_hopeless = False
        self._lock = threading.Lock()
        self._step: Probe | Forward | None = None
        self.info: RemoteDaemonInfo | None = None  # of the last probe
        self._distrusted_key = b""
        self._by_port = False
        self._was_answered = False
        self._is_open = False
        self._retry_seconds = FIRST_RETRY
        self._retry_at = 0.0  # time.monotonic()
        self._used_at = time.monotonic()

    @property
    def known_settings(self) -> frozenset[str] | None:
        return self.info.settings if self.info is not None else None

    @property
    def socket_name(self) -> str:
        """The same at each start, so that ssh replaces a socket that a killed process has left."""
        return f"{self._owner}-{hashlib.sha256(self.target.destination.encode()).hexdigest()[:12]}.sock"

    def begin(self) -> None:
        with self._lock:
            self.problem, self.is_hopeless, self._retry_at, self._retry_seconds = "", False, 0.0, FIRST_RETRY
            self._drop_abandoned()

    def find(self) -> Sequence[Address]:
        with self._lock:
            self._used_at = time.monotonic()
            try:
                return self._advance()
            except RemoteFailure as error:
                self._fail(error)
            except VelaturaError as error:  # such as a full disk
                self._fail(RemoteFailure(error.sentence))
            return ()

    def _advance(self) -> Sequence[Address]:
        if self._step is None and time.monotonic() >= self._retry_at:
            log.info("connecting to %s", self.target)
            self._step = Probe(self._ssh, self.target)
        if isinstance(self._step, Probe) and (info := self._step.poll()) is not None:
            check_works_itself(info, self._own_connection(), self.target)
            log.info("%s has Velatura %s (%s)", self.target, info.version, info.program)
            self.info = info
            self._step = self._forward(info, by_port=self._by_port)
        if not isinstance(self._step, Forward):
            return ()
        try:
            if self._step.poll():
                self._is_open = True
                return [self._step.address]
        except RemoteFailure as error:
            if not self._is_open:
                raise
            log.info("the connection to %s ended: %s", self.target, error.sentence)
            self._close_step()
            self._step = Probe(self._ssh, self.target)
        return ()

    def _forward(self, info: RemoteDaemonInfo, *, by_port: bool) -> Forward:
        self._was_answered = False
        path = self._dirs.runtime / self.socket_name
        return Forward(self._ssh, self.target, info.connection, path, by_port=by_port)

    def _drop_abandoned(self) -> None:
        """End a step that is not complete and that nobody has asked for of late: its outcome may not be true any
        more."""
        if not self._is_open and time.monotonic() - self._used_at > ABANDONED_SECONDS:
            self._close_step()

    def _own_connection(self) -> ConnectionInfo | None:
        return read_connection(self._dirs.connection_file)

    def _fail(self, error: RemoteFailure) -> None:
        """End the step; the next call of `find` after a while begins again."""
        log.warning("%s", error.sentence)
        self._close_step()
        self.problem, self.is_hopeless = error.sentence, not error.may_pass
        self._retry_at = time.monotonic() + self._retry_seconds
        self._retry_seconds = min(2 * self._retry_seconds, LAST_RETRY)

    def on_unanswered(self, address: Address | None) -> None:
        with self._lock:
            if isinstance(self._step, Forward) and self._step.address is address:  # not one that was opened meanwhile
                never_answered, by_port = not self._was_answered, self._step.by_port
                failure = self._step.unanswered()
                self._close_step()
                if never_answered and not by_port and self.info is not None:
                    # The server may forbid sockets and allow ports: that is one attempt.
                    self._by_port = True
                    try:
                        self._step = self._forward(self.info, by_port=True)
                        return
                    except RemoteFailure as error:
                        failure = error
                self._by_port = self._by_port and not never_answered
                self._fail(failure)

    def on_connected(self) -> None:
        with self._lock:
            self.problem, self._retry_seconds, self._was_answered = "", FIRST_RETRY, True

    def has_new_key(self, info: ConnectionInfo) -> bool:
        """Ask once more, then believe it."""
        with self._lock:
            if self._distrusted_key == info.key:
                return False
            self._distrusted_key = info.key
            restarted = lazy_text("The daemon on {machine} has restarted.", machine=self.machine)
            self._fail(RemoteFailure(restarted, may_pass=True))
            return True

    def tend(self, *, in_use: bool) -> float | None:
        with self._lock:
            if self._step is None:
                return None
            now = time.monotonic()
            if in_use:
                self._used_at = now
            self._drop_abandoned()
            if self._step is None or not self._is_open:
                return ABANDONED_SECONDS if self._step is not None else None
            if now - self._used_at > UNUSED_SECONDS:
                log.info("the unused connection to %s is closed", self.target)
                self._close_step()
                return None
            return UNUSED_SECONDS

    def lost(self, what: Text) -> DaemonLost:
        advice = lazy_text("Run 'velatura doctor' to see where it stops.")
        return DaemonLost(sentences(what.format(daemon=self.name), advice))

    def close(self) -> None:
        with self._lock:
            self._close_step()

    def _close_step(self) -> None:
        self._is_open = False
        if self._step is not None:
            self._step.close()
            self._step = None

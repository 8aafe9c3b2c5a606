"""The connection to the user's daemon: finds or starts it, authenticates, and keeps it alive. Never blocks."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from typing import Protocol

from velatura.app_dirs import AppDirs
from velatura.client import transport
from velatura.client.connection_file import ConnectionInfo, find, reachable
from velatura.client.handshake import ANSWER_TIMEOUT, Handshake
from velatura.client.launch import ERROR_PREFIX, Launcher, find_launcher, launch, startup_error, terminal_command
from velatura.client.locks import is_held
from velatura.client.sandbox import find_sandbox
from velatura.errors import DaemonCannotStart, DaemonLost, DaemonNotRunning, NotTrusted, UnknownMessage, VelaturaError
from velatura.i18n import lazy_text, sentences
from velatura.protocol import codec
from velatura.protocol import messages as p

START_PATIENCE = 30.0  # seconds for a daemon to start
POLL_EVERY = 0.03  # seconds between reads of the connection file

IDLE, SEARCHING, STARTING, REPLACING, GREETING, READY = (
    "idle",
    "searching",
    "starting",
    "replacing",
    "greeting",
    "ready",
)


class Connection(Protocol):
    """A connection to a daemon, as `Client` uses it. Only `wait` blocks. Failures are VelaturaErrors."""

    @property
    def ready(self) -> bool:
        """Whether the handshake is complete."""

    @property
    def needs_write(self) -> bool:
        """Whether to watch the descriptor for writing as well."""

    @property
    def daemon_version(self) -> tuple[int, int]:
        """The daemon's version of the protocol, once the handshake is complete."""

    def fileno(self) -> int | None:
        """The descriptor to watch, or None if there is none yet."""

    def start_connecting(self) -> None:
        """Connect again after a failure. Does nothing if that is under way."""

    def advance(self) -> p.Welcome | None:
        """Proceed towards `ready` as far as possible now.

        Returns:
            The welcome at the moment it arrives; otherwise None.
        """

    def receive(self) -> p.Message | None:
        """Return the next message, or None."""

    def send(self, message: p.Message) -> bool:
        """Queue a message. Returns False if the queue is full."""

    def keep_alive(self) -> None:
        """Send a ping if it is time for one."""

    def check_alive(self) -> None:
        """Raise DaemonLost if the daemon has been silent for too long."""

    def wait(self) -> None:
        """Block until something may have happened."""

    def disconnect(self) -> None:
        """Close the connection without a goodbye."""

    def close(self) -> None:
        """Say goodbye and close the connection."""


class DaemonConnection:
    """The connection to the daemon of this user.

    States: idle → searching (→ starting, → replacing: an idle daemon of another build shuts down) → greeting → ready.
    Any failure raises a VelaturaError. After `disconnect()`, `start_connecting()` begins again.

    Args:
        dirs: The folders with the connection file.
        program: The program's name.
        client_id: What results belong to.
        start: Start the daemon if none is running.
        launcher: How to start it; None for the recorded command.
    """

    def __init__(self, dirs: AppDirs, program: str, client_id: str, *, start: bool, launcher: Launcher | None) -> None:
        self._dirs = dirs
        self._program = program
        self._client_id = client_id
        self._may_start = start
        self._launcher = launcher
        self._sandbox = find_sandbox(dirs=dirs)
        self._state = SEARCHING
        self._dealer: transport.Dealer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0
        self._next_poll = 0.0
        self._endpoints: list[str] = []  # that were not tried yet
        self._session = b""
        self._heartbeat = 5.0
        self._last_sent = 0.0
        self._unanswered_since: float | None = None
        self._last_keep_alive = 0.0
        self._has_replaced = False
        self._connecting_since: float | None = None
        self.daemon_version = (0, 0)

    @property
    def ready(self) -> bool:
        return self._state == READY

    @property
    def needs_write(self) -> bool:
        return self._dealer is not None and self._dealer.needs_write

    def fileno(self) -> int | None:
        return self._dealer.fileno() if self._dealer else None

    def start_connecting(self) -> None:
        if self._state == IDLE:
            self._state = SEARCHING

    def advance(self) -> p.Welcome | None:
        if self._state in (SEARCHING, STARTING, REPLACING):
            self._search()
        if self._state == GREETING:
            return self._greet()
        return None

    def receive(self) -> p.Message | None:
        if self._state != READY or self._dealer is None:
            return None
        try:
            while (frames := self._dealer.receive()) is not None:
                self._unanswered_since = None
                try:
                    return codec.unpack(frames)[0]
                except UnknownMessage:
                    continue  # from a newer minor version
        except DaemonLost as error:
            # Whether the lock is still held says nothing here: a process that ends closes its sockets a moment before
            # or after its lock file. Connecting again is right in both cases.
            raise DaemonLost(sentences(error.sentence, lazy_text("Restyle again."))) from error
        return None

    def send(self, message: p.Message) -> bool:
        assert self._dealer is not None
        self._last_sent = time.monotonic()
        return self._dealer.send(codec.pack(message, self._session))

    def keep_alive(self) -> None:
        if self._state != READY:
            return
        now = time.monotonic()
        if self._unanswered_since is not None and now - self._last_keep_alive > self._heartbeat:
            # This process was suspended itself (the machine slept, the editor was stopped): the daemon was not silent.
            self._unanswered_since = now
        self._last_keep_alive = now
        if now - self._last_sent > self._heartbeat / 2:
            self.send(p.Ping())
            self._unanswered_since = self._unanswered_since or now
        elif self._unanswered_since is None and not is_held(self._dirs.lock_file):
            # The daemon has exited: leave half a heartbeat for its last messages to arrive.
            self._unanswered_since = now - 1.5 * self._heartbeat

    def check_alive(self) -> None:
        """Raise DaemonLost after two heartbeats without an answer. Call it once everything available was received."""
        now = time.monotonic()
        if (
            self._state == READY
            and self._unanswered_since is not None
            and now - self._unanswered_since > 2 * self._heartbeat
        ):
            if is_held(self._dirs.lock_file):
                raise DaemonLost(
                    lazy_text("The daemon no longer answers. Run 'velatura daemon stop', then restyle again.")
                )
            raise DaemonLost(lazy_text("The daemon has stopped. Restyle again to start it."))

    def wait(self) -> None:
        if self._dealer is not None:
            self._dealer.wait(0.05 if self._state != READY else self._heartbeat / 8)
        else:
            time.sleep(POLL_EVERY)

    def disconnect(self) -> None:
        if self._dealer is not None:
            self._dealer.close()
        self._dealer, self._session, self._state = None, b"", IDLE
        self._unanswered_since = self._connecting_since = None

    def close(self) -> None:
        if self._dealer is not None and self._state == READY:
            self._dealer.send(codec.pack(p.Bye(), self._session))
            self._dealer.close(linger=0.5)
            self._dealer = None
        self.disconnect()

    # --- finding and starting the daemon -----------------------------------------------------------
    def _search(self) -> None:
        now = time.monotonic()
        if now < self._next_poll:
            return
        self._next_poll = now + POLL_EVERY
        if self._state == REPLACING and is_held(self._dirs.lock_file) and now < self._deadline:
            return
        found = find(self._dirs)
        has_network = self._sandbox is None or self._sandbox.has_network
        every = found.endpoints if found is not None else ()
        endpoints = [endpoint for endpoint in every if reachable(endpoint, has_network=has_network)]
        if found is not None and endpoints and self._state != REPLACING:
            self._found, self._endpoints = found, endpoints
            self._connecting_since = self._connecting_since or now
            self._connect(found)
        elif found is not None and self._sandbox is not None and not has_network and self._state != STARTING:
            raise self._sandbox.is_offline()
        elif found is not None and not self._may_start:
            raise DaemonLost(
                lazy_text(
                    "The daemon's socket is missing. To have the daemon create it again, restyle from an editor, or "
                    "run 'velatura daemon start'."
                )
            )
        elif self._state != STARTING:
            self._launch()
        elif now > self._deadline and is_held(self._dirs.lock_file):
            raise DaemonLost(
                lazy_text("A daemon is running, but does not answer. Run 'velatura daemon stop', then try again.")
            )
        elif now > self._deadline or self._launch_failed():
            raise DaemonCannotStart(_did_not_start(startup_error(self._dirs)))

    def _launch(self) -> None:
        if not self._may_start:
            raise DaemonNotRunning(lazy_text("No daemon is running. Start it with 'velatura daemon start'."))
        launcher = self._launcher or find_launcher(self._dirs)
        sandbox = self._sandbox if self._launcher is None else None
        if sandbox is not None and not sandbox.sees_files:
            raise sandbox.hides_files(self._dirs)
        if sandbox is not None and (launcher is None or not sandbox.starts_outside):
            raise sandbox.cannot_start(terminal_command(self._dirs))
        if launcher is None:
            raise DaemonNotRunning(
                lazy_text(
                    "No daemon is running, and the command that starts it is not recorded yet. Run 'velatura daemon "
                    "start' in a terminal once."
                )
            )
        if Path(launcher.command[0]) == self._dirs.environment_python and is_held(self._dirs.setup_lock):
            raise DaemonNotRunning(lazy_text("Velatura is being set up. Wait until this is done, then try again."))
        self._process = launch(self._dirs, launcher.command, sandbox)
        self._state, self._deadline = STARTING, time.monotonic() + START_PATIENCE

    def _launch_failed(self) -> bool:
        """Whether the started process exited with an error. It exits without one if another daemon was faster."""
        return self._process is not None and (self._process.poll() or 0) != 0

    # --- the handshake -----------------------------------------------------------------------------
    def _connect(self, found: ConnectionInfo) -> None:
        """Start a handshake on the next endpoint."""
        if not self._endpoints:
            self._search_again_or(
                DaemonLost(
                    lazy_text(
                        "The daemon does not answer at any of its addresses. Run 'velatura daemon stop', then try "
                        "again."
                    )
                ),
                ANSWER_TIMEOUT,
            )
            return
        endpoint = self._endpoints.pop(0)
        if self._dealer is not None:
            self._dealer.close()
            self._dealer = None
        try:
            self._dealer = transport.open_dealer(endpoint)
        except DaemonLost:
            self._connect(found)
            return
        self._handshake = Handshake(self._dealer, endpoint, found, self._client_id, self._program)
        self._state = GREETING

    def _greet(self) -> p.Welcome | None:
        try:
            welcome = self._handshake.advance()
        except DaemonLost:  # try the next endpoint
            self._connect(self._found)
            return None
        except NotTrusted as error:
            self._search_again_or(error)
            return None
        return self._accept(welcome) if welcome is not None else None

    def _search_again_or(self, error: VelaturaError, patience: float = 0.0) -> None:
        """Search again if that may help, otherwise raise the error.

        A starting daemon acquires the lock before it replaces the connection file that a crash has left. So this
        searches again if the file has changed, or if connecting was tried for less than `patience` seconds.
        """
        tried = time.monotonic() - (self._connecting_since or 0.0)
        if find(self._dirs) == self._found and tried >= patience:
            raise error
        if self._dealer is not None:
            self._dealer.close()
        self._dealer, self._state = None, SEARCHING

    def _accept(self, welcome: p.Welcome) -> p.Welcome | None:
        """Complete the handshake. Returns None if the daemon is of another build and is replaced instead."""
        self._session, self._heartbeat = welcome.session_id, max(0.1, welcome.heartbeat)
        self.daemon_version = self._handshake.daemon_version
        self._state, self._last_sent, self._unanswered_since = READY, time.monotonic(), None
        self._connecting_since = None
        if self._may_start and welcome.idle and not self._has_replaced and self._is_other_build(welcome.build):
            # Only once: two clients of different builds must not keep replacing each other's daemon.
            self._has_replaced = True
            self.send(p.Shutdown(if_idle=True))
            assert self._dealer is not None
            self._dealer.close(linger=0.5)
            self._dealer, self._state, self._deadline = None, REPLACING, time.monotonic() + ANSWER_TIMEOUT
            return None
        return welcome

    def _is_other_build(self, build: str) -> bool:
        launcher = self._launcher or find_launcher(self._dirs)
        return launcher is not None and launcher.build not in ("", build)


def _did_not_start(last_line: str) -> str:
    """The sentence for a failed daemon.

    Args:
        last_line: What it printed last; an error message of its own already says what to do.
    """
    if last_line.startswith(ERROR_PREFIX):
        return lazy_text("The daemon did not start: {why}", why=last_line.removeprefix(ERROR_PREFIX))
    printed = last_line.rstrip(".")
    what = (
        lazy_text("The daemon did not start: {printed}.", printed=printed)
        if printed
        else lazy_text("The daemon did not start: it printed nothing.")
    )
    return sentences(what, lazy_text("Run 'velatura doctor' in a terminal to find out what is missing."))

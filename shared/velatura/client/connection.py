"""The way to the daemon: found or started, greeted, trusted, kept alive. A state machine that never blocks."""

from __future__ import annotations

import subprocess
import time
from typing import Protocol

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.client import transport
from velatura.client.connection_file import ConnectionInfo, find, reachable
from velatura.client.handshake import ANSWER_TIMEOUT, Handshake
from velatura.client.launch import OWN_WORDS, Launcher, in_sandbox, launch, recorded, terminal_command, why_not
from velatura.client.locks import is_held
from velatura.errors import DaemonCannotStart, DaemonLost, DaemonNotRunning, NotTrusted, UnknownMessage, VelaturaError
from velatura.protocol import messages as p

START_PATIENCE = 30.0  # seconds for a daemon to come up
LOOK_EVERY = 0.03  # seconds between looks at the connection file

IDLE, LOOKING, STARTING, LEAVING, GREETING, READY = "idle", "looking", "starting", "leaving", "greeting", "ready"


class Connection(Protocol):
    """A way to a daemon, as `Client` sees it. Nothing of it blocks but `wait`; failures are VelaturaErrors."""

    @property
    def ready(self) -> bool: ...
    @property
    def wants_to_write(self) -> bool: ...
    def fileno(self) -> int | None: ...
    def start_looking(self) -> None: ...
    def advance(self) -> p.Welcome | None: ...
    def receive(self) -> p.Message | None: ...
    def send(self, message: p.Message) -> bool: ...
    def keep_alive(self) -> None: ...
    def check_alive(self) -> None: ...
    def wait(self) -> None: ...
    def drop(self) -> None: ...
    def close(self) -> None: ...


class DaemonConnection:
    """States: idle → looking (→ starting, → leaving: an idle daemon of another build goes) → greeting → ready.
    Any failure raises a VelaturaError; after `drop()` it can look again."""

    def __init__(
        self, places: AppDirs, program: str, client_id: str, *, start: bool, launcher: Launcher | None
    ) -> None:
        self._places = places
        self._program = program
        self._client_id = client_id
        self._may_start = start
        self._launcher = launcher
        self._state = LOOKING
        self._dealer: transport.Dealer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._deadline = 0.0
        self._next_look = 0.0
        self._endpoints: list[str] = []
        self._session = b""
        self._heartbeat = 5.0
        self._last_sent = 0.0
        self._unanswered_since: float | None = None
        self._looked_at = 0.0
        self._replaced = False
        self._called_at: float | None = None  # since when it is tried

    @property
    def ready(self) -> bool:
        return self._state == READY

    def fileno(self) -> int | None:
        return self._dealer.fileno() if self._dealer else None

    def start_looking(self) -> None:
        """Begin again after a failure; does nothing while under way."""
        if self._state == IDLE:
            self._state = LOOKING

    @property
    def wants_to_write(self) -> bool:
        """Whether the descriptor is to be watched for writing too."""
        return self._dealer is not None and self._dealer.wants_to_write

    def advance(self) -> p.Welcome | None:
        """Go as far towards `ready` as can be gone now. Returns the welcome at the moment it comes."""
        if self._state in (LOOKING, STARTING, LEAVING):
            self._look()
        if self._state == GREETING:
            return self._greet()
        return None

    def receive(self) -> p.Message | None:
        """The next message of a ready daemon, or None."""
        if self._state != READY or self._dealer is None:
            return None
        try:
            while (frames := self._dealer.receive()) is not None:
                self._unanswered_since = None
                try:
                    return p.unpack(frames)[0]
                except UnknownMessage:
                    continue  # of a newer minor version
        except DaemonLost as error:
            raise self._lost(error.sentence) from error
        return None

    def send(self, message: p.Message) -> bool:
        """Hand over a message under the session. False when the queue is full."""
        assert self._dealer is not None
        self._last_sent = time.monotonic()
        return self._dealer.send(p.pack(message, self._session))

    def keep_alive(self) -> None:
        """Ping when it is time."""
        if self._state != READY:
            return
        now = time.monotonic()
        if self._unanswered_since is not None and now - self._looked_at > self._heartbeat:
            # we were away ourselves (the machine slept, the editor was stopped): that is nobody's silence
            self._unanswered_since = now
        self._looked_at = now
        if now - self._last_sent > self._heartbeat / 2:
            self.send(p.Ping())
            self._unanswered_since = self._unanswered_since or now
        elif self._unanswered_since is None and not is_held(self._places.lock_file):
            self._unanswered_since = now - 1.5 * self._heartbeat  # it has gone: a moment for its last words

    def check_alive(self) -> None:
        """Raises DaemonLost after two heartbeats without any answer. Call it when everything that came was received."""
        now = time.monotonic()
        if (
            self._state == READY
            and self._unanswered_since is not None
            and now - self._unanswered_since > 2 * self._heartbeat
        ):
            raise self._lost("The daemon does not answer any more.")

    def _lost(self, what: str) -> DaemonLost:
        alive = is_held(self._places.lock_file)
        stopped = "It has stopped; restyle again to start it. What it had in work is kept."
        to_do = "Run 'velatura daemon stop', then restyle again." if alive else stopped
        return DaemonLost(f"{what} {to_do}")

    def wait(self) -> None:
        """Wait until something may have happened: for scripts."""
        if self._dealer is not None:
            self._dealer.wait(0.05 if self._state != READY else self._heartbeat / 8)
        else:
            time.sleep(LOOK_EVERY)

    def drop(self) -> None:
        """Let go of the daemon, without a word."""
        if self._dealer is not None:
            self._dealer.close()
        self._dealer, self._session, self._state = None, b"", IDLE
        self._unanswered_since = self._called_at = None

    def close(self) -> None:
        """Say goodbye and let go."""
        if self._dealer is not None and self._state == READY:
            self._dealer.send(p.pack(p.Bye(), self._session))
            self._dealer.close(linger=0.5)
            self._dealer = None
        self.drop()

    # --- finding and starting ----------------------------------------------------------------------
    def _look(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY
        if self._state == LEAVING and is_held(self._places.lock_file) and now < self._deadline:
            return
        found = find(self._places)
        endpoints = [endpoint for endpoint in found.endpoints if reachable(endpoint)] if found is not None else []
        if found is not None and endpoints and self._state != LEAVING:
            self._found, self._endpoints = found, endpoints
            self._called_at = self._called_at or now
            self._call(found)
        elif found is not None and not self._may_start:
            raise DaemonLost(
                "The daemon's socket has gone. Restyle from an editor, or run 'velatura daemon start': either has it "
                "made anew."
            )
        elif self._state != STARTING:
            self._launch()
        elif now > self._deadline or self._process_failed():
            raise DaemonCannotStart(f"The daemon did not come up: {_with_what_to_do(why_not(self._places))}")

    def _launch(self) -> None:
        if not self._may_start:
            raise DaemonNotRunning("No daemon is running. Start it with 'velatura daemon start'.")
        launcher = self._launcher or recorded(self._places)
        if launcher is None:
            raise DaemonNotRunning(
                "No daemon is running, and nothing is recorded of how to start it. "
                "Run 'velatura daemon start' in a terminal once."
            )
        if self._launcher is None and in_sandbox():
            raise DaemonNotRunning(strings.SANDBOXED.format(command=terminal_command(self._places)))
        self._process = launch(self._places, launcher.command)
        self._state, self._deadline = STARTING, time.monotonic() + START_PATIENCE

    def _process_failed(self) -> bool:
        """Whether what we started has ended badly. (It ends well when another daemon was faster.)"""
        return self._process is not None and (self._process.poll() or 0) != 0

    # --- the handshake -----------------------------------------------------------------------------
    def _call(self, found: ConnectionInfo) -> None:
        """Say hello on the next endpoint."""
        if not self._endpoints:
            self._look_again_or(
                DaemonLost(
                    "The daemon does not answer on any of its addresses. Run 'velatura daemon stop', then try again."
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
            self._call(found)
            return
        self._handshake = Handshake(self._dealer, endpoint, found, self._client_id, self._program)
        self._state = GREETING

    def _greet(self) -> p.Welcome | None:
        try:
            welcome = self._handshake.advance()
        except DaemonLost:  # nobody we know: perhaps at the next address
            self._call(self._found)
            return None
        except NotTrusted as error:
            self._look_again_or(error)
            return None
        return self._welcomed(welcome) if welcome is not None else None

    def _look_again_or(self, error: VelaturaError, patience: float = 0.0) -> None:
        """A daemon that is just starting has the lock before it has replaced the file that a crash left: where the file
        has changed since, or it was tried for less than `patience` seconds, begin again; else raise."""
        tried = time.monotonic() - (self._called_at or 0.0)
        if find(self._places) == self._found and tried >= patience:
            raise error
        if self._dealer is not None:
            self._dealer.close()
        self._dealer, self._state = None, LOOKING

    def _welcomed(self, welcome: p.Welcome) -> p.Welcome | None:
        self._session, self._heartbeat = welcome.session_id, max(0.1, welcome.heartbeat)
        self._state, self._last_sent, self._unanswered_since = READY, time.monotonic(), None
        self._called_at = None
        if self._may_start and welcome.idle and not self._replaced and self._other_build(welcome.build):
            self._replaced = True  # once: two builds that both want to be the one must not take turns for ever
            self.send(p.Shutdown(if_idle=True))
            assert self._dealer is not None
            self._dealer.close(linger=0.5)
            self._dealer, self._state, self._deadline = None, LEAVING, time.monotonic() + ANSWER_TIMEOUT
            return None
        return welcome

    def _other_build(self, build: str) -> bool:
        launcher = self._launcher or recorded(self._places)
        return launcher is not None and launcher.build != build


def _with_what_to_do(why: str) -> str:
    """why: the last line of a daemon that did not come up. Where it knew what was wrong, it has said what to do as
    well."""
    if why.startswith(OWN_WORDS):
        return why.removeprefix(OWN_WORDS)
    return f"{why.rstrip('.') or 'it said nothing'}. Run 'velatura doctor' in a terminal; it says what is missing."

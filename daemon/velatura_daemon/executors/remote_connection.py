"""The connection to another daemon, found by its connection file. See `velatura.client.connection.Way`."""

from __future__ import annotations

import selectors
import time
from pathlib import Path

from velatura.client.connection_file import ConnectionInfo, reachable, read_connection
from velatura.client.handshake import Handshake
from velatura.client.locks import is_held
from velatura.client.transport import Dealer
from velatura.client.transport_plain import PlainDealer, Selector
from velatura.errors import DaemonLost, NotTrusted, UnknownMessage, UnsafeConnectionFile
from velatura.protocol import codec
from velatura.protocol import messages as p

PATIENCE = 15.0  # seconds for the other daemon to come up, or back
TRY_EVERY = 0.3  # seconds between tries while nobody listens
LINGER = 2.0  # seconds for last words: that a result has come, goodbye

IDLE, LOOKING, GREETING, READY = "idle", "looking", "greeting", "ready"


class RemoteConnection:
    """States: idle → looking → greeting → ready. Unlike a plugin's link it never starts a daemon, and it waits for one
    that is being restarted: the file is read anew at each try, since the key changes at each start."""

    def __init__(self, connection_file: Path, client_id: str) -> None:
        """client_id: of the daemon that this one is. Both ends run as the same user, as with any client."""
        self.endpoint = str(connection_file)
        self._file, self._client_id = connection_file, client_id
        self._state = LOOKING
        self._dealer: Dealer | None = None
        self.patience = PATIENCE  # of this look; the next has the usual one
        self._session = b""
        self._heartbeat = 5.0
        self._began: float | None = None  # to look
        self._next_try = self._last_sent = 0.0
        self._unanswered_since: float | None = None
        self.heard = 0.0  # when the other side last said anything, by time.monotonic()

    @property
    def ready(self) -> bool:
        return self._state == READY

    @property
    def is_waiting(self) -> bool:
        """Whether nobody listens there, and it is tried again and again."""
        return self._state == LOOKING and self._next_try > 0

    @property
    def needs_write(self) -> bool:
        return self._dealer is not None and self._dealer.needs_write

    def fileno(self) -> int | None:
        return self._dealer.fileno() if self._dealer is not None else None

    def start_connecting(self) -> None:
        if self._state == IDLE:
            self._state, self._began, self._next_try, self.patience = LOOKING, None, 0.0, PATIENCE

    def advance(self) -> p.Welcome | None:
        """Raises DaemonLost if nobody answers, NotTrusted if the other side does not know the key of the connection
        file."""
        if self._state == LOOKING and time.monotonic() >= self._next_try:
            self._call()
        return self._greet() if self._state == GREETING else None

    def receive(self) -> p.Message | None:
        """Raises DaemonLost if the connection has ended."""
        if self._state != READY or self._dealer is None:
            return None
        try:
            while (frames := self._dealer.receive()) is not None:
                self._unanswered_since, self.heard = None, time.monotonic()
                try:
                    return codec.unpack(frames)[0]
                except UnknownMessage:
                    continue  # of a newer minor version
        except DaemonLost as error:
            raise self.lost("has hung up") from error
        return None

    def send(self, message: p.Message) -> bool:
        assert self._dealer is not None
        self._last_sent = time.monotonic()
        return self._dealer.send(codec.pack(message, self._session))

    def keep_alive(self) -> None:
        now = time.monotonic()
        if self._state == READY and now - self._last_sent > self._heartbeat / 2:
            self.send(p.Ping())
            self._unanswered_since = self._unanswered_since or now

    def check_alive(self) -> None:
        silent = time.monotonic() - (self._unanswered_since or time.monotonic())
        if self._state == READY and silent > 2 * self._heartbeat:
            raise self.lost(f"has not answered for {silent:.0f} s")

    def wait(self) -> None:
        self.wait_or(None, self._heartbeat / 8)

    def wait_or(self, descriptor: int | None, seconds: float) -> None:
        """Wait until something has come from the other daemon, the descriptor can be read, or so many seconds have
        passed."""
        if self._state in (LOOKING, GREETING):
            seconds = min(seconds, TRY_EVERY / 3)
        with Selector() as looking:
            if self._dealer is not None:
                looking.register(
                    self._dealer.fileno(), selectors.EVENT_READ | (selectors.EVENT_WRITE if self.needs_write else 0)
                )
            if descriptor is not None:
                looking.register(descriptor, selectors.EVENT_READ)
            looking.select(seconds)

    def disconnect(self) -> None:
        self._hang_up()
        self._state, self._session, self._unanswered_since = IDLE, b"", None

    def close(self) -> None:
        if self._state == READY:
            self.send(p.Bye())
            self._hang_up(LINGER)
        self.disconnect()

    # --- connecting ------------------------------------------------------------------------------------
    def _call(self) -> None:
        """Say hello at the best address that answers, or try again later."""
        self._hang_up()
        self._began = self._began or time.monotonic()
        found = self._read()
        for endpoint in found.endpoints if found is not None else ():
            if found is not None and reachable(endpoint):
                try:
                    self._dealer = PlainDealer(endpoint)
                except DaemonLost:
                    continue
                self._found, self._state = found, GREETING
                self._handshake = Handshake(self._dealer, endpoint, found, self._client_id, "daemon")
                return
        self._try_again()

    def _greet(self) -> p.Welcome | None:
        try:
            welcome = self._handshake.advance()
        except DaemonLost:  # one that is being stopped or started hangs up
            self._try_again()
            return None
        except NotTrusted as error:
            if self._has_new_key:
                self._try_again()
                return None
            raise NotTrusted(
                f"What answers at the address in {self._file} does not know the key that is there. Nothing was sent to "
                "it. Restart the daemon that "
                "wrote this file, or start this one with another --upstream."
            ) from error
        if welcome is not None:
            self._session, self._heartbeat = welcome.session_id, max(0.1, welcome.heartbeat)
            self._state, self._unanswered_since = READY, None
            self._last_sent = self.heard = time.monotonic()
        return welcome

    def _read(self) -> ConnectionInfo | None:
        """What a living daemon has written there; None if it has gone. Raises DaemonLost if the file cannot be used."""
        lock = self._file.with_name("daemon.lock")
        if lock.exists() and not is_held(lock):
            return None
        try:
            return read_connection(self._file)
        except UnsafeConnectionFile as error:
            raise DaemonLost(
                f"The connection file of the daemon that does this one's work cannot be used: {error.sentence}"
            ) from error

    @property
    def _has_new_key(self) -> bool:
        """Whether the other daemon was started anew since the file was read."""
        found = self._read()
        return found is not None and found.key != self._found.key

    def _try_again(self) -> None:
        self._hang_up()
        if self._began is None or time.monotonic() - self._began > self.patience:
            raise self.lost("does not answer" if self._file.exists() else "is not running: that file is not there")
        self._state, self._next_try = LOOKING, time.monotonic() + TRY_EVERY

    def lost(self, what: str) -> DaemonLost:
        """what: has become of the other daemon."""
        return DaemonLost(
            f"The daemon of {self._file}, which does this one's work, {what}. Start it again, or start this one "
            "without --upstream."
        )

    def _hang_up(self, linger: float = 0.0) -> None:
        """linger: seconds for what is still to be sent."""
        if self._dealer is not None:
            self._dealer.close(linger)
            self._dealer = None

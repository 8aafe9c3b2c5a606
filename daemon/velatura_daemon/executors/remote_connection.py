"""The connection to another daemon, found by its connection file. See `velatura.client.connection.Connection`."""

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

PATIENCE = 15.0  # seconds for the other daemon to start or restart
RETRY_SECONDS = 0.3  # between attempts while nothing listens
LINGER = 2.0  # seconds to send the last messages, `received` and `bye`

IDLE, SEARCHING, HANDSHAKE, READY = "idle", "searching", "handshake", "ready"


class RemoteConnection:
    """States: idle → searching → handshake → ready.

    Unlike a plugin's connection it never starts a daemon, and it waits for a daemon that restarts. It reads the
    connection file anew at each attempt, since the key changes at each start.
    """

    def __init__(self, connection_file: Path, client_id: str) -> None:
        """client_id: this daemon's. Both daemons run as the same user, as with any client."""
        self.endpoint = str(connection_file)
        self._file, self._client_id = connection_file, client_id
        self._state = SEARCHING
        self._dealer: Dealer | None = None
        self.patience = PATIENCE  # seconds, for the current search; the next one starts with PATIENCE again
        self._session = b""
        self._heartbeat = 5.0
        self._search_began: float | None = None  # by time.monotonic()
        self._next_try = self._last_sent = 0.0
        self._unanswered_since: float | None = None
        self.last_received_at = 0.0  # time.monotonic() of the last message from the other daemon

    @property
    def ready(self) -> bool:
        return self._state == READY

    @property
    def is_waiting(self) -> bool:
        """Whether nothing listens there, and the connection is attempted again and again."""
        return self._state == SEARCHING and self._next_try > 0

    @property
    def needs_write(self) -> bool:
        return self._dealer is not None and self._dealer.needs_write

    def fileno(self) -> int | None:
        return self._dealer.fileno() if self._dealer is not None else None

    def start_connecting(self) -> None:
        if self._state == IDLE:
            self._state, self._search_began, self._next_try, self.patience = SEARCHING, None, 0.0, PATIENCE

    def advance(self) -> p.Welcome | None:
        """Continue the search or the handshake. Returns the welcome when the handshake is complete.

        Raises DaemonLost if nothing answers, NotTrusted if the other side does not know the key of the connection file.
        """
        if self._state == SEARCHING and time.monotonic() >= self._next_try:
            self._connect()
        return self._continue_handshake() if self._state == HANDSHAKE else None

    def receive(self) -> p.Message | None:
        """Return the next message, or None. Raises DaemonLost if the connection has ended."""
        if self._state != READY or self._dealer is None:
            return None
        try:
            while (frames := self._dealer.receive()) is not None:
                self._unanswered_since, self.last_received_at = None, time.monotonic()
                try:
                    return codec.unpack(frames)[0]
                except UnknownMessage:
                    continue  # from a newer minor version of the protocol
        except DaemonLost as error:
            raise self.lost("has closed the connection") from error
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
        """Wait until a message arrives, the descriptor can be read, or `seconds` have passed."""
        if self._state in (SEARCHING, HANDSHAKE):
            seconds = min(seconds, RETRY_SECONDS / 3)
        with Selector() as selector:
            if self._dealer is not None:
                selector.register(
                    self._dealer.fileno(), selectors.EVENT_READ | (selectors.EVENT_WRITE if self.needs_write else 0)
                )
            if descriptor is not None:
                selector.register(descriptor, selectors.EVENT_READ)
            selector.select(seconds)

    def disconnect(self) -> None:
        self._drop_connection()
        self._state, self._session, self._unanswered_since = IDLE, b"", None

    def close(self) -> None:
        if self._state == READY:
            self.send(p.Bye())
            self._drop_connection(LINGER)
        self.disconnect()

    # --- connecting ------------------------------------------------------------------------------------
    def _connect(self) -> None:
        """Start the handshake at the first endpoint that accepts a connection, or try again later."""
        self._drop_connection()
        self._search_began = self._search_began or time.monotonic()
        info = self._read_file()
        for endpoint in info.endpoints if info is not None else ():
            if info is not None and reachable(endpoint):
                try:
                    self._dealer = PlainDealer(endpoint)
                except DaemonLost:
                    continue
                self._info, self._state = info, HANDSHAKE
                self._handshake = Handshake(self._dealer, endpoint, info, self._client_id, "daemon")
                return
        self._try_again()

    def _continue_handshake(self) -> p.Welcome | None:
        try:
            welcome = self._handshake.advance()
        except DaemonLost:  # a daemon that is stopping or starting closes the connection
            self._try_again()
            return None
        except NotTrusted as error:
            if self._has_new_key:
                self._try_again()
                return None
            raise NotTrusted(
                f"The program that answers at the address in {self._file} does not know the key in that file. Nothing "
                "was sent to it. Restart the daemon that wrote the file, or start this daemon with another "
                "--upstream."
            ) from error
        if welcome is not None:
            self._session, self._heartbeat = welcome.session_id, max(0.1, welcome.heartbeat)
            self._state, self._unanswered_since = READY, None
            self._last_sent = self.last_received_at = time.monotonic()
        return welcome

    def _read_file(self) -> ConnectionInfo | None:
        """Read the connection file; None if its daemon has ended. Raises DaemonLost if the file cannot be used."""
        lock = self._file.with_name("daemon.lock")
        if lock.exists() and not is_held(lock):
            return None
        try:
            return read_connection(self._file)
        except UnsafeConnectionFile as error:
            raise DaemonLost(
                f"The connection file of the daemon that does this daemon's work cannot be used: {error.sentence}"
            ) from error

    @property
    def _has_new_key(self) -> bool:
        """Whether the other daemon has restarted since the file was read."""
        info = self._read_file()
        return info is not None and info.key != self._info.key

    def _try_again(self) -> None:
        self._drop_connection()
        if self._search_began is None or time.monotonic() - self._search_began > self.patience:
            raise self.lost("does not answer" if self._file.exists() else "is not running: the file does not exist")
        self._state, self._next_try = SEARCHING, time.monotonic() + RETRY_SECONDS

    def lost(self, what: str) -> DaemonLost:
        """what: the predicate of the error's sentence, such as 'does not answer'."""
        return DaemonLost(
            f"The daemon of {self._file}, which does this daemon's work, {what}. Start it again, or start this "
            "daemon without --upstream."
        )

    def _drop_connection(self, linger: float = 0.0) -> None:
        """linger: seconds to send what is still queued."""
        if self._dealer is not None:
            self._dealer.close(linger)
            self._dealer = None

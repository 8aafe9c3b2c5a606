"""The connection to another daemon, over a `Route`. See `velatura.client.connection.Connection`."""

from __future__ import annotations

import selectors
import time

from velatura.client.handshake import Handshake
from velatura.client.transport_plain import PlainDealer, Selector
from velatura.errors import DaemonLost, NotTrusted, UnknownMessage, VersionMismatch
from velatura.i18n import lazy_text
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.executors.remote.routes import Address, Route

RETRY_SECONDS = 0.3  # between attempts while nothing listens
CONNECTING_SECONDS = 0.05  # between looks at a connection that is being opened
LINGER = 2.0  # seconds to send the last messages, `received` and `bye`

IDLE, SEARCHING, HANDSHAKE, READY = "idle", "searching", "handshake", "ready"


class RemoteConnection:
    """States: idle → searching → handshake → ready.

    Unlike a plugin's connection it waits for a daemon that restarts.
    """

    def __init__(self, route: Route, client_id: str) -> None:
        """client_id: this daemon's. Its user owns the other daemon too, as with any client."""
        self.route, self._client_id = route, client_id
        self._address: Address | None = None
        self._state = SEARCHING
        self._dealer: PlainDealer | None = None
        self._moved = 0  # bytes of the current connection, when it was last looked at
        self.patience = route.patience  # seconds, for the current search; the next one starts with the route's again
        self._session = b""
        self._heartbeat = 5.0
        self._search_began: float | None = None  # by time.monotonic()
        self._next_try = self._last_sent = 0.0
        self._unanswered_since: float | None = None
        self.daemon_version = (0, 0)
        self.last_received_at = 0.0  # time.monotonic() of the last message from the other daemon

    @property
    def ready(self) -> bool:
        return self._state == READY

    @property
    def is_waiting(self) -> bool:
        """Whether something has failed, and the connection is attempted again and again."""
        return self._state == SEARCHING and bool(self.route.problem)

    @property
    def needs_write(self) -> bool:
        return self._dealer is not None and self._dealer.needs_write

    def fileno(self) -> int | None:
        return self._dealer.fileno() if self._dealer is not None else None

    def start_connecting(self) -> None:
        if self._state == IDLE:
            self._state, self._search_began, self._next_try = SEARCHING, None, 0.0
            self.patience = self.route.patience

    def advance(self) -> p.Welcome | None:
        """Continue the search or the handshake. Returns the welcome when the handshake is complete.

        Raises DaemonLost if nothing answers, NotTrusted if the other side does not know the key, VersionMismatch.
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
            self.route.on_unanswered(self._address)
            raise self.route.lost(lazy_text("The daemon {daemon} has closed the connection.")) from error
        return None

    def send(self, message: p.Message) -> bool:
        assert self._dealer is not None
        self._last_sent = time.monotonic()
        return self._dealer.send(codec.pack(message, self._session))

    def keep_alive(self) -> None:
        now = time.monotonic()
        if self._dealer is not None and self._dealer.bytes_moved != self._moved:
            self._moved, self.last_received_at = self._dealer.bytes_moved, now
            self._unanswered_since = self._unanswered_since and now
        if self._state == READY and now - self._last_sent > self._heartbeat / 2:
            self.send(p.Ping())
            self._unanswered_since = self._unanswered_since or now

    def check_alive(self) -> None:
        silent = time.monotonic() - (self._unanswered_since or time.monotonic())
        if self._state == READY and silent > max(2 * self._heartbeat, self.route.silence):
            self.route.on_unanswered(self._address)
            raise self.route.lost(
                lazy_text(
                    "The daemon {daemon} has not answered for {seconds:.0f} s.", daemon=self.route.name, seconds=silent
                )
            )

    def wait(self) -> None:
        self.wait_or(None, self._heartbeat / 8)

    def wait_or(self, descriptor: int | None, seconds: float) -> None:
        """Wait until a message arrives, the descriptor can be read, or `seconds` have passed."""
        if self._state in (SEARCHING, HANDSHAKE):
            seconds = min(seconds, CONNECTING_SECONDS)
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
        """Start the handshake at the first address that accepts a connection, or try again later."""
        self._drop_connection()
        if self._search_began is None:
            self._search_began = time.monotonic()
            self.route.begin()
        addresses = self.route.find()
        for address in addresses:
            try:
                self._dealer = PlainDealer(address.dial)
            except DaemonLost:
                continue
            self._address, self._state = address, HANDSHAKE
            self._handshake = Handshake(self._dealer, address.endpoint, address.info, self._client_id, "daemon")
            return
        if addresses:
            self.route.on_unanswered(addresses[0])
        self._try_again()

    def _continue_handshake(self) -> p.Welcome | None:
        assert self._address is not None
        try:
            welcome = self._handshake.advance()
        except DaemonLost:  # a daemon that is stopping or starting closes the connection
            self.route.on_unanswered(self._address)
            self._try_again()
            return None
        except NotTrusted as error:
            if self.route.has_new_key(self._address.info):
                self._try_again()
                return None
            raise NotTrusted(
                # Translators: {daemon} is "on a machine" or "of a connection file, which does this daemon's work,".
                lazy_text(
                    "The program that answers in place of the daemon {daemon} does not know its key. Nothing was sent "
                    "to it. Stop that daemon and start it again.",
                    daemon=self.route.name,
                )
            ) from error
        except VersionMismatch as error:
            raise VersionMismatch(
                # Translators: {daemon} is "on a machine" or "of a connection file, which does this daemon's work,".
                lazy_text(
                    "The daemon {daemon} cannot be used: {problem}", daemon=self.route.name, problem=error.sentence
                )
            ) from error
        if welcome is not None:
            self._session, self._heartbeat = welcome.session_id, max(0.1, welcome.heartbeat)
            self.daemon_version = self._handshake.daemon_version
            self._state, self._unanswered_since = READY, None
            self._last_sent = self.last_received_at = time.monotonic()
            self.route.on_connected()
        return welcome

    def _try_again(self) -> None:
        self._drop_connection()
        searched = time.monotonic() - (self._search_began or 0.0)
        if self.route.problem and (searched > self.patience or self.route.is_hopeless):
            raise DaemonLost(self.route.problem)
        self._state, self._next_try = (
            SEARCHING,
            time.monotonic() + (RETRY_SECONDS if self.route.problem else CONNECTING_SECONDS),
        )

    def _drop_connection(self, linger: float = 0.0) -> None:
        """linger: seconds to send what is still queued."""
        if self._dealer is not None:
            self._dealer.close(linger)
            self._dealer = None

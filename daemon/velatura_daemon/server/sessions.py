"""The daemon's half of the handshake, and the sessions of authenticated clients."""

from __future__ import annotations

from dataclasses import dataclass, field

from velatura.errors import BadMessage, NoSession, NotTrusted, TooBusy
from velatura.i18n import lazy_text
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.server.listener import Peer

MAX_SESSIONS = 256  # at once: five times as many as the largest load that is tested (docs/reliability.md)
HANDSHAKE_SECONDS = 10.0  # for a proof to follow its challenge


@dataclass
class Session:
    """A client that has proved the key. token: repeated in each of its headers. peer: its connection. heard: time of
    its last message. unsaid: messages that wait while it is parked."""

    token: bytes
    peer: Peer
    client_id: str
    program: str
    heard: float
    parked: bool = False
    unsaid: list[p.Message] = field(default_factory=list)


@dataclass(frozen=True)
class PendingHandshake:
    """A peer between hello and proof. until: when it expires."""

    hello: p.Hello
    nonce: bytes
    until: float


class SessionRegistry:
    """Sessions, and one pending handshake per peer; the listeners limit the number of unauthenticated peers."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._pending: dict[Peer, PendingHandshake] = {}
        self.sessions: dict[bytes, Session] = {}
        self._by_peer: dict[Peer, Session] = {}

    def session_of(self, peer: Peer, token: bytes) -> Session:
        """The session of a message. Raises NoSession."""
        session = self._by_peer.get(peer)
        if session is None or not auth.constant_time_equal(session.token, token):
            raise NoSession(lazy_text("Say hello first: this connection has no session with the daemon."))
        session.heard = self._clock.now()
        return session

    def hello(self, peer: Peer, hello: p.Hello) -> p.Challenge:
        """Answer a hello with our proof. Raises VersionMismatch, BadMessage."""
        codec.check_version(hello.version, "client")
        if len(hello.nonce) != auth.NONCE_BYTES:
            raise BadMessage(lazy_text("A nonce has {count} bytes.", count=auth.NONCE_BYTES))
        nonce = auth.fresh_nonce()
        self._pending[peer] = PendingHandshake(hello, nonce, self._clock.now() + HANDSHAKE_SECONDS)
        proved = (hello.nonce, nonce, peer.endpoint)
        return p.Challenge(list(p.VERSION), nonce, auth.proof(self._key, "daemon", *proved, p.VERSION))

    def proof(self, peer: Peer, proof: p.Proof) -> Session:
        """The session of a peer that proves the key, to be opened with `enter`. Raises NotTrusted, TooBusy."""
        pending = self._pending.pop(peer, None)
        if pending is None or self._clock.now() > pending.until:
            raise NoSession(lazy_text("Say hello first: there is no handshake under way."))
        proved = (pending.hello.nonce, pending.nonce, peer.endpoint)
        if not auth.constant_time_equal(proof.proof, auth.proof(self._key, "client", *proved, pending.hello.version)):
            raise NotTrusted(
                lazy_text("The key is wrong. Read the connection file again: the daemon has a new key at each start.")
            )
        if len(self.sessions) >= MAX_SESSIONS and peer not in self._by_peer and self.silent_one_in_the_way is None:
            raise TooBusy(
                lazy_text(
                    "{count} programs are already connected to the daemon. Close some, then try again.",
                    count=MAX_SESSIONS,
                )
            )
        return Session(auth.fresh_session(), peer, pending.hello.client_id, pending.hello.program, self._clock.now())

    def enter(self, session: Session) -> None:
        """Open a session. Its connection must have no other one."""
        self.sessions[session.token] = session
        self._by_peer[session.peer] = session
        session.peer.trust()

    @property
    def silent_one_in_the_way(self) -> Session | None:
        """If there are as many sessions as may be, the parked one that was silent for longest, if any is parked."""
        if len(self.sessions) < MAX_SESSIONS:
            return None
        parked = [session for session in self.sessions.values() if session.parked]
        return min(parked, key=lambda session: session.heard, default=None)

    def leave(self, session: Session) -> None:
        """End a session; its connection may stay open."""
        self.sessions.pop(session.token, None)
        if self._by_peer.get(session.peer) is session:
            del self._by_peer[session.peer]
            session.peer.distrust()

    def of_peer(self, peer: Peer) -> Session | None:
        """The session of a connection, if any."""
        return self._by_peer.get(peer)

    def gone(self, peer: Peer) -> None:
        """A peer has disconnected. Its session, if any, is the caller's to end with `leave`."""
        self._pending.pop(peer, None)

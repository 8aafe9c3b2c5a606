"""The daemon's half of the handshake, and the sessions of authenticated clients."""

from __future__ import annotations

from dataclasses import dataclass, field

from velatura.errors import BadMessage, NoSession, NotTrusted
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.server.listener import Peer

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
            raise NoSession("Say hello first: this connection has no session with the daemon.")
        session.heard = self._clock.now()
        return session

    def hello(self, peer: Peer, hello: p.Hello) -> p.Challenge:
        """Answer a hello with our proof. Raises VersionMismatch, BadMessage."""
        codec.check_version(hello.version, "client")
        if len(hello.nonce) != auth.NONCE_BYTES:
            raise BadMessage(f"A nonce has {auth.NONCE_BYTES} bytes.")
        nonce = auth.fresh_nonce()
        self._pending[peer] = PendingHandshake(hello, nonce, self._clock.now() + HANDSHAKE_SECONDS)
        proved = (hello.nonce, nonce, peer.endpoint)
        return p.Challenge(list(p.VERSION), nonce, auth.proof(self._key, "daemon", *proved, p.VERSION))

    def proof(self, peer: Peer, proof: p.Proof) -> Session:
        """Open a session for a peer that proves the key. Raises NotTrusted."""
        pending = self._pending.pop(peer, None)
        if pending is None or self._clock.now() > pending.until:
            raise NoSession("Say hello first: there is no handshake under way.")
        proved = (pending.hello.nonce, pending.nonce, peer.endpoint)
        if not auth.constant_time_equal(proof.proof, auth.proof(self._key, "client", *proved, pending.hello.version)):
            raise NotTrusted(
                "The key is wrong. Read the connection file again: the daemon has a new key at each start."
            )
        session = Session(auth.fresh_session(), peer, pending.hello.client_id, pending.hello.program, self._clock.now())
        self.sessions[session.token] = session
        self._by_peer[peer] = session
        peer.trust()
        return session

    def leave(self, session: Session) -> None:
        """End a session; its connection may stay open."""
        self.sessions.pop(session.token, None)
        if self._by_peer.get(session.peer) is session:
            del self._by_peer[session.peer]
            session.peer.distrust()

    def gone(self, peer: Peer) -> Session | None:
        """A peer has disconnected. Returns its session, if any, which the caller ends with `leave`."""
        self._pending.pop(peer, None)
        return self._by_peer.get(peer)

"""Who is at the door and who is inside: the daemon's half of the handshake, and what is known of each session."""

from __future__ import annotations

from dataclasses import dataclass, field

from velatura.errors import BadMessage, NoSession, NotTrusted
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.server.listener import Peer

DOOR_PATIENCE = 10.0  # seconds for a proof to follow its challenge


@dataclass
class Session:
    """A client that has proved the key. token: repeated by each of its headers. peer: where to send. heard: when it
    last spoke. unsaid: what it should know, and was not there to hear."""

    token: bytes
    peer: Peer
    client_id: str
    program: str
    heard: float
    parked: bool = False
    unsaid: list[p.Message] = field(default_factory=list)


@dataclass(frozen=True)
class PendingHandshake:
    """Between hello and proof."""

    hello: p.Hello
    nonce: bytes
    until: float


class SessionRegistry:
    """Holds one greeting a stranger; the listeners limit how many strangers there are."""

    def __init__(self, key: bytes, clock: Clock) -> None:
        self._key = key
        self._clock = clock
        self._greetings: dict[Peer, PendingHandshake] = {}
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
        """Answer a greeting with our proof. Raises VersionMismatch, BadMessage."""
        codec.check_version(hello.version, "client")
        if len(hello.nonce) != auth.NONCE_BYTES:
            raise BadMessage(f"A nonce has {auth.NONCE_BYTES} bytes.")
        nonce = auth.fresh_nonce()
        self._greetings[peer] = PendingHandshake(hello, nonce, self._clock.now() + DOOR_PATIENCE)
        said = (hello.nonce, nonce, peer.endpoint)
        return p.Challenge(list(p.VERSION), nonce, auth.proof(self._key, "daemon", *said, p.VERSION))

    def proof(self, peer: Peer, proof: p.Proof) -> Session:
        """A session for whoever proves the key. Raises NotTrusted."""
        greeting = self._greetings.pop(peer, None)
        if greeting is None or self._clock.now() > greeting.until:
            raise NoSession("Say hello first: there is no greeting to prove.")
        said = (greeting.hello.nonce, greeting.nonce, peer.endpoint)
        if not auth.constant_time_equal(proof.proof, auth.proof(self._key, "client", *said, greeting.hello.version)):
            raise NotTrusted(
                "The key is wrong. Read the connection file again: the daemon has a new key at each start."
            )
        session = Session(
            auth.fresh_session(), peer, greeting.hello.client_id, greeting.hello.program, self._clock.now()
        )
        self.sessions[session.token] = session
        self._by_peer[peer] = session
        peer.trust()
        return session

    def leave(self, session: Session) -> None:
        """The session ends; its peer may be there still."""
        self.sessions.pop(session.token, None)
        if self._by_peer.get(session.peer) is session:
            del self._by_peer[session.peer]
            session.peer.distrust()

    def gone(self, peer: Peer) -> Session | None:
        """A peer has hung up. Returns the session that it had, if any; it is still to `leave`."""
        self._greetings.pop(peer, None)
        return self._by_peer.get(peer)

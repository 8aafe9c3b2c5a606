"""Who is at the door and who is inside: the daemon's half of the handshake, and what is known of each session."""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field

from pastiche import protocol as p
from pastiche import trust
from pastiche.errors import BadMessage, NoSession, NotTrusted

AT_THE_DOOR = 256  # greetings in work; the oldest goes first
DOOR_PATIENCE = 10.0  # seconds for a proof to follow its challenge

Address = tuple[int, bytes]  # which socket, and the routing id there: where to send, never who it is


@dataclass
class Session:
    """A client that has proved the key. token: repeated by each of its headers. heard: when it last spoke.
    unsaid: what it should know, and was not there to hear."""

    token: bytes
    address: Address
    client_id: str
    program: str
    heard: float
    parked: bool = False
    unsaid: list[p.Message] = field(default_factory=list)


@dataclass(frozen=True)
class Greeting:
    """Between hello and proof."""

    hello: p.Hello
    nonce: bytes
    until: float


class Doorkeeper:
    """Holds next to nothing for a stranger: one greeting an address, AT_THE_DOOR in all."""

    def __init__(self, key: bytes, endpoints: list[str]) -> None:
        self._key = key
        self._endpoints = endpoints
        self._greetings: OrderedDict[Address, Greeting] = OrderedDict()
        self.sessions: dict[bytes, Session] = {}
        self._by_address: dict[Address, Session] = {}

    def session_of(self, address: Address, token: bytes) -> Session:
        """The session of a message. The address alone proves nothing: a raw peer can take a departed peer's. Raises NoSession."""
        session = self._by_address.get(address)
        if session is None or not trust.same(session.token, token):
            raise NoSession("Say hello first: this connection has no session with the daemon.")
        session.heard = time.monotonic()
        return session

    def hello(self, address: Address, hello: p.Hello) -> p.Challenge:
        """Answer a greeting with our proof. Raises VersionMismatch, BadMessage."""
        p.check_version(hello.version, "client")
        if len(hello.nonce) != trust.NONCE_BYTES:
            raise BadMessage(f"A nonce has {trust.NONCE_BYTES} bytes.")
        nonce = trust.fresh_nonce()
        self._greetings.pop(address, None)
        while len(self._greetings) >= AT_THE_DOOR:
            self._greetings.popitem(last=False)
        self._greetings[address] = Greeting(hello, nonce, time.monotonic() + DOOR_PATIENCE)
        said = (hello.nonce, nonce, self._endpoints[address[0]])
        return p.Challenge(list(p.VERSION), nonce, trust.proof(self._key, "daemon", *said, p.VERSION))

    def proof(self, address: Address, proof: p.Proof) -> Session:
        """A session for whoever proves the key. Raises NotTrusted."""
        greeting = self._greetings.pop(address, None)
        if greeting is None or time.monotonic() > greeting.until:
            raise NoSession("Say hello first: there is no greeting to prove.")
        said = (greeting.hello.nonce, greeting.nonce, self._endpoints[address[0]])
        if not trust.same(proof.proof, trust.proof(self._key, "client", *said, greeting.hello.version)):
            raise NotTrusted(
                "The key is wrong. Read the connection file again: the daemon has a new key at each start."
            )
        session = Session(
            trust.fresh_session(), address, greeting.hello.client_id, greeting.hello.program, time.monotonic()
        )
        self.sessions[session.token] = session
        self._by_address[address] = session
        return session

    def leave(self, session: Session) -> None:
        """The session ends."""
        self.sessions.pop(session.token, None)
        if self._by_address.get(session.address) is session:
            del self._by_address[session.address]

    def tidy(self, now: float) -> None:
        """Forget greetings that were never proved."""
        for address in [a for a, greeting in self._greetings.items() if greeting.until < now]:
            del self._greetings[address]

    @property
    def waiting(self) -> int:
        """Greetings in work."""
        return len(self._greetings)

"""Peers of a live daemon that break the rules of the protocol, and the checks of everything that the daemon sends them.

The base of the state machine in tests/server/test_hostile.py, which has the rules.
"""

from __future__ import annotations

import re
import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar

import psutil
from hypothesis.stateful import RuleBasedStateMachine

from tests.conftest import picture
from tests.support.daemons import status_when
from tests.support.peers import PEERS, Peer, hello
from velatura.client.client import Client
from velatura.client.connection_file import ConnectionInfo
from velatura.client.events import SavedItems
from velatura.client.saved_results import SavedItem
from velatura.pixels import Picture
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

UNCHANGED = StyleSettings(strength=0)  # returns the content to the bit, so that another client's result is noticed
STYLES = [picture(12, 10, seed=n) for n in (1001, 1002)]
PATIENCE = 60.0  # seconds for an answer that has to come
MAX_PEERS = 4
# What may be unread or unfinished of MAX_PEERS connections, and what Python's heap keeps of it. The first examples fill
# the daemon's caches, so growth is measured from the first example on.
MAX_GROWTH = 192 << 20  # bytes
LOG_LINE = re.compile(r"--- starting at |\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING|ERROR) ")
HOSTILE_TEXTS = ["", "a\x1b]0;title\x07", "\x1b[2J", "\x9b31m", "a\u202eb", "two\nlines", "[/bold]", "👩‍🎨 é ع"]


@dataclass
class HostilePeer:
    """A peer, and what it may expect.

    session: its session id; empty: it is not authenticated. former: ids of its earlier sessions. client_ids: with which
    it was authenticated. nonce, challenge: of the handshake in progress. gets: requests that it has not answered.
    known_jobs: ids of jobs that it has named, its own or not.
    """

    connection: Peer
    client_id: str
    session: bytes = b""
    former: set[bytes] = field(default_factory=set)
    client_ids: set[str] = field(default_factory=set)
    nonce: bytes = b""
    challenge: p.Challenge | None = None
    welcome_due: bool = False
    gets: list[p.Get] = field(default_factory=list)
    known_jobs: set[str] = field(default_factory=set)


@dataclass
class SubmittedJob:
    """A job that the daemon may have accepted. may_end: its owner has cancelled or replaced it, or has left."""

    client_id: str
    content: Picture
    layers: set[str] = field(default_factory=set)
    may_end: bool = False
    result: p.Result | None = None


def saved_by(client: Client) -> list[SavedItem]:
    """What the daemon has saved for a client."""
    client.request_saved()
    return next(list(event.items) for event in client.events() if isinstance(event, SavedItems))


class HostilePeers(RuleBasedStateMachine):
    """The peers are new for each example; the daemon and the honest client are shared by all.

    No rule has a precondition: hypothesis requires the same choices each time, and the state of a daemon differs.
    """

    connection: ClassVar[ConnectionInfo]
    honest: ClassVar[Client]
    pid: ClassVar[int]
    kept: ClassVar[str]  # a result that the honest client has not fetched
    memory: ClassVar[int] = 0  # of the daemon's process, in bytes, before the first example
    seeds: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.peers: list[HostilePeer] = []
        self.jobs: dict[str, SubmittedJob] = {}
        self.blobs: dict[bytes, Picture] = {style.ref.blob: style for style in STYLES}
        self.proofs: list[bytes] = [b"", b"p" * 32]

    def teardown(self) -> None:
        for peer in self.peers:
            if peer.session:
                peer.connection.send(codec.pack(p.Bye(), peer.session))
                peer.connection.receive(0.0)
            peer.connection.close()
        HostilePeers.seeds += 1
        content = picture(seed=HostilePeers.seeds)
        status_when(self.honest, lambda report: report["sessions"] == 1)  # those of closed connections are gone
        assert self.kept in [item.job for item in saved_by(self.honest)]
        assert self.honest.restyle_and_wait(content, [(STYLES[0], 1.0)], UNCHANGED).picture.data == content.data

    # --- peers -----------------------------------------------------------------------------------------
    def add_peer(self, kind: Any, which: int) -> None:
        """kind: of PEERS. which: of the daemon's endpoints."""
        if len(self.peers) == MAX_PEERS:
            self.drop(next((peer for peer in self.peers if not peer.session), self.peers[0]))
        endpoints = self.connection.endpoints
        self.peers.append(HostilePeer(kind(endpoints[which % len(endpoints)]), uuid.uuid4().hex))

    def peer(self, number: int) -> HostilePeer:
        if not self.peers:
            self.add_peer(PEERS[number % 2], number // 2)
        return self.peers[number % len(self.peers)]

    def authenticated(self) -> list[HostilePeer]:
        return [peer for peer in self.peers if peer.session]

    def client(self, number: int) -> HostilePeer:
        """One of at least two authenticated peers, so that each can attack another."""
        while len(clients := self.authenticated()) < 2:
            self.add_peer(PEERS[number % 2], number // 2)
            self.authenticate(self.peers[-1])
            assert self.peers[-1].session, "a peer with the key was refused"
        return clients[number % len(clients)]

    def drop(self, peer: HostilePeer) -> None:
        peer.connection.close()
        self.peers.remove(peer)
        for job in self.jobs.values():
            job.may_end = job.may_end or job.client_id in peer.client_ids

    def check_memory(self) -> None:
        grown = psutil.Process(self.pid).memory_info().rss - self.memory
        assert grown < MAX_GROWTH, f"the daemon has grown by {grown >> 20} MB"

    # --- the handshake ---------------------------------------------------------------------------------
    def say_hello(self, peer: HostilePeer) -> None:
        peer.nonce, peer.challenge = secrets.token_bytes(32), None
        answers = self.exchange(peer, codec.pack(hello(peer.nonce, peer.client_id)))
        if peer in self.peers:
            assert any(isinstance(message, p.Challenge) for message in answers)

    def right_proof(self, peer: HostilePeer) -> bytes:
        assert peer.challenge is not None
        proof = auth.proof(
            self.connection.key, "client", peer.nonce, peer.challenge.nonce, peer.connection.endpoint, p.VERSION
        )
        self.proofs.append(proof)
        return proof

    def authenticate(self, peer: HostilePeer) -> None:
        """The whole handshake, without an error."""
        self.say_hello(peer)
        if peer not in self.peers or peer.challenge is None:
            return
        before, peer.welcome_due = peer.session, True
        self.exchange(peer, codec.pack(p.Proof(self.right_proof(peer))))
        peer.welcome_due = False
        assert peer not in self.peers or peer.session not in (b"", before), "a peer with the key was refused"

    # --- messages --------------------------------------------------------------------------------------
    def other_session(self, peer: HostilePeer) -> bytes:
        """The session id of another peer, or empty."""
        return next((other.session for other in self.peers if other is not peer and other.session), b"")

    def submit(self, peer: HostilePeer, job: str, layer: str, content: dict[str, Any], text: str = "") -> None:
        peer.known_jobs.add(job)
        self.exchange(peer, self.request(job, layer, content, peer.session, text))

    @staticmethod
    def request(job: str, layer: str, content: dict[str, Any], session: bytes, text: str = "") -> list[Any]:
        """text: in every field that people see."""
        styles = [
            {"picture": style.ref.to_wire(), "share": 1.0, "name": text, "path": text and f"/{text}"}
            for style in STYLES
        ]
        return codec.pack(
            p.Restyle(job, layer, content, styles, None, UNCHANGED.to_wire(), title=text, note=text), session
        )

    def exchange(self, peer: HostilePeer, frames: list[Any]) -> list[p.Message]:
        """Send a message. Returns, after checking them, all messages until the daemon has handled it.

        The daemon may close the connection of a peer that is not authenticated, which is then dropped.
        """
        session = peer.session
        peer.connection.send(frames)
        # No rule sends this one under a session: its answer marks the end.
        peer.connection.send(codec.pack(p.GetStatus(), session))
        received: list[p.Message] = []
        answers = 0
        while True:
            message = peer.connection.receive(PATIENCE)
            if message is None:
                assert not session, "an authenticated client gets no answer"
                self.drop(peer)
                return received
            self.check(peer, message)
            if session and (isinstance(message, p.Status) or session in peer.former):
                if session in peer.former and not isinstance(message, p.Failed):
                    received.append(message)
                    continue  # the requests under the former session are still to be refused
                return received
            received.append(message)
            answers += isinstance(message, (p.Failed, p.Challenge, p.Welcome))
            if not session and answers == 2:
                return received

    def check(self, peer: HostilePeer, message: p.Message) -> None:
        """Check that this peer may receive this message, and record what follows from it."""
        if isinstance(message, p.Welcome):
            assert peer.welcome_due, "a welcome without a proof"
            if peer.session:
                peer.former.add(peer.session)
            peer.session, peer.welcome_due = message.session_id, False
            peer.client_ids.add(peer.client_id)
            assert all(self.jobs[result["job"]].client_id == peer.client_id for result in message.results)
            return
        if isinstance(message, p.Challenge):
            signed = (peer.nonce, message.nonce, peer.connection.endpoint)
            if auth.constant_time_equal(message.proof, auth.proof(self.connection.key, "daemon", *signed, p.VERSION)):
                peer.challenge = message
            return
        if not peer.session:
            assert isinstance(message, p.Failed), f"an unauthenticated peer received {message}"
            return
        if isinstance(message, p.Get):
            assert message.blob in self.blobs
            peer.gets.append(message)
        elif isinstance(message, p.Put):
            assert bytes(message.data) == bytes(self.blobs[message.blob].data)
        elif isinstance(message, p.Failed):
            assert message.job in {"", "wrong", "x", "x" * p.MAX_NAME} | peer.known_jobs, "a failure of another's job"
        elif not isinstance(message, (p.Pong, p.Status, p.SavedList, p.History)):
            self.check_job(peer, message)

    def check_job(self, peer: HostilePeer, message: Any) -> None:
        job = self.jobs[message.ticket if isinstance(message, p.Estimate) else message.job]
        assert job.client_id in peer.client_ids, f"another's job: {message}"
        if isinstance(message, p.Cancelled):
            assert job.may_end, "a job ended that its owner did not end"
        if isinstance(message, p.Result):
            assert message.picture["blob"] == job.content.ref.blob, "another's result"
            job.result = message

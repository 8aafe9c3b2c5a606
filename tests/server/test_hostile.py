"""A live daemon among peers that keep no rules: it serves the honest, tells strangers nothing, and crosses nobody's
jobs.

Machine and rules are hypothesis's; `--hypothesis-profile hostile` (`make fuzz`) gives them longer.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Any, ClassVar

import hypothesis
import msgpack
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.conftest import picture
from tests.support.peers import PEERS, Peer, ZmqPeer, hello
from velatura.client.client import Client
from velatura.client.connection_file import ConnectionInfo, find
from velatura.pixels import Picture
from velatura.protocol import auth, codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings

AS_IT_IS = StyleSettings(strength=0)  # gives the content back, to the bit: a crossed result is seen
STYLES = [picture(12, 10, seed=n) for n in (1001, 1002)]
PATIENCE = 10.0  # seconds for an answer that has to come
MOST_FACES = 4
who = st.integers(0, MOST_FACES - 1)


@dataclass
class Face:
    """What a peer may expect. token: of its session; empty: it is a stranger. proving: its nonce and the daemon's."""

    peer: Peer
    client_id: str
    token: bytes = b""
    former: set[bytes] = field(default_factory=set)
    client_ids: set[str] = field(default_factory=set)
    nonce: bytes = b""
    challenge: p.Challenge | None = None
    welcome_due: bool = False
    gets: list[p.Get] = field(default_factory=list)
    named: set[str] = field(default_factory=set)  # jobs that it has spoken of, its own or not


@dataclass
class Asked:
    """A job that the daemon may have taken."""

    client_id: str
    content: Picture
    layers: set[str] = field(default_factory=set)
    may_end: bool = False  # it was cancelled or replaced by its owner
    result: p.Result | None = None


class Hostile(RuleBasedStateMachine):
    """Its peers are made anew for each example; the daemon and the honest client stay."""

    connection: ClassVar[ConnectionInfo]
    honest: ClassVar[Client]
    pid: ClassVar[int]
    seeds: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.faces: list[Face] = []
        self.jobs: dict[str, Asked] = {}
        self.blobs: dict[bytes, Picture] = {style.ref.blob: style for style in STYLES}
        self.proofs: list[bytes] = [b"", b"p" * 32]

    # --- coming and going --------------------------------------------------------------------------
    @rule(kind=st.sampled_from(PEERS), which=st.integers(0, 1))
    def connect(self, kind: Any, which: int) -> None:
        if len(self.faces) == MOST_FACES:
            self.part(next((face for face in self.faces if not face.token), self.faces[0]))
        endpoints = self.connection.endpoints
        self.faces.append(Face(kind(endpoints[which % len(endpoints)]), uuid.uuid4().hex))

    @rule(who=who, says_so=st.booleans())
    def leave(self, who: int, says_so: bool) -> None:
        face = self.face(who)
        if says_so and face.token:
            face.peer.send(codec.pack(p.Bye(), face.token))
        self.part(face)

    @rule(who=who)
    def come_back(self, who: int) -> None:
        """The same client over another connection, as after a crash: what it missed waits for it."""
        face = self.trusted(who)
        again = Face(type(face.peer)(face.peer.endpoint), face.client_id, named=face.named)
        self.part(face)
        self.faces.append(again)
        self.greet(again)

    # --- the handshake -----------------------------------------------------------------------------
    @rule(who=who)
    def shake_hands(self, who: int) -> None:
        self.greet(self.face(who))

    @rule(
        who=who,
        wrong=st.sampled_from(
            [
                {"version": [99, 0]},
                {"version": []},
                {"version": ["1", 0]},
                {"nonce": b"short"},
                {"nonce": b""},
                {"client_id": 3},
                {"client_id": "x" * 300},
            ]
        ),
    )
    def hello_gone_wrong(self, who: int, wrong: dict[str, Any]) -> None:
        header = {**msgpack.unpackb(codec.pack(hello())[0]), **wrong}
        assert not [m for m in self.exchange(self.face(who), [msgpack.packb(header)]) if isinstance(m, p.Challenge)]

    @rule(
        who=who,
        how=st.sampled_from(
            ["replayed", "the daemon's own", "of another key", "of another endpoint", "of another's nonce"]
        ),
    )
    def proof_gone_wrong(self, who: int, how: str) -> None:
        """Whatever is sent for a proof but the right one: no welcome."""
        face = self.face(who)
        if how == "replayed":
            proof = self.proofs[-1]
        else:
            self.say_hello(face)
            if face not in self.faces:
                return
            assert face.challenge is not None
            said = [face.nonce, face.challenge.nonce, face.peer.endpoint]
            key = self.connection.key
            if how == "the daemon's own":
                proof = face.challenge.proof
            elif how == "of another key":
                proof = auth.proof(b"x" * 32, "client", *said, p.VERSION)
            elif how == "of another endpoint":
                proof = auth.proof(key, "client", *said[:2], "tcp://127.0.0.1:1", p.VERSION)
            else:
                proof = auth.proof(key, "client", secrets.token_bytes(32), *said[1:], p.VERSION)
        self.exchange(face, codec.pack(p.Proof(proof)))

    @rule(who=who)
    def hello_over_hello(self, who: int) -> None:
        """The proof for the first of two challenges does not count any more."""
        face = self.face(who)
        self.say_hello(face)
        if face not in self.faces or face.challenge is None:
            return
        first = self.right_proof(face)
        self.say_hello(face)
        if face in self.faces:
            self.exchange(face, codec.pack(p.Proof(first)))

    # --- messages that should not be --------------------------------------------------------------------
    @rule(who=who, frames=st.lists(st.binary(max_size=300), min_size=1, max_size=4))
    def garbage(self, who: int, frames: list[bytes]) -> None:
        self.exchange(self.face(who), frames)

    @rule(
        who=who,
        token=st.sampled_from(["none", "random", "another's", "own"]),
        header=st.sampled_from(
            [
                {"type": "conjure"},
                {"type": None},
                {"type": ["ping"]},
                {},
                {
                    "type": "welcome",
                    "session_id": b"",
                    "build": "",
                    "heartbeat": 1.0,
                    "idle": True,
                    "limits": {},
                    "results": [],
                },
                {"type": "cancelled", "job": "x"},
                {"type": "restyle"},
                {"type": "ping", "x": [[[]]]},
                {"type": "get", "blob": b"h" * 32, "start": -(2**52), "until": 2**52, "ticket": 1},
                {"type": "received", "job": "x" * 60000},
                {"type": "preview_shown", "job": ""},
                {"type": "shutdown", "if_idle": "yes"},
            ]
        ),
    )
    def out_of_place(self, who: int, token: str, header: dict[str, Any]) -> None:
        face = self.face(who)
        others = [other.token for other in self.faces if other is not face and other.token]
        session = {
            "none": b"",
            "random": secrets.token_bytes(16),
            "another's": (others or [b""])[0],
            "own": face.token,
        }[token]
        self.exchange(face, [msgpack.packb({**header, "session": session})])

    @rule(
        who=who,
        message=st.sampled_from(
            [p.GetStatus(), p.Shutdown(False), p.Ping(), p.Bye(), p.Cancel("x"), p.Get(b"h" * 32, 0, 9, 1)]
        ),
        borrowed=st.booleans(),
    )
    def without_a_session(self, who: int, message: p.Message, borrowed: bool) -> None:
        """Also with the session of another connection, which is worth nothing here."""
        face = self.face(who)
        others = [other.token for other in self.faces if other is not face and other.token]
        heard = self.exchange(face, codec.pack(message, others[0] if borrowed and others else b""))
        assert all(isinstance(m, p.Failed) or face.token for m in heard)

    # --- a trusted client that cheats ---------------------------------------------------------------------
    @rule(who=who, layer=st.sampled_from(["one", "two"]), side=st.integers(2, 20), again=st.booleans())
    def restyle(self, who: int, layer: str, side: int, again: bool) -> None:
        """again: with the id and the picture of a job that was asked for before, and may have ended."""
        face = self.trusted(who)
        Hostile.seeds += 1
        mine = [name for name, asked in self.jobs.items() if asked.client_id == face.client_id]
        job = mine[-1] if again and mine else uuid.uuid4().hex
        for name, asked in self.jobs.items():
            if name != job and asked.client_id == face.client_id and layer in asked.layers:
                asked.may_end = True
        self.jobs.setdefault(job, Asked(face.client_id, picture(side, side + 1, seed=Hostile.seeds)))
        self.jobs[job].layers.add(layer)
        content = self.jobs[job].content
        self.blobs[content.ref.blob] = content
        self.ask(face, job, layer, content.ref.to_wire())

    @rule(who=who, layer=st.sampled_from(["one", "two"]), side=st.integers(2, 20))
    def restyle_and_wait(self, who: int, layer: str, side: int) -> None:
        """As an honest client does it, up to the result, which is left where it is."""
        face = self.trusted(who)
        self.restyle(self.inside().index(face), layer, side, again=False)
        job = list(self.jobs)[-1]
        if self.jobs[job].client_id != face.client_id:
            return
        while self.jobs[job].result is None:
            while face.gets:
                asked = face.gets.pop(0)
                data = self.blobs[asked.blob].data
                face.peer.send(codec.pack(p.Put(asked.blob, len(data), 0, asked.ticket, data), face.token))
            message = face.peer.hear(PATIENCE)
            assert message is not None, "a right job has no end"
            self.judge(face, message)
            if isinstance(message, p.Failed) and message.job == job:
                raise AssertionError(f"a right job failed: {message.sentence}")

    @rule(
        who=who,
        wrong=st.sampled_from(
            [
                {"content": {"width": 1 << 20, "height": 1 << 20}},
                {"content": {"width": 1}},
                {"content": {"blob": b"short"}},
                {"content": {"channels": "CMYK"}},
                {"styles": []},
                {"styles": [3]},
                {"settings": {"strength": 1e9}},
                {"settings": {"magic": 1}},
                {"mask": {"width": 3}},
                {"mask": []},
                {"layer": 7},
                {"job": "x" * 300},
                {"settings": {"seed": 2**63}},
            ]
        ),
    )
    def restyle_gone_wrong(self, who: int, wrong: dict[str, Any]) -> None:
        face = self.trusted(who)
        content = STYLES[0].ref.to_wire()
        header = msgpack.unpackb(self.request("wrong", "wrong", content, face.token)[0])
        for name, value in wrong.items():
            header[name] = {**content, **value} if isinstance(value, dict) and name in ("content", "mask") else value
        face.named.add("wrong")
        heard = self.exchange(face, [msgpack.packb(header)])
        assert any(isinstance(message, p.Failed) for message in heard)

    @rule(
        who=who,
        how=st.sampled_from(
            [
                "right",
                "right",
                "right",
                "other bytes",
                "too long",
                "out of turn",
                "another ticket",
                "of another size",
                "of nothing",
                "another blob",
            ]
        ),
    )
    def put(self, who: int, how: str) -> None:
        asked_of = [face for face in self.faces if face.token and face.gets]
        if not asked_of:
            return
        face = asked_of[who % len(asked_of)]
        asked = face.gets.pop()
        data = memoryview(self.blobs[asked.blob].data)
        piece = p.Put(asked.blob, data.nbytes, 0, asked.ticket, data)
        wrong = {
            "other bytes": {"data": bytes(data.nbytes)},
            "too long": {"data": bytes(data.nbytes + 1)},
            "out of turn": {"offset": 1},
            "another ticket": {"ticket": asked.ticket + 1},
            "of another size": {"size": data.nbytes + 1},
            "of nothing": {"data": b""},
            "another blob": {"blob": b"h" * 32},
        }
        said = {name: getattr(piece, name) for name in ("blob", "size", "offset", "ticket", "data")}
        self.exchange(face, codec.pack(p.Put(**{**said, **wrong.get(how, {})}), face.token))
        if how == "another ticket":
            face.gets.insert(
                0, asked
            )  # passed over: what was asked for is still due, and until then this client is asked for nothing else

    @rule(who=who, which=st.integers(0, 20), how=st.sampled_from(["cancel", "received", "seen"]))
    def meddle(self, who: int, which: int, how: str) -> None:
        """With one's own jobs, or with others': those are none of its business."""
        face = self.trusted(who)
        names = [name for name, asked in self.jobs.items() if asked.client_id not in face.client_ids or which % 4 == 0]
        name = names[-1 - which % len(names)] if names else "x"
        face.named.add(name)
        if how == "cancel" and name in self.jobs and self.jobs[name].client_id in face.client_ids:
            self.jobs[name].may_end = True
        message = {"cancel": p.Cancel, "received": p.Received, "seen": p.PreviewShown}[how](name)
        self.exchange(face, codec.pack(message, face.token))

    @rule(who=who, which=st.integers(0, 20))
    def fetch(self, who: int, which: int) -> None:
        """A result, one's own or that of another program of the same user: if it comes, then to the bit (`judge`)."""
        face = self.trusted(who)
        finished = [asked for asked in self.jobs.values() if asked.result]
        if not finished:
            return
        asked = finished[-1 - which % len(finished)]
        self.exchange(face, codec.pack(p.Get(asked.content.ref.blob, 0, asked.content.nbytes, 1), face.token))

    @rule(
        who=who,
        message=st.sampled_from(
            [
                p.ListSaved(),
                p.ListSaved(True),
                p.GetHistory(),
                p.GetHistory(-(2**50)),
                p.Drop("x"),
                p.Drop("x", "x"),
                p.Resume("x"),
                p.Resume("x", "x", "as_it_is"),
                p.Resume("x", how="backwards"),
            ]
        ),
    )
    def what_is_kept(self, who: int, message: p.Message) -> None:
        face = self.trusted(who)
        face.named.add("x")
        heard = self.exchange(face, codec.pack(message, face.token))
        answers = {p.ListSaved: p.SavedList, p.GetHistory: p.History, p.Resume: p.Failed}
        if wanted := answers.get(type(message)):
            assert any(isinstance(answer, wanted) for answer in heard)

    # --- what always holds -------------------------------------------------------------------------------
    @invariant()
    def the_daemon_lives(self) -> None:
        assert self.honest.status()["pid"] == self.pid

    def teardown(self) -> None:
        for face in self.faces:
            if face.token:
                face.peer.send(codec.pack(p.Bye(), face.token))
                face.peer.hear(0.0)
            face.peer.close()
        Hostile.seeds += 1
        content = picture(seed=Hostile.seeds)
        assert self.honest.restyle_and_wait(content, [(STYLES[0], 1.0)], AS_IT_IS).picture.data == content.data

    # --- inside ------------------------------------------------------------------------------------------
    # No rule has a precondition: hypothesis wants the same choices to be there each time, and what a daemon has done by
    # now differs.
    def face(self, who: int) -> Face:
        if not self.faces:
            self.connect(PEERS[who % 2], who // 2)
        return self.faces[who % len(self.faces)]

    def inside(self) -> list[Face]:
        return [face for face in self.faces if face.token]

    def trusted(self, who: int) -> Face:
        """One of at least two, so that there is somebody to take things from."""
        while len(inside := self.inside()) < 2:
            self.connect(PEERS[who % 2], who // 2)
            self.greet(self.faces[-1])
            assert self.faces[-1].token, "who knows the key is welcome"
        return inside[who % len(inside)]

    def part(self, face: Face) -> None:
        face.peer.close()
        self.faces.remove(face)
        for asked in self.jobs.values():
            asked.may_end = asked.may_end or asked.client_id in face.client_ids

    def say_hello(self, face: Face) -> None:
        face.nonce, face.challenge = secrets.token_bytes(32), None
        heard = self.exchange(face, codec.pack(hello(face.nonce, face.client_id)))
        if face in self.faces:
            assert any(isinstance(message, p.Challenge) for message in heard)

    def right_proof(self, face: Face) -> bytes:
        assert face.challenge is not None
        proof = auth.proof(
            self.connection.key, "client", face.nonce, face.challenge.nonce, face.peer.endpoint, p.VERSION
        )
        self.proofs.append(proof)
        return proof

    def greet(self, face: Face) -> None:
        """The whole handshake, as it should be."""
        self.say_hello(face)
        if face not in self.faces or face.challenge is None:
            return
        before, face.welcome_due = face.token, True
        self.exchange(face, codec.pack(p.Proof(self.right_proof(face))))
        face.welcome_due = False
        assert face not in self.faces or face.token not in (b"", before), "who knows the key is welcome"

    def ask(self, face: Face, job: str, layer: str, content: dict[str, Any]) -> None:
        face.named.add(job)
        self.exchange(face, self.request(job, layer, content, face.token))

    @staticmethod
    def request(job: str, layer: str, content: dict[str, Any], token: bytes) -> list[Any]:
        styles = [{"picture": style.ref.to_wire(), "share": 1.0} for style in STYLES]
        return codec.pack(p.Restyle(job, layer, content, styles, None, AS_IT_IS.to_wire()), token)

    def exchange(self, face: Face, frames: list[Any]) -> list[p.Message]:
        """Send, and all that comes until the daemon has done with it. A stranger may be hung up on: then it is out."""
        token = face.token
        face.peer.send(frames)
        face.peer.send(codec.pack(p.GetStatus(), token))  # no rule asks for it under a session: its answer is the end
        heard: list[p.Message] = []
        answers = 0
        while True:
            message = face.peer.hear(PATIENCE)
            if message is None:
                assert not token, "a trusted client gets no answer"
                self.part(face)
                return heard
            self.judge(face, message)
            if token and (isinstance(message, p.Status) or token in face.former):
                if token in face.former and not isinstance(message, p.Failed):
                    heard.append(message)
                    continue  # what was asked under the former session is still to be refused
                return heard
            heard.append(message)
            answers += isinstance(message, (p.Failed, p.Challenge, p.Welcome))
            if not token and answers == 2:
                return heard

    def judge(self, face: Face, message: p.Message) -> None:
        """Whether this peer may hear this."""
        if isinstance(message, p.Welcome):
            assert face.welcome_due, "a welcome without a proof"
            if face.token:
                face.former.add(face.token)
            face.token, face.welcome_due = message.session_id, False
            face.client_ids.add(face.client_id)
            assert all(self.jobs[result["job"]].client_id == face.client_id for result in message.results)
            return
        if isinstance(message, p.Challenge):
            said = (face.nonce, message.nonce, face.peer.endpoint)
            if auth.constant_time_equal(message.proof, auth.proof(self.connection.key, "daemon", *said, p.VERSION)):
                face.challenge = message
            return
        if not face.token:
            assert isinstance(message, p.Failed), f"a stranger was told {message}"
            return
        if isinstance(message, p.Get):
            assert message.blob in self.blobs
            face.gets.append(message)
        elif isinstance(message, p.Put):
            assert bytes(message.data) == bytes(self.blobs[message.blob].data)
        elif isinstance(message, p.Failed):
            assert message.job in {"", "wrong", "x", "x" * p.MAX_NAME} | face.named, "a failure of another's job"
        elif not isinstance(message, (p.Pong, p.Status, p.SavedList, p.History)):
            self.judge_job(face, message)

    def judge_job(self, face: Face, message: Any) -> None:
        name = message.ticket if isinstance(message, p.Estimate) else message.job
        asked = self.jobs[name]
        assert asked.client_id in face.client_ids, f"another's job: {message}"
        if isinstance(message, p.Cancelled):
            assert asked.may_end, "a job ended that its owner did not end"
        if isinstance(message, p.Result):
            assert message.picture["blob"] == asked.content.ref.blob, "another's result"
            asked.result = message


def test_no_peer_brings_the_daemon_down_or_learns_what_is_not_its_own(daemon):
    daemon.options = ("--heartbeat", "2", "--park-seconds", "20")  # who vanishes is soon forgotten
    with daemon.client("honest") as honest:
        honest.restyle_and_wait(picture(), [(STYLES[0], 1.0)], AS_IT_IS)
        found = find(daemon.dirs)
        assert found is not None
        Hostile.connection, Hostile.honest, Hostile.pid = found, honest, honest.status()["pid"]
        run_state_machine_as_test(
            Hostile,
            settings=hypothesis.settings(
                max_examples=hypothesis.settings().max_examples * 3 // 4,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate,),  # what sockets did cannot be shrunk
            ),
        )


def test_a_status_is_told_however_long_the_names_of_the_jobs_are(warm):
    with warm.client("asking") as asking:
        asking.wait_until_ready()
        found = find(warm.dirs)
        assert found is not None
        peers = [ZmqPeer(found.endpoints[0]) for _ in range(4)]
        tokens = [greeted(peer, found.key, f"client {number}") for number, peer in enumerate(peers)]
        for peer, token in zip(peers, tokens, strict=True):
            for job in range(32):
                content = picture(8, 8, seed=job).ref.to_wire()
                style = [{"picture": content, "share": 1.0}]
                peer.send(codec.pack(p.Restyle(f"{job:0256}", f"{job:0256}", content, style, None, {}), token))
            peer.send(codec.pack(p.Ping(), token))
            while not isinstance(peer.hear(PATIENCE), p.Pong):
                pass
        try:
            peers[0].send(codec.pack(p.GetStatus(), tokens[0]))
            assert isinstance(peers[0].hear(2.0), p.Status)
        finally:
            for peer, token in zip(peers, tokens, strict=True):
                peer.send(codec.pack(p.Bye(), token))
                peer.close(linger=1.0)


def greeted(peer: Peer, key: bytes, client_id: str) -> bytes:
    """The whole handshake; returns the session's token."""
    greeting = hello(client_id=client_id)
    peer.send(codec.pack(greeting))
    challenge = peer.hear(PATIENCE)
    assert isinstance(challenge, p.Challenge)
    peer.send(codec.pack(p.Proof(auth.proof(key, "client", greeting.nonce, challenge.nonce, peer.endpoint, p.VERSION))))
    welcome = peer.hear(PATIENCE)
    assert isinstance(welcome, p.Welcome)
    return welcome.session_id

"""A live daemon among peers that break the protocol's rules.

It serves honest clients, gives unauthenticated peers nothing, and keeps every client's jobs apart. `make fuzz`
(`--hypothesis-profile hostile`) gives the state machine more time.
"""

from __future__ import annotations

import secrets
import uuid
from typing import Any

import hypothesis
import msgpack
import psutil
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import invariant, rule, run_state_machine_as_test

from tests.conftest import picture
from tests.support.hostile_peers import (
    HOSTILE_TEXTS,
    LOG_LINE,
    MAX_PEERS,
    PATIENCE,
    STYLES,
    UNCHANGED,
    HostilePeer,
    HostilePeers,
    SubmittedJob,
)
from tests.support.peers import PEERS, hello
from velatura.client.connection_file import find
from velatura.foreign_text import visible
from velatura.protocol import auth, codec
from velatura.protocol import messages as p

numbers = st.integers(0, MAX_PEERS - 1)
ANSWERS: dict[type[p.Message], type[p.Message]] = {
    p.GetHistory: p.History,
    p.ListSaved: p.SavedList,
    p.Ping: p.Pong,
    p.Get: p.Failed,
}
# The oldest entry of the history alone: all of it would have some megabytes in each of the answers.
REPEATED = [p.GetHistory(2), p.ListSaved(True), p.Ping(), p.Get(b"h" * 32, 0, 9, 1)]


class Hostile(HostilePeers):
    # --- connections -------------------------------------------------------------------------------
    @rule(kind=st.sampled_from(PEERS), which=st.integers(0, 1))
    def connect(self, kind: Any, which: int) -> None:
        self.add_peer(kind, which)

    @rule(number=numbers, with_bye=st.booleans())
    def leave(self, number: int, with_bye: bool) -> None:
        peer = self.peer(number)
        if with_bye and peer.session:
            peer.connection.send(codec.pack(p.Bye(), peer.session))
        self.drop(peer)

    @rule(number=numbers)
    def reconnect(self, number: int) -> None:
        """The same client over another connection, as after a crash: its results wait for it."""
        peer = self.client(number)
        again = HostilePeer(type(peer.connection)(peer.connection.endpoint), peer.client_id, known_jobs=peer.known_jobs)
        self.drop(peer)
        self.peers.append(again)
        self.authenticate(again)

    # --- the handshake -----------------------------------------------------------------------------
    @rule(number=numbers)
    def handshake(self, number: int) -> None:
        self.authenticate(self.peer(number))

    @rule(
        number=numbers,
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
    def wrong_hello(self, number: int, wrong: dict[str, Any]) -> None:
        header = {**msgpack.unpackb(codec.pack(hello())[0]), **wrong}
        answers = self.exchange(self.peer(number), [msgpack.packb(header)])
        assert not [message for message in answers if isinstance(message, p.Challenge)]

    @rule(
        number=numbers,
        how=st.sampled_from(
            ["replayed", "the daemon's own", "of another key", "of another endpoint", "of another's nonce"]
        ),
    )
    def wrong_proof(self, number: int, how: str) -> None:
        """No proof but the right one is answered with a welcome."""
        peer = self.peer(number)
        if how == "replayed":
            proof = self.proofs[-1]
        else:
            self.say_hello(peer)
            if peer not in self.peers:
                return
            assert peer.challenge is not None
            signed = [peer.nonce, peer.challenge.nonce, peer.connection.endpoint]
            key = self.connection.key
            if how == "the daemon's own":
                proof = peer.challenge.proof
            elif how == "of another key":
                proof = auth.proof(b"x" * 32, "client", *signed, p.VERSION)
            elif how == "of another endpoint":
                proof = auth.proof(key, "client", *signed[:2], "tcp://127.0.0.1:1", p.VERSION)
            else:
                proof = auth.proof(key, "client", secrets.token_bytes(32), *signed[1:], p.VERSION)
        self.exchange(peer, codec.pack(p.Proof(proof)))

    @rule(number=numbers)
    def second_hello(self, number: int) -> None:
        """After a second challenge, the proof for the first one is refused."""
        peer = self.peer(number)
        self.say_hello(peer)
        if peer not in self.peers or peer.challenge is None:
            return
        first = self.right_proof(peer)
        self.say_hello(peer)
        if peer in self.peers:
            self.exchange(peer, codec.pack(p.Proof(first)))

    # --- messages that should not be sent ---------------------------------------------------------------
    @rule(number=numbers, frames=st.lists(st.binary(max_size=300), min_size=1, max_size=4))
    def garbage(self, number: int, frames: list[bytes]) -> None:
        self.exchange(self.peer(number), frames)

    @rule(
        number=numbers,
        session=st.sampled_from(["none", "random", "another's", "own"]),
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
    def wrong_header(self, number: int, session: str, header: dict[str, Any]) -> None:
        peer = self.peer(number)
        session_id = {
            "none": b"",
            "random": secrets.token_bytes(16),
            "another's": self.other_session(peer),
            "own": peer.session,
        }[session]
        self.exchange(peer, [msgpack.packb({**header, "session": session_id})])

    @rule(
        number=numbers,
        message=st.sampled_from(
            [p.GetStatus(), p.Shutdown(False), p.Ping(), p.Bye(), p.Cancel("x"), p.Get(b"h" * 32, 0, 9, 1)]
        ),
        borrowed=st.booleans(),
    )
    def without_a_session(self, number: int, message: p.Message, borrowed: bool) -> None:
        """Without a session id, or with that of another connection, which is worthless on this one."""
        peer = self.peer(number)
        answers = self.exchange(peer, codec.pack(message, self.other_session(peer) if borrowed else b""))
        assert all(isinstance(answer, p.Failed) or peer.session for answer in answers)

    # --- authenticated clients that cheat -----------------------------------------------------------------
    @rule(
        number=numbers,
        layer=st.sampled_from(["one", "two", "two\nlines\x1b[2J"]),
        side=st.integers(2, 20),
        again=st.booleans(),
        text=st.sampled_from(HOSTILE_TEXTS),
    )
    def restyle(self, number: int, layer: str, side: int, again: bool, text: str = "") -> None:
        """again: with the id and the picture of a job that was submitted before, and may have ended."""
        peer = self.client(number)
        HostilePeers.seeds += 1
        own = [name for name, job in self.jobs.items() if job.client_id == peer.client_id]
        name = own[-1] if again and own else uuid.uuid4().hex
        for other, job in self.jobs.items():
            if other != name and job.client_id == peer.client_id and layer in job.layers:
                job.may_end = True
        self.jobs.setdefault(name, SubmittedJob(peer.client_id, picture(side, side + 1, seed=HostilePeers.seeds)))
        self.jobs[name].layers.add(layer)
        content = self.jobs[name].content
        self.blobs[content.ref.blob] = content
        self.submit(peer, name, layer, content.ref.to_wire(), text)

    @rule(number=numbers, layer=st.sampled_from(["one", "two"]), side=st.integers(2, 20))
    def restyle_and_wait(self, number: int, layer: str, side: int) -> None:
        """As an honest client does it, up to the result, which is not fetched."""
        peer = self.client(number)
        self.restyle(self.authenticated().index(peer), layer, side, again=False)
        name = list(self.jobs)[-1]
        if self.jobs[name].client_id != peer.client_id:
            return
        while self.jobs[name].result is None:
            while peer.gets:
                get = peer.gets.pop(0)
                data = self.blobs[get.blob].data
                peer.connection.send(codec.pack(p.Put(get.blob, len(data), 0, get.ticket, data), peer.session))
            message = peer.connection.receive(PATIENCE)
            assert message is not None, "a correct job does not end"
            self.check(peer, message)
            if isinstance(message, p.Failed) and message.job == name:
                raise AssertionError(f"a correct job failed: {message.sentence}")

    @rule(
        number=numbers,
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
    def wrong_restyle(self, number: int, wrong: dict[str, Any]) -> None:
        peer = self.client(number)
        content = STYLES[0].ref.to_wire()
        header = msgpack.unpackb(self.request("wrong", "wrong", content, peer.session)[0])
        for name, value in wrong.items():
            header[name] = {**content, **value} if isinstance(value, dict) and name in ("content", "mask") else value
        peer.known_jobs.add("wrong")
        answers = self.exchange(peer, [msgpack.packb(header)])
        assert any(isinstance(answer, p.Failed) for answer in answers)

    @rule(
        number=numbers,
        how=st.sampled_from(
            [
                "right",
                "right",
                "right",
                "other bytes",
                "too long",
                "wrong offset",
                "another ticket",
                "of another size",
                "empty",
                "another blob",
            ]
        ),
    )
    def put(self, number: int, how: str) -> None:
        requested = [peer for peer in self.peers if peer.session and peer.gets]
        if not requested:
            return
        peer = requested[number % len(requested)]
        get = peer.gets.pop()
        data = memoryview(self.blobs[get.blob].data)
        right = {"blob": get.blob, "size": data.nbytes, "offset": 0, "ticket": get.ticket, "data": data}
        wrong = {
            "other bytes": {"data": bytes(data.nbytes)},
            "too long": {"data": bytes(data.nbytes + 1)},
            "wrong offset": {"offset": 1},
            "another ticket": {"ticket": get.ticket + 1},
            "of another size": {"size": data.nbytes + 1},
            "empty": {"data": b""},
            "another blob": {"blob": b"h" * 32},
        }
        self.exchange(peer, codec.pack(p.Put(**{**right, **wrong.get(how, {})}), peer.session))
        if how == "another ticket":
            # It was ignored: the picture is still due, and until it arrives the daemon requests no other of this peer.
            peer.gets.insert(0, get)

    @rule(number=numbers, which=st.integers(0, 20), how=st.sampled_from(["cancel", "received", "seen"]))
    def meddle(self, number: int, which: int, how: str) -> None:
        """With the peer's own jobs, or with those of others, on which it has no effect."""
        peer = self.client(number)
        names = [name for name, job in self.jobs.items() if job.client_id not in peer.client_ids or which % 4 == 0]
        name = names[-1 - which % len(names)] if names else "x"
        peer.known_jobs.add(name)
        if how == "cancel" and name in self.jobs and self.jobs[name].client_id in peer.client_ids:
            self.jobs[name].may_end = True
        message = {"cancel": p.Cancel, "received": p.Received, "seen": p.PreviewShown}[how](name)
        self.exchange(peer, codec.pack(message, peer.session))

    @rule(number=numbers, which=st.integers(0, 20))
    def fetch(self, number: int, which: int) -> None:
        """A result, the peer's own or that of another program of the same user: if it arrives, it is right to the bit
        (`check`)."""
        peer = self.client(number)
        finished = [job for job in self.jobs.values() if job.result]
        if not finished:
            return
        content = finished[-1 - which % len(finished)].content
        self.exchange(peer, codec.pack(p.Get(content.ref.blob, 0, content.nbytes, 1), peer.session))

    @rule(
        number=numbers,
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
    def saved_results(self, number: int, message: p.Message) -> None:
        peer = self.client(number)
        peer.known_jobs.add("x")
        answers = self.exchange(peer, codec.pack(message, peer.session))
        answer_types = {p.ListSaved: p.SavedList, p.GetHistory: p.History, p.Resume: p.Failed}
        if expected := answer_types.get(type(message)):
            assert any(isinstance(answer, expected) for answer in answers)

    # --- replies that are not read -------------------------------------------------------------------------
    @rule(number=numbers, request=st.sampled_from(REPEATED), times=st.integers(2, 20))
    def repeat(self, number: int, request: p.Message, times: int) -> None:
        """Many requests at once, whose answers are read afterwards: each is answered."""
        peer = self.client(number)
        for _ in range(times - 1):
            peer.connection.send(codec.pack(request, peer.session))
        answers = self.exchange(peer, codec.pack(request, peer.session))
        kind = ANSWERS[type(request)]
        assert sum(isinstance(answer, kind) for answer in answers) == times

    @rule(number=numbers, request=st.sampled_from([*REPEATED, p.GetHistory()]), unfinished=st.booleans())
    def never_read(self, number: int, request: p.Message, unfinished: bool) -> None:
        """Hundreds of requests whose answers nobody reads, and a message without an end; then it hangs up."""
        peer = self.client(number)
        peer.connection.never_wait()
        for _ in range(150):  # of 128 on the daemon stops reading
            peer.connection.send(codec.pack(request, peer.session))
        if unfinished:
            peer.connection.send([b"x" * p.CHUNK] * 7)
        self.honest.status()
        self.check_memory()
        self.drop(peer)

    # --- what always holds -------------------------------------------------------------------------------
    @invariant()
    def the_daemon_lives(self) -> None:
        assert self.honest.status()["pid"] == self.pid
        self.check_memory()


def test_no_peer_crashes_the_daemon_or_receives_what_is_not_its_own(daemon):
    daemon.options = ("--heartbeat", "2", "--park-seconds", "20")  # clients that vanish are soon forgotten
    with daemon.client("honest") as honest:
        honest.restyle_and_wait(picture(), [(STYLES[0], 1.0)], UNCHANGED)
        info = find(daemon.dirs)
        assert info is not None
        HostilePeers.connection, HostilePeers.honest, HostilePeers.pid = info, honest, honest.status()["pid"]
        honest.acknowledge_manually()
        HostilePeers.kept = honest.restyle_and_wait(picture(seed=7), [(STYLES[0], 1.0)], UNCHANGED).job
        honest._manual_acknowledgement = False
        HostilePeers.memory = psutil.Process(HostilePeers.pid).memory_info().rss
        run_state_machine_as_test(
            Hostile,
            settings=hypothesis.settings(
                max_examples=hypothesis.settings().max_examples * 2 // 5,
                stateful_step_count=30,
                deadline=None,
                database=None,
                suppress_health_check=list(HealthCheck),
                phases=(Phase.generate,),  # what happens on sockets cannot be shrunk
            ),
        )
    for line in daemon.dirs.log_file.read_text(encoding="utf-8").splitlines():
        assert LOG_LINE.match(line), f"a forged line: {line[:200]!r}"
        assert visible(line) == line
        assert "could not be served" not in line
        assert "a periodic task failed" not in line

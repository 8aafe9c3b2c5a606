"""The memory that connections share, and the connections themselves, without a daemon: an injected clock, real
sockets, no garbage collector."""

from __future__ import annotations

import contextlib
import gc
import secrets
import selectors
import socket
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import TooBusy
from velatura.protocol import auth, codec, zmtp
from velatura.protocol import messages as p
from velatura_daemon.clock import Clock
from velatura_daemon.server.buffer_budget import BUDGET, HARD_LIMIT, STALL_BYTES, STALL_SECONDS, BufferBudget
from velatura_daemon.server.listener import MAX_QUEUED, Listener, Peer, listen_on_path
from velatura_daemon.server.sessions import MAX_SESSIONS, SessionRegistry


class FakeClock(Clock):
    moment = 0.0

    def monotonic(self) -> float:
        return self.moment

    def now(self) -> float:
        return self.moment


class FakeConnection:
    """Holds what it was admitted for, and wants one message."""

    def __init__(self, budget: BufferBudget) -> None:
        self.budget, self.bytes_held, self.progress, self.wanted, self.why = budget, 0, 0, 0, ""

    def want(self, size: int) -> bool:
        self.wanted = size
        return not self.resume()

    def resume(self) -> bool:
        if self.wanted and self.budget.admit(self, self.wanted):
            self.bytes_held, self.wanted = self.bytes_held + self.wanted, 0
        return self.wanted > 0

    def release(self) -> None:
        self.bytes_held = 0
        self.budget.update(self)

    def cut_off(self, why: str) -> None:
        self.why = why


BIG = zmtp.MAX_MESSAGE


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def budget(clock) -> BufferBudget:
    return BufferBudget(clock)


def full(budget: BufferBudget) -> list[FakeConnection]:
    holders = [FakeConnection(budget) for _ in range(BUDGET // BIG)]
    assert all(holder.want(BIG) for holder in holders)
    return holders


def test_messages_wait_in_order_until_there_is_memory(budget):
    holders = full(budget)
    first, second = FakeConnection(budget), FakeConnection(budget)
    assert not first.want(BIG)
    assert not second.want(BIG)
    holders[0].release()
    assert second.resume()  # it is not its turn
    budget.tidy()
    assert (first.bytes_held, second.bytes_held) == (BIG, 0)
    holders[1].release()
    budget.tidy()
    assert second.bytes_held == BIG
    assert budget.due is None


def test_a_connection_that_stalls_is_cut_off_if_others_wait(budget, clock):
    stalled, slow, *_ = full(budget)
    clock.moment += 10 * STALL_SECONDS
    budget.tidy()
    assert not stalled.why  # an editor may be stopped for minutes while nobody needs the memory
    waiting = FakeConnection(budget)
    assert not waiting.want(BIG)
    for _ in range(4):
        budget.tidy()
        clock.moment += STALL_SECONDS / 2
        slow.progress += STALL_BYTES
    budget.tidy()
    assert stalled.why
    assert not slow.why
    budget.remove(stalled)
    budget.tidy()
    assert waiting.bytes_held == BIG


def test_a_connection_that_no_longer_wants_its_message_does_not_hold_up_the_others(budget):
    holders = full(budget)
    gone, waiting = FakeConnection(budget), FakeConnection(budget)
    assert not gone.want(BIG)
    assert not waiting.want(BIG)
    gone.wanted = 0
    holders[0].release()
    budget.tidy()
    assert waiting.bytes_held == BIG


def test_small_messages_of_all_connections_have_a_limit_too(budget):
    connections = [FakeConnection(budget) for _ in range(HARD_LIMIT // BIG + 1)]
    connections[3].bytes_held = BIG + 1
    for connection in connections:
        connection.bytes_held = connection.bytes_held or BIG
        budget.update(connection)
    assert [connection for connection in connections if connection.why] == [connections[3]]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, BIG)), max_size=60))
def test_large_messages_never_take_more_than_the_budget_and_nobody_waits_forever(steps):
    clock = FakeClock()
    budget = BufferBudget(clock)
    connections = [FakeConnection(budget) for _ in range(40)]
    for number, (step, size) in enumerate(steps):
        one = connections[(number * 7 + step) % 40]
        if step < 4:
            if not one.wanted:
                one.want(max(1, size))
        elif step == 4:
            one.release()
        else:
            budget.remove(one)
            one.bytes_held = one.wanted = 0
        assert budget.used == sum(each.bytes_held for each in connections) <= BUDGET
    for _ in connections:
        for each in connections:
            if not each.wanted:
                each.release()
        budget.tidy()
    assert not any(each.wanted for each in connections)


# --- connections ---------------------------------------------------------------------------------------
class Served:
    """A listener without a daemon. messages: what has arrived."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.selector = selectors.DefaultSelector()
        self.path = folder / "s"
        self.budget = BufferBudget(clock)
        self.messages: list[tuple[Peer, Any]] = []
        self.gone: list[weakref.ref[Peer]] = []
        listening, endpoint = listen_on_path(self.path)
        self.listener = Listener(listening, endpoint, self.selector, clock, self.budget, self.take, self.lost)

    def take(self, peer: Peer, frames: list[Any]) -> None:
        self.messages.append((peer, frames))

    def lost(self, peer: Peer) -> None:
        self.gone.append(weakref.ref(peer))

    def turn(self, times: int = 50) -> None:
        for _ in range(times):
            for key, events in self.selector.select(0):
                key.data(events)
            self.budget.tidy()
            self.listener.tidy(0.0)

    def connect(self) -> tuple[socket.socket, Peer]:
        """A trusted peer that has sent one message."""
        one = socket.socket(socket.AF_UNIX)
        one.connect(str(self.path))
        one.sendall(zmtp.GREETING + zmtp.ready(b"x") + b"".join(zmtp.message_parts([b"hi"])))
        self.turn()
        peer = self.messages.pop()[0]
        peer.trust()
        return one, peer


@pytest.fixture
def listening(tmp_path, clock) -> Iterator[Served]:
    gc.disable()
    one = Served(tmp_path, clock)
    yield one
    one.listener.close()
    one.selector.close()
    gc.enable()


def test_a_closed_connection_is_freed_without_the_garbage_collector(listening):
    one, peer = listening.connect()
    peer.send([b"unread"])
    peer.send_lazily(iter([[b"unread too"]]), BIG)
    one.sendall(zmtp.frame_header(zmtp.MORE, 100_000) + bytes(50_000))
    listening.turn()
    assert listening.budget.used >= 100_000
    gone = weakref.ref(peer)
    del peer
    one.close()
    listening.turn()
    assert len(listening.gone) == 1
    assert gone() is None
    assert listening.budget.used == 0


def test_a_message_waits_for_memory_and_arrives_when_there_is_some(listening):
    holders = full(listening.budget)
    one, _ = listening.connect()
    one.setblocking(False)
    data = memoryview(zmtp.frame_header(0, p.CHUNK) + bytes(p.CHUNK))
    sent = 0
    for _ in range(200):
        with contextlib.suppress(BlockingIOError):
            sent += one.send(data[sent:])
        listening.turn(2)
    assert sent < len(data)
    assert not listening.messages
    holders[0].release()
    for _ in range(200):
        with contextlib.suppress(BlockingIOError):
            sent += one.send(data[sent:])
        listening.turn(2)
    assert len(listening.messages) == 1
    one.close()


def test_a_peer_that_reads_nothing_is_cut_off_before_its_queue_grows_further(listening):
    one, peer = listening.connect()
    while peer.wire.queued < MAX_QUEUED:
        peer.send([bytes(8000)])
    listening.turn()
    assert not listening.gone
    for _ in range(9):
        peer.send([bytes(8000)])
    assert peer.wire.queued <= MAX_QUEUED
    assert not listening.gone  # not in the middle of what the server is doing
    listening.turn()
    assert len(listening.gone) == 1
    one.close()


def test_the_last_requests_of_a_peer_that_has_gone_are_still_read(listening):
    """It has closed the connection while nothing was read from it, because it did not read."""
    one, peer = listening.connect()
    while not peer.congested:
        peer.send([bytes(8000)])
    one.sendall(b"".join(zmtp.message_parts([b"goodbye"])))
    listening.turn()
    assert not listening.messages
    one.close()
    listening.turn()
    assert [bytes(frames[0]) for _, frames in listening.messages] == [b"goodbye"]
    assert len(listening.gone) == 1


# --- sessions ------------------------------------------------------------------------------------------
class FakePeer:
    endpoint = "ipc://x"

    def trust(self) -> None:
        pass

    distrust = trust


def test_beyond_the_limit_a_silent_session_makes_room_and_without_one_the_next_is_refused(clock):
    key = auth.fresh_key()
    sessions = SessionRegistry(key, clock)

    def handshake() -> Any:
        peer: Any = FakePeer()
        nonce = secrets.token_bytes(32)
        challenge = sessions.hello(peer, p.Hello(list(p.VERSION), nonce, "x", "x"))
        proof = auth.proof(key, "client", nonce, challenge.nonce, peer.endpoint, p.VERSION)
        return sessions.proof(peer, codec.unpack(codec.pack(p.Proof(proof)))[0])

    entered = []
    for _ in range(MAX_SESSIONS):
        entered.append(handshake())
        sessions.enter(entered[-1])
        clock.moment += 1
    with pytest.raises(TooBusy, match="Close some"):
        handshake()
    entered[7].parked = entered[9].parked = True
    handshake()
    assert sessions.silent_one_in_the_way is entered[7]

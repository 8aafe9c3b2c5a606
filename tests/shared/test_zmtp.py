"""ZMTP on a plain socket: messages arrive whole however they are cut, and a hostile peer is hung up on."""

from __future__ import annotations

import contextlib
import os
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from velatura.client.transport_plain import PlainDealer
from velatura.errors import BadMessage, DaemonLost
from velatura.protocol import zmtp
from velatura.protocol.messages import MAX_FRAME
from velatura.protocol.sockets import READS, ZmtpSocket

HANDSHAKE = zmtp.GREETING + zmtp.ready(b"id")


def feed(incoming: zmtp.FrameParser, data: bytes, pieces: Iterator[int] | None = None) -> list[list[bytes]]:
    """Everything that comes out, the bytes arriving in pieces of these sizes."""
    messages = []
    while data:
        room = incoming.space()
        count = min(len(room), len(data), next(pieces, 1 << 30) if pieces else 1 << 30)
        room[:count], data = data[:count], data[count:]
        message = incoming.filled(count)
        if message is not None:
            messages.append([bytes(frame) for frame in message])
    return messages


def on_the_wire(frames: list[bytes]) -> bytes:
    return b"".join(bytes(part) for part in zmtp.message_parts(frames))


some_messages = st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=zmtp.MAX_FRAMES), max_size=5)


@given(some_messages, st.lists(st.integers(1, 40)))
def test_messages_arrive_whole_however_they_are_cut(messages, sizes):
    data = HANDSHAKE + b"".join(on_the_wire(frames) for frames in messages)
    assert feed(zmtp.FrameParser(), data, iter(sizes)) == messages


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_whatever_give_a_message_before_the_handshake(data):
    with contextlib.suppress(BadMessage):
        assert feed(zmtp.FrameParser(), data) == []


@given(some_messages, st.data())
def test_a_damaged_byte_gives_messages_or_an_error_never_anything_else(messages, data):
    wire = bytearray(HANDSHAKE + b"".join(on_the_wire(frames) for frames in messages))
    wire[data.draw(st.integers(0, len(wire) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        for message in feed(zmtp.FrameParser(), bytes(wire)):
            assert 1 <= len(message) <= zmtp.MAX_FRAMES
    except BadMessage:
        pass


def long_frame(flags: int, size: int) -> bytes:
    return bytes([flags | zmtp.LONG]) + size.to_bytes(8, "big")


HOSTILE = {
    "not zmtp": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "zmtp 2": b"\xff" + bytes(8) + b"\x7f\x01\x00" + bytes(60),
    "another mechanism": zmtp.GREETING[:12] + b"CURVE".ljust(20, b"\0") + bytes(32),
    "an error for a ready": zmtp.GREETING + b"\x04\x06\x05ERROR",
    "a message for a ready": zmtp.GREETING + on_the_wire([b"early"]),
    "a ready without end": zmtp.GREETING + long_frame(zmtp.COMMAND, zmtp.MAX_COMMAND + 1),
    "flags that mean nothing": HANDSHAKE + b"\x08\x00",
    "a command that is to be continued": HANDSHAKE + b"\x05\x00",
    "a command inside a message": HANDSHAKE + b"\x01\x01a" + b"\x04\x05\x04PING",
    "a frame over the limit": HANDSHAKE + long_frame(0, MAX_FRAME + 1),
    "a frame of 2^63 bytes": HANDSHAKE + long_frame(0, 1 << 63),
    "too many frames": HANDSHAKE + b"\x01\x00" * (zmtp.MAX_FRAMES + 1),
}


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_peer_is_an_error_and_costs_no_memory(said):
    incoming = zmtp.FrameParser()
    with pytest.raises(BadMessage):
        feed(incoming, said)
    assert len(incoming.space()) <= MAX_FRAME


# --- over real sockets -----------------------------------------------------------------------------
@pytest.fixture(params=["tcp", "ipc"])
def router(request) -> Iterator[tuple[zmq.Socket, str]]:
    """A pyzmq ROUTER, and its address."""
    context = zmq.Context()
    socket_ = context.socket(zmq.ROUTER)
    with tempfile.TemporaryDirectory(prefix="vel-") as folder:
        if request.param == "tcp":
            endpoint = f"tcp://127.0.0.1:{socket_.bind_to_random_port('tcp://127.0.0.1')}"
        else:
            endpoint = f"ipc://{folder}/s"
            socket_.bind(endpoint)
        yield socket_, endpoint
        context.destroy(linger=0)


def receive(dealer: PlainDealer) -> list[bytes]:
    while (frames := dealer.receive()) is None:
        assert dealer.wait(10)
    return [bytes(frame) for frame in frames]


def test_a_router_takes_it_for_a_dealer_and_messages_cross_both_ways(router):
    socket_, endpoint = router
    dealer = PlainDealer(endpoint)
    sent = [[b"header", bytes([i]) * size] for i, size in enumerate((0, 1, 255, 256, 70_000, 4 << 20))]

    def echo() -> None:
        for _ in sent:
            socket_.send_multipart(socket_.recv_multipart())

    answering = threading.Thread(target=echo)
    answering.start()
    for frames in sent:
        assert dealer.send(frames)
    assert [receive(dealer) for _ in sent] == sent
    answering.join()
    dealer.close()


def test_what_is_said_last_arrives_within_the_linger(router):
    socket_, endpoint = router
    dealer = PlainDealer(endpoint)
    dealer.send([b"bye"])
    dealer.close(linger=5)
    assert socket_.recv_multipart()[1:] == [b"bye"]


def test_a_peer_that_takes_nothing_fills_the_queue_not_the_memory(router):
    dealer = PlainDealer(router[1])
    answers = [dealer.send([b"x"]) for _ in range(5000)]  # before the handshake is read, nothing goes out
    assert answers[0] and not answers[-1]
    dealer.close()


def test_a_program_with_thousands_of_open_files_hears_its_daemon(router):
    socket_, endpoint = router
    resource = pytest.importorskip("resource")  # of Unix
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    answering = threading.Thread(target=lambda: socket_.send_multipart(socket_.recv_multipart()), daemon=True)
    answering.start()
    try:
        dealer = PlainDealer(endpoint)
        assert dealer.fileno() > 1024
        dealer.send([b"hello"])
        assert receive(dealer) == [b"hello"]
        dealer.close()
    finally:
        for one in opened:
            os.close(one)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    answering.join()


@pytest.fixture
def server() -> Iterator[Callable[[Callable[[socket.socket], None]], str]]:
    """Runs what a test does with the first connection; gives the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(do: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            with listening.accept()[0] as peer:
                do(peer)

        threads.append(threading.Thread(target=run))
        threads[0].start()
        return f"tcp://127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    listening.close()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("said", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_peer_is_told_as_a_lost_daemon(server, said):
    def do(peer: socket.socket) -> None:
        peer.sendall(said)
        with contextlib.suppress(ConnectionResetError):
            while peer.recv(4096):
                pass

    dealer = PlainDealer(server(do))
    with pytest.raises(DaemonLost, match="has ended"):
        receive(dealer)
    dealer.close()


def test_a_peer_that_hangs_up_is_told_after_what_it_said(server):
    dealer = PlainDealer(server(lambda peer: peer.sendall(HANDSHAKE + on_the_wire([b"last"]))))
    assert receive(dealer) == [b"last"]
    with pytest.raises(DaemonLost):
        receive(dealer)
    dealer.close()


def test_a_peer_that_says_nothing_blocks_nobody(server):
    done = threading.Event()
    dealer = PlainDealer(server(lambda peer: done.wait(10) and None))
    assert dealer.receive() is None
    assert not dealer.wait(0.01)
    dealer.close(linger=0.05)
    done.set()


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:1", "ipc:///nowhere/s", "udp://x", "tcp://127.0.0.1:x"])
def test_an_address_where_nobody_answers_is_a_lost_daemon(endpoint):
    with pytest.raises(DaemonLost, match="Nobody answers"):
        PlainDealer(endpoint)


def test_limits_are_those_that_the_protocol_page_states():
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    assert f"| frames of a message | {zmtp.MAX_FRAMES} |" in page
    assert f"| a ZMTP command | {zmtp.MAX_COMMAND // 1024} KiB |" in page


def test_commands_without_end_keep_nobody_reading():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    wire = ZmtpSocket(ours, zmtp.ready(b""), zmtp.STRANGER)
    theirs.send(zmtp.GREETING + zmtp.ready(b"x"))
    assert wire.pull() is None
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += theirs.send(b"\x04\x00" * 512)
    assert sent > 4 * READS
    assert wire.pull() is None
    left = len(ours.recv(1 << 20, socket.MSG_PEEK))
    assert left >= sent - 4 * READS  # it has read a turn's worth, not all
    assert wire.gone is None
    theirs.close()
    wire.close()

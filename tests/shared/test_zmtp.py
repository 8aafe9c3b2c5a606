"""ZMTP on a plain socket: messages arrive complete however they are cut, and peers that break the rules are cut off."""

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
from velatura.protocol.sockets import FLUSH_BYTES, READS, ZmtpSocket

HANDSHAKE = zmtp.GREETING + zmtp.ready(b"id")


def feed(parser: zmtp.FrameParser, data: bytes, pieces: Iterator[int] | None = None) -> list[list[bytes]]:
    """Parse data that arrives in pieces of these sizes. Returns all messages."""
    messages = []
    while data:
        buffer = parser.get_buffer()
        count = min(len(buffer), len(data), next(pieces, 1 << 30) if pieces else 1 << 30)
        buffer[:count], data = data[:count], data[count:]
        message = parser.buffer_updated(count)
        if message is not None:
            messages.append([bytes(frame) for frame in message])
    return messages


def encode(frames: list[bytes]) -> bytes:
    return b"".join(bytes(part) for part in zmtp.message_parts(frames))


some_messages = st.lists(st.lists(st.binary(max_size=300), min_size=1, max_size=zmtp.MAX_FRAMES), max_size=5)


@given(some_messages, st.lists(st.integers(1, 40)))
def test_messages_arrive_complete_however_they_are_cut(messages, sizes):
    data = HANDSHAKE + b"".join(encode(frames) for frames in messages)
    assert feed(zmtp.FrameParser(), data, iter(sizes)) == messages


@given(st.binary(min_size=1, max_size=200))
def test_no_bytes_give_a_message_before_the_handshake(data):
    with contextlib.suppress(BadMessage):
        assert feed(zmtp.FrameParser(), data) == []


@given(some_messages, st.data())
def test_a_damaged_byte_gives_messages_or_a_bad_message_error_and_nothing_else(messages, data):
    wire = bytearray(HANDSHAKE + b"".join(encode(frames) for frames in messages))
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
    "an ERROR instead of READY": zmtp.GREETING + b"\x04\x06\x05ERROR",
    "a message instead of READY": zmtp.GREETING + encode([b"early"]),
    "a READY over the limit": zmtp.GREETING + long_frame(zmtp.COMMAND, zmtp.MAX_COMMAND + 1),
    "unknown flags": HANDSHAKE + b"\x08\x00",
    "a command with the flag that more follows": HANDSHAKE + b"\x05\x00",
    "a command inside a message": HANDSHAKE + b"\x01\x01a" + b"\x04\x05\x04PING",
    "a frame over the limit": HANDSHAKE + long_frame(0, MAX_FRAME + 1),
    "a frame of 2^63 bytes": HANDSHAKE + long_frame(0, 1 << 63),
    "too many frames": HANDSHAKE + b"\x01\x00" * (zmtp.MAX_FRAMES + 1),
}


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_peer_gives_an_error_and_costs_no_memory(sent):
    parser = zmtp.FrameParser()
    with pytest.raises(BadMessage):
        feed(parser, sent)
    assert len(parser.get_buffer()) <= MAX_FRAME


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


def test_messages_pass_to_and_from_a_pyzmq_router(router):
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


def test_a_last_message_is_sent_within_the_linger(router):
    socket_, endpoint = router
    dealer = PlainDealer(endpoint)
    dealer.send([b"bye"])
    dealer.close(linger=5)
    assert socket_.recv_multipart()[1:] == [b"bye"]


def test_a_peer_that_does_not_read_fills_the_queue_not_the_memory(router):
    dealer = PlainDealer(router[1])
    answers = [dealer.send([b"x"]) for _ in range(5000)]  # before the handshake is read, nothing goes out
    assert answers[0] and not answers[-1]
    dealer.close()


def test_a_program_with_thousands_of_open_files_can_receive(router):
    socket_, endpoint = router
    resource = pytest.importorskip("resource")  # Unix only
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
    """Runs a function of the test on the first connection. Returns the address."""
    listening = socket.create_server(("127.0.0.1", 0))
    threads = []

    def serve(handle: Callable[[socket.socket], None]) -> str:
        def run() -> None:
            with listening.accept()[0] as peer:
                handle(peer)

        threads.append(threading.Thread(target=run))
        threads[0].start()
        return f"tcp://127.0.0.1:{listening.getsockname()[1]}"

    yield serve
    listening.close()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("sent", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_peer_is_reported_as_a_lost_daemon(server, sent):
    def handle(peer: socket.socket) -> None:
        peer.sendall(sent)
        with contextlib.suppress(ConnectionResetError):
            while peer.recv(4096):
                pass

    dealer = PlainDealer(server(handle))
    with pytest.raises(DaemonLost, match="has ended"):
        receive(dealer)
    dealer.close()


def test_a_closed_connection_is_reported_after_the_last_message(server):
    dealer = PlainDealer(server(lambda peer: peer.sendall(HANDSHAKE + encode([b"last"]))))
    assert receive(dealer) == [b"last"]
    with pytest.raises(DaemonLost):
        receive(dealer)
    dealer.close()


def test_a_silent_peer_does_not_block(server):
    done = threading.Event()
    dealer = PlainDealer(server(lambda peer: done.wait(10) and None))
    assert dealer.receive() is None
    assert not dealer.wait(0.01)
    dealer.close(linger=0.05)
    done.set()


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:1", "ipc:///nowhere/s", "udp://x", "tcp://127.0.0.1:x"])
def test_an_address_where_nothing_answers_is_a_lost_daemon(endpoint):
    with pytest.raises(DaemonLost, match="Nothing answers"):
        PlainDealer(endpoint)


def test_the_limits_match_the_protocol_page():
    page = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text()
    assert f"| frames of a message | {zmtp.MAX_FRAMES} |" in page
    assert f"| a message | 4 MiB + {(zmtp.MAX_MESSAGE >> 10) - 4096} KiB |" in page
    assert f"| a ZMTP command | {zmtp.MAX_COMMAND // 1024} KiB |" in page


def test_the_frames_of_a_message_have_a_limit_together():
    parser = zmtp.FrameParser()
    feed(parser, HANDSHAKE + long_frame(zmtp.MORE, MAX_FRAME) + bytes(MAX_FRAME))
    with pytest.raises(BadMessage, match=f"over {zmtp.MAX_MESSAGE} bytes"):
        feed(parser, long_frame(0, zmtp.MAX_MESSAGE - MAX_FRAME + 1))


def test_messages_are_made_when_the_ones_before_were_sent_and_arrive_in_order():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    wire = ZmtpSocket(ours, zmtp.ready(b""), zmtp.AUTHENTICATED)
    theirs.send(HANDSHAKE)
    assert wire.receive() is None
    made: list[int] = []

    def make(number: int) -> Iterator[list[bytes]]:
        made.append(number)
        yield [b"%d" % number, bytes(1 << 20)]

    parser, received = zmtp.FrameParser(), []
    for number in range(5):
        assert wire.send_lazily(make(number), 1 << 20)
    while len(received) < 5:
        assert len(made) <= len(received) + 2  # the end of one may be in the buffers of the system
        assert wire.bytes_unread < 2 << 20
        received += feed(parser, theirs.recv(1 << 20))
        wire.flush()
    assert [int(message[0]) for message in received] == list(range(5))
    assert wire.bytes_unread == 0 and not wire.has_unsent
    wire.close()
    theirs.close()


def test_a_large_frame_is_read_when_it_is_admitted():
    admitted = False

    def admit(size: int) -> bool:
        assert size == MAX_FRAME
        return admitted

    parser = zmtp.FrameParser()
    feed(parser, HANDSHAKE)
    parser.admit = admit
    assert feed(parser, encode([b"small"])) == [[b"small"]]
    assert feed(parser, long_frame(0, MAX_FRAME)) == []
    assert parser.waiting and not parser.proceed()
    assert parser.bytes_held == 0
    admitted = True
    assert parser.proceed()
    assert [len(frames[0]) for frames in feed(parser, bytes(MAX_FRAME))] == [MAX_FRAME]


def test_endless_commands_do_not_keep_the_reader_busy():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    theirs.setblocking(False)
    wire = ZmtpSocket(ours, zmtp.ready(b""), zmtp.UNAUTHENTICATED)
    theirs.send(zmtp.GREETING + zmtp.ready(b"x"))
    assert wire.receive() is None
    sent = 0
    with contextlib.suppress(BlockingIOError):
        while True:
            sent += theirs.send(b"\x04\x00" * 512)
    assert sent > 4 * READS
    assert wire.receive() is None
    left = len(ours.recv(1 << 20, socket.MSG_PEEK))
    assert left >= sent - 4 * READS  # it has read as much as one call may, not everything
    assert wire.closed_reason is None
    theirs.close()
    wire.close()


def test_a_peer_that_reads_as_fast_as_we_send_does_not_keep_the_sender_busy():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    wire = ZmtpSocket(ours, zmtp.ready(b""), zmtp.AUTHENTICATED)
    theirs.send(zmtp.GREETING + zmtp.ready(b"x"))
    assert wire.receive() is None and wire.parser.is_ready
    received, message = [], [b"header", bytes(FLUSH_BYTES)]

    def read_everything() -> None:
        while data := theirs.recv(1 << 20):
            received.append(len(data))

    reading = threading.Thread(target=read_everything)
    reading.start()
    for _ in range(4):
        assert wire.send(message)
    assert wire.queued >= 3  # one call of `send` has sent at most FLUSH_BYTES, the others nothing
    while wire.needs_write:
        queued = wire.queued
        wire.flush()
        assert wire.queued >= queued - 1
    wire.close()
    reading.join()
    theirs.close()
    assert sum(received) == len(zmtp.GREETING + zmtp.ready(b"")) + 4 * len(encode(message))

"""The daemon's side of ZMTP: the stream of an unauthenticated peer that is trusted after some messages. The first byte
of an input is the seed of the cuts and selects the number of messages."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz import streams
from tests.fuzz.targets.zmtp_client import read
from velatura.protocol import codec, zmtp
from velatura.protocol import messages as p

MAX_BYTES = 12288


def seeds() -> Iterator[bytes]:
    yield from streams.seeds()
    hello = codec.pack(p.Hello(list(p.VERSION), b"n" * 32, "client", "fuzz"))
    proof, ping = codec.pack(p.Proof(b"p" * 32)), codec.pack(p.Ping(), b"s" * 16)
    put = codec.pack(p.Put(b"h" * 32, 5000, 0, 1, bytes(5000)), b"s" * 16)
    talk = b"".join(bytes(part) for message in (hello, proof, ping, put) for part in zmtp.message_parts(message))
    for trusted_after in range(4):
        yield bytes([trusted_after]) + streams.OPENING + talk
    yield b"\x00" + streams.OPENING + zmtp.frame_header(zmtp.MORE, 5) + b"hello" + zmtp.frame_header(0, 1) + b"x"
    yield (
        b"\x00"
        + streams.OPENING
        + zmtp.frame_header(0, zmtp.MAX_UNAUTHENTICATED_FRAME)
        + bytes(zmtp.MAX_UNAUTHENTICATED_FRAME)
    )
    yield b"\x00" + streams.OPENING + zmtp.frame_header(0, zmtp.MAX_UNAUTHENTICATED_FRAME + 1)


def mutate(data: bytes, source: random.Random) -> bytes:
    return streams.mutate(data, source, MAX_BYTES)


def run_one(data: bytes) -> None:
    """As on the client's side; and an unauthenticated peer's message has one frame of at most 4 KiB."""
    stream, trusted_after = data[1:], data[0] % 4 if data else 0
    whole = read([memoryview(stream)], zmtp.UNAUTHENTICATED, trusted_after)
    cut = read(streams.pieces(stream, random.Random(data[:1])), zmtp.UNAUTHENTICATED, trusted_after)
    assert whole == cut, "the messages depend on where the stream was cut"

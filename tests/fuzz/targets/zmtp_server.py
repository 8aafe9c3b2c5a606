"""The daemon's side of ZMTP: the stream of an unauthenticated peer that is trusted after some messages. The first byte
of an input is the seed of the cuts and selects the number of messages."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz import streams
from tests.fuzz.targets.zmtp_client import read
from velatura.protocol import messages as p
from velatura.protocol import zmtp

MAX_BYTES = 12288


def seeds() -> Iterator[bytes]:
    yield from streams.seeds()
    hello = p.pack(p.Hello(list(p.VERSION), b"n" * 32, "client", "fuzz"))
    proof, ping = p.pack(p.Proof(b"p" * 32)), p.pack(p.Ping(), b"s" * 16)
    put = p.pack(p.Put(b"h" * 32, 5000, 0, 1, bytes(5000)), b"s" * 16)
    talk = b"".join(bytes(part) for message in (hello, proof, ping, put) for part in zmtp.message_parts(message))
    for trusted_after in range(4):
        yield bytes([trusted_after]) + streams.OPENING + talk
    yield b"\x00" + streams.OPENING + zmtp.frame_head(zmtp.MORE, 5) + b"hello" + zmtp.frame_head(0, 1) + b"x"
    yield b"\x00" + streams.OPENING + zmtp.frame_head(0, zmtp.STRANGERS_FRAME) + bytes(zmtp.STRANGERS_FRAME)
    yield b"\x00" + streams.OPENING + zmtp.frame_head(0, zmtp.STRANGERS_FRAME + 1)


def mutate(data: bytes, source: random.Random) -> bytes:
    return streams.mutate(data, source, MAX_BYTES)


def run_one(data: bytes) -> None:
    """As on the client's side; and an unauthenticated peer's message has one frame of at most 4 KiB."""
    stream, trusted_after = data[1:], data[0] % 4 if data else 0
    whole = read([memoryview(stream)], zmtp.STRANGER, trusted_after)
    cut = read(streams.pieces(stream, random.Random(data[:1])), zmtp.STRANGER, trusted_after)
    assert whole == cut, "the messages depend on where the stream was cut"

"""ZMTP streams as seeds, for the fuzzers of both sides."""

from __future__ import annotations

import random
from collections.abc import Iterator

from tests.fuzz.mutate import bytewise
from velatura.protocol import zmtp
from velatura.protocol.messages import MAX_FRAME

OPENING = zmtp.GREETING + zmtp.ready(b"identity")


def seeds() -> Iterator[bytes]:
    stream = [
        b"".join(zmtp.message_parts(frames))
        for frames in ([b"short"], [b"header", b"x" * 300], [b""], [b"", b""], [b"f"] * zmtp.MAX_FRAMES, [b"f"] * 9)
    ]
    for message in stream:
        yield b"\x01" + OPENING + message
        yield b"\xff" + OPENING + message
    yield b"\x07" + OPENING + b"".join(stream[:5])
    yield b"\x00" + OPENING + b"\x04\x06\x04PINGx" + stream[0]  # a command from a newer peer
    yield b"\x03" + OPENING + zmtp.frame_header(0, MAX_FRAME) + b"begun"
    yield b"\x03" + OPENING + zmtp.frame_header(0, MAX_FRAME + 1) + b"begun"
    yield b"\x03" + OPENING + b"\x02" + (2**63).to_bytes(8, "big")
    yield b"\x03" + zmtp.GREETING + zmtp.frame_header(0, 3) + b"out of turn"
    yield b"\x03" + zmtp.GREETING.replace(b"NULL", b"PLAI") + OPENING
    yield b"\x00GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def mutate(data: bytes, source: random.Random, max_bytes: int) -> bytes:
    """Change a stream; usually not its greeting, so that the rest is reached."""
    received = 1 + zmtp.GREETING_BYTES if source.random() < 0.8 else 0
    return (data[:received] + bytewise(data[received:], source, max_bytes))[:max_bytes]


def pieces(stream: bytes, source: random.Random) -> Iterator[memoryview]:
    """Yield the stream in pieces, as it may arrive."""
    view, at = memoryview(stream), 0
    while at < len(stream):
        cut = source.choice((1, 1, 2, 3, 9, 64, 300))
        yield view[at : at + cut]
        at += cut

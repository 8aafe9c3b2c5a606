"""The client's side of ZMTP, fed a stream cut anywhere. The first byte of an input says how it is cut."""

from __future__ import annotations

import random
from collections.abc import Iterator

from pastiche import zmtp
from pastiche.errors import BadMessage
from pastiche.protocol import MAX_FRAME
from tests.fuzz.mutate import bytewise

LONGEST = 4096

MOST_HELD = (zmtp.MAX_FRAMES + 1) * MAX_FRAME  # bytes: the frames of one message, and the room for one more
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
    yield b"\x00" + OPENING + b"\x04\x06\x04PINGx" + stream[0]  # a command of a newer peer
    yield b"\x03" + OPENING + zmtp.frame_head(0, MAX_FRAME) + b"begun"
    yield b"\x03" + OPENING + zmtp.frame_head(0, MAX_FRAME + 1) + b"begun"
    yield b"\x03" + OPENING + b"\x02" + (2**63).to_bytes(8, "big")
    yield b"\x03" + zmtp.GREETING + zmtp.frame_head(0, 3) + b"out of turn"
    yield b"\x03" + zmtp.GREETING.replace(b"NULL", b"PLAI") + OPENING
    yield b"\x00GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def mutate(data: bytes, source: random.Random) -> bytes:
    """The greeting mostly stays: behind it lies the rest."""
    kept = 1 + zmtp.GREETING_BYTES if source.random() < 0.8 else 0
    return (data[:kept] + bytewise(data[kept:], source, LONGEST))[:LONGEST]


def run_one(data: bytes) -> None:
    """The same messages however the stream is cut; only BadMessage is raised; never more room than the limits allow."""
    cuts = random.Random(data[:1])
    stream = data[1:]
    whole = _read(stream, [len(stream)] * 1)
    pieces = _read(stream, [cuts.choice((1, 1, 2, 3, 9, 64, 300)) for _ in range(len(stream))])
    assert whole == pieces, "the messages depend on where the stream was cut"


def _read(stream: bytes, cuts: list[int]) -> tuple[list[list[bytes]], bool]:
    """Messages, and whether the stream broke a rule. cuts: bytes that arrive at a time."""
    incoming, messages, at = zmtp.Incoming(), [], 0
    for cut in cuts:
        arrived = memoryview(stream)[at : at + cut]
        at += cut
        while arrived:
            space = incoming.space()
            assert space.nbytes > 0, "no room to read into: a reader would take it for the end"
            assert space.nbytes <= MAX_FRAME
            count = min(space.nbytes, arrived.nbytes)
            space[:count] = arrived[:count]
            arrived = arrived[count:]
            try:
                message = incoming.filled(count)
            except BadMessage:
                return messages, True
            held = sum(len(frame) for frame in incoming._frames) + len(incoming._bytes)
            assert held <= MOST_HELD, f"{held} bytes are held"
            if message is not None:
                assert incoming.is_ready
                assert 1 <= len(message) <= zmtp.MAX_FRAMES
                messages.append([bytes(frame) for frame in message])
    return messages, False

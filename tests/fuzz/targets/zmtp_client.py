"""The client's side of ZMTP, fed a stream cut into pieces. The first byte of an input is the seed of the cuts."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.fuzz import streams
from velatura.errors import BadMessage
from velatura.protocol import zmtp

MAX_BYTES = 4096

seeds = streams.seeds


def mutate(data: bytes, source: random.Random) -> bytes:
    return streams.mutate(data, source, MAX_BYTES)


def run_one(data: bytes) -> None:
    """The messages do not depend on the cuts; only BadMessage is raised; memory stays within the limits."""
    stream = data[1:]
    whole = read([memoryview(stream)], zmtp.AUTHENTICATED)
    cut = read(streams.pieces(stream, random.Random(data[:1])), zmtp.AUTHENTICATED)
    assert whole == cut, "the messages depend on where the stream was cut"


def read(chunks: Iterable[memoryview], limits: zmtp.Limits, trusted_after: int = 0) -> tuple[list[list[bytes]], bool]:
    """Return the messages, and whether the stream broke a rule. trusted_after: number of messages after which the peer
    is trusted; 0: never."""
    parser, messages = zmtp.FrameParser(limits), []
    for chunk in chunks:
        while chunk:
            now = parser.limits
            limit = max(now.frame, zmtp.MAX_COMMAND, zmtp.GREETING_BYTES)
            space = parser.get_buffer()
            assert space.nbytes > 0, "no space to read into, which a reader would take for the end"
            assert space.nbytes <= limit
            count = min(space.nbytes, chunk.nbytes)
            space[:count] = chunk[:count]
            chunk = chunk[count:]
            try:
                message = parser.buffer_updated(count)
            except BadMessage:
                return messages, True
            buffered = sum(len(frame) for frame in parser._frames) + len(parser._bytes)
            assert buffered <= now.frames * now.frame + limit, f"{buffered} bytes are buffered"
            if message is not None:
                assert parser.is_ready
                assert 1 <= len(message) <= now.frames
                assert all(len(frame) <= now.frame for frame in message)
                messages.append([bytes(frame) for frame in message])
                if len(messages) == trusted_after:
                    parser.limits = zmtp.AUTHENTICATED
    return messages, False

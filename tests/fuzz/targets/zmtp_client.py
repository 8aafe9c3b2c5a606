"""The client's side of ZMTP, fed a stream cut anywhere. The first byte of an input says how it is cut."""

from __future__ import annotations

import random
from collections.abc import Iterable

from tests.fuzz import streams
from velatura.errors import BadMessage
from velatura.protocol import zmtp

LONGEST = 4096

seeds = streams.seeds


def mutate(data: bytes, source: random.Random) -> bytes:
    return streams.mutate(data, source, LONGEST)


def run_one(data: bytes) -> None:
    """The same messages however the stream is cut; only BadMessage is raised; never more room than the limits allow."""
    stream = data[1:]
    whole = read([memoryview(stream)], zmtp.AUTHENTICATED)
    cut = read(streams.pieces(stream, random.Random(data[:1])), zmtp.AUTHENTICATED)
    assert whole == cut, "the messages depend on where the stream was cut"


def read(arriving: Iterable[memoryview], limits: zmtp.Limits, trusted_after: int = 0) -> tuple[list[list[bytes]], bool]:
    """Messages, and whether the stream broke a rule. trusted_after: so many messages the other side is trusted; 0:
    never."""
    incoming, messages = zmtp.FrameParser(limits), []
    for arrived in arriving:
        while arrived:
            now = incoming.limits
            most = max(now.frame, zmtp.MAX_COMMAND, zmtp.GREETING_BYTES)
            space = incoming.get_buffer()
            assert space.nbytes > 0, "no room to read into: a reader would take it for the end"
            assert space.nbytes <= most
            count = min(space.nbytes, arrived.nbytes)
            space[:count] = arrived[:count]
            arrived = arrived[count:]
            try:
                message = incoming.buffer_updated(count)
            except BadMessage:
                return messages, True
            held = sum(len(frame) for frame in incoming._frames) + len(incoming._bytes)
            assert held <= now.frames * now.frame + most, f"{held} bytes are held"
            if message is not None:
                assert incoming.is_ready
                assert 1 <= len(message) <= now.frames
                assert all(len(frame) <= now.frame for frame in message)
                messages.append([bytes(frame) for frame in message])
                if len(messages) == trusted_after:
                    incoming.limits = zmtp.AUTHENTICATED
    return messages, False

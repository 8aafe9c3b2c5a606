"""A blob on its way in, from a sender that follows no rules. An input is a list of [offset, size, bytes] in msgpack."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from typing import Any

import msgpack

from tests.fuzz.mutate import treewise
from velatura.errors import BadMessage, WrongHash
from velatura.protocol import transfer
from velatura.protocol.messages import Put

LONGEST = 4096

WHOLE = bytes(range(200))
NAME = hashlib.sha256(WHOLE).digest()
CHUNK, WINDOW, LIMIT = 16, 64, 512  # small ones, so that small inputs reach them


def seeds() -> Iterator[bytes]:
    pieces = [[start, len(WHOLE), WHOLE[start : start + CHUNK]] for start in range(0, len(WHOLE), CHUNK)]
    yield msgpack.packb(pieces)
    yield msgpack.packb(pieces[:3])
    yield msgpack.packb([pieces[0], pieces[0], *pieces[1:]])
    yield msgpack.packb([[0, LIMIT + 1, b"x" * CHUNK]])
    yield msgpack.packb([[0, 2**53 - 1, b"x"], [0, 0, b""], [-1, 1, b"y" * 600]])


def mutate(data: bytes, source: random.Random) -> bytes:
    return treewise(data, source, LONGEST)


def run_one(data: bytes) -> None:
    """Nothing beyond what was asked for is kept; what is finished has the bytes that its name says."""
    try:
        pieces = msgpack.unpackb(data, raw=False, strict_map_key=False)
    except Exception:
        return
    transfer.CHUNK, transfer.WINDOW, before = CHUNK, WINDOW, (transfer.CHUNK, transfer.WINDOW)
    try:
        for size in (None, len(WHOLE)):
            _receive(pieces if isinstance(pieces, list) else [], size)
    finally:
        transfer.CHUNK, transfer.WINDOW = before


def _receive(pieces: list[Any], size: int | None) -> None:
    kept = bytearray()
    incoming = transfer.Download(NAME, kept.extend, size, LIMIT)
    asked = incoming.first_get().until
    for piece in pieces:
        if not (isinstance(piece, list) and len(piece) == 3 and [type(part) for part in piece] == [int, int, bytes]):
            continue
        try:
            credit = incoming.add(Put(NAME, piece[1], piece[0], incoming.ticket, piece[2]))
        except (BadMessage, WrongHash):
            return
        if credit is not None:
            assert credit.start == asked
            asked = credit.until
        assert len(kept) == incoming.received <= min(asked, LIMIT)
        assert asked - len(kept) <= WINDOW
        if incoming.finished:
            assert bytes(kept) == WHOLE
            return

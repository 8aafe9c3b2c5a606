"""A blob being received from a sender that follows no rules. An input is a list of [offset, size, bytes] in msgpack."""

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

MAX_BYTES = 4096

WHOLE = bytes(range(200))
NAME = hashlib.sha256(WHOLE).digest()
CHUNK, WINDOW, LIMIT = 16, 64, 512  # small, so that small inputs reach them


def seeds() -> Iterator[bytes]:
    pieces = [[start, len(WHOLE), WHOLE[start : start + CHUNK]] for start in range(0, len(WHOLE), CHUNK)]
    yield msgpack.packb(pieces)
    yield msgpack.packb(pieces[:3])
    yield msgpack.packb([pieces[0], pieces[0], *pieces[1:]])
    yield msgpack.packb([[0, LIMIT + 1, b"x" * CHUNK]])
    yield msgpack.packb([[0, 2**53 - 1, b"x"], [0, 0, b""], [-1, 1, b"y" * 600]])


def mutate(data: bytes, source: random.Random) -> bytes:
    return treewise(data, source, MAX_BYTES)


def run_one(data: bytes) -> None:
    """Nothing beyond the requested range is stored; a finished blob has the bytes of its hash."""
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
    received = bytearray()
    download = transfer.Download(NAME, received.extend, size, LIMIT)
    requested = download.first_get().until
    for piece in pieces:
        if not (isinstance(piece, list) and len(piece) == 3 and [type(part) for part in piece] == [int, int, bytes]):
            continue
        try:
            credit = download.add(Put(NAME, piece[1], piece[0], download.ticket, piece[2]))
        except (BadMessage, WrongHash):
            return
        if credit is not None:
            assert credit.start == requested
            requested = credit.until
        assert len(received) == download.received <= min(requested, LIMIT)
        assert requested - len(received) <= WINDOW
        if download.finished:
            assert bytes(received) == WHOLE
            return

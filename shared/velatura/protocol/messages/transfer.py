"""The messages that carry pictures, in either direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from velatura.protocol.messages.base import Buffer, Message


@dataclass(frozen=True)
class Get(Message):
    """receiver → sender: a request for the bytes [start, until) of a blob. More follow as bytes arrive (credit).

    Attributes:
        blob: The SHA-256 of the blob.
        start: The first byte.
        until: The byte after the last one.
        ticket: The receiver's number for this transfer, which each `put` repeats.
    """

    type: ClassVar[str] = "get"
    blob: bytes
    start: int
    until: int
    ticket: int


@dataclass(frozen=True)
class Put(Message):
    """sender → receiver: a piece of a blob, in order.

    Attributes:
        blob: The SHA-256 of the blob.
        size: The size of the whole blob in bytes.
        offset: Where the piece begins in the blob.
        ticket: The receiver's number for this transfer.
        data: The piece, at most CHUNK bytes.
    """

    type: ClassVar[str] = "put"
    frames: ClassVar[int] = 1
    blob: bytes
    size: int
    offset: int
    ticket: int
    data: Buffer = field(repr=False, default=b"")

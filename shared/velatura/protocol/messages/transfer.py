"""The messages that carry pictures, in either direction."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from velatura.protocol.messages.base import Buffer, Message


@dataclass(frozen=True)
class Get(Message):
    """receiver → sender: a request for the bytes [start, until) of a blob. More follow as bytes arrive (credit).

    ticket: the receiver's number for this transfer, which each `put` repeats.
    """

    type: ClassVar[str] = "get"
    blob: bytes
    start: int
    until: int
    ticket: int


@dataclass(frozen=True)
class Put(Message):
    """sender → receiver: the bytes [offset, offset + len(data)) of a blob of `size` bytes, in order, at most CHUNK."""

    type: ClassVar[str] = "put"
    frames: ClassVar[int] = 1
    blob: bytes
    size: int
    offset: int
    ticket: int
    data: Buffer = field(repr=False, default=b"")

"""Pictures in pieces, with credit: a receiver asks with `get`, a sender answers with `put`s up to what was asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from pastiche.errors import BadMessage, WrongHash
from pastiche.protocol import CHUNK, WINDOW, Get, Put


class Outgoing:
    """A blob being sent. `read(offset, length)` gives its bytes."""

    def __init__(self, blob: bytes, size: int, read: Callable[[int, int], memoryview]) -> None:
        self.blob = blob
        self.size = size
        self.sent = 0
        self._read = read

    def puts(self, until: int) -> Iterator[Put]:
        """The puts that this much credit allows; `until` is a byte offset."""
        limit = min(until, self.size, self.sent + WINDOW)
        while self.sent < limit:
            length = min(CHUNK, limit - self.sent)
            yield Put(self.blob, self.size, self.sent, self._read(self.sent, length))
            self.sent += length

    @property
    def finished(self) -> bool:
        return self.sent >= self.size


class Incoming:
    """A blob being received. `write(data)` takes its bytes in order; the hash is checked at the end.

    size: how many bytes are due, or None where only the first put tells; limit: the most that is taken then.
    """

    def __init__(
        self, blob: bytes, write: Callable[[memoryview], None], size: int | None = None, limit: int = WINDOW
    ) -> None:
        self.blob = blob
        self.size = size
        self.limit = limit
        self.received = 0
        self.credit = WINDOW
        self._write = write
        self._hash = hashlib.sha256()

    def first_get(self) -> Get:
        """Asks for the first window."""
        return Get(self.blob, self.credit)

    def take(self, put: Put) -> Get | None:
        """One put. Returns the next credit to send, or None (too early for one, or finished).

        Raises BadMessage for pieces out of turn, too long or beyond the credit, WrongHash at the end.
        """
        data = memoryview(put.data).cast("B")
        if self.size is None and 0 < put.size <= self.limit:
            self.size = put.size
        if put.size != self.size or put.offset != self.received:
            raise BadMessage(
                f"A piece of a picture came out of turn: byte {put.offset} of {put.size}, where byte {self.received} of "
                f"{self.size if self.size is not None else f'at most {self.limit}'} was due. Send the picture again."
            )
        due = min(CHUNK, self.credit - self.received, self.size - self.received)
        if not 0 < data.nbytes <= due:
            raise BadMessage(f"A piece of {data.nbytes} bytes came where 1 to {due} were due. Send the picture again.")
        self._write(data)
        self._hash.update(data)
        self.received += data.nbytes
        if self.finished:
            if self._hash.digest() != self.blob:
                raise WrongHash(
                    "A picture arrived damaged: its bytes do not give the hash it was named by. Send it again."
                )
            return None
        if self.credit >= self.size or self.credit - self.received > WINDOW // 2:
            return None
        self.credit = self.received + WINDOW
        return Get(self.blob, self.credit)

    @property
    def finished(self) -> bool:
        return self.size is not None and self.received >= self.size

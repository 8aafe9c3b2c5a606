"""Pictures in pieces, with credit: a receiver asks with `get`, a sender answers with `put`s up to what was asked."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator

from velatura.errors import BadMessage, WrongHash
from velatura.protocol.messages import CHUNK, WINDOW, Get, Put


def puts(asked: Get, data: memoryview) -> Iterator[Put]:
    """The pieces of a blob that a `get` asks for, a window at most. data: the whole blob."""
    end = min(asked.until, data.nbytes, asked.start + WINDOW)
    for offset in range(max(0, asked.start), end, CHUNK):
        yield Put(asked.blob, data.nbytes, offset, asked.ticket, data[offset : min(offset + CHUNK, end)])


_tickets = itertools.count(1)


class Download:
    """A blob being received. `write(data)` takes its bytes in order; the hash is checked at the end.

    size: how many bytes are due, or None where only the first put tells; limit: the most that is taken then.
    """

    def __init__(
        self, blob: bytes, write: Callable[[memoryview], None], size: int | None = None, limit: int = WINDOW
    ) -> None:
        self.blob = blob
        self.ticket = next(_tickets)
        self.size = size
        self.limit = limit
        self.received = 0
        self.credit = WINDOW
        self._write = write
        self._hash = hashlib.sha256()

    def first_get(self) -> Get:
        """Asks for the first window."""
        return Get(self.blob, 0, self.credit, self.ticket)

    def take(self, put: Put) -> Get | None:
        """One put. Returns the next credit to send, or None (too early for one, or finished).

        Raises BadMessage for pieces out of turn, too long or beyond the credit, WrongHash at the end.
        """
        data = memoryview(put.data).cast("B")
        if self.size is None and 0 < put.size <= self.limit:
            self.size = put.size
        if put.blob != self.blob:
            raise BadMessage("A piece of another picture came than the one that was asked for. Send the picture again.")
        if put.size != self.size or put.offset != self.received:
            raise BadMessage(
                f"A piece of a picture came out of turn: byte {put.offset} of {put.size}, where byte {self.received} "
                "of "
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
        start, self.credit = self.credit, self.received + WINDOW
        return Get(self.blob, start, self.credit, self.ticket)

    @property
    def finished(self) -> bool:
        return self.size is not None and self.received >= self.size

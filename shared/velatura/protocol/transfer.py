"""Transfer of blobs in pieces, with credit: the receiver requests a range with `get`, the sender answers with `put`s.

The sender never sends beyond the requested range, so the receiver controls how much is in flight.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator

from velatura.errors import BadMessage, WrongHash
from velatura.protocol.messages import CHUNK, WINDOW, Get, Put


def put_messages(request: Get, data: memoryview, chunk: int = 0) -> Iterator[Put]:
    """Yield the requested range of a blob in pieces of at most `chunk` bytes, at most WINDOW bytes in all.

    data: the whole blob. Parts of the range outside the blob are skipped. chunk: at most CHUNK, the default.
    """
    chunk = chunk or CHUNK
    end = min(request.until, data.nbytes, request.start + WINDOW)
    for offset in range(max(0, request.start), end, chunk):
        yield Put(request.blob, data.nbytes, offset, request.ticket, data[offset : min(offset + chunk, end)])


_tickets = itertools.count(1)


class Download:
    """A blob that is being received. Checks order, length, credit and, at the end, the hash.

    blob: the expected SHA-256. write: called with each piece, in order. size: the expected number of bytes, or None if
    the first `put` determines it. limit: the largest size accepted in that case.
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
        """Return the request for the first window."""
        return Get(self.blob, 0, self.credit, self.ticket)

    def add(self, put: Put) -> Get | None:
        """Accept one piece. Returns the next request to send, or None if it is too early for one or all has arrived.

        Raises BadMessage for a piece that is out of order, too long or beyond the credit, and WrongHash if the complete
        blob does not have the expected hash.
        """
        data = memoryview(put.data).cast("B")
        if self.size is None and 0 < put.size <= self.limit:
            self.size = put.size
        self._check(put, data)
        self._write(data)
        self._hash.update(data)
        self.received += data.nbytes
        assert self.size is not None  # checked by _check
        if self.finished:
            if self._hash.digest() != self.blob:
                raise WrongHash("A picture was damaged in transfer: its hash does not match. Send the picture again.")
            return None
        if self.credit >= self.size or self.credit - self.received > WINDOW // 2:
            return None
        start, self.credit = self.credit, self.received + WINDOW
        return Get(self.blob, start, self.credit, self.ticket)

    def _check(self, put: Put, data: memoryview) -> None:
        if put.blob != self.blob:
            raise BadMessage("A piece of another picture arrived than the one requested. Send the picture again.")
        if put.size != self.size or put.offset != self.received:
            size = f"{self.size}" if self.size is not None else f"at most {self.limit}"
            raise BadMessage(
                f"A piece of a picture arrived out of order: byte {put.offset} of {put.size}. Expected was byte "
                f"{self.received} of {size}. Send the picture again."
            )
        limit = min(CHUNK, self.credit - self.received, self.size - self.received)
        if not 0 < data.nbytes <= limit:
            raise BadMessage(
                f"A piece of {data.nbytes} bytes arrived. Expected were 1 to {limit} bytes. Send the picture again."
            )

    @property
    def finished(self) -> bool:
        """Whether all bytes have arrived."""
        return self.size is not None and self.received >= self.size

"""Transfer of blobs in pieces: the receiver requests a range with `get`, the sender answers with `put` messages.

The sender never sends beyond the requested range, so the receiver controls how much is in flight.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Iterator

from velatura.errors import BadMessage, WrongHash
from velatura.i18n import lazy_text
from velatura.protocol.messages import CHUNK, WINDOW, Get, Put


def put_messages(request: Get, data: memoryview, chunk: int = 0) -> Iterator[Put]:
    """Yield the requested range of a blob in pieces, at most WINDOW bytes in all.

    Args:
        request: Parts of its range outside the blob are skipped.
        data: The whole blob.
        chunk: Bytes of a piece, at most; 0 for CHUNK.

    Yields:
        The pieces in order.
    """
    chunk = chunk or CHUNK
    end = min(request.until, data.nbytes, request.start + WINDOW)
    for offset in range(max(0, request.start), end, chunk):
        yield Put(request.blob, data.nbytes, offset, request.ticket, data[offset : min(offset + chunk, end)])


_tickets = itertools.count(1)


class Download:
    """A blob that is being received. Checks order, length, credit and, at the end, the hash.

    Args:
        blob: The expected SHA-256.
        write: Called with each piece, in order.
        size: The expected number of bytes; None if the first `put` determines it.
        limit: The largest size accepted in that case.

    Attributes:
        ticket: This side's number for the transfer.
        received: Bytes that have arrived.
        credit: Up to which byte the sender was asked to send.
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
        """Accept one piece.

        Args:
            put: The next piece.

        Returns:
            The next request to send; None if it is too early for one, or all has arrived.

        Raises:
            BadMessage: The piece is out of order, too long or beyond the credit.
            WrongHash: The complete blob does not have the expected hash.
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
                raise WrongHash(
                    lazy_text("A picture was damaged in transfer: its hash does not match. Send the picture again.")
                )
            return None
        if self.credit >= self.size or self.credit - self.received > WINDOW // 2:
            return None
        start, self.credit = self.credit, self.received + WINDOW
        return Get(self.blob, start, self.credit, self.ticket)

    def _check(self, put: Put, data: memoryview) -> None:
        if put.blob != self.blob:
            raise BadMessage(lazy_text("A piece of the wrong picture arrived. Send the picture again."))
        if put.size != self.size or put.offset != self.received:
            known = lazy_text(
                "A piece of a picture arrived out of order: byte {offset} of {size} instead of byte {expected} of "
                "{expected_size}. Send the picture again."
            )
            unknown = lazy_text(
                "A piece of a picture arrived out of order: byte {offset} of {size} instead of byte {expected} of at "
                "most {expected_size}. Send the picture again."
            )
            raise BadMessage(
                (unknown if self.size is None else known).format(
                    offset=put.offset,
                    size=put.size,
                    expected=self.received,
                    expected_size=self.limit if self.size is None else self.size,
                )
            )
        limit = min(CHUNK, self.credit - self.received, self.size - self.received)
        if not 0 < data.nbytes <= limit:
            raise BadMessage(
                lazy_text(
                    "A piece of {bytes} bytes arrived, but a piece has 1 to {limit} bytes. Send the picture again.",
                    bytes=data.nbytes,
                    limit=limit,
                )
            )

    @property
    def finished(self) -> bool:
        """Whether all bytes have arrived."""
        return self.size is not None and self.received >= self.size

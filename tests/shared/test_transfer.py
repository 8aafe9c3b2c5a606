"""Transfer of blobs in pieces: complete at the end, never more in flight than requested, and damage is detected."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from velatura.errors import BadMessage, WrongHash
from velatura.pixels import blob_hash
from velatura.protocol import transfer
from velatura.protocol.messages import Get, Put


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(transfer, "CHUNK", 16)
    monkeypatch.setattr(transfer, "WINDOW", 64)


def send(data: bytes, download: transfer.Download) -> int:
    """Transfer from sender to receiver. Returns the largest number of bytes in flight."""
    gets, largest = [download.first_get()], 0
    while gets:
        puts = list(transfer.put_messages(gets.pop(), memoryview(data)))
        largest = max(largest, sum(len(put.data) for put in puts))
        for put in puts:
            credit = download.add(put)
            gets += [credit] if credit else []
    return largest


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=500), st.booleans())
def test_every_blob_arrives_complete_within_the_window(data, size_known):
    received = bytearray()
    download = transfer.Download(blob_hash(data), received.extend, len(data) if size_known else None, limit=1000)
    largest = send(data, download)
    assert bytes(received) == data
    assert download.finished
    assert largest <= 64


@given(st.binary(min_size=1, max_size=100), st.integers(0, 99))
def test_a_flipped_bit_is_detected(data, place):
    damaged = bytearray(data)
    damaged[place % len(data)] ^= 1
    download = transfer.Download(blob_hash(data), lambda piece: None, len(data))
    with pytest.raises(WrongHash):
        send(bytes(damaged), download)


@pytest.mark.parametrize(
    "put",
    [
        Put(b"", 100, 16, 1, b"x" * 16),  # not the next piece
        Put(b"", 99, 0, 1, b"x" * 16),  # another size than promised
        Put(b"", 100, 0, 1, b"x" * 17),  # longer than a piece
        Put(b"", 100, 0, 1, b""),  # nothing
    ],
)
def test_an_unexpected_piece_is_refused(put):
    download = transfer.Download(hashlib.sha256(b"x" * 100).digest(), lambda piece: None, 100)
    with pytest.raises(BadMessage):
        download.add(put)


def test_a_size_over_the_limit_is_refused_before_anything_is_written():
    written = []
    download = transfer.Download(b"h" * 32, written.append, None, limit=50)
    with pytest.raises(BadMessage, match="at most 50"):
        download.add(Put(b"h" * 32, 10**12, 0, 1, b"x"))
    assert not written


def test_a_sender_sends_no_more_than_a_window_whatever_is_requested():
    request = Get(b"h" * 32, 100, 10**15, 1)
    assert sum(len(put.data) for put in transfer.put_messages(request, memoryview(bytes(10**4)))) == 64


@given(st.integers(-100, 200), st.integers(-100, 10**15))
def test_bytes_outside_the_blob_are_not_sent(start, until):
    for put in transfer.put_messages(Get(b"h" * 32, start, until, 1), memoryview(bytes(100))):
        assert 0 <= put.offset < put.offset + len(put.data) <= 100


def test_a_piece_of_another_picture_is_refused():
    download = transfer.Download(blob_hash(b"requested"), lambda _: None, 9)
    with pytest.raises(BadMessage, match="the wrong picture"):
        download.add(Put(blob_hash(b"another"), 9, 0, download.ticket, b"requested"))

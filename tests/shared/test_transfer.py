"""Pictures in pieces: whole at the end, never more in flight than was asked for, and damage is seen."""

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


def send(data: bytes, incoming: transfer.Download) -> int:
    """Through sender and receiver; returns the most bytes that were in flight."""
    gets, most = [incoming.first_get()], 0
    while gets:
        puts = list(transfer.puts(gets.pop(), memoryview(data)))
        most = max(most, sum(len(put.data) for put in puts))
        for put in puts:
            credit = incoming.take(put)
            gets += [credit] if credit else []
    return most


@settings(max_examples=60)
@given(st.binary(min_size=1, max_size=500), st.booleans())
def test_every_blob_arrives_whole_within_the_window(data, size_known):
    got = bytearray()
    incoming = transfer.Download(blob_hash(data), got.extend, len(data) if size_known else None, limit=1000)
    most = send(data, incoming)
    assert bytes(got) == data
    assert incoming.finished
    assert most <= 64


@given(st.binary(min_size=1, max_size=100), st.integers(0, 99))
def test_a_flipped_bit_is_seen(data, place):
    damaged = bytearray(data)
    damaged[place % len(data)] ^= 1
    incoming = transfer.Download(blob_hash(data), lambda piece: None, len(data))
    with pytest.raises(WrongHash):
        send(bytes(damaged), incoming)


@pytest.mark.parametrize(
    "put",
    [
        Put(b"", 100, 16, 1, b"x" * 16),  # not the next piece
        Put(b"", 99, 0, 1, b"x" * 16),  # another size than promised
        Put(b"", 100, 0, 1, b"x" * 17),  # longer than a piece
        Put(b"", 100, 0, 1, b""),  # nothing
    ],
)
def test_a_piece_out_of_turn_is_refused(put):
    incoming = transfer.Download(hashlib.sha256(b"x" * 100).digest(), lambda piece: None, 100)
    with pytest.raises(BadMessage):
        incoming.take(put)


def test_a_size_over_the_limit_is_refused_before_anything_is_kept():
    kept = []
    incoming = transfer.Download(b"h" * 32, kept.append, None, limit=50)
    with pytest.raises(BadMessage, match="at most 50"):
        incoming.take(Put(b"h" * 32, 10**12, 0, 1, b"x"))
    assert not kept


def test_a_sender_gives_no_more_than_a_window_whatever_is_asked():
    asked = Get(b"h" * 32, 100, 10**15, 1)
    assert sum(len(put.data) for put in transfer.puts(asked, memoryview(bytes(10**4)))) == 64


@given(st.integers(-100, 200), st.integers(-100, 10**15))
def test_what_lies_outside_the_blob_is_not_sent(start, until):
    for put in transfer.puts(Get(b"h" * 32, start, until, 1), memoryview(bytes(100))):
        assert 0 <= put.offset < put.offset + len(put.data) <= 100


def test_a_piece_of_another_picture_is_refused():
    incoming = transfer.Download(blob_hash(b"asked for"), lambda _: None, 9)
    with pytest.raises(BadMessage, match="another picture"):
        incoming.take(Put(blob_hash(b"another"), 9, 0, incoming.ticket, b"asked for"))

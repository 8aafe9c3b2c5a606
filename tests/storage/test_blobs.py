"""The spool: what goes wrong with one picture does not touch the others."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.errors import DiskTrouble
from velatura_daemon.storage import blobs
from velatura_daemon.storage.blobs import BlobStore


def test_an_upload_whose_file_was_deleted_can_be_abandoned_without_closing_anothers(home):
    store = BlobStore(home / "spool", 1 << 20)
    upload = store.begin(4)
    upload.write(memoryview(b"data"))
    upload.path.unlink()
    with pytest.raises(DiskTrouble):
        store.finish(b"h" * 32, upload)
    other = os.open(home / "other", os.O_WRONLY | os.O_CREAT)  # gets the descriptor that was let go
    store.abandon(upload)
    os.write(other, b"still open")
    os.close(other)
    assert store.bytes_held == 0


def test_small_blobs_have_a_limit_too(home, monkeypatch):
    monkeypatch.setattr(blobs, "MAX_BLOBS", 3)
    store = BlobStore(home / "spool", 1 << 20)
    for number in range(6):
        path = store.fresh_path()
        path.write_bytes(b"x")
        store.adopt(bytes([number]) * 32, path)
    assert len(store) <= 4
    assert bytes([5]) * 32 in store and bytes([0]) * 32 not in store


def test_only_pinned_blobs_survive_a_restart(home):
    store = BlobStore(home / "spool", 1 << 20)
    for number in range(2):
        path = store.fresh_path()
        path.write_bytes(b"x")
        store.adopt(bytes([number]) * 32, path)
    again = BlobStore(home / "spool", 1 << 20, {bytes(32)})
    assert bytes(32) in again and len(again) == 1
    assert len(list(again.folder.iterdir())) == 1


what_may_come = st.sampled_from(["adopt", "upload", "pin", "unpin", "discard", "clean"])


@given(st.lists(st.tuples(what_may_come, st.integers(0, 5), st.integers(1, 40)), max_size=30))
def test_the_index_matches_the_files_and_pinned_blobs_stay(steps):
    with tempfile.TemporaryDirectory() as folder:
        store, pinned = BlobStore(Path(folder) / "spool", 100), list[bytes]()
        for what, number, size in steps:
            name = bytes([number]) * 32
            if what == "adopt":
                path = store.fresh_path()
                path.write_bytes(bytes(size))
                store.adopt(name, path)
            elif what == "upload" and size <= 100 - sum(store.blob(name).size for name in set(pinned)):
                upload = store.begin(size)
                upload.write(memoryview(bytes(size)))
                store.finish(name, upload)
            elif what == "pin" and name in store:
                store.pin([name])
                pinned.append(name)
            elif what == "unpin" and name in pinned:
                store.unpin([name])
                pinned.remove(name)
            elif what == "discard":
                store.discard([name])
            elif what == "clean" and name not in pinned:  # as somebody who empties the cache folder
                (store.folder / name.hex()).unlink(missing_ok=True)
            there = {file.name: file.stat().st_size for file in store.folder.iterdir()}
            names = [bytes([n]) * 32 for n in range(6)]
            assert {name.hex() for name in names if name in store} == set(there)
            assert store.bytes_held == sum(there.values())
            assert all(name in store for name in pinned)

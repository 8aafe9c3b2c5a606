"""The spool: what goes wrong with one picture does not touch the others."""

from __future__ import annotations

import os

import pytest

from pastiche.errors import DiskTrouble
from pastiche_daemon.blobs import BlobStore


def test_an_upload_whose_file_has_gone_can_be_abandoned_without_closing_anothers(home):
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

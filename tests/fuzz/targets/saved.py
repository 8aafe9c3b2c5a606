"""The state folder as another version, a damaged disk or somebody else has left it, when the daemon starts. An input is
a list of [kind, content] in msgpack: records of results and checkpoints with right checksums, rows of the history, and
caches."""

from __future__ import annotations

import atexit
import functools
import hashlib
import itertools
import random
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from tests.fuzz.mutate import treewise
from tests.fuzz.session_clients import OTHER, SMALL, STYLE, restyle
from tests.support.scheduling import ManualClock
from velatura.app_dirs import app_dirs, make_private_folder
from velatura.client.saved_results import history_entries, saved_items
from velatura.pixels import PictureRef
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.storage.history import _COLUMNS, _TABLE
from velatura_daemon.storage.job_store import JobStore

MAX_BYTES = 8192

MAX_FILES = 20
BUDGET = 1 << 20  # bytes

SETTINGS = StyleSettings().to_wire()
RESULT = p.Result("a", "l", OTHER.ref.to_wire(), 0, 0, "w", "d", 1.0, 1.0, 1.0, "content", SETTINGS, ["note"])
ABOUT: dict[str, Any] = {
    "layer": "l",
    "title": "t",
    "note": "",
    "program": "tests",
    "thumbnail": b"jpeg",
    "client": "c",
    "job": "a",
    "styles": [{"name": "n", "path": "/p", "share": 1.0, "thumbnail": b"jpeg"}],
    "at": 1.7e9,
    "until": 1.8e9,
    "settings": SETTINGS,
}
FINISHED = {**ABOUT, "result": vars(RESULT)}
STOPPED = {**ABOUT, "asked": vars(restyle("a")), "done": 0.5, "step": 3, "elsewhere": True}
PAST = [1.7e9, "tests", "title", 8, 6, 1.0, "w", "d", "{}", msgpack.packb(ABOUT["styles"]), b"jpeg"]


def seeds() -> Iterator[bytes]:
    both = [["results", FINISHED], ["checkpoints", STOPPED], ["history", PAST]]
    yield msgpack.packb(both)
    yield msgpack.packb([*both, *both])
    for kind, content in both:
        yield msgpack.packb([[kind, content]])
    for name in ABOUT:
        yield msgpack.packb([["results", {key: value for key, value in FINISHED.items() if key != name}]])
        yield msgpack.packb([["checkpoints", {**STOPPED, name: [[]]}], ["history", PAST]])
    yield msgpack.packb([["results", b"not msgpack"], ["raw", b"short"], ["seen", b"inf"], ["seen", b"-1e300"]])
    yield msgpack.packb([["history", [1, "x", "t", 8, 6, 1.0, "w", "d", "[" * 5000, b"\xc1", b""]]])
    yield msgpack.packb([["history", ["x"] * len(PAST)], ["history", [b"x"] * len(PAST)]])


def mutate(data: bytes, source: random.Random) -> bytes:
    return treewise(data, source, MAX_BYTES)


@functools.cache
def _home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="vel-fuzz-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    return home


def run_one(data: bytes) -> None:
    """The store opens; what is damaged is set aside; lists, a welcome and the history can be sent and are understood by
    the client; everything can be resumed or refused, aged and deleted."""
    try:
        files = msgpack.unpackb(data, strict_map_key=False)
    except Exception:
        return
    dirs = app_dirs({"VELATURA_HOME": str(_home())})
    shutil.rmtree(dirs.state, ignore_errors=True)
    for number, one in enumerate(files[:MAX_FILES] if isinstance(files, list) else []):
        if isinstance(one, list) and len(one) == 2:
            _write(dirs.state, number, one[0], one[1])
    make_private_folder(dirs.spool)
    for picture in (STYLE, SMALL, OTHER):
        (dirs.spool / picture.ref.blob.hex()).write_bytes(picture.data)
    store = JobStore(dirs, BUDGET, ManualClock())
    try:
        _use(store)
    finally:
        store.close()


def _use(store: JobStore) -> None:
    store.tidy()
    clients = {key[0] for key in itertools.chain(store.results.records, store.checkpoints.records)}
    for client in (None, *clients):
        for item in saved_items(store.listed(client)):
            assert client in (None, item.client)
    history_entries(store.past(0))
    for client in clients:
        for result in store.results.of(client):
            codec.unpack(codec.pack(result))
            picture = PictureRef.from_wire(result.picture)
            data = store.results.picture_bytes(picture.blob)
            assert data is not None
            assert data.nbytes == picture.length
    for key in store.resumable:
        try:
            job = store.checkpoints.take_up(key, b"s" * 16, "another")
        except store_errors():
            continue
        store.added(job)
        assert all(blob in store.blobs for blob in job.blobs)
        store.ended(job)
    store.forget()
    assert not len(store.results)
    assert not store.resumable


def store_errors() -> type[Exception]:
    from velatura.errors import VelaturaError

    return VelaturaError


def _write(state: Path, number: int, kind: Any, content: Any) -> None:
    if kind in ("results", "checkpoints"):
        folder = make_private_folder(state / kind)
        try:
            packed = content if isinstance(content, bytes) else msgpack.packb(content)
        except Exception:  # a surrogate
            return
        (folder / f"{number}.record").write_bytes(hashlib.sha256(packed).digest() + packed)
    elif kind == "raw" and isinstance(content, bytes):
        (make_private_folder(state / "results") / f"{number}.record").write_bytes(content)
    elif kind == "seen" and isinstance(content, bytes):
        (make_private_folder(state / "results") / "seen").write_bytes(content)
    elif kind == "history" and isinstance(content, list):
        _write_history(make_private_folder(state) / "history.sqlite", content)


def _write_history(path: Path, row: list[Any]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute(_TABLE)
        marks = ", ".join("?" for _ in _COLUMNS)
        connection.execute(f"insert into restyles ({', '.join(_COLUMNS)}) values ({marks})", row)
    except (sqlite3.Error, OverflowError, UnicodeEncodeError):
        pass  # no such row can be in the file
    finally:
        connection.close()

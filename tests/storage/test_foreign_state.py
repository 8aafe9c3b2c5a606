"""Entries of the state folder that have the right checksum and are wrong all the same: of another version, or made by
somebody else. One of them must not cost the others."""

from __future__ import annotations

import hashlib
import sqlite3

import msgpack
import pytest

from tests.conftest import picture
from tests.support.scheduling import ManualClock
from velatura.app_dirs import app_dirs
from velatura.client.saved_results import history_entries, saved_items
from velatura.errors import BadMessage
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.storage.history import History
from velatura_daemon.storage.job_store import JobStore

CONTENT = picture(16, 6, seed=1)
SETTINGS = StyleSettings().to_wire()


def record(job: str, /, **changes: object) -> dict[str, object]:
    result = p.Result(job, "l", CONTENT.ref.to_wire(), 0, 0, "w", "d", 1.0, 1.0, 1.0, "content", SETTINGS, ["note"])
    about = {"layer": "l", "title": "t", "note": "", "program": "tests", "thumbnail": b"jpeg", "styles": []}
    whole = {**about, "settings": SETTINGS, "client": "c", "job": job, "at": 1.7e9, "until": 1.8e9}
    return {**whole, "result": vars(result), **changes}


@pytest.mark.parametrize(
    "changes",
    [
        {"client": ["c"]},
        {"job": None},
        {"at": float("nan")},
        {"at": "soon"},
        {"thumbnail": 1 << 40},
        {"styles": [[]]},
        {"layer": {}, "styles": 3},
        {
            "result": {
                **vars(p.Result("b", "l", CONTENT.ref.to_wire(), 0, 0, "w", "d", 1, 1, 1, "c", {}, [])),
                "notes": 3,
            }
        },
    ],
    ids=lambda changes: ", ".join(changes),
)
def test_a_wrong_record_is_set_aside_and_the_others_are_listed(home, changes):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    for folder in (dirs.state / "results", dirs.spool):
        folder.mkdir(parents=True)
    (dirs.spool / CONTENT.ref.blob.hex()).write_bytes(CONTENT.data)
    for name, entry in (("right", record("right")), ("wrong", record("wrong", **changes))):
        packed = msgpack.packb(entry)
        (dirs.state / "results" / f"{name}.record").write_bytes(hashlib.sha256(packed).digest() + packed)
    store = JobStore(dirs, 1 << 20, ManualClock())
    assert [item.job for item in saved_items(store.listed(None))] == ["right"]
    store.close()


@pytest.mark.parametrize("column, value", [("styles", 1.5), ("thumbnail", "text"), ("settings", "["), ("title", b"x")])
def test_a_wrong_row_of_the_history_does_not_hide_the_others(home, column, value):
    history = History(home / "history.sqlite")
    for number in range(2):
        history.add(
            {
                "at": 1.0 * number,
                "program": "tests",
                "title": "t",
                "width": 8,
                "height": 6,
                "seconds": 1.0,
                "weights": "w",
                "device": "cpu",
                "settings": SETTINGS,
                "styles": [],
                "thumbnail": b"jpeg",
            }
        )
    history.close()
    with sqlite3.connect(home / "history.sqlite") as connection:
        connection.execute(f"update restyles set {column} = ? where number = 2", [value])
    connection.close()
    history = History(home / "history.sqlite")
    assert [entry.number for entry in history_entries(msgpack.packb(history.entries()))] == [1]
    history.close()


def test_a_thumbnail_that_is_a_number_takes_no_memory():
    """`bytes` of a number makes as many zeros."""
    items = [{**record("a"), "done": 1.0, "picture": CONTENT.ref.to_wire(), "thumbnail": 1 << 40}]
    with pytest.raises(BadMessage):
        saved_items(msgpack.packb(items))

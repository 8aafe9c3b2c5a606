"""The history: the last restyles with their settings, styles and thumbnails, in an SQLite file of the user."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import msgpack

log = logging.getLogger("velatura.storage")

MAX_RESTYLES = 200  # above which the oldest are deleted
_TABLE = """
create table if not exists restyles (
    number integer primary key autoincrement, at real not null, program text not null, title text not null,
    width integer not null, height integer not null, seconds real not null, weights text not null, device text not null,
    settings text not null, styles blob not null, thumbnail blob not null
)"""  # not translated: SQL
_COLUMNS = (
    "at",
    "program",
    "title",
    "width",
    "height",
    "seconds",
    "weights",
    "device",
    "settings",
    "styles",
    "thumbnail",
)


class History:  # not translated: SQL
    """Errors are logged and never fail a restyle."""

    def __init__(self, path: Path) -> None:
        """Open the file. A damaged one is renamed and a new one is made."""
        self._path = path
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.OperationalError as error:  # for example a full disk: the file itself is intact
            log.error("%s cannot be opened (%s); there is no history until the next start", path, error)
            self.close()
        except sqlite3.DatabaseError as error:
            log.error("%s is damaged (%s); it is renamed and replaced", path, error)
            self.close()
            self._rename_damaged()
            with contextlib.suppress(sqlite3.Error):
                self._open()

    def _open(self) -> None:
        self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        self._path.chmod(0o600)
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute(_TABLE)
        self._connection.execute("select count(*) from restyles").fetchone()

    def add(self, entry: dict[str, Any]) -> None:
        """entry: the columns; settings a map, styles a list of maps with name, path, share and thumbnail."""
        packed = {**entry, "settings": json.dumps(entry["settings"]), "styles": msgpack.packb(entry["styles"])}
        placeholders = ", ".join("?" for _ in _COLUMNS)
        try:
            assert self._connection is not None
            self._connection.execute(
                f"insert into restyles ({', '.join(_COLUMNS)}) values ({placeholders})",
                [packed[name] for name in _COLUMNS],
            )
            self._connection.execute(
                f"delete from restyles where number <= (select max(number) from restyles) - {MAX_RESTYLES}"
            )
        except (sqlite3.Error, AssertionError) as error:
            log.warning("the history cannot be written: %s", error)

    def entries(self, before: int = 0, max_bytes: int = 1 << 62) -> list[dict[str, Any]]:
        """Return the newest entries, newest first.

        before: only entries with a smaller number; 0: from the newest on. max_bytes: of all entries, packed.
        """
        entries, size = [], 0
        try:
            assert self._connection is not None
            rows = self._connection.execute(
                f"select number, {', '.join(_COLUMNS)} from restyles where number < ? order by number desc",
                [before or 1 << 62],
            )
            for row in rows:
                entry = dict(zip(("number", *_COLUMNS), row, strict=True))
                try:
                    entry["settings"], entry["styles"] = json.loads(entry["settings"]), msgpack.unpackb(entry["styles"])
                    _check(entry)
                    size += len(msgpack.packb(entry))
                except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
                    log.warning("entry %s of the history cannot be read: %s", entry["number"], error)
                    continue
                if size > max_bytes:
                    break
                entries.append(entry)
        except (sqlite3.Error, ValueError, AssertionError) as error:
            log.warning("the history cannot be read: %s", error)
        return entries

    def forget(self) -> None:
        """Delete all entries. The files are deleted too, since free pages would still contain them."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        with contextlib.suppress(sqlite3.Error):
            self._open()

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _rename_damaged(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            path = self._path.with_name(self._path.name + suffix)
            with contextlib.suppress(OSError):
                path.replace(path.with_name(path.name + ".damaged"))


def _check(entry: dict[str, Any]) -> None:
    """A client that cannot read one entry could read none of them. Raises TypeError, ValueError or KeyError.

    `history_entries` of the client would check the same in ten times the time.
    """
    types = {**dict.fromkeys(("program", "title", "weights", "device"), str), "thumbnail": bytes, "styles": list}
    wrong = [name for name, kind in types.items() if not isinstance(entry[name], kind)]
    if wrong:
        raise TypeError(f"its {wrong[0]} has the wrong type")
    for number in (entry["at"], entry["seconds"], *(style["share"] for style in entry["styles"])):
        float(number)
    _ = int(entry["width"]), int(entry["height"])
    for style in entry["styles"]:
        if not isinstance(style["name"] + style["path"], str) or not isinstance(style.get("thumbnail", b""), bytes):
            raise TypeError("a style has the wrong type")

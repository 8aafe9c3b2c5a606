"""The last restyles, with their settings, styles and thumbnails: an SQLite file of this user's."""

from __future__ import annotations

import contextlib
import json
import logging
import sqlite3
from pathlib import Path
from typing import Any

import msgpack

log = logging.getLogger("velatura.storage")

MOST = 200  # restyles; the oldest goes first
_TABLE = """
create table if not exists restyles (
    number integer primary key autoincrement, at real not null, program text not null, title text not null,
    width integer not null, height integer not null, seconds real not null, weights text not null, device text not null,
    settings text not null, styles blob not null, thumbnail blob not null
)"""
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


class History:
    """A history that cannot be written is a warning in the log, never a lost restyle."""

    def __init__(self, path: Path) -> None:
        """A damaged file is set aside and a new one begun."""
        self._path = path
        self._base: sqlite3.Connection | None = None
        try:
            self._open()
        except sqlite3.OperationalError as error:  # a full disk, say: what lies there is as good as before
            log.error("%s cannot be opened (%s); there is no history until the next start", path, error)
            self.close()
        except sqlite3.DatabaseError as error:
            log.error("%s is damaged (%s) and set aside", path, error)
            self.close()
            self._set_aside()
            with contextlib.suppress(sqlite3.Error):
                self._open()

    def _open(self) -> None:
        self._base = sqlite3.connect(self._path, isolation_level=None, timeout=1.0)
        self._path.chmod(0o600)
        self._base.execute("pragma journal_mode = wal")
        self._base.execute("pragma synchronous = normal")
        self._base.execute(_TABLE)
        self._base.execute("select count(*) from restyles").fetchone()

    def add(self, line: dict[str, Any]) -> None:
        """line: the columns; settings a map, styles a list of maps with name, path, share, thumbnail."""
        packed = {**line, "settings": json.dumps(line["settings"]), "styles": msgpack.packb(line["styles"])}
        places = ", ".join("?" for _ in _COLUMNS)
        try:
            assert self._base is not None
            self._base.execute(
                f"insert into restyles ({', '.join(_COLUMNS)}) values ({places})", [packed[name] for name in _COLUMNS]
            )
            self._base.execute(f"delete from restyles where number <= (select max(number) from restyles) - {MOST}")
        except (sqlite3.Error, AssertionError) as error:
            log.warning("the history cannot be written: %s", error)

    def lines(self, before: int = 0, room: int = 1 << 62) -> list[dict[str, Any]]:
        """The latest ones, or those before that number; as many as fit into so many bytes, packed."""
        lines, held = [], 0
        try:
            assert self._base is not None
            rows = self._base.execute(
                f"select number, {', '.join(_COLUMNS)} from restyles where number < ? order by number desc",
                [before or 1 << 62],
            )
            for row in rows:
                line = dict(zip(("number", *_COLUMNS), row, strict=True))
                line["settings"], line["styles"] = json.loads(line["settings"]), msgpack.unpackb(line["styles"])
                held += len(msgpack.packb(line))
                if held > room:
                    break
                lines.append(line)
        except (sqlite3.Error, ValueError, AssertionError) as error:
            log.warning("the history cannot be read: %s", error)
        return lines

    def forget(self) -> None:
        """Wipe it: the files go, so that nothing is left in free pages."""
        self.close()
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(OSError):
                self._path.with_name(self._path.name + suffix).unlink(missing_ok=True)
        with contextlib.suppress(sqlite3.Error):
            self._open()

    def close(self) -> None:
        if self._base is not None:
            self._base.close()
            self._base = None

    def _set_aside(self) -> None:
        for suffix in ("", "-wal", "-shm"):
            path = self._path.with_name(self._path.name + suffix)
            with contextlib.suppress(OSError):
                path.replace(path.with_name(path.name + ".damaged"))

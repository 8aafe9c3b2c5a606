"""A folder of small records, each written atomically: the metadata of results and checkpoints."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from velatura.app_dirs import make_private_folder, write_private_file
from velatura.errors import DiskTrouble

log = logging.getLogger("velatura.storage")

SUFFIX = ".record"
DAY = 86400.0  # seconds
# After a longer gap between two checks nothing has aged: the machine was off, or its clock jumped.
UNSEEN = DAY

Key = tuple[str, str]  # client_id and job


class RecordStore:
    """Entries by client_id and job, the oldest first.

    An entry is a map that msgpack can pack. Its field `until` is the date at which it expires. A file is the SHA-256 of
    a packed entry, followed by the entry.
    """

    def __init__(self, folder: Path, days: float) -> None:
        """days: until an entry expires. Damaged files are renamed. Raises DiskTrouble."""
        self.folder = make_private_folder(folder)
        self._days = days
        self._entries: dict[Key, dict[str, Any]] = {}
        found = [entry for path in sorted(self.folder.glob(f"*{SUFFIX}")) if (entry := _read(path)) is not None]
        for entry in sorted(found, key=lambda entry: entry["at"]):
            self._entries[entry["client"], entry["job"]] = entry

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._entries))

    def __contains__(self, key: Key) -> bool:
        return key in self._entries

    def __getitem__(self, key: Key) -> dict[str, Any]:
        return self._entries[key]

    def of(self, client: str) -> list[dict[str, Any]]:
        """A client's entries, the oldest first."""
        return [entry for (owner, _), entry in self._entries.items() if owner == client]

    def put(self, key: Key, entry: dict[str, Any], date: float) -> None:
        """Store an entry on disk. Raises DiskTrouble; then nothing has changed."""
        whole = self._whole(key, entry, date)
        self._write(key, whole)
        self._entries[key] = whole

    def hold(self, key: Key, entry: dict[str, Any], date: float) -> None:
        """Store an entry in memory only."""
        self._entries[key] = self._whole(key, entry, date)

    def _whole(self, key: Key, entry: dict[str, Any], date: float) -> dict[str, Any]:
        return {**entry, "client": key[0], "job": key[1], "at": date, "until": date + self._days * DAY}

    def remove(self, key: Key) -> None:
        self._entries.pop(key, None)
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def set_aside(self, key: Key) -> None:
        """Rename the file of an entry that cannot be read, perhaps of another version, so that it can be inspected."""
        self._entries.pop(key, None)
        with contextlib.suppress(OSError):
            self._path(key).replace(self._path(key).with_suffix(".damaged"))

    def path_beside(self, key: Key, suffix: str) -> Path:
        """The path of a file that belongs to an entry. No name from the wire becomes a file name."""
        return self.folder / (_name(key) + suffix)

    def aged_out(self, date: float) -> list[Key]:
        """Entries that have expired. Across a gap of more than a day (the machine was off, or the clock jumped, in
        either direction) nothing ages."""
        seen = self.folder / "seen"
        try:
            gap = date - float(seen.read_text())
        except (OSError, ValueError):
            gap = 0.0
        if not 0 <= gap <= UNSEEN:
            log.warning(
                "the clock moved by %.1f days since the last check; this does not count as age of the entries",
                gap / DAY,
            )
            for key, entry in self._entries.items():
                entry["until"] += gap
                with contextlib.suppress(DiskTrouble):
                    self._write(key, entry)
        with contextlib.suppress(DiskTrouble):
            write_private_file(seen, repr(date).encode())
        return [key for key, entry in self._entries.items() if entry["until"] <= date]

    def _write(self, key: Key, entry: dict[str, Any]) -> None:
        packed = msgpack.packb(entry, use_bin_type=True)
        write_private_file(self._path(key), hashlib.sha256(packed).digest() + packed)

    def _path(self, key: Key) -> Path:
        return self.path_beside(key, SUFFIX)


def _name(key: Key) -> str:
    return hashlib.sha256(msgpack.packb(list(key))).hexdigest()[:32]


def _read(path: Path) -> dict[str, Any] | None:
    """The entry in a file; None if it is damaged. Then the file is renamed, so that it can be inspected."""
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            raise ValueError("its checksum is wrong")
        entry: dict[str, Any] = msgpack.unpackb(data[32:], raw=False)
        if not all(isinstance(entry[name], str) for name in ("client", "job")):
            raise ValueError("it names no client and job")
        if not all(isinstance(entry[name], (int, float)) and math.isfinite(entry[name]) for name in ("at", "until")):
            raise ValueError("it has no date")
        return entry
    except (OSError, ValueError, KeyError, TypeError, OverflowError, msgpack.UnpackException) as error:
        log.error("%s is damaged (%s) and set aside", path, error)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return None

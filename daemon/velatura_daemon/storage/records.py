"""A folder of small files that are each written whole: what results and works are described in."""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack

from velatura.app_dirs import make_private_folder, write_private_file
from velatura.errors import DiskTrouble

log = logging.getLogger("velatura.storage")

SUFFIX = ".record"
DAY = 86400.0  # seconds
# a longer gap between two looks at the calendar ages nothing: the machine was off, or its clock has jumped
UNSEEN = DAY

Key = tuple[str, str]  # client_id and job


class RecordStore:
    """Entries by client_id and job, the oldest first. An entry is a map of msgpack's kinds with `until` among its
    fields: the date at which it has aged out. A file is the SHA-256 of a packed entry, and the entry."""

    def __init__(self, folder: Path, days: float) -> None:
        """days: how old an entry may become. What is damaged is set aside. Raises DiskTrouble."""
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
        """Keep an entry; it lies on the disk when this returns. Raises DiskTrouble: then it is as before."""
        whole = self._whole(key, entry, date)
        self._write(key, whole)
        self._entries[key] = whole

    def hold(self, key: Key, entry: dict[str, Any], date: float) -> None:
        """Keep an entry as long as the daemon lives."""
        self._entries[key] = self._whole(key, entry, date)

    def _whole(self, key: Key, entry: dict[str, Any], date: float) -> dict[str, Any]:
        return {**entry, "client": key[0], "job": key[1], "at": date, "until": date + self._days * DAY}

    def remove(self, key: Key) -> None:
        self._entries.pop(key, None)
        with contextlib.suppress(OSError):
            self._path(key).unlink(missing_ok=True)

    def set_aside(self, key: Key) -> None:
        """An entry that is not understood, by another version perhaps: it is renamed, for whoever wants to look."""
        self._entries.pop(key, None)
        with contextlib.suppress(OSError):
            self._path(key).replace(self._path(key).with_suffix(".damaged"))

    def path_beside(self, key: Key, suffix: str) -> Path:
        """Where something belonging to an entry may lie. No name from the wire becomes one of a file."""
        return self.folder / (_name(key) + suffix)

    def aged_out(self, date: float) -> list[Key]:
        """Entries whose time is over. Time counts as far as it was seen to pass: across a gap of more than a day (the
        machine was off, the calendar has jumped, either way) nothing ages."""
        seen = self.folder / "seen"
        try:
            gap = date - float(seen.read_text())
        except (OSError, ValueError):
            gap = 0.0
        if not 0 <= gap <= UNSEEN:
            log.warning("the calendar has moved by %.1f days since the last look; nothing ages by that", gap / DAY)
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
    """What a file holds, or None for one that is damaged: it is renamed, for whoever wants to look."""
    try:
        data = path.read_bytes()
        if hashlib.sha256(data[32:]).digest() != data[:32]:
            raise ValueError("its checksum is wrong")
        entry: dict[str, Any] = msgpack.unpackb(data[32:], raw=False)
        _ = entry["client"], entry["job"], float(entry["at"]), float(entry["until"])
        return entry
    except (OSError, ValueError, KeyError, TypeError, msgpack.UnpackException) as error:
        log.error("%s is damaged (%s) and set aside", path, error)
        with contextlib.suppress(OSError):
            path.replace(path.with_suffix(".damaged"))
        return None

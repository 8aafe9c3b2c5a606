"""Recognising files: by their content hash, or without reading them by size and modification time."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

CHUNK = 1 << 20  # bytes read at a time


class FileStat(NamedTuple):
    """size: bytes. mtime_ns: modification time in nanoseconds since 1970. A file in which both are unchanged is taken
    to be unchanged, without reading it."""

    size: int
    mtime_ns: int


def stat_of(path: Path) -> FileStat:
    """Return a file's size and modification time. Raises OSError."""
    stat = path.stat()
    return FileStat(stat.st_size, stat.st_mtime_ns)


def hash_of_file(path: Path) -> str:
    """Return the SHA-256 of a file's content in hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def hash_of_json(value: Any) -> str:
    """Return the SHA-256 in hex of a value that JSON can represent."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()

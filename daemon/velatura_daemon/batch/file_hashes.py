"""What a file contains, in a word, and how it looks from outside: to know it again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

PIECE = 1 << 20  # bytes read at a time


class Look(NamedTuple):
    """A file that has the same is taken for the same, unread: bytes, and when it was written (ns since 1970)."""

    size: int
    mtime_ns: int


def look_of(path: Path) -> Look:
    """Raises OSError."""
    stat = path.stat()
    return Look(stat.st_size, stat.st_mtime_ns)


def hash_of_file(path: Path) -> str:
    """SHA-256 in hex. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()


def hash_of(said: Any) -> str:
    """Of anything that JSON can say."""
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

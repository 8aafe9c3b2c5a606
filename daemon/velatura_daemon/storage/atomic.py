"""Files that an executor leaves for the front: whole, this user's alone, on the disk before anybody is told of them.
Without torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO

Buffer = bytes | bytearray | memoryview


def write_file(data: Buffer, path: Path) -> bytes:
    """Bytes, for this user alone, on the disk when this returns. Returns their SHA-256. Raises OSError."""
    write_whole(path, lambda file: file.write(data))
    return hashlib.sha256(data).digest()


def file_hash(path: Path) -> bytes:
    """SHA-256 of what a file holds. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.digest()


Write = Callable[[IO[bytes]], object]


def write_quickly(path: Path, write: Write) -> None:
    """What a crash of the machine may take: no more than a later start would be the slower without it. Raises
    OSError."""
    with open(path, "wb", opener=_private) as file:
        write(file)


def write_whole(path: Path, write: Write) -> None:
    """On the disk when this returns. Beside it first, then into place: whoever reads finds the old file or the new one.
    Raises OSError."""
    beside = path.with_name(path.name + ".part")
    try:
        with open(beside, "wb", opener=_private) as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        beside.unlink(missing_ok=True)
        raise OSError(error.errno, error.strerror, str(path)) from error  # a write's own error does not say where


def sync_files(paths: Iterable[Path]) -> None:
    """Flush files to disk. Raises OSError."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)

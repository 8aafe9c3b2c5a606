"""Files that an executor writes for the server: complete, readable by this user only, and on the disk before the server
is notified of them. Needs no torch."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from velatura.atomic import PRIVATE, Writer, write_atomically

Buffer = bytes | bytearray | memoryview
CHUNK = 1 << 20  # bytes read at a time

__all__ = [  # not translated: names
    "Buffer",
    "Writer",
    "file_hash",
    "sync_files",
    "write_file",
    "write_quickly",
    "write_whole",
]


def write_file(data: Buffer, path: Path) -> bytes:
    """Write bytes as `write_whole` does. Returns their SHA-256. Raises OSError."""
    write_whole(path, lambda file: file.write(data))
    return hashlib.sha256(data).digest()


def file_hash(path: Path) -> bytes:
    """Return the SHA-256 of a file's content. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.digest()


def write_quickly(path: Path, write: Writer) -> None:
    """Write a file (0600) in place, without flushing it to the disk: for files whose loss in a crash of the machine
    only makes a later start slower. Raises OSError."""
    with open(path, "wb", opener=_private) as file:
        write(file)


def write_whole(path: Path, write: Writer) -> None:
    """Write a file (0600) atomically; it is on the disk when this returns. Raises OSError, which names the file."""
    try:
        write_atomically(path, write, mode=PRIVATE)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error  # the error of a write does not say where


def sync_files(paths: Iterable[Path]) -> None:
    """Flush files to the disk. Raises OSError."""
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, PRIVATE)

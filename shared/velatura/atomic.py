"""Write a file atomically: readers find its old content or its new content, never a part of either."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import IO

POSIX = os.name == "posix"
PRIVATE = 0o600  # readable and writable by this user only
PUBLIC = 0o666  # what open() asks for; the umask removes bits

Writer = Callable[[IO[bytes]], object]


def write_atomically(path: Path, write: Writer, *, mode: int = PUBLIC, overwrite: bool = True) -> None:
    """Write a file beside its final place, flush it to the disk, then move it there.

    write: called with the open binary file. mode: permissions of the new file. overwrite: if False, an existing file is
    left as it is and FileExistsError is raised. If anything fails, the temporary file is removed and `path` is
    unchanged. Raises OSError, and whatever `write` raises.
    """
    # 60 characters take at most 240 bytes; most file systems allow names of 255 bytes.
    temporary = path.with_name(f".{path.name[:60]}.{secrets.token_hex(4)}.part")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            temporary.replace(path)
        else:
            _move_unless_exists(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _move_unless_exists(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: reserve the name with an empty file, then replace that
        path.open("xb").close()
        try:
            temporary.replace(path)
        except OSError:
            path.unlink()
            raise


def sync_folder(folder: Path) -> None:
    """Flush a folder's file names to the disk. Without this, a crash of the machine may undo a rename."""
    if not POSIX:
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

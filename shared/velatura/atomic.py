"""Write a file atomically: readers find its old content or its new content, never a part of either."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Callable
from pathlib import Path
from typing import IO

POSIX = os.name == "posix"
PRIVATE = 0o600  # readable and writable by this user only
PUBLIC = 0o666  # what open() asks for; the umask removes bits
FOLDER = 0o755  # of a folder that other programs use too, such as ~/.config; the umask removes bits

Writer = Callable[[IO[bytes]], object]


def write_atomically(
    path: Path, write: Writer, *, mode: int = PUBLIC, overwrite: bool = True, like: os.stat_result | None = None
) -> None:
    """Write a file beside its final place, flush it to the disk, then move it there. A link at `path` is replaced.

    write: called with the open binary file. mode: permissions of the new file. overwrite: if False, an existing file is
    left as it is and FileExistsError is raised. like: a file whose permissions and owner the new one gets instead. If
    anything fails, the temporary file is removed and `path` is unchanged. Raises OSError, and whatever `write` raises.
    """
    # 60 characters take at most 240 bytes; most file systems allow names of 255 bytes.
    temporary = path.with_name(f".{path.name[:60]}.{secrets.token_hex(4)}.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(temporary, flags, mode if like is None else PRIVATE)
        with os.fdopen(descriptor, "wb") as file:
            if like is not None:
                _take_over(like, descriptor)
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


def write_users_file(path: Path, write: Writer, *, mode: int = PUBLIC) -> None:
    """Write a file that belongs to the user or to another program: a link stays a link, and an existing file keeps its
    permissions and, as far as the system allows, its owner.

    mode: permissions of a new file. Otherwise as `write_atomically`.
    """
    try:
        existing: os.stat_result | None = path.stat()  # the system decides whether a link may be followed
    except FileNotFoundError:
        existing = None
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    write_atomically(target, write, mode=mode, like=existing)


def _take_over(like: os.stat_result, descriptor: int) -> None:
    """Give a file the owner and the permissions of another. Only root may give files away, and only to groups of their
    own may others: a group that could not be kept gets no access that everybody does not have."""
    if not POSIX:
        return
    new, mode = os.fstat(descriptor), stat.S_IMODE(like.st_mode) & 0o777
    if (new.st_uid, new.st_gid) != (like.st_uid, like.st_gid):
        try:
            os.fchown(descriptor, like.st_uid, like.st_gid)
        except OSError:
            with contextlib.suppress(OSError):
                os.fchown(descriptor, -1, like.st_gid)
        if os.fstat(descriptor).st_gid != like.st_gid:
            mode &= ~0o070 | (mode & 0o007) << 3
    os.fchmod(descriptor, mode)


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


def make_folders(folder: Path, mode: int = FOLDER) -> None:
    """Create a folder and its missing parents, which get 0755 at most whatever the umask is: `Path.mkdir(parents=True)`
    makes them as wide as the umask allows. mode: of the folder itself. Raises OSError."""
    try:
        folder.mkdir(mode=mode)
    except FileNotFoundError:
        make_folders(folder.parent)
        folder.mkdir(mode=mode, exist_ok=True)
    except FileExistsError:
        if not folder.is_dir():
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

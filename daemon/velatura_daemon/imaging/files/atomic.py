"""A file that appears whole, or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from velatura.errors import DiskTrouble, FileExists


def write_whole(path: Path, data: bytes, force: bool) -> None:
    """Beside it first, then into place. Without force, a file that appeared meanwhile stays as it is."""
    beside = path.with_name(f".{path.name[:60]}.tmp-{secrets.token_hex(4)}")  # 60: room within a name's 255 bytes
    try:
        try:
            with beside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if force:
                beside.replace(path)
            else:
                _move_where_nothing_is(beside, path)
        finally:
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
    except FileExistsError as error:
        raise FileExists(f"{path} has appeared meanwhile. Give another name, or --force to replace it.") from error
    except OSError as error:
        raise DiskTrouble(f"{path} could not be written: {_reason(error)}") from error


def _move_where_nothing_is(beside: Path, path: Path) -> None:
    try:
        os.link(beside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links: hold the name with an empty file, then replace that
        path.open("xb").close()
        try:
            beside.replace(path)
        except OSError:
            path.unlink()
            raise


def _reason(error: OSError) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "the disk is full. Make room, or write to another disk."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "you have no right to write there. Write to another folder."
    return f"{error.strerror or error}. Write to another folder."

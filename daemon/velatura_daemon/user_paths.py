"""Paths that users have typed: questions that any path answers, and what the system's errors mean for them.

A path may be too long, a circle of links, or lead through a file. pathlib raises OSError, ValueError or RuntimeError
for some of them and returns False for others, depending on the version of Python.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

from velatura.errors import DiskTrouble, NotAPicture, UsageError, VelaturaError
from velatura.i18n import lazy_text, sentences

SHOWN = 80  # characters of a path that is too long
# Clauses that can stand alone, after a colon or in parentheses.
MEANINGS = {
    # Translators: stands after a colon or in parentheses, such as “/x/y cannot be read: its links lead in a circle.”
    errno.ENAMETOOLONG: lazy_text("its name is longer than the file system allows"),
    # Translators: stands after a colon or in parentheses. Symbolic links.
    errno.ELOOP: lazy_text("its links lead in a circle"),
    # Translators: stands after a colon or in parentheses.
    errno.ENOTDIR: lazy_text("{file} is a file, not a folder"),
    # Translators: stands after a colon or in parentheses. “it” is a file.
    errno.EISDIR: lazy_text("it is a folder"),
    # Translators: stands after a colon or in parentheses. “it” is a file.
    errno.ENOENT: lazy_text("it does not exist"),
    # Translators: stands after a colon or in parentheses.
    errno.EACCES: lazy_text("you do not have permission"),
    errno.EPERM: lazy_text("you do not have permission"),
    # Translators: stands after a colon or in parentheses. “its”: of a file.
    errno.EROFS: lazy_text("its disk is read-only"),
    # Translators: stands after a colon or in parentheses.
    errno.ENOSPC: lazy_text("the disk is full"),
    # Translators: stands after a colon or in parentheses.
    errno.EDQUOT: lazy_text("your disk quota is used up"),
    # Translators: stands after a colon or in parentheses. “it” is a file.
    errno.EFBIG: lazy_text("it would be larger than the file system allows"),
    # Translators: stands after a colon or in parentheses.
    errno.EIO: lazy_text("the disk reports an error"),
    # Translators: stands after a colon or in parentheses.
    errno.EMFILE: lazy_text("too many files are open"),
    errno.ENFILE: lazy_text("too many files are open"),
}
IN_THE_NAME = (errno.ENAMETOOLONG, errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.EINVAL, errno.EILSEQ)
FULL = (errno.ENOSPC, errno.EDQUOT)


def is_folder(path: Path) -> bool:
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: Path) -> bool:
    return os.path.isfile(path)  # noqa: PTH113


def exists(path: Path) -> bool:
    return os.path.exists(path)  # noqa: PTH110


def real_path(path: Path) -> Path:
    """Return the absolute path without links; of a circle of links, the absolute path."""
    return Path(os.path.realpath(path))


def shown(path: Path) -> str:
    """The path as a message shows it: only the beginning and the end of a very long one."""
    text = str(path)
    return text if len(text) <= 3 * SHOWN else f"{text[:SHOWN]}…{text[-SHOWN:]}"


def meaning(error: OSError, path: Path) -> str:
    """What an error of the system means for a path, as a clause: 'its links lead in a circle'."""
    text = MEANINGS.get(error.errno or 0)
    if text is None:
        return str(error.strerror or error)
    return text.format(file=_file_in_the_way(path))


def meaning_of_writing(error: OSError, path: Path) -> str:
    """The same for a file that is to be written."""
    if error.errno == errno.ENOENT:
        # Translators: stands after a colon or in parentheses.
        return lazy_text("files cannot be created there")
    return meaning(error, path)


def unreadable(path: Path, error: OSError) -> VelaturaError:
    """The error for a file that cannot be read: UsageError if the path is wrong, otherwise NotAPicture."""
    if error.errno == errno.ENOENT:
        return UsageError(lazy_text("The file {path} does not exist. Check its name and folder.", path=shown(path)))
    if error.errno in (errno.EACCES, errno.EPERM):
        return UsageError(
            lazy_text(
                "You do not have permission to read {path}. Change its permissions, or copy it.", path=shown(path)
            )
        )
    sentence = lazy_text("{path} cannot be read: {why}.", path=shown(path), why=meaning(error, path))
    if error.errno in IN_THE_NAME:
        return UsageError(sentences(sentence, lazy_text("Check its name and folder.")))
    return NotAPicture(sentences(sentence, lazy_text("Copy it again.")))


def unwritable(path: Path, error: OSError) -> VelaturaError:
    """The error for a file that cannot be written: UsageError if the path is wrong, otherwise DiskTrouble."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return DiskTrouble(
            lazy_text(
                "{path} could not be written: you do not have permission to write there. Write to another folder.",
                path=shown(path),
            )
        )
    why = meaning(error, path) if error.errno in FULL else meaning_of_writing(error, path)
    sentence = lazy_text("{path} could not be written: {why}.", path=shown(path), why=why)
    if error.errno in FULL:
        return DiskTrouble(sentences(sentence, lazy_text("Free some space, or write to another disk.")))
    if error.errno in IN_THE_NAME:
        return UsageError(sentences(sentence, lazy_text("Give another name, or another folder.")))
    return DiskTrouble(sentences(sentence, lazy_text("Write to another folder.")))


def check_writable(path: Path) -> None:
    """Raise UsageError or DiskTrouble if a file cannot be written here. Leaves what is there as it is."""
    existed = os.path.lexists(path)
    try:
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise unwritable(path, error) from error


def make_folder(folder: Path) -> list[Path]:
    """Create a folder and its parents, unless it is there. Returns those that were missing. Raises UsageError,
    DiskTrouble."""
    if exists(folder) and not is_folder(folder):
        raise UsageError(lazy_text("{path} is a file, not a folder. Give another name.", path=shown(folder)))
    try:
        if folder.is_symlink():
            folder.stat()  # says more than that a link of this name exists
        missing = [path for path in (folder, *folder.parents) if not exists(path)]
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    return missing


def _file_in_the_way(path: Path) -> str:
    """The part of a path that is a file although a folder is expected."""
    return shown(next((parent for parent in path.parents if exists(parent) and not is_folder(parent)), path))

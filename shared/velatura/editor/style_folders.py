"""Lists the pictures in a user's folder of paintings."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from velatura import strings
from velatura.editor.file_paths import is_text
from velatura.editor.styles import style_from_file
from velatura.editor.ui_state import Style

MAX_PICTURES = 500  # of a folder
MAX_ENTRIES = 20_000  # of a folder that are looked at: a folder with more is hardly one of paintings


@dataclass(frozen=True)
class FolderListing:
    """The pictures in a folder, ordered by name. note: what the user should know about the folder, or ''."""

    styles: tuple[Style, ...] = ()
    note: str = ""


def list_folder(folder: str, endings: Collection[str]) -> FolderListing:
    """List the pictures in a folder, without those in its sub-folders. Never fails: the note says what is wrong.

    endings: of the files that the editor can read, in lower case, e.g. {"png", "jpg"}. May take long on a network
    drive, so call it on a thread.
    """
    if not is_text(folder):  # the editors' toolkits accept no such path
        return FolderListing(note=strings.FOLDER_UNREADABLE.format(why=strings.NAME_IS_NO_TEXT))
    try:
        with os.scandir(folder) as entries:
            names = [entry.name for entry in itertools.islice(entries, MAX_ENTRIES) if _is_picture(entry, endings)]
    except (FileNotFoundError, NotADirectoryError):
        return FolderListing(note=strings.FOLDER_GONE)
    except OSError as error:
        return FolderListing(note=strings.FOLDER_UNREADABLE.format(why=error.strerror or error))
    names.sort(key=_natural)
    styles = tuple(style_from_file(str(Path(folder) / name)) for name in names[:MAX_PICTURES])
    if not styles:
        return FolderListing(note=strings.FOLDER_EMPTY)
    note = strings.FOLDER_TOO_FULL.format(count=MAX_PICTURES, all=len(names)) if len(names) > MAX_PICTURES else ""
    return FolderListing(styles, note)


def _is_picture(entry: os.DirEntry[str], endings: Collection[str]) -> bool:
    stem, _, ending = entry.name.rpartition(".")
    if not stem or stem.startswith(".") or ending.lower() not in endings or not is_text(entry.name):
        return False
    try:
        return entry.is_file()
    except OSError:  # e.g. a link that leads in a circle
        return False


def _natural(name: str) -> list[tuple[int, int, str]]:
    """The key for an order in which 'Study 10' comes after 'Study 9'."""
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts] + [(-1, 0, name)]

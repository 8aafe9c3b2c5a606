"""Whether files and folders exist, and which paths and texts from documents and drops may be used."""

from __future__ import annotations

import ntpath
import os
import posixpath
import re
from pathlib import Path

ON_WINDOWS = os.name == "nt"
# Looking for a file there would tell another machine who is asking: shares, and folders that mount a host by its name.
_ELSEWHERE = ("//", "/??/", "/net/", "/network/")
# In any folder, Windows takes these names for devices, and may wait for one.
_DEVICES = re.compile(r"(con|conin\$|conout\$|prn|aux|nul|(com|lpt)[0-9¹²³])\s*([.:].*)?", re.IGNORECASE)


def is_file(path: str) -> bool:
    """Whether there is such a file. Never raises: Path.is_file does, e.g. for a folder that may not be entered."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: str) -> bool:
    """Whether there is such a folder. Never raises."""
    return os.path.isdir(path)  # noqa: PTH112


def is_text(text: str) -> bool:
    """Whether a text can be shown and stored: JSON and file names may contain halves of surrogate pairs."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_local(path: str) -> bool:
    """Whether a path is absolute and can be looked for without contacting another machine or a device."""
    if not path or "\0" in path or not is_text(path) or not Path(path).is_absolute():
        return False
    slashes = path.replace("\\", "/")
    normal = posixpath.normpath(slashes).lower()
    if normal.startswith(_ELSEWHERE) or slashes.startswith(_ELSEWHERE):
        return False
    parts = ntpath.splitdrive(path)[1].replace("\\", "/").split("/")
    return not ON_WINDOWS or not any(_DEVICES.fullmatch(part.strip()) for part in parts)

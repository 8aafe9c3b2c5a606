"""Names of files: what was typed, and new names made from those of photos, paintings and layers."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from velatura_daemon.user_paths import real_path

PIPE = Path("-")  # standard input or output

# Bytes of a part of a name. File systems allow 255 for all of it (ext4, APFS, NTFS), which is two such parts, what
# joins them, an extension, and the about 30 bytes that a temporary file's name has in addition.
MAX_BYTES = 100
LONGEST_NAME = 255  # bytes of a name


def named_file(typed: str, path: Path) -> Path:
    """Return the path of what was typed, so that `./-`, which is a file, is not PIPE."""
    return Path.cwd() / path if path == PIPE and not typed.startswith("-") else path


def shortened(stem: str, limit: int = MAX_BYTES) -> str:
    """The beginning of a name, of at most `limit` bytes."""
    while len(os.fsencode(stem)) > limit:
        stem = stem[:-1]
    return stem


def with_ending(stem: str, ending: str) -> str:
    """A name of at most LONGEST_NAME bytes: its stem is shortened."""
    return shortened(stem, LONGEST_NAME - len(os.fsencode(ending))) + ending


def results_folder(folder: Path, painting: Path) -> Path:
    """The folder for the results of all pictures in `folder`: beside it, also if it is given as '.'; in it if it is a
    whole disk."""
    folder, style = real_path(folder), shortened(painting.stem)
    if not folder.name:
        return folder / f"pictures-in-{style}"
    return folder.with_name(f"{shortened(folder.name)}-in-{style}")


def from_title(title: str) -> str:
    """A name from any text: of letters, digits, '-' and '_', so that it is no path, option or name of a device; ''
    if there are none in it."""
    return shortened(re.sub(r"[^\w-]+", "-", unicodedata.normalize("NFC", title)).strip("-")).strip("-")

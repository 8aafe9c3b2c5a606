"""Completes the copy of the plug-in that GIMP makes for its next version. Standard library only."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

BUILD = Path("carried/build.txt")  # identifies the plug-in with all its files
DEEPEST = Path("carried/lib/velatura/protocol/messages/__init__.py")
LOCALE = Path("carried/lib/velatura/locale")  # the catalogues in it are one folder deeper


def complete_copy(plugin: Path) -> bool:
    """Copy what is missing in this folder of the plug-in from the same one of an older GIMP. Returns whether it did.

    When a new version of GIMP is started for the first time, it copies the older version's plug-ins, but only five
    levels of folders (seen in 3.2.6). Without a complete older folder nothing is changed.
    """
    if _is_complete(plugin):
        return False
    with contextlib.suppress(OSError):
        build = (plugin / BUILD).read_bytes()
        for older in sorted(plugin.parents[2].glob(f"*/plug-ins/{plugin.name}"), reverse=True):
            if _is_complete(older) and (older / BUILD).read_bytes() == build:
                shutil.copytree(older, plugin, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
                return True
    return False


def _is_complete(plugin: Path) -> bool:
    return (plugin / DEEPEST).is_file() and all(
        any(language.glob("*/*.mo")) for language in (plugin / LOCALE).glob("*") if language.is_dir()
    )

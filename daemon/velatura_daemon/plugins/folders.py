"""What getting into any editor has in common: a folder of ours among its plug-ins, and what is wrong with one."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from velatura.errors import DiskTrouble
from velatura_daemon.plugins.bundle import write_plugin

OTHER_VERSION = "the plugin is of another version than this Velatura"


@dataclass(frozen=True)
class State:
    """What is there. trouble: a sentence, or empty."""

    installed: bool
    trouble: str = ""


def replace_plugin(package: Path, to: Path) -> None:
    """A plugin with all that it carries as the folder `to`; an older one is replaced whole. Raises OSError."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as beside:
        write_plugin(package, Path(beside) / to.name)
        if to.exists():
            shutil.rmtree(to)
        (Path(beside) / to.name).rename(to)


@contextlib.contextmanager
def told_as_disk_trouble(editor: str, folder: Path) -> Iterator[None]:
    """OSError becomes a sentence with the place."""
    try:
        yield
    except OSError as error:
        raise DiskTrouble(
            f"{editor}'s folders under {folder} cannot be written ({error.strerror}). "
            "Make room or give the right to write there, and run the command again."
        ) from error


def absolute(chosen: str | None, default: Path) -> Path:
    """A folder that an environment variable names, where it is a whole path."""
    return Path(chosen) if chosen and Path(chosen).is_absolute() else default

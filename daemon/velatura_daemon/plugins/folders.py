"""What installing into any editor has in common: replacing a plugin folder, and the state of an installation."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from velatura.errors import DiskTrouble
from velatura_daemon.plugins.bundle import write_plugin

OTHER_VERSION = "the plugin has a different version than this Velatura"


@dataclass(frozen=True)
class PluginState:
    """installed: whether any part of the plugin is there. problem: what is wrong with it, or ''."""

    installed: bool
    problem: str = ""


def replace_plugin(package: Path, to: Path) -> None:
    """Write a plugin with its bundled files to the folder `to`, replacing an older one completely. Raises OSError."""
    to.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as temporary:
        write_plugin(package, Path(temporary) / to.name)
        if to.exists():
            shutil.rmtree(to)
        (Path(temporary) / to.name).rename(to)


@contextlib.contextmanager
def as_disk_trouble(editor: str, folder: Path) -> Iterator[None]:
    """Turn OSError into DiskTrouble with a message that names the folder."""
    try:
        yield
    except OSError as error:
        raise DiskTrouble(
            f"{editor}'s folders in {folder} cannot be written ({error.strerror}). "
            "Free some disk space or allow writing there, then run the command again."
        ) from error


def absolute_or_default(chosen: str | None, default: Path) -> Path:
    """Return the folder from an environment variable if it is an absolute path, otherwise the default."""
    return Path(chosen) if chosen and Path(chosen).is_absolute() else default

"""What installing into any editor has in common: reading and writing the user's files, replacing a plugin folder, and
the state of an installation."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from velatura.atomic import POSIX, make_folders, write_users_file
from velatura.errors import DiskTrouble
from velatura.i18n import lazy_text
from velatura_daemon.plugins.bundle import is_plugin, write_plugin

OTHER_VERSION = lazy_text("the plugin has a different version than this Velatura")
SHARED_WRITING = 0o022  # what nobody but the user may change in a plugin: editors run its code


@dataclass(frozen=True)
class PluginState:
    """installed: whether any part of the plugin is there. problem: what is wrong with it, or ''."""

    installed: bool
    problem: str = ""


def read_users_file(path: Path) -> bytes:
    """Return the content of a file that may not exist yet; then it is empty. Raises DiskTrouble if it cannot be read:
    whoever goes on to write it would delete what is in it."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise DiskTrouble(
            lazy_text(
                "{path} cannot be read ({why}), so nothing was changed. Give yourself read permission, then run the "
                "command again.",
                path=path,
                why=error.strerror,
            )
        ) from error


def replace_file(to: Path, data: bytes) -> None:
    """Write one of the plugin's files to the user's folders. Raises OSError."""
    make_folders(to.parent)
    write_users_file(to, lambda file: file.write(data))


def check_plugin_folder(folder: Path) -> None:
    """Raise DiskTrouble if the plugin folder is a link to something that is not an installed plugin, such as the
    plugin's own sources: installing through it would delete what is there."""
    if not folder.is_symlink():
        return
    target = Path(os.path.realpath(folder))
    if not target.is_dir() or not (is_plugin(target) or not any(target.iterdir())):
        raise DiskTrouble(
            lazy_text(
                "{folder} is a link to {target}, which is not an installed plugin, so nothing was changed. Remove the "
                "link, then run the command again.",
                folder=folder,
                target=target,
            )
        )


def replace_plugin(package: Path, to: Path) -> None:
    """Write a plugin with its bundled files to the folder `to`, replacing an older one completely. A link stays a link,
    and the folder keeps its owner. If anything fails, the older plugin stays. Raises OSError, DiskTrouble."""
    check_plugin_folder(to)
    to = Path(os.path.realpath(to))
    make_folders(to.parent)
    with tempfile.TemporaryDirectory(prefix=f".{to.name}-", dir=to.parent) as temporary:
        new, old = Path(temporary) / to.name, Path(temporary) / "old"
        write_plugin(package, new)
        for path in (new, *new.rglob("*")):  # the sources may have been unpacked with any umask
            path.chmod(path.stat().st_mode & 0o777 & ~SHARED_WRITING)
        if not to.exists():
            new.rename(to)
            return
        _give_to_owner_of(to, new)
        to.rename(old)
        try:
            new.rename(to)
        except OSError:
            old.rename(to)
            raise


def _give_to_owner_of(old: Path, new: Path) -> None:
    """Root who installs for another user must not lock that user out."""
    owner = old.stat()
    if not POSIX or os.geteuid() != 0 or owner.st_uid == 0:
        return
    for path in (new, *new.rglob("*")):
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


def remove(path: Path) -> None:
    """Delete what `install` has written. Of a link only the link: what it leads to may be anything. Raises OSError."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


@contextlib.contextmanager
def limited_umask() -> Iterator[None]:
    """While open, new files and folders cannot be changed by others, whatever the umask was."""
    before = os.umask(0)
    os.umask(before | SHARED_WRITING)
    try:
        yield
    finally:
        os.umask(before)


@contextlib.contextmanager
def as_disk_trouble(editor: str, folder: Path) -> Iterator[None]:
    """Turn OSError into DiskTrouble with a message that names the file, or else the folder."""
    try:
        yield
    except OSError as error:
        raise DiskTrouble(
            lazy_text(
                "{editor}'s folders in {folder} cannot be read or written ({why}). Free some disk space or allow "
                "writing there, then run the command again.",
                editor=editor,
                folder=error.filename or folder,
                why=error.strerror,
            )
        ) from error


def absolute_or_default(chosen: str | None, default: Path) -> Path:
    """Return the folder from an environment variable if it is an absolute path, otherwise the default."""
    return Path(chosen) if chosen and Path(chosen).is_absolute() else default

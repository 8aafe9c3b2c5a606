"""The daemon's environment on the disk: its parts, whether it is complete, and how it is removed.

environment/
  made-by-velatura    marks the folder as ours: nothing is deleted in a folder without it
  venv/               the Python, PyTorch and Velatura
  downloads/          what was downloaded so far; deleted once everything is installed
  wheel/              the wheel of Velatura that is installed
  complete.json       written last: what is installed
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from velatura.app_dirs import AppDirs, make_private_folder, read_private_file, write_private_file
from velatura.client.launch import Launcher, environment_command, record_launcher, recorded_launcher
from velatura.errors import DiskTrouble, UnsafeConnectionFile
from velatura.i18n import lazy_text

MISSING, UNFINISHED, OUTDATED, BROKEN, READY = "missing", "unfinished", "outdated", "broken", "ready"


@dataclass(frozen=True)
class Stamp:
    """What is installed. wheel: SHA-256 of Velatura's wheel. build: the daemon's build id. Both are empty while an
    update replaces Velatura, and after one that was interrupted. python, torch: versions."""

    version: str
    wheel: str
    build: str
    python: str
    torch: str


class Environment:
    """The environment of one user. Only a set-up that holds the lock changes it."""

    def __init__(self, dirs: AppDirs) -> None:
        self.dirs = dirs
        self.folder = dirs.environment
        self.mark = self.folder / "made-by-velatura"
        self.venv = self.folder / "venv"
        self.downloads = self.folder / "downloads"
        self.wheels = self.folder / "wheel"
        self.stamp = dirs.environment_stamp
        self.python = dirs.environment_python

    @property
    def command(self) -> tuple[str, ...]:
        """The command that starts the daemon."""
        return environment_command(self.dirs)

    @property
    def wheel(self) -> Path | None:
        """The wheel of Velatura that was installed last, or None."""
        wheels = sorted(self.wheels.glob("velatura-*.whl"))
        return wheels[0] if wheels else None

    def state(self, wheel: Path | None) -> str:
        """Return MISSING, UNFINISHED, OUTDATED (another wheel than this one is installed), BROKEN or READY."""
        stamp = self.read_stamp()
        if stamp is None:
            return UNFINISHED if self.mark.exists() else MISSING
        if not os.access(self.python, os.X_OK):
            return BROKEN
        return OUTDATED if wheel is not None and sha256(wheel) != stamp.wheel else READY

    def read_stamp(self) -> Stamp | None:
        """Return what is installed, or None if nothing is, or not completely."""
        try:
            return Stamp(**json.loads(read_private_file(self.stamp)))
        except (OSError, ValueError, TypeError, UnsafeConnectionFile):
            return None

    def write_stamp(self, stamp: Stamp) -> None:
        """Mark the environment as complete, and record how its daemon is started: options that were given to this
        daemon before are kept. Raises DiskTrouble."""
        self._write(stamp)
        record_launcher(self.dirs, Launcher(self._recorded_command() or self.command, stamp.build))

    def forget_build(self) -> None:
        """Note that Velatura is about to be replaced: if that is interrupted, nobody takes the daemon that is installed
        then for the one of before. Raises DiskTrouble."""
        stamp = self.read_stamp()
        if stamp is not None:
            self._write(replace(stamp, wheel="", build=""))
        if command := self._recorded_command():
            record_launcher(self.dirs, Launcher(command, ""))

    def _write(self, stamp: Stamp) -> None:
        write_private_file(self.stamp, json.dumps(asdict(stamp), indent=1).encode())

    def _recorded_command(self) -> tuple[str, ...]:
        """The recorded command with its options, if it starts this environment's daemon."""
        try:
            known = recorded_launcher(self.dirs)
        except UnsafeConnectionFile:
            return ()
        is_this_one = known is not None and known.command[: len(self.command)] == self.command
        return known.command if known is not None and is_this_one else ()

    # --- making and removing ----------------------------------------------------------------------------
    def claim(self) -> None:
        """Create the folder, unless it is there and ours. Raises DiskTrouble."""
        if self.folder.is_dir() and not self.mark.exists() and any(self.folder.iterdir()):
            raise DiskTrouble(
                lazy_text(
                    "{folder} has files that are not Velatura's, so nothing was changed. Move them away, then try "
                    "again.",
                    folder=self.folder,
                )
            )
        make_private_folder(self.folder)
        self.mark.touch()

    def discard(self, *parts: Path) -> None:
        """Delete parts of the environment; of a link only the link, since it may lead anywhere. Raises OSError."""
        for path in parts:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def keep_wheel(self, wheel: Path) -> Path:
        """Copy the wheel here, so that a repair does not need the plugin. Returns the copy. Raises OSError."""
        copy = self.wheels / wheel.name
        if wheel != copy:
            data = wheel.read_bytes()
            self.discard(self.wheels)
            self.wheels.mkdir()
            copy.write_bytes(data)
        return copy

    def remove(self) -> bool:
        """Delete the environment and the record of how its daemon is started. Returns False if there was none.

        Links are deleted, never followed; what else lies in the folder stays. Raises DiskTrouble, OSError.
        """
        if not os.path.lexists(self.folder):
            return False
        if not self.mark.exists():
            raise DiskTrouble(
                lazy_text("{folder} was not made by Velatura's set-up, so nothing was deleted.", folder=self.folder)
            )
        self.discard(self.stamp, self.venv, self.downloads, self.wheels, self.mark)
        with contextlib.suppress(UnsafeConnectionFile):
            known = recorded_launcher(self.dirs)
            if known is not None and known.command[:1] == self.command[:1]:
                self.dirs.launch_file.unlink(missing_ok=True)
        for folder in (self.folder, self.folder.parent):  # the second may have other things of ours
            if folder.is_symlink():
                break
            with contextlib.suppress(OSError):
                folder.rmdir()
        return True


def sha256(path: Path) -> str:
    """Return the hash of a file, or '' if it cannot be read."""
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""


def size_of(*folders: Path) -> int:
    """Return the bytes of all files below these folders, which may be changing meanwhile. Links are not followed."""
    total = 0
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                with contextlib.suppress(OSError):
                    total += os.lstat(f"{path}{os.sep}{name}").st_size
    return total

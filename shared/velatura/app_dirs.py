"""Where things lie on each system: configuration, state (connection file, logs), caches, the socket.

VELATURA_HOME puts everything under one folder: tests use it, and people who want two daemons.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from velatura.atomic import POSIX, PRIVATE, sync_folder, write_atomically
from velatura.errors import DiskTrouble, UnsafeConnectionFile

__all__ = [
    "POSIX",
    "AppDirs",
    "make_private_folder",
    "places",
    "read_private_file",
    "sync_folder",
    "write_private_file",
]


@dataclass(frozen=True)
class AppDirs:
    """config: what a person chose. state: connection file, lock, logs. cache: weights, spool. runtime: the socket."""

    config: Path
    state: Path
    cache: Path
    runtime: Path

    @property
    def connection_file(self) -> Path:
        return self.state / "connection.json"

    @property
    def lock_file(self) -> Path:
        return self.state / "daemon.lock"

    @property
    def log_file(self) -> Path:
        return self.state / "daemon.log"

    @property
    def launch_file(self) -> Path:
        """The recorded command that starts the daemon: an editor cannot guess it."""
        return self.config / "launch.json"

    @property
    def styles(self) -> Path:
        """Styles that came from no file: from layers, the clipboard, a browser."""
        return self.config / "styles"

    @property
    def spool(self) -> Path:
        """Pictures of the daemon. Not a cache: results that wait are among them."""
        return self.state / "spool"

    @property
    def weights(self) -> Path:
        return self.cache / "weights"


def places(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> AppDirs:
    """The places of this user, on this system."""
    env = os.environ if env is None else env
    if env.get("VELATURA_HOME"):
        home = Path(env["VELATURA_HOME"])
        return AppDirs(home / "config", home / "state", home / "cache", home / "run")
    if platform == "win32":
        roaming = Path(env.get("APPDATA") or Path.home() / "AppData/Roaming")
        local = Path(env.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "Velatura"
        return AppDirs(roaming / "Velatura", local / "State", local / "Cache", local / "Run")
    # Snap gives an editor a home of its own; the daemon's files lie under the real one.
    home = Path(env.get("SNAP_REAL_HOME") or env.get("HOME") or Path.home())
    if platform == "darwin":
        support = home / "Library/Application Support/Velatura"
        return AppDirs(support, support / "State", home / "Library/Caches/Velatura", support / "Run")
    sandboxed = bool(env.get("FLATPAK_ID") or env.get("SNAP"))

    def xdg(variable: str, default: str) -> Path:
        """Inside a sandbox the variables name folders that the daemon outside does not share."""
        chosen = "" if sandboxed else env.get(variable, "")
        return (Path(chosen) if Path(chosen).is_absolute() else home / default) / "velatura"

    state = xdg("XDG_STATE_HOME", ".local/state")
    runtime = env.get("XDG_RUNTIME_DIR", "")
    usable = Path(runtime).is_absolute() and Path(runtime).is_dir()
    return AppDirs(
        config=xdg("XDG_CONFIG_HOME", ".config"),
        state=state,
        cache=xdg("XDG_CACHE_HOME", ".cache"),
        runtime=Path(runtime) / "velatura" if usable else state / "run",
    )


def make_private_folder(folder: Path) -> Path:
    """The folder, made if need be, 0700 and one's own. Raises DiskTrouble."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if POSIX:
            info = folder.lstat()
            if stat.S_ISLNK(info.st_mode):
                info = folder.stat()
            if info.st_uid != os.geteuid():
                raise DiskTrouble(f"The folder {folder} belongs to another user; Velatura needs it to be yours.")
            if stat.S_IMODE(info.st_mode) != 0o700:
                folder.chmod(0o700)
    except OSError as error:
        raise DiskTrouble(
            f"The folder {folder} cannot be made ({error.strerror}). Make room or give the right to write there."
        ) from error
    return folder


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file atomically (`write_atomically`) that only this user can read (0600). Raises DiskTrouble."""
    make_private_folder(path.parent)
    try:
        write_atomically(path, lambda file: file.write(data), mode=PRIVATE)
        sync_folder(path.parent)
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be written ({error.strerror}). Make room or give the right to write there."
        ) from error


def read_private_file(path: Path, limit: int = 65536) -> bytes:
    """What the file holds, if nobody else can have put it there or read it. Raises FileNotFoundError where there is
    none, UnsafeConnectionFile where it is a link, another's, or open to others (on Windows the profile's ACL rules)."""
    if not POSIX:
        with path.open("rb") as file:
            return file.read(limit)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsafeConnectionFile(
            f"{path} is a link or cannot be read ({error.strerror}). Remove it and start again."
        ) from error
    try:
        info = os.fstat(fd)
        wrong = (
            "is not a plain file"
            if not stat.S_ISREG(info.st_mode)
            else "belongs to another user"
            if info.st_uid != os.geteuid()
            else "can be read or changed by others"
            if info.st_mode & 0o077
            else ""
        )
        if wrong:
            raise UnsafeConnectionFile(
                f"{path} {wrong}, so Velatura does not trust it. Remove it; the daemon writes a new one when it starts."
            )
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(fd)

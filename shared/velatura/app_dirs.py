"""The folders that Velatura uses on each operating system, and safe reading and writing of private files.

VELATURA_HOME puts all folders under one. Tests use it, and so can users who want to run two daemons.
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
    "app_dirs",
    "make_private_folder",
    "read_private_file",
    "sync_folder",
    "write_private_file",
]


@dataclass(frozen=True)
class AppDirs:
    """The folders of one user.

    config: the user's choices. state: connection file, lock, logs, spool. cache: weights. runtime: the socket.
    """

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
        """The recorded command that starts the daemon. An editor plugin cannot guess it."""
        return self.config / "launch.json"

    @property
    def styles(self) -> Path:
        """Styles that were not loaded from a file: from layers, the clipboard or a browser."""
        return self.config / "styles"

    @property
    def spool(self) -> Path:
        """The daemon's pictures. Not a cache, since it contains results that were not fetched yet."""
        return self.state / "spool"

    @property
    def weights(self) -> Path:
        return self.cache / "weights"


def app_dirs(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> AppDirs:
    """Return the folders of this user on this system. env: environment variables, by default the process's own."""
    env = os.environ if env is None else env
    if env.get("VELATURA_HOME"):
        home = Path(env["VELATURA_HOME"])
        return AppDirs(home / "config", home / "state", home / "cache", home / "run")
    if platform == "win32":
        roaming = Path(env.get("APPDATA") or Path.home() / "AppData/Roaming")
        local = Path(env.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "Velatura"
        return AppDirs(roaming / "Velatura", local / "State", local / "Cache", local / "Run")
    # Snap gives an editor its own home folder. The daemon's files are in the real one.
    home = Path(env.get("SNAP_REAL_HOME") or env.get("HOME") or Path.home())
    if platform == "darwin":
        support = home / "Library/Application Support/Velatura"
        return AppDirs(support, support / "State", home / "Library/Caches/Velatura", support / "Run")
    sandboxed = bool(env.get("FLATPAK_ID") or env.get("SNAP"))

    def xdg(variable: str, default: str) -> Path:
        """Inside a sandbox the variables name folders that the daemon outside does not use, so they are ignored."""
        value = "" if sandboxed else env.get(variable, "")
        return (Path(value) if Path(value).is_absolute() else home / default) / "velatura"

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
    """Create the folder if necessary, check that the user owns it, and set its mode to 0700. Raises DiskTrouble."""
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
            f"The folder {folder} cannot be created ({error.strerror}). Free some disk space or make its parent folder "
            "writable."
        ) from error
    return folder


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file with mode 0600 atomically: readers see the complete old file or the complete new one.

    See `write_atomically`. Raises DiskTrouble.
    """
    make_private_folder(path.parent)
    try:
        write_atomically(path, lambda file: file.write(data), mode=PRIVATE)
        sync_folder(path.parent)
    except OSError as error:
        raise DiskTrouble(
            f"{path} cannot be written ({error.strerror}). Free some disk space or make the folder writable."
        ) from error


def _problem_with(info: os.stat_result) -> str:
    """Say why a file with this status is not private to this user; empty if it is."""
    if not stat.S_ISREG(info.st_mode):
        return "is not a plain file"
    if info.st_uid != os.geteuid():
        return "belongs to another user"
    if info.st_mode & 0o077:
        return "can be read or changed by others"
    return ""


def read_private_file(path: Path, limit: int = 65536) -> bytes:
    """Return the first `limit` bytes of a file that only this user can have read or written.

    Raises FileNotFoundError if it does not exist, and UnsafeConnectionFile if it is a link, belongs to another user, or
    is open to others. On Windows nothing is checked: the ACL of the user's profile protects the file.
    """
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
        problem = _problem_with(info)
        if problem:
            raise UnsafeConnectionFile(
                f"{path} {problem}, so Velatura does not trust it. Remove it. The daemon writes a new one when it "
                "starts."
            )
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(fd)

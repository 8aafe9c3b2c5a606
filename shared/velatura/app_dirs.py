"""The folders that Velatura uses on each operating system, and safe reading and writing of private files.

VELATURA_HOME puts all folders under one. Tests use it, and so can users who want to run two daemons.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from velatura.atomic import POSIX, PRIVATE, make_folders, sync_folder, write_atomically, write_users_file
from velatura.errors import DiskTrouble, UnsafeConnectionFile
from velatura.i18n import lazy_text, sentences

__all__ = [
    "POSIX",
    "AppDirs",
    "app_dirs",
    "make_private_folder",
    "read_config_file",
    "read_private_file",
    "snap_home",
    "sync_folder",
    "write_config_file",
    "write_private_file",
]


@dataclass(frozen=True)
class AppDirs:
    """The folders of one user.

    config: the user's choices. state: connection file, lock, logs, spool. cache: weights. runtime: the socket.
    data: the environment that the set-up makes.
    """

    config: Path
    state: Path
    cache: Path
    runtime: Path
    data: Path

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
    def presets(self) -> Path:
        """Named settings, one file each."""
        return self.config / "presets"

    @property
    def spool(self) -> Path:
        """The daemon's pictures. Not a cache, since it contains results that were not fetched yet."""
        return self.state / "spool"

    @property
    def environment(self) -> Path:
        """The daemon as `velatura.setup` installs it, with its packages."""
        return self.data / "environment"

    @property
    def environment_python(self) -> Path:
        return self.environment / "venv" / ("bin/python" if POSIX else "Scripts/python.exe")

    @property
    def environment_stamp(self) -> Path:
        """What is installed in the environment; written once it is complete."""
        return self.environment / "complete.json"

    @property
    def setup_lock(self) -> Path:
        """Held while the environment is being changed."""
        return self.state / "setup.lock"

    @property
    def setup_log(self) -> Path:
        return self.state / "setup.log"

    @property
    def weights(self) -> Path:
        return self.cache / "weights"


def app_dirs(env: Mapping[str, str] | None = None, platform: str = sys.platform) -> AppDirs:
    """Return the folders of this user on this system. env: environment variables, by default the process's own."""
    env = os.environ if env is None else env
    if env.get("VELATURA_HOME"):
        home = Path(env["VELATURA_HOME"])
        return AppDirs(home / "config", home / "state", home / "cache", home / "run", home / "data")
    if platform == "win32":  # not translated: names of folders
        roaming = Path(env.get("APPDATA") or Path.home() / "AppData/Roaming")
        local = Path(env.get("LOCALAPPDATA") or Path.home() / "AppData/Local") / "Velatura"
        return AppDirs(roaming / "Velatura", local / "State", local / "Cache", local / "Run", local)
    if snap_home(env):
        return app_dirs({"VELATURA_HOME": snap_home(env)})
    # Snap gives an editor its own home folder. The daemon's files are in the real one.
    home = Path(env.get("SNAP_REAL_HOME") or env.get("HOME") or Path.home())
    if platform == "darwin":  # not translated: names of folders
        support = home / "Library/Application Support/Velatura"
        return AppDirs(support, support / "State", home / "Library/Caches/Velatura", support / "Run", support)
    sandboxed = bool(env.get("FLATPAK_ID") or env.get("SNAP"))

    def xdg(variable: str, default: str) -> Path:
        """Inside a sandbox the variables name folders that the daemon outside does not use. Flatpak passes on the
        user's own as HOST_XDG_…"""
        value = env.get(f"HOST_{variable}" if sandboxed else variable, "")
        return (Path(value) if Path(value).is_absolute() else home / default) / "velatura"

    state = xdg("XDG_STATE_HOME", ".local/state")
    runtime = env.get("XDG_RUNTIME_DIR", "")
    usable = Path(runtime).is_absolute() and Path(runtime).is_dir()
    return AppDirs(
        config=xdg("XDG_CONFIG_HOME", ".config"),
        state=state,
        cache=xdg("XDG_CACHE_HOME", ".cache"),
        runtime=Path(runtime) / "velatura" if usable else state / "run",
        data=xdg("XDG_DATA_HOME", ".local/share"),
    )


def snap_home(env: Mapping[str, str]) -> str:
    """Return the VELATURA_HOME that an editor in a Snap shares with the outside; empty if it sees the user's folders.

    The interface `home` of Snaps hides all hidden folders of the user's home, such as ~/.local. Programs in a Snap
    without confinement, and those that they start, see them.
    """
    if not env.get("SNAP") or not env.get("SNAP_USER_COMMON"):
        return ""
    state = Path(env.get("SNAP_REAL_HOME") or Path.home(), ".local/state/velatura")
    for folder in (state, *state.parents):
        try:
            next(folder.iterdir(), None)  # an attempt, since its permissions do not tell
            return ""
        except FileNotFoundError:
            continue
        except OSError:
            break
    return str(Path(env["SNAP_USER_COMMON"], "velatura"))


def make_private_folder(folder: Path) -> Path:
    """Create the folder if necessary, check that the user owns it, and set its mode to 0700. Raises DiskTrouble."""
    try:
        make_folders(folder, 0o700)
        if POSIX:
            info = folder.lstat()
            if stat.S_ISLNK(info.st_mode):
                info = folder.stat()
            if info.st_uid != os.geteuid():
                raise DiskTrouble(
                    lazy_text(
                        "The folder {folder} belongs to another user, so Velatura does not use it. Set VELATURA_HOME "
                        "to a folder of your own.",
                        folder=folder,
                    )
                )
            if stat.S_IMODE(info.st_mode) != 0o700:
                folder.chmod(0o700)
    except OSError as error:
        raise DiskTrouble(
            lazy_text(
                "The folder {folder} cannot be created ({why}). Free some disk space or make its parent folder "
                "writable.",
                folder=folder,
                why=error.strerror,
            )
        ) from error
    return folder


def write_private_file(path: Path, data: bytes) -> None:
    """Write a file with mode 0600 atomically: readers see the complete old file or the complete new one.

    See `write_atomically`. Raises DiskTrouble.
    """
    _write(path, lambda: write_atomically(path, lambda file: file.write(data), mode=PRIVATE))


def write_config_file(path: Path, data: bytes) -> None:
    """Write one of the user's own settings. As `write_private_file`, but a link, which programs that manage settings
    put there, stays a link, and permissions stay as they are. Raises DiskTrouble."""
    _write(path, lambda: write_users_file(path, lambda file: file.write(data), mode=PRIVATE))


def _write(path: Path, write: Callable[[], None]) -> None:
    make_private_folder(path.parent)
    try:
        write()
        sync_folder(path.parent)
    except OSError as error:
        raise not_writable(path, error) from error


def not_writable(path: Path, error: OSError) -> DiskTrouble:
    """The error for a file of ours that could not be written."""
    return DiskTrouble(
        lazy_text(
            "{path} cannot be written ({why}). Free some disk space or make the folder writable.",
            path=path,
            why=error.strerror,
        )
    )


def _problem_with(path: Path, info: os.stat_result, forbidden: int) -> str:
    """Say why a file with this status is not private to this user; empty if it is. forbidden: permissions that nobody
    else may have."""
    if not stat.S_ISREG(info.st_mode):
        return lazy_text("{path} is not a plain file, so Velatura does not trust it.", path=path)
    if info.st_uid != os.geteuid():
        return lazy_text("{path} belongs to another user, so Velatura does not trust it.", path=path)
    if info.st_mode & forbidden:
        return lazy_text("{path} can be read or changed by others, so Velatura does not trust it.", path=path)
    return ""


def read_private_file(path: Path, limit: int = 65536) -> bytes:
    """Return the first `limit` bytes of a file that only this user can have read or written.

    Raises FileNotFoundError if it does not exist, and UnsafeConnectionFile if it is a link, belongs to another user, or
    is open to others. On Windows nothing is checked: the ACL of the user's profile protects the file.
    """
    return _read(path, limit, os.O_NOFOLLOW if POSIX else 0, 0o077)


def read_config_file(path: Path, limit: int) -> bytes:
    """Return the first `limit` bytes of one of the user's own settings, which may be a link and readable by others.

    Raises FileNotFoundError if it does not exist, and UnsafeConnectionFile if another user could have written it.
    """
    return _read(path, limit, 0, 0o022)


def _read(path: Path, limit: int, flags: int, forbidden: int) -> bytes:
    if not POSIX:
        with path.open("rb") as file:
            return file.read(limit)
    try:
        fd = os.open(path, os.O_RDONLY | flags | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnsafeConnectionFile(
            lazy_text(
                "{path} is a link or cannot be read ({why}). Remove it and start again.", path=path, why=error.strerror
            )
        ) from error
    try:
        info = os.fstat(fd)
        problem = _problem_with(path, info, forbidden)
        if problem:
            remedy = lazy_text("Remove it. The daemon writes a new one when it starts.")
            raise UnsafeConnectionFile(sentences(problem, remedy))
        with os.fdopen(fd, "rb", closefd=False) as file:
            return file.read(limit)
    finally:
        os.close(fd)

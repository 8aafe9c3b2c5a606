"""How clients find this daemon: its lock and its connection file. The user may delete them, and the next client then
starts another daemon in their place: this one removes nothing that is the other's, and ends."""

from __future__ import annotations

import contextlib
import logging
import os
import tempfile
from pathlib import Path

from velatura.app_dirs import POSIX, AppDirs, make_private_folder
from velatura.client.connection_file import ConnectionInfo, publish, withdraw
from velatura.client.locks import Lock
from velatura.errors import DaemonLost
from velatura.i18n import lazy_text
from velatura.protocol import messages as p
from velatura_daemon import lock_holder

log = logging.getLogger("velatura.server")

MAX_SOCKET_PATH = 100  # bytes; the system's limit is 104 on macOS and 107 on Linux
# Between checks while nothing else happens. They cost an idle daemon 4 ms of CPU time per minute (two cores, AMD EPYC).
CHECK_SECONDS = 10.0


def folder_for_socket(dirs: AppDirs) -> Path:
    """The folder of the Unix socket: the runtime folder, or a temporary one if the path would be too long. Raises
    DiskTrouble."""
    if not POSIX:
        return dirs.runtime
    folder = make_private_folder(dirs.runtime)
    if len(os.fsencode(folder / "daemon.sock")) <= MAX_SOCKET_PATH:
        return folder
    return Path(tempfile.mkdtemp(prefix="velatura-"))  # 0700, and short


def _identity(folder: Path) -> tuple[int, int] | None:
    """Device and inode of a folder, or None if it does not exist."""
    with contextlib.suppress(OSError):
        info = folder.stat()
        return info.st_dev, info.st_ino
    return None


class Presence:
    """The lock and the connection file of this daemon."""

    def __init__(self, dirs: AppDirs, lock: Lock, key: bytes, build: str) -> None:
        """lock: acquired. key: of the connection file."""
        self._dirs, self._lock, self._key, self._build = dirs, lock, key, build
        self.superseded = False
        self._state_folder = _identity(dirs.state)

    def publish(self, endpoints: list[str]) -> None:
        """Write the connection file. Raises DiskTrouble."""
        publish(self._dirs, ConnectionInfo(tuple(endpoints), self._key, os.getpid(), self._build))

    def withdraw(self) -> None:
        """Delete the connection file, unless it is another daemon's."""
        with contextlib.suppress(OSError):
            withdraw(self._dirs, self._key)

    def check(self) -> bool:
        """Return whether this daemon is the one that clients find, and the files in its folders are its own. A deleted
        lock file is restored, unless its folder was deleted too, with the pictures in it, or another daemon was faster.
        Then this one never is again."""
        if not self.superseded and not self._lock.is_current and not self._renew_lock():
            self.superseded = True
            log.warning(
                "the lock file %s was deleted or replaced; this daemon takes no new restyles and stops after its last",
                self._lock.path,
            )
        return not self.superseded

    def _renew_lock(self) -> bool:
        with contextlib.suppress(OSError):
            if self._state_folder is not None and _identity(self._dirs.state) == self._state_folder:
                log.warning("the lock file was deleted; restoring it")
                if not self._lock.renew():
                    return False
                with contextlib.suppress(OSError):  # on a full disk; it is locked all the same
                    lock_holder.note(self._lock)
                return True
        return False

    def refuse_new_work(self, message: p.Message) -> None:
        """Raise DaemonLost for a message that brings work, if this daemon is about to end."""
        if isinstance(message, (p.Hello, p.Restyle, p.Resume)) and not self.check():
            raise DaemonLost(
                lazy_text("This daemon is stopping, because its lock file was deleted. Try again in a moment.")
            )

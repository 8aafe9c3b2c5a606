"""File locks that the operating system releases when their owner dies. One of them ensures one daemon per user."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


PATIENCE = 1.0  # seconds: a process that looks for a daemon holds the lock for an instant (`is_held`)


class Lock:
    """An exclusive lock on a file. It is held from `acquire` to `close`.

    Args:
        path: The file, created if it does not exist.

    Attributes:
        fd: The descriptor of the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self, patience: float = 0.0) -> bool:
        """Try to acquire the lock.

        Args:
            patience: For up to this many seconds.

        Returns:
            Whether it succeeded.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                if sys.platform == "win32":
                    msvcrt.locking(self.fd, msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.01)

    @property
    def is_current(self) -> bool:
        """Whether the locked file is still the one at its path.

        Once it was deleted, another process can make and lock a new one.
        """
        try:
            here, there = os.fstat(self.fd), self.path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # a moment's trouble of the file system
            return True
        return (here.st_dev, here.st_ino) == (there.st_dev, there.st_ino)

    def renew(self) -> bool:
        """Lock the file at the path instead of the deleted one.

        Returns:
            False if another process has locked it.

        Raises:
            OSError: The file cannot be created.
        """
        new = Lock(self.path)
        if not new.acquire(PATIENCE) or not new.is_current:
            new.close()
            return False
        self.close()
        self.fd = new.fd
        return True

    def write(self, text: str) -> None:
        """Replace the content of the lock file, for processes that find it locked."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, text.encode(), 0) if hasattr(os, "pwrite") else os.write(self.fd, text.encode())

    def close(self) -> None:
        """Release the lock."""
        os.close(self.fd)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock on this file."""
    try:
        path.stat()
        lock = Lock(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # a sandbox, or another user's folder, does not let us look or open it: assume that it is held
    try:
        return not lock.acquire()
    finally:
        lock.close()

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


class Lock:
    """An exclusive lock on a file. It is held from `acquire` to `close`."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def acquire(self, patience: float = 0.0) -> bool:
        """Try to acquire the lock for up to `patience` seconds. Returns whether it succeeded.

        Some patience is useful, since `is_held` acquires the lock for a moment.
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

    def write(self, text: str) -> None:
        """Replace the content of the lock file, for processes that find it locked."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, text.encode(), 0) if hasattr(os, "pwrite") else os.write(self.fd, text.encode())

    def close(self) -> None:
        """Release the lock."""
        os.close(self.fd)


def is_held(path: Path) -> bool:
    """Return whether a process holds the lock on this file."""
    if not path.exists():
        return False
    try:
        lock = Lock(path)
    except OSError:
        return True  # a sandbox shows the file but does not let us open it: assume that it is held
    try:
        return not lock.acquire()
    finally:
        lock.close()

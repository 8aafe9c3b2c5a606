"""One daemon a user: a lock that the system lets go of when its holder dies."""

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
    """A lock on a file. Held as long as this object is open."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def take(self, patience: float = 0.0) -> bool:
        """Try for `patience` seconds (someone may just be looking). True when it is ours."""
        end = time.monotonic() + patience
        while True:
            try:
                if sys.platform == "win32":
                    msvcrt.locking(self.fd, msvcrt.LK_NBLCK, 1)
                else:
                    fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() >= end:
                    return False
                time.sleep(0.01)

    def note(self, text: str) -> None:
        """Write into the file, for whoever finds it held."""
        os.ftruncate(self.fd, 0)
        os.pwrite(self.fd, text.encode(), 0) if hasattr(os, "pwrite") else os.write(self.fd, text.encode())

    def close(self) -> None:
        """Let go."""
        os.close(self.fd)


def is_held(path: Path) -> bool:
    """Whether some process holds the lock: a connection file without a holder is left from a crash."""
    if not path.exists():
        return False
    try:
        lock = Lock(path)
    except OSError:
        return True  # a sandbox that lets us look but not open it: believe the file
    try:
        return not lock.take()
    finally:
        lock.close()

"""Names of files as a message and a terminal can carry them: a file system takes bytes that are no text."""

from __future__ import annotations

from pathlib import Path


def printable(path: Path | str) -> str:
    """What is no text becomes an escape such as \\udcff: no two names become one."""
    return str(path).encode("utf-8", "backslashreplace").decode()

"""File names as valid Unicode, for messages: on many systems file names are bytes that need not be text."""

from __future__ import annotations

from pathlib import Path


def printable(path: Path | str) -> str:
    """Replace bytes that are not text with escapes such as \\udcff, so that different names stay different."""
    return str(path).encode("utf-8", "backslashreplace").decode()

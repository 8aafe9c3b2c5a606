"""`velatura daemon logs`: print the end of the log, and new lines as they are written."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TextIO

from velatura.i18n import _
from velatura_daemon.terminal.console import echo

POLL_SECONDS = 0.2  # interval of checks for new lines


def print_log(path: Path, lines: int, *, follow: bool) -> None:
    """Print the last lines of a log, including the file before its last rotation if needed. follow: keep printing new
    lines until interrupted."""
    if not path.exists() and not follow:
        echo(
            _("There is no log yet ({file}). The daemon creates it when it starts for the first time.").format(
                file=path
            )
        )
        return
    file = _open(path) if path.exists() else None
    last = _lines(file.read()) if file is not None else []
    if len(last) < lines and (rotated := path.with_name(f"{path.name}.1")).exists():
        with _open(rotated) as before:
            last = _lines(before.read()) + last
    for line in last[len(last) - lines :] if lines < len(last) else last:
        echo(line)
    while follow:
        for line in file or ():
            _echo_part(line)
        file = _after_rotation(path, file)
        time.sleep(POLL_SECONDS)


def _open(path: Path) -> TextIO:
    return path.open(encoding="utf-8", errors="replace", newline="\n")


def _lines(text: str) -> list[str]:
    return text.removesuffix("\n").split("\n") if text else []


def _echo_part(line: str) -> None:
    """Print a line of a log, or the part of it that has been written so far."""
    echo(line.removesuffix("\n"), end=line.endswith("\n"))


def _after_rotation(path: Path, file: TextIO | None) -> TextIO | None:
    """Return the file that the log is written to now: `file`, or the new file after a rotation."""
    try:
        if file is not None and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        new_file = _open(path)
    except FileNotFoundError:  # during a rotation, or before the first start
        return file
    if file is not None:
        for line in file:  # the rest from before the rotation
            _echo_part(line)
        file.close()
    return new_file

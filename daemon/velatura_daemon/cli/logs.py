"""`velatura daemon logs`: print the end of the log, and new lines as they are written."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TextIO

import click

POLL_SECONDS = 0.2  # interval of checks for new lines


def show(path: Path, lines: int, *, follow: bool) -> None:
    """Print the last lines of a log, including the file before its last rotation if needed. follow: keep printing new
    lines until interrupted."""
    if not path.exists() and not follow:
        click.echo(f"There is no log yet ({path}). The daemon creates it when it starts for the first time.")
        return
    file: TextIO | None = path.open(encoding="utf-8", errors="replace") if path.exists() else None
    last = file.read().splitlines() if file is not None else []
    if len(last) < lines and (rotated := path.with_name(f"{path.name}.1")).exists():
        last = rotated.read_text(encoding="utf-8", errors="replace").splitlines() + last
    for line in last[len(last) - lines :] if lines < len(last) else last:
        click.echo(line)
    while follow:
        for line in file or ():
            click.echo(line, nl=False)
        file = _after_rotation(path, file)
        time.sleep(POLL_SECONDS)


def _after_rotation(path: Path, file: TextIO | None) -> TextIO | None:
    """Return the file that the log is written to now: `file`, or the new file after a rotation."""
    try:
        if file is not None and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        new_file = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # during a rotation, or before the first start
        return file
    if file is not None:
        for line in file:  # the rest from before the rotation
            click.echo(line, nl=False)
        file.close()
    return new_file

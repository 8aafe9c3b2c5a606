"""`velatura daemon logs`: the last lines of the log, and new ones as they come."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import TextIO

import click

LOOK_EVERY = 0.2  # seconds between looks for new lines


def show(path: Path, lines: int, *, follow: bool) -> None:
    """Print the last lines of a log, also from the file before its last rotation; with follow, go on until it is
    interrupted."""
    if not path.exists() and not follow:
        click.echo(f"There is no log yet ({path}). The daemon writes it from its first start on.")
        return
    file: TextIO | None = path.open(encoding="utf-8", errors="replace") if path.exists() else None
    last = file.read().splitlines() if file is not None else []
    if len(last) < lines and (before := path.with_name(f"{path.name}.1")).exists():
        last = before.read_text(encoding="utf-8", errors="replace").splitlines() + last
    for line in last[len(last) - lines :] if lines < len(last) else last:
        click.echo(line)
    while follow:
        for line in file or ():
            click.echo(line, nl=False)
        file = _after_rotation(path, file)
        time.sleep(LOOK_EVERY)


def _after_rotation(path: Path, file: TextIO | None) -> TextIO | None:
    """The file that the log is written to now: this one, or the new one after a rotation."""
    try:
        if file is not None and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            return file
        fresh = path.open(encoding="utf-8", errors="replace")
    except FileNotFoundError:  # just being rotated, or not there yet
        return file
    if file is not None:
        for line in file:  # what came before the rotation
            click.echo(line, nl=False)
        file.close()
    return fresh

"""A contact sheet of a batch's results, for a few pictures or for thousands."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from velatura.errors import VelaturaError
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura_daemon.batch.frames import SHEET
from velatura_daemon.batch.manifest import Manifest
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet, thumbnail

MAX_CELLS = 48
SIDE = 240  # pixels, longest side of a cell
LABEL_CHARACTERS = 30  # that fit above a cell of that width

T = TypeVar("T")


def evenly_chosen(items: Sequence[T], limit: int) -> list[T]:
    """Return at most `limit` items in order, evenly spaced, including the first and the last."""
    if len(items) <= limit:
        return list(items)
    return [items[round(i * (len(items) - 1) / (limit - 1))] for i in range(limit)]


def sheet_of(paths: Sequence[Path]) -> Picture | None:
    """Draw a sheet of picture files, evenly chosen if there are many. Files that cannot be read are left out. Returns
    None if none can be read."""
    from velatura_daemon.imaging.files import read_picture

    cells = []
    for path in evenly_chosen(paths, MAX_CELLS):
        try:
            cells.append(Cell(thumbnail(read_picture(path, at_most=2 * SIDE).picture, SIDE, SIDE), _label(path.name)))
        except VelaturaError:
            continue  # for example, too large: full-size pictures are loaded one at a time
    pictures = [cell.picture for cell in cells if cell.picture]
    if not pictures:
        return None
    width, height = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    columns = max(1, min(len(cells), round(math.sqrt(1.5 * len(cells) * height / width))))  # for a sheet of about 3:2
    return contact_sheet([cells[i : i + columns] for i in range(0, len(cells), columns)], width, height)


def write_sheet(paths: Sequence[Path], manifest: Manifest, *, force: bool, changed: bool) -> tuple[Path | None, str]:
    """Write the contact sheet into the manifest's folder if there is none yet or a picture has changed. Returns its
    path, or None and the reason, which may be ''."""
    from velatura_daemon.imaging.files import write_picture

    path = manifest.folder / SHEET
    may_write = manifest.may_write(path)
    if not (may_write or force):
        return None, lazy_text(
            "No contact sheet was written: {path} already exists with content that is not from this command.",
            path=str(path),
        )
    if path.exists() and not changed:
        return path, ""
    sheet = sheet_of(paths)
    if sheet is None:
        return None, ""
    write_picture(path, sheet, description="Contact sheet", force=True)  # not translated: metadata
    manifest.note(path)
    return path, ""


def _label(name: str) -> str:
    """Shorten a long name to its end, because that is where frames have their numbers."""
    return name if len(name) <= LABEL_CHARACTERS else f"…{name[1 - LABEL_CHARACTERS :]}"

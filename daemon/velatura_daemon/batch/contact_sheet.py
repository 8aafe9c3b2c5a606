"""Results side by side on one picture, whether there are three or three thousand."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura_daemon.batch.frames import SHEET
from velatura_daemon.batch.manifest import Manifest
from velatura_daemon.imaging.contact_sheet import Cell, contact_sheet, shrunk

MOST = 48  # cells
SIDE = 240  # pixels, of a cell's longest side
LETTERS = 30  # of a name that stand above a cell of that width

T = TypeVar("T")


def evenly(things: Sequence[T], most: int) -> list[T]:
    """As many of them, in order, with the first and the last among them."""
    if len(things) <= most:
        return list(things)
    return [things[round(i * (len(things) - 1) / (most - 1))] for i in range(most)]


def sheet_of(paths: Sequence[Path]) -> Picture | None:
    """Of these pictures' files, or of evenly chosen ones; one that cannot be read any more is left out. None where none
    can."""
    from velatura_daemon.imaging.files import read_picture

    cells = []
    for path in evenly(paths, MOST):
        try:
            cells.append(Cell(shrunk(read_picture(path).picture, SIDE, SIDE), _label(path.name)))
        except VelaturaError:
            continue  # one at a time is in memory: it may have been as large as a picture goes
    pictures = [cell.picture for cell in cells if cell.picture]
    if not pictures:
        return None
    width, height = max(picture.width for picture in pictures), max(picture.height for picture in pictures)
    columns = max(1, min(len(cells), round(math.sqrt(1.5 * len(cells) * height / width))))  # about as wide as 3 to 2
    return contact_sheet([cells[i : i + columns] for i in range(0, len(cells), columns)], width, height)


def write_sheet(paths: Sequence[Path], ledger: Manifest, *, force: bool, changed: bool) -> tuple[Path | None, str]:
    """The contact sheet in the ledger's folder: made where there is none or a picture has changed. Returns where it
    lies, and a sentence where there is none of ours."""
    from velatura_daemon.imaging.files import write_picture

    path = ledger.folder / SHEET
    is_ours = ledger.may_write(path)
    if not (is_ours or force):
        return None, f"No contact sheet was made: {path} is there already, and not as this command has written it."
    if path.exists() and not changed:
        return path, ""
    sheet = sheet_of(paths)
    if sheet is None:
        return None, ""
    write_picture(path, sheet, description="Contact sheet", force=True)
    ledger.note(path)
    return path, ""


def _label(name: str) -> str:
    """Where it is long its end, which is where frames have their numbers."""
    return name if len(name) <= LETTERS else f"…{name[1 - LETTERS :]}"

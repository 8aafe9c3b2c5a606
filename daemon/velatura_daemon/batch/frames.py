"""The pictures of a folder, in the order in which people count them, and the names that their results get."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from velatura.errors import UsageError

SHEET = "contact-sheet.jpg"
LEDGER = ".velatura-batch"
KINDS_SHOWN = 6  # endings of what is passed over that are named


@dataclass(frozen=True)
class Frame:
    """A picture of the folder, and where its result goes."""

    photo: Path
    output: Path


@dataclass(frozen=True)
class Found:
    """photos: in natural order. passed_over: a sentence on what else lies there, '' where nothing does."""

    photos: list[Path]
    passed_over: str


def pictures_in(folder: Path, given: Iterable[Path] = ()) -> Found:
    """The folder's pictures by their names' endings: one that is empty or damaged is a picture still. Sub-folders are
    not entered. given: files that have another part in the restyle, a painting or a mask. Raises UsageError where there
    is no picture."""
    from velatura_daemon.imaging.files.other import suffixes

    known, others = suffixes(), {path.resolve() for path in given}
    was_made_here = (folder / LEDGER).exists()  # its contact sheet is none of its pictures
    photos: list[Path] = []
    kinds: Counter[str] = Counter()
    hidden = folders = used = 0
    for path in _entries(folder):
        if path.name.startswith("."):
            hidden += path.name != LEDGER
        elif path.is_dir():
            folders += 1
        elif path.suffix.lower() not in known:
            kinds[path.suffix.lower() or "no ending"] += 1
        elif path.exists() and not path.is_file():
            kinds["a pipe or a device"] += 1  # to read one may never end
        elif path.resolve() in others:
            used += 1
        elif not (was_made_here and path.name == SHEET):
            photos.append(path)
    over = _passed_over(kinds, hidden, folders, used)
    if not photos:
        raise UsageError(f"There is no picture in {folder}. {over or 'It is empty.'}")
    return Found(sorted(photos, key=natural), over)


def natural(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sorts numbers in names by what they count: frame9 comes before frame10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name.casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts], path.name


def framed(photos: Iterable[Path], folder: Path) -> list[Frame]:
    """Results have their pictures' names, in folder; those of a format that is not written are PNGs. Where two would
    have one name (a.gif and a.png) the one that cannot keep its own becomes a.gif.png."""
    from velatura_daemon.imaging.files.write import FORMATS

    photos = list(photos)
    keep_theirs = {photo.name.casefold() for photo in photos if photo.suffix.lower() in FORMATS} - {SHEET}
    taken = {SHEET, *keep_theirs}
    frames = []
    for photo in photos:
        name = photo.name
        if name.casefold() not in keep_theirs:
            name = _free_name(photo, taken)
            taken.add(name.casefold())
        frames.append(Frame(photo, folder / name))
    return frames


def _free_name(photo: Path, taken: Collection[str]) -> str:
    name = f"{photo.stem}.png"
    if name.casefold() in taken:
        name = f"{photo.name}.png"
    while name.casefold() in taken:
        name = f"{Path(name).stem}_.png"
    return name


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except FileNotFoundError as error:
        raise UsageError(f"There is no folder {folder}. Check its name.") from error
    except NotADirectoryError as error:
        raise UsageError(
            f"{folder} is no folder. For one picture: velatura restyle {folder} --style PAINTING."
        ) from error
    except PermissionError as error:
        raise UsageError(f"{folder} may not be looked into by you. Change its permissions, or copy it.") from error


def _passed_over(kinds: Counter[str], hidden: int, folders: int, used: int) -> str:
    said = []
    if kinds:
        shown = ", ".join([*sorted(kinds)[:KINDS_SHOWN], *["…"] * (len(kinds) > KINDS_SHOWN)])
        said.append(f"{_count(kinds.total(), 'file')} of kinds that Velatura does not read ({shown})")
    if hidden:
        said.append(f"{hidden} hidden")
    if folders:
        said.append(_count(folders, "folder"))
    if used:
        said.append(f"{_count(used, 'file')} given as painting or mask")
    return f"Passed over: {', '.join(said)}." if said else ""


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"

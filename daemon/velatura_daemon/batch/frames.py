"""The pictures of a folder in natural order, and the file names of their results."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from velatura.errors import UsageError

SHEET = "contact-sheet.jpg"
MANIFEST_FILE = ".velatura-batch"
MAX_EXTENSIONS_SHOWN = 6  # of ignored files, in the message


@dataclass(frozen=True)
class Frame:
    """A picture of the folder, and the file for its result."""

    photo: Path
    output: Path


@dataclass(frozen=True)
class FoundPictures:
    """photos: in natural order. ignored: a sentence about the other files, '' if there are none."""

    photos: list[Path]
    ignored: str


def pictures_in(folder: Path, used: Iterable[Path] = ()) -> FoundPictures:
    """Return the pictures in a folder, recognised by their extensions: an empty or damaged file counts as a picture.
    Subfolders are not searched. used: files with another role in the restyle, as paintings or masks. Raises UsageError
    if there is no picture."""
    from velatura_daemon.imaging.files.pillow import suffixes

    known, used_paths = suffixes(), {path.resolve() for path in used}
    has_results = (folder / MANIFEST_FILE).exists()  # then its contact sheet is not one of the pictures
    photos: list[Path] = []
    extensions: Counter[str] = Counter()
    hidden = folders = used_count = 0
    for path in _entries(folder):
        if path.name.startswith("."):
            hidden += path.name != MANIFEST_FILE
        elif path.is_dir():
            folders += 1
        elif path.suffix.lower() not in known:
            extensions[path.suffix.lower() or "no extension"] += 1
        elif path.exists() and not path.is_file():
            extensions["a pipe or a device"] += 1  # reading it may never end
        elif path.resolve() in used_paths:
            used_count += 1
        elif not (has_results and path.name == SHEET):
            photos.append(path)
    ignored = _ignored_sentence(extensions, hidden, folders, used_count)
    if not photos:
        raise UsageError(f"There are no pictures in {folder}. {ignored or 'It is empty.'}")
    return FoundPictures(sorted(photos, key=natural_order), ignored)


def natural_order(path: Path) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that compares numbers in names by value: frame9 comes before frame10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", path.name.casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts], path.name


def frames_for(photos: Iterable[Path], folder: Path) -> list[Frame]:
    """Name the results in `folder`: like their pictures, or with .png if Velatura cannot write the picture's format. If
    two results would have the same name (a.gif and a.png), the one whose extension changes becomes a.gif.png."""
    from velatura_daemon.imaging.files.write import FORMATS

    photos = list(photos)
    kept_names = {photo.name.casefold() for photo in photos if photo.suffix.lower() in FORMATS} - {SHEET}
    taken = {SHEET, *kept_names}
    frames = []
    for photo in photos:
        name = photo.name
        if name.casefold() not in kept_names:
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
        raise UsageError(f"The folder {folder} does not exist. Check its name.") from error
    except NotADirectoryError as error:
        raise UsageError(
            f"{folder} is not a folder. For one picture, use: velatura restyle {folder} --style PAINTING."
        ) from error
    except PermissionError as error:
        raise UsageError(f"You do not have permission to read {folder}. Change its permissions, or copy it.") from error


def _ignored_sentence(extensions: Counter[str], hidden: int, folders: int, used: int) -> str:
    parts = []
    if extensions:
        shown = ", ".join(
            [*sorted(extensions)[:MAX_EXTENSIONS_SHOWN], *["…"] * (len(extensions) > MAX_EXTENSIONS_SHOWN)]
        )
        parts.append(f"{_count(extensions.total(), 'file')} in formats that Velatura cannot read ({shown})")
    if hidden:
        parts.append(f"{hidden} hidden")
    if folders:
        parts.append(_count(folders, "folder"))
    if used:
        parts.append(f"{_count(used, 'file')} used as painting or mask")
    return f"Ignored: {', '.join(parts)}." if parts else ""


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"

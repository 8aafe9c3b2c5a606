"""Where the windows' styles lie: the samples that a plugin carries, and pictures that came from no file, kept as files."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from pastiche import words
from pastiche.errors import NotAPicture
from pastiche.paths import Places, make_private_folder
from pastiche.pixels import Picture
from pastiche.remembered import Style

MOST_KEPT = 60  # files of styles that came from no file


def samples(folder: Path) -> list[Style]:
    """The paintings that a plugin brings along."""
    return [Style(str(path), words.style_name(path.stem)) for path in sorted(folder.glob("*.png"))]


def of_file(path: str) -> Style:
    return Style(str(Path(path)), words.style_name(Path(path).stem))


def keep(picture: Picture, name: str, places: Places, write: Callable[[Path], object]) -> Style:
    """A picture that came from no file, as a file of ours. write: writes it as a PNG; what it returns is false, or it
    raises OSError, where it could not. Raises DiskTrouble, NotAPicture."""
    folder = make_private_folder(places.styles)
    path = folder / f"{hashlib.sha256(picture.data).hexdigest()[:24]}.png"
    if not path.exists():
        try:
            written = write(path)
        except OSError:
            written = False
        if not written:
            raise NotAPicture(words.NOT_READABLE.format(name=name, why=f"it could not be kept in {folder}"))
    path.touch()
    for old in sorted(folder.glob("*.png"), key=lambda p: p.stat().st_mtime)[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
    return Style(str(path), name)

"""The pictures of a batch and the file names of their results."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePath

from velatura_daemon.terminal.file_names import with_ending

SHEET = "contact-sheet.jpg"
COMPARISON_SHEET = "sheet.jpg"  # of `velatura compare`
MANIFEST_FILE = ".velatura-batch"


@dataclass(frozen=True)
class Frame:
    """A picture of the batch, and the file for its result. place: of the picture in the folder that all pictures are
    in, if it is in a folder there: 'monday/a.png'."""

    photo: Path
    output: Path
    place: str = ""

    @property
    def name(self) -> str:
        """The picture's name for the user and for the record of results; different for each picture of a batch."""
        return self.place or self.photo.name


def natural_order(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort key that compares numbers in names by value: frame9 comes before frame10."""
    parts = re.findall(r"[0-9]+|[^0-9]+", name.casefold())
    return [(0, int(part), "") if part[0] in "0123456789" else (1, 0, part) for part in parts], name


def frames_for(photos: Iterable[Path], folder: Path, base: Path | None = None) -> list[Frame]:
    """Name the results in `folder`: like their pictures, or with .png if Velatura cannot write the picture's format. If
    two results would have the same name (a.gif and a.png), the one whose extension changes becomes a.gif.png.

    base: a folder that all pictures are in: results have the same places below `folder` as their pictures have below
    it. None: all results go directly into `folder`.
    """
    from velatura_daemon.imaging.files.write import FORMATS

    photos = list(photos)
    places = [photo.relative_to(base) if base is not None else PurePath(photo.name) for photo in photos]
    kept = {_folded(place) for place in places if place.suffix.lower() in FORMATS} - {SHEET}
    taken = {SHEET, *kept}
    frames = []
    for photo, place in zip(photos, places, strict=True):
        result = place
        if _folded(place) not in kept:
            result = _free(place, taken)
            taken.add(_folded(result))
        inner = place.as_posix() if len(place.parts) > 1 else ""
        frames.append(Frame(photo, folder / result, inner))
    return frames


def _folded(place: PurePath) -> str:
    """Equal for names that are one file where capitals do not count."""
    return place.as_posix().casefold()


def _free(place: PurePath, taken: Collection[str]) -> PurePath:
    ending = ".png"
    free = place.with_name(with_ending(place.stem, ending))
    while _folded(free) in taken:
        free = place.with_name(with_ending(place.name, ending))
        ending = f"_{ending}"
    return free

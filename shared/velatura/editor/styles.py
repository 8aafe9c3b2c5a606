"""The windows' styles: in which order a gallery shows them, how much each counts and where it goes, where those lie
that came from no file."""

from __future__ import annotations

import hashlib
import math
import os
import re
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from velatura import strings
from velatura.app_dirs import AppDirs, make_private_folder
from velatura.editor.style_regions import Region
from velatura.editor.ui_state import Style
from velatura.errors import NotAPicture, UsageError
from velatura.pixels import Picture

MOST_KEPT = 60  # files of styles that came from no file
SHARE = re.compile(r"(.+):([^:/\\]*)")


def samples(folder: Path) -> list[Style]:
    """The paintings that a plugin brings along."""
    return [Style(str(path), strings.style_name(path.stem)) for path in sorted(folder.glob("*.png"))]


def of_file(path: str) -> Style:
    return Style(str(Path(path)), strings.style_name(Path(path).stem))


def in_order(recent: Sequence[Style], chosen: Sequence[Style], brought: Sequence[Style]) -> list[Style]:
    """What a gallery shows, each once: the recent ones first, then what is chosen, then the samples that are
    brought."""
    shown: dict[str, Style] = {}
    for style in (*recent, *chosen, *brought):
        shown.setdefault(style.path, style)
    return list(shown.values())


class StyleSelection:
    """How much each of several chosen styles counts, and where each goes; remembered while the window is open."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._regions: dict[str, Region] = {}

    def set(self, style: Style, share: float) -> None:
        self._shares[style.path] = share

    def put(self, style: Style, region: Region | None) -> None:
        """Where a style goes; None: wherever no region is."""
        self._regions.pop(style.path, None)
        if region is not None:
            self._regions[style.path] = region

    def forget_regions(self) -> None:
        self._regions.clear()

    def take_over(self, chosen: Sequence[Style]) -> None:
        """The shares that these styles come with."""
        self._shares.update({style.path: style.share for style in chosen})

    def of(self, chosen: Sequence[Style]) -> list[Style]:
        """The styles with their shares and regions; one alone counts whole."""
        alone = len(chosen) == 1
        return [
            Style(s.path, s.name, 1.0 if alone else self._shares.get(s.path, 1.0), self._regions.get(s.path))
            for s in chosen
        ]


def where(style: Style, chosen: Sequence[Style]) -> str:
    """What a window says of where a style goes."""
    if style.region is not None:
        return style.region.name
    return strings.ELSEWHERE if any(one.region for one in chosen) else strings.EVERYWHERE


def parse(word: str) -> tuple[Path, float]:
    """A style as people write it: 'painting.jpg', or 'painting.jpg:0.3' with its share. Raises UsageError."""
    match = SHARE.fullmatch(word)
    if match is None or Path(word).exists():
        return Path(word), 1.0
    try:
        share = float(match[2])
    except ValueError:
        share = math.nan
    if share > 0 and math.isfinite(share):
        return Path(match[1]), share
    if not Path(match[1]).exists():
        return Path(word), 1.0  # a colon in a name, not a share
    raise UsageError(f"The share in {word!r} is {match[2] or 'empty'}; a style's share is a number over 0.")


def keep(picture: Picture, name: str, places: AppDirs, write: Callable[[Path], object]) -> Style:
    """A picture that came from no file, as a file of ours. write: writes it as a PNG; what it returns is false, or it
    raises OSError, where it could not. Raises DiskTrouble, NotAPicture."""
    folder = make_private_folder(places.styles)
    path = folder / f"{hashlib.sha256(picture.data).hexdigest()[:24]}.png"
    if not path.exists():
        beside = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            written = write(beside)
            if written:
                beside.replace(path)
        except OSError:
            written = False
        if not written:
            beside.unlink(missing_ok=True)
            raise NotAPicture(strings.NOT_READABLE.format(name=name, why=f"it could not be kept in {folder}"))
    path.touch()
    for old in sorted(folder.glob("*.png"), key=lambda p: p.stat().st_mtime)[:-MOST_KEPT]:
        old.unlink(missing_ok=True)
    return Style(str(path), name)

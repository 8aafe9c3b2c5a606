"""The styles of the windows: the order of the gallery, shares and regions, and files for styles that have none."""

from __future__ import annotations

import hashlib
import math
import os
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from velatura import strings
from velatura.app_dirs import AppDirs, make_private_folder
from velatura.editor.style_regions import Region
from velatura.editor.ui_state import MAX_RECENT, Style, UiState
from velatura.errors import NotAPicture, UsageError
from velatura.pixels import Picture

MAX_SAVED = 60  # files of styles that did not come from a file
MAX_NAME = 60  # characters of a style's name in the gallery
SHARE = re.compile(r"(.+):([^:/\\]*)")


def samples(folder: Path) -> list[Style]:
    """Return the sample paintings that a plugin contains."""
    return [Style(str(path), strings.style_name(path.stem)) for path in sorted(folder.glob("*.png"))]


def style_from_file(path: str) -> Style:
    """Return the style of a file, with a readable name."""
    return Style(str(Path(path)), strings.style_name(Path(path).stem))


def gallery_order(state: UiState, chosen: Sequence[Style], bundled: Sequence[Style]) -> list[Style]:
    """Return the styles for a gallery, each once: chosen ones that are new, the used ones, then the samples that were
    not removed."""
    known = {style.path for style in (*state.recent, *bundled)}
    new = [style for style in chosen if style.path not in known]
    shown = {style.path: style for style in (*new, *state.recent)}
    for style in bundled:
        if style.path not in state.removed:
            shown.setdefault(style.path, style)
    return list(shown.values())


def moved(shown: Sequence[Style], style: Style, by: int) -> list[Style]:
    """Return the gallery with one style moved by so many places, as far as there are places."""
    styles = list(shown)
    position = next(index for index, other in enumerate(styles) if other.path == style.path)
    styles.insert(max(0, min(position + by, len(styles) - 1)), styles.pop(position))
    return styles


def renamed(shown: Sequence[Style], style: Style, name: str) -> list[Style]:
    """Return the gallery with another name for one style; an empty name changes nothing."""
    name = " ".join(name.split())[:MAX_NAME]
    return [replace(other, name=name) if name and other.path == style.path else other for other in shown]


def arrange(state: UiState, shown: Sequence[Style], removed: Style | None = None) -> None:
    """Record the gallery as the user has arranged it. removed: the style that was just taken out of it."""
    paths = {style.path for style in shown}
    state.removed = [path for path in state.removed if path not in paths]
    if removed is not None:
        state.removed.append(removed.path)
    state.recent = [Style(style.path, style.name) for style in shown][:MAX_RECENT]


class StyleSelection:
    """The shares and regions of styles, kept while the window is open."""

    def __init__(self) -> None:
        self._shares: dict[str, float] = {}
        self._regions: dict[str, Region] = {}

    def set_share(self, style: Style, share: float) -> None:
        self._shares[style.path] = share

    def set_region(self, style: Style, region: Region | None) -> None:
        """Set where a style applies. None: everywhere that no region covers."""
        self._regions.pop(style.path, None)
        if region is not None:
            self._regions[style.path] = region

    def forget_regions(self) -> None:
        self._regions.clear()

    def load_shares(self, chosen: Sequence[Style]) -> None:
        """Set the shares that these styles have."""
        self._shares.update({style.path: style.share for style in chosen})

    def apply_to(self, chosen: Sequence[Style]) -> list[Style]:
        """Return the styles with their shares and regions. The share of a single style is 1."""
        alone = len(chosen) == 1
        return [
            Style(
                style.path,
                style.name,
                1.0 if alone else self._shares.get(style.path, 1.0),
                self._regions.get(style.path),
            )
            for style in chosen
        ]


def region_label(style: Style, chosen: Sequence[Style]) -> str:
    """Return the text of where a style applies. chosen: all chosen styles."""
    if style.region is not None:
        return style.region.name
    return strings.ELSEWHERE if any(other.region for other in chosen) else strings.EVERYWHERE


def parse_style(text: str) -> tuple[Path, float]:
    """Parse a style as users write it: 'painting.jpg', or 'painting.jpg:0.3' with its share.

    Returns the path and the share. Raises UsageError.
    """
    match = SHARE.fullmatch(text)
    if match is None or Path(text).exists():
        return Path(text), 1.0
    try:
        share = float(match[2])
    except ValueError:
        share = math.nan
    if share > 0 and math.isfinite(share):
        return Path(match[1]), share
    if not Path(match[1]).exists():
        return Path(text), 1.0  # a colon in a name, not a share
    raise UsageError(f"The share in {text!r} is {match[2] or 'empty'}. The share of a style must be a number over 0.")


def save_style(picture: Picture, name: str, dirs: AppDirs, write: Callable[[Path], object]) -> Style:
    """Save a picture that did not come from a file as a style of its own, and delete the oldest saved ones.

    write: writes the picture as a PNG; it returns something false or raises OSError if it fails. Raises DiskTrouble or
    NotAPicture.
    """
    folder = make_private_folder(dirs.styles)
    path = folder / f"{hashlib.sha256(picture.data).hexdigest()[:24]}.png"
    if not path.exists():
        temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            written = write(temporary)
            if written:
                temporary.replace(path)
        except OSError:
            written = False
        if not written:
            temporary.unlink(missing_ok=True)
            raise NotAPicture(strings.NOT_READABLE.format(name=name, why=f"it could not be saved in {folder}"))
    path.touch()
    for old in sorted(folder.glob("*.png"), key=lambda file: file.stat().st_mtime)[:-MAX_SAVED]:
        old.unlink(missing_ok=True)
    return Style(str(path), name)

"""The styles of the windows: samples, shares and regions, and files for styles that have none."""

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
from velatura.editor.file_paths import is_text
from velatura.editor.style_regions import Region
from velatura.editor.ui_state import Style, paths_in_use
from velatura.errors import NotAPicture, UsageError
from velatura.foreign_text import visible
from velatura.i18n import lazy_text, sentences
from velatura.pixels import Picture

MAX_SAVED = 60  # files of styles that did not come from a file
MAX_MEGAPIXELS = 200  # of a style's file; to decode it takes up to 8 bytes per pixel
SHARE = re.compile(r"(.+):([^:/\\]*)")


def samples(folder: Path) -> list[Style]:
    """Return the sample paintings that a plugin contains."""
    return [Style(str(path), strings.style_name(path.stem)) for path in sorted(folder.glob("*.png"))]


def style_from_file(path: str) -> Style:
    """Return the style of a file, with a readable name."""
    return Style(str(Path(path)), strings.style_name(Path(path).stem))


class RefusedStyle(NotAPicture):
    """A file that is not given to another reader either."""


def check_path(path: str) -> None:
    """Check that the toolkits accept a path: a file name may have bytes that are no text. Raises RefusedStyle."""
    if not is_text(path):
        name = visible(Path(path).name)
        raise RefusedStyle(strings.NOT_READABLE.format(name=name, why=strings.NAME_IS_NO_TEXT))


def is_vector_format(kind: str) -> bool:
    """Whether files of this format are drawings, which lead to other files: reading one would open those too."""
    return "svg" in kind.lower()


def check_format(name: str, kind: str) -> None:
    """Check the format that a style's file has, whatever its ending is. Raises RefusedStyle."""
    if is_vector_format(kind):
        raise RefusedStyle(strings.SVG_STYLE.format(name=name))


def check_size(name: str, width: int, height: int) -> None:
    """Check the size in the header of a style's file before it is decoded. Raises RefusedStyle."""
    if width * height > MAX_MEGAPIXELS * 1_000_000:
        size = -(-width * height // 1_000_000)
        raise RefusedStyle(strings.STYLE_TOO_LARGE.format(name=name, size=size, limit=MAX_MEGAPIXELS))


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

    def load(self, chosen: Sequence[Style]) -> None:
        """Set the shares and the regions that these styles have."""
        self._shares.update({style.path: style.share for style in chosen})
        for style in chosen:
            self.set_region(style, style.region)

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
    raise UsageError(
        sentences(_wrong_share(repr(text), match[2]), lazy_text("The share of a style must be a number over 0."))
    )


def _wrong_share(style: str, share: str) -> str:
    if not share:
        return lazy_text("The share in {style} is empty.", style=style)
    return lazy_text("The share in {style} is {share}.", style=style, share=share)


def save_style(picture: Picture, name: str, dirs: AppDirs, write: Callable[[Path], object]) -> Style:
    """Save a picture that did not come from a file as a style of its own, and delete the oldest saved ones
    that no window shows.

    write: writes the picture as a PNG; it returns something false or raises OSError if it fails. Raises DiskTrouble or
    NotAPicture.
    """
    folder = make_private_folder(dirs.styles)
    path = folder / f"{hashlib.sha256(picture.data).hexdigest()[:24]}.png"
    if not _mark_as_used(path):
        temporary = path.with_suffix(f".{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            written = write(temporary)
            if written:
                temporary.replace(path)
        except OSError:
            written = False
        if not written:
            temporary.unlink(missing_ok=True)
            raise NotAPicture(strings.NOT_READABLE.format(name=name, why=strings.NOT_SAVED_IN.format(folder=folder)))
    spared = {str(path), *paths_in_use(dirs)}
    for old in sorted(folder.glob("*.png"), key=_last_used)[:-MAX_SAVED]:
        if str(old) not in spared:
            old.unlink(missing_ok=True)
    return Style(str(path), name)


def _mark_as_used(path: Path) -> bool:
    """Return whether there is such a file."""
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _last_used(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:  # the other program has deleted it
        return 0.0

"""The letters of captions on sheets: Pillow's own font, or one of the system's for letters that it lacks."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from velatura.i18n import translated

if TYPE_CHECKING:
    from PIL import ImageFont

# Fonts that Linux, Windows and macOS come with, by the names of their files: Latin, Greek and Cyrillic first, then
# those of East Asia.
SYSTEM_FONTS = (  # not translated: names of files
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "LiberationSans-Regular.ttf",
    "segoeui.ttf",
    "Arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "YuGothM.ttc",
    "msyh.ttc",
    "malgun.ttf",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
)
UNASSIGNED = "\U0010fffe"  # a noncharacter: no font has it, so that it shows what is drawn for missing letters


def lettering(text: str, size: int) -> tuple[str, ImageFont.FreeTypeFont | ImageFont.ImageFont]:
    """Return how a caption is written, and the font for it: in the user's language, or in English if no font has the
    letters. size: pixels."""
    for shown in dict.fromkeys((translated(text), str(text))):
        for name in ("", *SYSTEM_FONTS):
            font = _font(name, size)
            if font is not None and all(_has(name, size, letter) for letter in set(shown) if not letter.isspace()):
                return shown, font
    default = _font("", size)
    assert default is not None
    return str(text), default


@functools.cache
def _font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont | None:
    """A font of the system, or None if there is none of this name; '' for Pillow's."""
    from PIL import ImageFont

    if not name:
        return ImageFont.load_default(size)
    try:
        return ImageFont.truetype(name, size)
    except (OSError, ImportError):  # ImportError: Pillow was built without FreeType
        return None


@functools.cache
def _has(name: str, size: int, letter: str) -> bool:
    font = _font(name, size)
    assert font is not None
    try:
        drawn, missing = font.getmask(letter), font.getmask(UNASSIGNED)
    except UnicodeError:  # Pillow's font without FreeType is Latin-1
        return letter.isascii()
    return (drawn.size, bytes(drawn)) != (missing.size, bytes(missing))

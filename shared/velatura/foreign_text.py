"""Text that comes from others, such as names of layers, files and programs, in a form that is safe to print."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import Any

# Unicode 15.1, PropList.txt, Bidi_Control: they change the order of the characters after them.
BIDI_CONTROLS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# What terminals, logs and labels obey: C0 with tab and newline, DEL, C1 (Unicode category Cc), line and paragraph
# separators, and bidi controls. Halves of surrogate pairs cannot be encoded.
OBEYED = re.compile(f"[\x00-\x1f\x7f-\x9f\u2028\u2029{BIDI_CONTROLS}\ud800-\udfff]")
NOT_ASCII_TEXT = re.compile(r"[^ -~]")
# Format characters (category Cf) that are part of what people read: joiners of emoji and Persian letters, tags of flag
# emoji, and the Arabic, Syriac and Kaithi signs, which have a glyph. All others are invisible.
_READ_FORMATS = frozenset("\u200c\u200d\u06dd\u070f\u08e2\u0890\u0891\U000110bd\U000110cd") | {
    chr(code) for first, last in ((0x600, 0x605), (0xE0020, 0xE007F)) for code in range(first, last + 1)
}


def visible(text: Path | str) -> str:
    """The text on one line, with escapes such as \\x1b for every character that a terminal, a log or a label obeys, and
    for invisible ones. Different file names stay different, those included whose bytes are not text."""
    text = str(text)
    return text if text.isprintable() else NOT_ASCII_TEXT.sub(_shown, text)


def _shown(found: re.Match[str]) -> str:
    character = found[0]
    if OBEYED.match(character) or (character not in _READ_FORMATS and unicodedata.category(character) == "Cf"):
        return character.encode("unicode_escape").decode()
    return character


def json_text(value: Any, indent: int | None = None, encoding: str = "utf-8") -> str:
    """JSON that is safe to print; parsing it returns the same strings, also file names that are not text. Characters
    that the encoding lacks are escaped."""
    text = json.dumps(value, indent=indent, ensure_ascii=encoding.lower().replace("-", "") != "utf8")
    # Outside of strings JSON has no such character but the newlines of `indent`.
    return OBEYED.sub(lambda found: found[0] if found[0] == "\n" else f"\\u{ord(found[0]):04x}", text)


def visible_lines(lines: Iterable[str]) -> str:
    """Join lines, each of which stays one line."""
    return "\n".join(map(visible, lines))

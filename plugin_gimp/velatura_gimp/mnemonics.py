"""Mnemonics: the underlined letter of a label, which GTK marks with an underscore before it."""

from __future__ import annotations

import string
from collections.abc import Collection


def with_mnemonic(text: str, taken: Collection[str] = (), wanted: str = "") -> tuple[str, str]:
    """The text with the underscore of a mnemonic, and its key, in lower case. taken: keys that others have. wanted: the
    key to use if the text has it; otherwise the first free letter of the text.

    A text in a script without letters of two cases, such as Japanese, gets a Latin key in brackets after it, since
    nobody can press 描 with Alt.
    """
    is_free = [_is_key(letter) and letter.lower() not in taken for letter in text]
    free = [place for place, free in enumerate(is_free) if free]
    place = next((place for place in free if text[place].lower() == wanted), free[0] if free else None)
    if place is not None:
        return f"{_escaped(text[:place])}_{_escaped(text[place:])}", text[place].lower()
    if any(map(_is_key, text)):  # all taken
        return _escaped(text), ""
    key = next((key for key in (wanted, *string.ascii_lowercase) if key and key not in taken), "")
    return (f"{_escaped(text)}(_{key.upper()})" if key else _escaped(text)), key


def _is_key(letter: str) -> bool:
    return letter.isalpha() and letter.lower() != letter.upper()


def _escaped(text: str) -> str:
    return text.replace("_", "__")

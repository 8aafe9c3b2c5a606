"""Short descriptions of unexpected values, for error messages."""

from __future__ import annotations

from velatura.i18n import lazy_text

MAX_LENGTH = 40  # characters
MAX_NUMBER = 10**MAX_LENGTH  # Python refuses to format integers of over 4300 digits, and is slow for fewer

KINDS: dict[type, str] = {
    list: lazy_text("a list"),
    tuple: lazy_text("a list"),
    dict: lazy_text("a map"),
    bytes: lazy_text("bytes"),
}


def short_repr(value: object) -> str:
    """Describe a value in at most about MAX_LENGTH characters.

    Containers are described by their kind alone, since they may be nested deeper than Python can format.
    """
    if isinstance(value, str):
        return repr(value[:MAX_LENGTH])
    if isinstance(value, int) and not -MAX_NUMBER < value < MAX_NUMBER:
        return lazy_text("a number with over {most} digits", most=MAX_LENGTH)
    if value is None or isinstance(value, (int, float)):
        return repr(str(value))
    return KINDS.get(type(value), lazy_text("something else"))

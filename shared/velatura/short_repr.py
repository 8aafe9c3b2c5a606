"""Short descriptions of unexpected values, for error messages."""

from __future__ import annotations

MAX_LENGTH = 40  # characters
MAX_NUMBER = 10**MAX_LENGTH  # Python refuses to format integers of over 4300 digits, and is slow for fewer

KINDS: dict[type, str] = {list: "a list", tuple: "a list", dict: "a map", bytes: "bytes"}


def short_repr(value: object) -> str:
    """Describe a value in at most about MAX_LENGTH characters.

    Containers are described by their kind alone, since they may be nested deeper than Python can format.
    """
    if isinstance(value, str):
        return repr(value[:MAX_LENGTH])
    if isinstance(value, int) and not -MAX_NUMBER < value < MAX_NUMBER:
        return f"a number of over {MAX_LENGTH} digits"
    if value is None or isinstance(value, (int, float)):
        return repr(str(value))
    return KINDS.get(type(value), "something else")

"""What somebody sent in the place of something else, as a sentence can show it."""

from __future__ import annotations

LONGEST = 40  # characters
LARGEST = 10**LONGEST  # Python refuses to write whole numbers of over 4300 digits, and takes long for fewer

KINDS: dict[type, str] = {list: "a list", tuple: "a list", dict: "a map", bytes: "bytes"}


def short_repr(value: object) -> str:
    """Short whatever the value is. What holds others is named by its kind alone: it may be nested deeper than Python
    can write."""
    if isinstance(value, str):
        return repr(value[:LONGEST])
    if isinstance(value, int) and not -LARGEST < value < LARGEST:
        return f"a number of over {LONGEST} digits"
    if value is None or isinstance(value, (int, float)):
        return repr(str(value))
    return KINDS.get(type(value), "something else")

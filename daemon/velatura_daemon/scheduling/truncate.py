"""What of a list a header has room for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgpack


def truncate_to_bytes(items: Iterable[Any], room: int) -> list[Any]:
    """The first ones, as many as take no more than so many bytes on the wire."""
    taken: list[Any] = []
    for item in items:
        room -= len(msgpack.packb(item))
        if room < 0:
            break
        taken.append(item)
    return taken

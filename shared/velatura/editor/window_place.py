"""Where a window opens: where it was the last time, as far as that fits on the screen."""

from __future__ import annotations

from typing import Any, NamedTuple


class Box(NamedTuple):
    """A rectangle on the screen, in the toolkit's own pixels."""

    left: int
    top: int
    width: int
    height: int


MARGIN = 8  # pixels between a window and the edge of the screen
TITLE_BAR = 40  # pixels, at most, that the window manager adds above; a window's own size leaves it out


def fit(wanted: Box | None, size: tuple[int, int], screen: Box) -> Box:
    """Return where a window fits on a screen.

    wanted: where it was the last time; None: it is centred with `size`. screen: the part of the screen that panels and
    docks leave free. The title bar always stays on the screen.
    """
    width, height = (wanted.width, wanted.height) if wanted is not None else size
    width = max(1, min(width, screen.width - 2 * MARGIN))
    height = max(1, min(height, screen.height - TITLE_BAR - 2 * MARGIN))
    left = wanted.left if wanted is not None else screen.left + (screen.width - width) // 2
    top = wanted.top if wanted is not None else screen.top + (screen.height - height) // 2
    left = min(max(left, screen.left + MARGIN), screen.left + screen.width - width - MARGIN)
    top = min(max(top, screen.top + TITLE_BAR + MARGIN), screen.top + screen.height - height - MARGIN)
    return Box(left, top, width, height)


def read_box(value: Any) -> Box | None:
    """Return a box from a file, or None if it is none."""
    if isinstance(value, list) and len(value) == 4 and all(type(part) is int and abs(part) < 1 << 16 for part in value):
        return Box(*value) if value[2] > 0 and value[3] > 0 else None
    return None

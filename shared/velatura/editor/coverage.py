"""Where a selection covers anything."""

from __future__ import annotations


def bounding_box(coverage: bytes, width: int) -> tuple[int, int, int, int] | None:
    """The smallest rectangle that holds every selected pixel: left, top, width, height. None if nothing is selected.

    coverage: one byte per pixel, rows of `width` from the top.
    """
    first = len(coverage) - len(coverage.lstrip(b"\0"))
    if first == len(coverage):
        return None
    top, bottom = first // width, (len(coverage.rstrip(b"\0")) - 1) // width
    left, right = width, 0
    for y in range(top, bottom + 1):
        row = coverage[y * width : (y + 1) * width]
        left = min(left, width - len(row.lstrip(b"\0")))
        right = max(right, len(row.rstrip(b"\0")))
        if left == 0 and right == width:
            break
    return left, top, right - left, bottom - top + 1

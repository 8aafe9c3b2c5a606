"""Recognises a layer's pixels again after the layer was moved or the canvas cropped, and notices that they were scaled.

Landmarks are short rows of pixels, taken all over the layer. They are compared as bytes, so they must be read in the
same pixel format each time. Up to half of them may differ, since the user may paint on the layer meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

LENGTH = 24  # pixels of a landmark
PER_SIDE = 9  # landmarks are taken on a grid of this many columns and rows
MAX_SEARCHED = 12  # landmarks that `found_in` searches for: each takes 0.3 ms per million bytes

Read = Callable[[int, int, int], bytes]  # x, y, number of pixels: the pixels from there to the right


@dataclass(frozen=True)
class Landmarks:
    """Rows of `length` pixels, by the position of their first pixel."""

    length: int
    rows: dict[tuple[int, int], bytes] = field(repr=False)

    @classmethod
    def of(cls, read: Read, left: int, top: int, width: int, height: int) -> Landmarks:
        """The landmarks of a rectangle. Those with a single colour are left out, unless there are no others."""
        length = min(LENGTH, width)
        rows = {(x, y): read(x, y, length) for x in _spread(left, width - length) for y in _spread(top, height - 1)}
        distinct = {place: row for place, row in rows.items() if row != row[: len(row) // length] * length}
        return cls(length, distinct or rows)

    def are_moved_by(self, dx: int, dy: int, read: Read, left: int, top: int, width: int, height: int) -> bool:
        """Whether they are at their places moved by (dx, dy), as far as those lie within the rectangle."""
        same = [
            read(x + dx, y + dy, self.length) == row
            for (x, y), row in self.rows.items()
            if left <= x + dx <= left + width - self.length and top <= y + dy < top + height
        ]
        return 2 * sum(same) >= len(same) and bool(same)

    def found_in(self, pixels: bytes, width: int) -> Iterator[tuple[int, int]]:
        """Where some of them lie in other pixels: how far to the right and down, compared with their own places.

        pixels: rows of `width` pixels from the top. What is found may be a coincidence.
        """
        for (x, y), row in list(self.rows.items())[:: max(1, len(self.rows) // MAX_SEARCHED)]:
            size = len(row) // self.length
            at = pixels.find(row)
            while at >= 0 and (at % size or at // size % width > width - self.length):
                at = pixels.find(row, at + 1)
            if at >= 0:
                yield at // size % width - x, at // size // width - y


def _spread(first: int, span: int) -> Iterator[int]:
    """Up to PER_SIDE different numbers, evenly spread from `first` to `first + span`."""
    steps = min(PER_SIDE - 1, span)
    return (first + span * i // steps for i in range(steps + 1)) if steps > 0 else iter((first,))

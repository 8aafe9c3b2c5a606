"""Where in a picture a style goes: a place on its canvas, as it was when it was taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from velatura import strings
from velatura.errors import RegionElsewhere
from velatura.pixels import MASK_FORMAT, Picture


@dataclass(frozen=True)
class Canvas:
    """Which picture of the editor's, and how large: a region of another, or of another size, would lie anywhere."""

    picture: str
    width: int
    height: int


@dataclass(frozen=True)
class Region:
    """name: the selection's or the layer's. coverage: a byte a pixel of the whole canvas, rows from the top, 0
    outside."""

    name: str
    canvas: Canvas
    coverage: bytes = field(repr=False)

    def over(self, place: Place) -> Picture:
        """Its part of what is restyled, which may be nothing: then its style has no place there. Raises
        RegionElsewhere."""
        if self.canvas != place.canvas:
            raise RegionElsewhere(strings.REGION_ELSEWHERE.format(region=self.name))
        wide, high = self.canvas.width, self.canvas.height
        left, right = max(0, place.left), min(wide, place.left + place.width)
        before, behind = bytes(left - place.left), bytes(place.left + place.width - right)
        rows = []
        for y in range(place.top, place.top + place.height):
            inside = 0 <= y < high and left < right
            rows.append(
                before + self.coverage[y * wide + left : y * wide + right] + behind if inside else bytes(place.width)
            )
        return Picture(place.width, place.height, MASK_FORMAT, b"".join(rows))


@dataclass(frozen=True)
class Place:
    """Where on its canvas lies what is restyled; a part of it may lie beyond the canvas."""

    canvas: Canvas
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class RegionSource:
    """Something that a region can be taken from. take: takes it as it is now; raises VelaturaError."""

    name: str
    take: Callable[[], Region] = field(repr=False)

"""Style regions: where in a picture a style applies, recorded on the canvas as it was at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from velatura import strings
from velatura.errors import RegionElsewhere
from velatura.pixels import MASK_FORMAT, Picture


@dataclass(frozen=True)
class Canvas:
    """An editor's picture and its size. Regions are valid only for the picture and size they came from."""

    picture: str
    width: int
    height: int


@dataclass(frozen=True)
class Region:
    """Where a style applies.

    name: of the selection or layer. coverage: one byte per pixel of the whole canvas, rows from the top, 0 outside.
    """

    name: str
    canvas: Canvas
    coverage: bytes = field(repr=False)

    def over(self, place: Place) -> Picture:
        """Return the part of the region within a place, as a GRAY picture of the place's size.

        It may be empty: then the style does not apply there. Raises RegionElsewhere for a place on another canvas.
        """
        if self.canvas != place.canvas:
            raise RegionElsewhere(strings.REGION_ELSEWHERE.format(region=self.name))
        width, height = self.canvas.width, self.canvas.height
        left, right = max(0, place.left), min(width, place.left + place.width)
        padding_left, padding_right = bytes(left - place.left), bytes(place.left + place.width - right)
        rows = []
        for y in range(place.top, place.top + place.height):
            if 0 <= y < height and left < right:
                rows.append(padding_left + self.coverage[y * width + left : y * width + right] + padding_right)
            else:
                rows.append(bytes(place.width))
        return Picture(place.width, place.height, MASK_FORMAT, b"".join(rows))


@dataclass(frozen=True)
class Place:
    """Where on its canvas the content of a restyle is, in pixels. Parts of it may be outside the canvas."""

    canvas: Canvas
    left: int
    top: int
    width: int
    height: int


@dataclass(frozen=True)
class RegionSource:
    """Something that a region can be taken from, such as the selection.

    take: returns the region as it is now. Raises VelaturaError.
    """

    name: str
    take: Callable[[], Region] = field(repr=False)

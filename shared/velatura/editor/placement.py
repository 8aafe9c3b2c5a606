"""Where in its document a result belongs: noted with the restyle, read when the result is recovered, perhaps another
day."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from velatura.client.client import Finished
from velatura.editor.style_regions import Place
from velatura.pixels import MASK_FORMAT, Picture

LONGEST_NAME = 200  # characters of a document's name


@dataclass(frozen=True)
class PlacementNote:
    """document: its name. width, height: of its canvas. left, top: where on it the content lay. All in pixels."""

    document: str
    width: int
    height: int
    left: int
    top: int


def note_of(place: Place, document: str) -> str:
    """What a client notes with a restyle."""
    size = place.canvas
    return json.dumps(
        asdict(PlacementNote(document[:LONGEST_NAME], size.width, size.height, place.left, place.top)),
        ensure_ascii=False,
    )


def noted(note: str) -> PlacementNote | None:
    """What was noted; None where it is something else: another program's note, or another version's."""
    try:
        said = json.loads(note)
        numbers = [said[name] for name in ("width", "height", "left", "top")]
        if all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
            return PlacementNote(str(said["document"]), *numbers)
    except (ValueError, KeyError, TypeError):
        pass
    return None


@dataclass(frozen=True)
class RecoveredResult:
    """A result that was kept, on its way into a document. layer: the name that its source had for the daemon."""

    name: str
    layer: str
    note: str
    done: Finished

    @property
    def picture(self) -> Picture:
        return self.done.picture

    def corner(self, width: int, height: int) -> tuple[int, int]:
        """Where its left upper corner goes on a canvas of this size: where it came from, if that was of the same size;
        else so that it lies in the middle."""
        was = noted(self.note)
        if was is not None and (was.width, was.height) == (width, height):
            return was.left + self.done.result.left, was.top + self.done.result.top
        return (width - self.picture.width) // 2, (height - self.picture.height) // 2

    def coverage(self) -> Picture | None:
        """What was selected of the result's box; None: all of it."""
        mask, (left, top) = self.done.mask, (self.done.result.left, self.done.result.top)
        if mask is None:
            return None
        width, height, data = self.picture.width, self.picture.height, memoryview(mask.data)
        rows = [data[(top + y) * mask.width + left :][:width] for y in range(height)]
        return Picture(width, height, MASK_FORMAT, b"".join(rows))

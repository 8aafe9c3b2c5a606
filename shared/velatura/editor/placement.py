"""Where a result belongs in its document, and what became of it.

The former is sent as the note of a restyle, and read when its result is recovered.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from velatura.client.events import Finished
from velatura.editor.recipe import Recipe
from velatura.editor.style_regions import Place
from velatura.pixels import MASK_FORMAT, Picture

MAX_DOCUMENT_NAME = 200  # characters


@dataclass(frozen=True)
class PlacementNote:
    """document: its name. width, height: of its canvas. left, top: the content's position on it. All in pixels."""

    document: str
    width: int
    height: int
    left: int
    top: int


def encode_note(place: Place, document: str) -> str:
    """Return the note for a restyle of this place. document: the name of the document."""
    canvas = place.canvas
    note = PlacementNote(document[:MAX_DOCUMENT_NAME], canvas.width, canvas.height, place.left, place.top)
    return json.dumps(asdict(note), ensure_ascii=False)


def decode_note(note: str) -> PlacementNote | None:
    """Read a note. Returns None if it is not a placement, for example because another program has written it."""
    try:
        fields = json.loads(note)
        numbers = [fields[name] for name in ("width", "height", "left", "top")]
        if all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
            return PlacementNote(str(fields["document"]), *numbers)
    except (ValueError, KeyError, TypeError):
        pass
    return None


@dataclass(frozen=True)
class Placed:
    """What became of a result. is_layer: False if it was opened as a new picture.

    note: one or two sentences for the user about it, or ''. replaced: the name of the layer if it replaces an edited
    result, otherwise ''.
    """

    is_layer: bool = True
    note: str = ""
    replaced: str = ""


@dataclass(frozen=True)
class RecoveredResult:
    """A saved result that is about to be inserted into a document.

    recipe: how it was made, with the name of the new layer. layer: the daemon's name for the source layer. note: the
    note of the restyle.
    """

    recipe: Recipe
    layer: str
    note: str
    finished: Finished

    @property
    def name(self) -> str:
        return self.recipe.name

    @property
    def picture(self) -> Picture:
        return self.finished.picture

    def position_on(self, width: int, height: int) -> tuple[int, int]:
        """Return the position of the upper left corner on a canvas of this size, in pixels.

        It is the original position if the original canvas had the same size. Otherwise the result is centred.
        """
        note = decode_note(self.note)
        if note is not None and (note.width, note.height) == (width, height):
            return note.left + self.finished.result.left, note.top + self.finished.result.top
        return (width - self.picture.width) // 2, (height - self.picture.height) // 2

    def coverage(self) -> Picture | None:
        """Return the part of the selection that covers the result, or None if everything was selected."""
        mask, left, top = self.finished.mask, self.finished.result.left, self.finished.result.top
        if mask is None:
            return None
        width, height, data = self.picture.width, self.picture.height, memoryview(mask.data)
        rows = [data[(top + y) * mask.width + left :][:width] for y in range(height)]
        return Picture(width, height, MASK_FORMAT, b"".join(rows))

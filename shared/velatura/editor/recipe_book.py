"""The recipes of a document's results, for an editor that can store something for a document but not for a layer.

Each entry has the editor's identification of its layer. A copy of the layer has another one: it is recognised by its
pixels, as long as they were neither transformed nor converted and at most half of the places compared were painted on.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from velatura.editor.file_paths import is_text
from velatura.editor.landmarks import LENGTH, Landmarks, Read
from velatura.editor.recipe import MAX_NAME, MAX_PIXELS, Recipe, from_fields, read_json, to_fields

MAX_ENTRIES = 200  # the newest; those of deleted layers too, since an undo brings such a layer back
MAX_BOOK = 1 << 20  # bytes
MAX_PRINTS = 24  # places that are compared


@dataclass(frozen=True)
class Print:
    """A short row of pixels: where it begins, in pixels from the layer's origin, how long it is, and its checksum."""

    x: int
    y: int
    length: int
    checksum: int


@dataclass(frozen=True)
class Entry:
    """layer: the editor's identification of the result."""

    layer: str
    recipe: Recipe
    prints: tuple[Print, ...] = field(default=(), repr=False)

    def is_copied_in(self, layer: str, read: Read) -> bool:
        """Whether a layer has the pixels of this result. read: reads it, from its origin.

        The source never counts as a copy, though a weak result may have its pixels.
        """
        if layer == self.recipe.source or not self.prints:
            return False
        same = sum(_checksum(read(one.x, one.y, one.length)) == one.checksum for one in self.prints)
        return 2 * same > len(self.prints)


def prints_of(read: Read, left: int, top: int, width: int, height: int) -> tuple[Print, ...]:
    """The prints of a result. read: reads the layer, from its origin. The rectangle is where the result is."""
    marks = Landmarks.of(read, left, top, width, height)
    rows = list(marks.rows.items())
    chosen = rows[:: -(-len(rows) // MAX_PRINTS)]
    return tuple(Print(x, y, marks.length, _checksum(row)) for (x, y), row in chosen)


def _checksum(row: bytes) -> int:
    return zlib.crc32(row)


def find(book: Iterable[Entry], layer: str) -> Entry | None:
    """The newest entry of a layer, by its identification."""
    return next((entry for entry in book if entry.layer == layer), None)


def find_copied(book: Iterable[Entry], layer: str, read: Read) -> Entry | None:
    """The newest entry of a layer that this one is a copy of."""
    return next((entry for entry in book if entry.is_copied_in(layer, read)), None)


def encode_book(entries: Sequence[Entry]) -> bytes:
    """The newest entries, as many as may be stored. entries: the newest first."""
    encoded: list[str] = []
    size = 2
    for entry in entries[:MAX_ENTRIES]:
        text = json.dumps(_entry_fields(entry))
        size += len(text) + 1
        if size > MAX_BOOK:
            break
        encoded.append(text)
    return f"[{','.join(encoded)}]".encode()


def decode_book(data: bytes) -> list[Entry]:
    """Read a document's entries, the newest first. What is not an entry is left out."""
    values = read_json(data, MAX_BOOK)
    entries = map(_entry, values[:MAX_ENTRIES]) if isinstance(values, list) else ()
    return [entry for entry in entries if entry is not None]


def with_entry(book: Sequence[Entry], entry: Entry) -> list[Entry]:
    """The book with a new entry, which replaces an older one of the same layer."""
    return [entry, *(other for other in book if other.layer != entry.layer)][:MAX_ENTRIES]


def _entry_fields(entry: Entry) -> dict[str, Any]:
    prints = [[one.x, one.y, one.length, one.checksum] for one in entry.prints]
    return {"layer": entry.layer[:MAX_NAME], "recipe": to_fields(entry.recipe), "prints": prints}


def _entry(fields: object) -> Entry | None:
    if not isinstance(fields, dict):
        return None
    layer, recipe, prints = fields.get("layer"), from_fields(fields.get("recipe")), fields.get("prints")
    if not isinstance(layer, str) or len(layer) > MAX_NAME or not is_text(layer) or recipe is None:
        return None
    if not isinstance(prints, list) or len(prints) > MAX_PRINTS or not all(map(_is_print, prints)):
        return None
    return Entry(layer, recipe, tuple(Print(*one) for one in prints))


def _is_print(value: object) -> bool:
    if not isinstance(value, list) or len(value) != 4 or not all(type(part) is int for part in value):
        return False
    numbers: list[int] = value
    x, y, length, checksum = numbers
    return abs(x) <= MAX_PIXELS and abs(y) <= MAX_PIXELS and 0 < length <= LENGTH and 0 <= checksum < 1 << 32

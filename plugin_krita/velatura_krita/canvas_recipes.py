"""Stores how results were made in Krita's documents, and finds that again.

Krita can store something for a document (an annotation, which .kra files keep) but not for a layer.
"""

from __future__ import annotations

from typing import Any

from velatura import strings
from velatura.editor.landmarks import Read
from velatura.editor.recipe import Recipe
from velatura.editor.recipe_book import Entry, decode_book, encode_book, find, find_copied, prints_of, with_entry

from .canvas_documents import open_documents
from .qt import QByteArray, QRect

ANNOTATION = "velatura-results"


def remember(document: Any, layer: Any, rect: QRect, recipe: Recipe) -> None:
    """Stores how a layer was made. rect: where the result is, in the document's pixels."""
    origin = layer.position()
    area = rect.translated(-origin.x(), -origin.y())
    prints = prints_of(_reader(layer), area.left(), area.top(), area.width(), area.height())
    entry = Entry(str(layer.uniqueId().toString()), recipe, prints)
    book = encode_book(with_entry(_book_of(document), entry))
    document.setAnnotation(ANNOTATION, strings.ANNOTATION, QByteArray(book))


def recipe_of(document: Any, layer: Any) -> Recipe | None:
    """How a layer was made; None if that is not known.

    A copy is looked up in all open documents, since Krita gives it an identification of its own.
    """
    identification = str(layer.uniqueId().toString())
    own = _book_of(document)
    entry = find(own, identification)
    if entry is None:
        root = document.rootNode()
        others = [_book_of(other) for other in open_documents() if other.rootNode() != root]
        books = (one for book in (own, *others) for one in book)
        entry = find_copied(books, identification, _reader(layer))
    return entry.recipe if entry is not None else None


def _book_of(document: Any) -> list[Entry]:
    is_there = ANNOTATION in document.annotationTypes()
    return decode_book(bytes(document.annotation(ANNOTATION))) if is_there else []


def _reader(layer: Any) -> Read:
    """Reads a paint layer from its origin, which moves with the layer."""
    origin = layer.position()
    return lambda x, y, length: bytes(layer.pixelData(x + origin.x(), y + origin.y(), length, 1))

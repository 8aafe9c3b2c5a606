"""Finds Krita's open documents and their layers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from krita import Krita

from velatura import strings
from velatura.editor.style_regions import Canvas
from velatura.errors import LayerGone
from velatura.i18n import translated

from .canvas_profiles import HIDDEN_DOCUMENT

MASK_TYPES = ("transparencymask", "filtermask", "transformmask", "selectionmask", "colorizemask")


def open_documents() -> list[Any]:
    """Each open document once, even if several views show it; without the hidden ones."""
    documents: dict[str, Any] = {}
    for document in Krita.instance().documents():
        root = document.rootNode()
        if root is not None and document.name() != HIDDEN_DOCUMENT:
            documents.setdefault(root.uniqueId().toString(), document)
    return list(documents.values())


def is_open(document: Any) -> bool:
    root = document.rootNode()
    return root is not None and any(root == other.rootNode() for other in open_documents())


def check_exists(target: Any) -> None:
    """Raises LayerGone if the document of a target has been closed or its layer deleted."""
    if not is_open(target.document):
        raise LayerGone(strings.IMAGE_CLOSED)
    if target.document.nodeByUniqueID(target.node.uniqueId()) is None or target.node.parentNode() is None:
        raise LayerGone(strings.LAYER_DELETED)


def document_name(document: Any) -> str:
    """The name of the document's file. Krita's name of a document is a title, which is often empty or 'Unnamed'."""
    return str(Path(document.fileName()).name or document.name() or translated(strings.UNTITLED))


def canvas_of(document: Any) -> Canvas:
    """Identifies the document and its size, for the regions taken from it."""
    return Canvas(document.rootNode().uniqueId().toString(), document.width(), document.height())


def layer_of(node: Any) -> Any:
    """The node itself, or the layer that it masks. None if node is None."""
    while node is not None and node.type() in MASK_TYPES and node.parentNode() is not None:
        node = node.parentNode()
    return node


def is_animated(node: Any) -> bool:
    """Whether a layer, or any layer in a group, has several frames."""
    return bool(node.animated()) or any(is_animated(child) for child in node.childNodes())


def active_layer(document: Any) -> Any:
    """The active layer, or the layer that the active mask belongs to, or the topmost one; None if there is no layer."""
    layers = [node for node in document.topLevelNodes() if node.type() not in MASK_TYPES]
    return layer_of(document.activeNode()) or (layers[-1] if layers else None)


def wait_until_idle(document: Any, closed: str) -> Iterator[None]:
    """Yields until Krita has finished its current stroke; the check itself does not block.

    closed: the sentence of the LayerGone that is raised if the document has been closed.
    """
    while not document.tryBarrierLock():
        if document.rootNode() is None:
            raise LayerGone(closed)
        yield
    document.unlock()

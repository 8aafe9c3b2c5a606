"""What is restyled in Krita, and its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from velatura.editor.style_regions import Place
from velatura.pixels import Picture

from .canvas_changes import LayerState
from .canvas_documents import document_name
from .qt import QRect

if TYPE_CHECKING:
    from .canvas_edit import Edited


@dataclass
class Target:
    """What is restyled: a part of a layer, and the selection at that time.

    rect: what is read, in the document's pixels. selected: the bounding box of the selection in it, or None.
    before: the layer as it was when it was read. The document and the layer may have been closed, moved or scaled when
    the result arrives. edited: the earlier result that the new one replaces, if it is edited.
    """

    document: Any
    node: Any
    rect: QRect
    selection: Any = None
    selected: QRect | None = None
    before: LayerState | None = None
    edited: Edited | None = None

    @property
    def layer(self) -> str:
        """Identifies the layer for the daemon: a newer job for the same layer replaces the older one."""
        return str(self.node.uniqueId().toString())

    @property
    def name(self) -> str:
        return str(self.node.name())

    @property
    def document_name(self) -> str:
        return document_name(self.document)


@dataclass(frozen=True)
class Content:
    """The pixels of a target, and the selection over them."""

    picture: Picture
    mask: Picture | None
    place: Place

"""Notices what happened to a layer while it was being restyled: it may be moved, and the canvas cropped or scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from velatura import strings
from velatura.editor.landmarks import Landmarks, Read
from velatura.errors import LayerGone
from velatura.i18n import sentences

from .qt import QPoint, QRect


@dataclass(frozen=True)
class LayerState:
    """Where a layer and its pixels were on the canvas.

    position: Krita's offset of a paint layer's pixels. It changes if the layer is moved or the canvas is cropped, but
    not if the user paints. That of other layers does not always change.
    """

    canvas: QRect
    bounds: QRect
    position: QPoint
    landmarks: Landmarks

    @classmethod
    def of(cls, document: Any, node: Any, rect: QRect) -> LayerState:
        """rect: the part of the layer to recognise, in the document's pixels."""
        landmarks = Landmarks.of(_reader(node), rect.left(), rect.top(), rect.width(), rect.height())
        return cls(canvas_rect(document), node.bounds(), node.position(), landmarks)

    def movement(self, document: Any, node: Any) -> QPoint:
        """How far the layer's pixels have moved on the canvas. Raises LayerGone if they were scaled or transformed."""
        canvas, bounds = canvas_rect(document), node.bounds()
        by_bounds = bounds.topLeft() - self.bounds.topLeft()
        visible, read = bounds.intersected(canvas), _reader(node)
        area = (visible.left(), visible.top(), visible.width(), visible.height())
        for movement in (node.position() - self.position, by_bounds, QPoint(0, 0)):
            if self.landmarks.are_moved_by(movement.x(), movement.y(), read, *area):
                return movement
        if canvas == self.canvas and bounds.size() == self.bounds.size():
            return by_bounds  # repainted, or changed by a filter
        raise LayerGone(sentences(strings.LAYER_SCALED, strings.CAN_BE_OPENED))


def canvas_rect(document: Any) -> QRect:
    return QRect(0, 0, document.width(), document.height())


def _reader(node: Any) -> Read:
    read = node.pixelData if node.type() == "paintlayer" else node.projectionPixelData
    return lambda x, y, length: bytes(read(x, y, length, 1))

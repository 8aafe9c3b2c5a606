"""Takes regions, which limit a style to a part of the document, from Krita's selection and layers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from krita import Krita

from velatura import strings
from velatura.editor.style_regions import Canvas, Region, RegionSource
from velatura.errors import NothingToRestyle

from .canvas_documents import MASK_TYPES, canvas_of
from .qt import QImage, QRect


def region_sources() -> list[RegionSource]:
    """What a region can be taken from in the active document: its selection, then every layer from the top."""
    document = Krita.instance().activeDocument()
    if document is None:
        return []
    sources = []
    if document.selection() is not None:
        sources.append(RegionSource(strings.CURRENT_SELECTION, lambda: _region_of_selection(document)))
    for name, node in _all_layers(document.topLevelNodes()):
        sources.append(RegionSource(name, partial(_region_of_layer, document, node)))
    return sources


def _all_layers(nodes: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer with its name, from the top; the name of a layer in a group begins with the group's."""
    for node in reversed(nodes):
        if node.type() not in MASK_TYPES:
            yield prefix + node.name(), node
            yield from _all_layers(node.childNodes(), f"{prefix}{node.name()} ▸ ")


def _region_of_selection(document: Any) -> Region:
    selection, canvas = document.selection(), canvas_of(document)
    if selection is None:
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=strings.MASK_NAME))
    return _region(strings.MASK_NAME, canvas, bytes(selection.pixelData(0, 0, canvas.width, canvas.height)))


def _region_of_layer(document: Any, node: Any) -> Region:
    """A layer's alpha if it has transparency on the canvas; otherwise its lightness."""
    canvas, box = canvas_of(document), node.bounds()
    inside = box.intersected(QRect(0, 0, canvas.width, canvas.height))
    image = node.thumbnail(box.width(), box.height()).copy(inside.translated(-box.left(), -box.top()))
    if inside.isEmpty() or image.isNull():  # Qt has no bytes of an image without pixels
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=node.name()))
    coverage = bytearray(canvas.width * canvas.height)
    whole = len(coverage)
    for kind in (QImage.Format.Format_Alpha8, QImage.Format.Format_Grayscale8):
        plane = image.convertToFormat(kind)
        bits, stride = plane.constBits(), plane.bytesPerLine()
        bits.setsize(plane.sizeInBytes())
        rows = bytes(bits)
        for y in range(inside.height()):
            start = (inside.top() + y) * canvas.width + inside.left()
            coverage[start : start + inside.width()] = rows[y * stride : y * stride + inside.width()]
        if coverage.count(255) != whole:
            break  # it has transparency
    return _region(node.name(), canvas, bytes(coverage))
    return _region(node.name(), canvas, bytes(coverage))


def _region(name: str, canvas: Canvas, coverage: bytes) -> Region:
    if not coverage.strip(b"\0"):
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=name))
    return Region(name, canvas, coverage)

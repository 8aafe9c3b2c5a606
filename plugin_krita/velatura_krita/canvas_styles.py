"""Takes styles from Krita's open documents and their layers."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from krita import Krita

from velatura import strings
from velatura.errors import NotAPicture, NothingToRestyle, VelaturaError

from .canvas_documents import MASK_TYPES, document_name, open_documents
from .qt import QImage, QPainter, QRect, Qt
from .styles import StyleSource


def style_sources(side: int) -> list[StyleSource]:
    """The open documents and their layers, from the top. If a document has a selection, only that part is taken."""
    sources = []
    for document in open_documents():
        title, canvas = document_name(document), QRect(0, 0, document.width(), document.height())
        has_selection = document.selection() is not None
        parts = [(title, document, canvas)]
        for node in reversed(document.topLevelNodes()):
            if node.type() not in MASK_TYPES and not node.bounds().isEmpty():
                parts.append((f"{title} ▸ {node.name()}", node, node.bounds()))
        for name, thing, box in parts:
            take = partial(_visible_part, document, thing, box, name, side)
            sources.append(StyleSource(strings.WITH_SELECTION.format(name=name) if has_selection else name, take))
    return sources


def open_style(path: str, side: int) -> QImage:
    """A file that Qt cannot read, opened by Krita without a view: .psd, .xcf and others. Raises NotAPicture."""
    krita = Krita.instance()
    was_quiet = krita.batchmode()
    krita.setBatchmode(True)  # no questions and no messages
    try:
        document = krita.openDocument(path)
    finally:
        krita.setBatchmode(was_quiet)
    if document is None:
        raise NotAPicture(strings.NOT_READABLE.format(name=Path(path).name, why=strings.KRITA_CANNOT_OPEN))
    try:
        document.waitForDone()
        return _thumbnail(document, document.width(), document.height(), side)
    finally:
        document.setModified(False)
        document.close()


def _visible_part(document: Any, thing: Any, box: QRect, name: str, side: int) -> QImage:
    """A document or layer as a style; transparent outside the selection, since the daemon only uses visible pixels."""
    image, selection = _thumbnail(thing, box.width(), box.height(), side), document.selection()
    if selection is None:
        return image
    if not QRect(selection.x(), selection.y(), selection.width(), selection.height()).intersects(box):
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=name))
    coverage = bytes(selection.pixelData(box.x(), box.y(), box.width(), box.height()))
    mask = QImage(coverage, box.width(), box.height(), box.width(), QImage.Format.Format_Alpha8)
    mask = mask.scaled(image.size(), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)
    image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.drawImage(0, 0, mask)
    painter.end()
    return image


def _thumbnail(thing: Any, width: int, height: int, side: int) -> QImage:
    """A document or layer of this size, scaled down to at most `side` pixels a side. Raises VelaturaError."""
    scale = min(1.0, side / max(width, height))
    image = thing.thumbnail(max(1, round(width * scale)), max(1, round(height * scale)))
    if image is None or image.isNull():
        raise VelaturaError(strings.SOURCE_GONE)
    return QImage(image)

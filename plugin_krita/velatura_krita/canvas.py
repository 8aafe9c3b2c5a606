"""Krita's side of the plugin: what is restyled, its pixels, and the layer that the result becomes.

Only this module and the others named `canvas_…` use Krita's documents and layers. Long work is written as generators
that yield between steps of some ten milliseconds, so that the canvas never stalls: `velatura.editor.background.Steps`
runs them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from krita import Krita, Selection

from velatura import strings
from velatura.editor.placement import RecoveredResult
from velatura.editor.style_regions import Place
from velatura.errors import LayerGone, NothingToRestyle
from velatura.figures.layout import Sheet
from velatura.pixels import SELECTION_CONTEXT, Picture

from .canvas_documents import MASK_TYPES, active_layer, canvas_of, document_name, is_open, layer_of, wait_until_idle
from .canvas_pixels import SRGB, colour_space, fill_layer, read_coverage, read_pixels
from .qt import QByteArray, QImage, QRect, QSize, Qt, QUuid

MAX_EARLIER_RESULTS = 1000  # layers above a source that are checked for being earlier results of it
MESSAGE_TIME = 3000  # ms that a message floats over the canvas


@dataclass
class Target:
    """What is restyled: a part of a layer, and the selection at that time.

    rect: in the document's pixels. The document and the layer may have been closed when the result arrives.
    """

    document: Any
    node: Any
    rect: QRect
    selection: Any = None

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


# --- the target --------------------------------------------------------------------------------------
def version() -> str:
    return f"Krita {Krita.instance().version()}"


def current_target() -> Target:
    """The active layer and the selection. Raises NothingToRestyle, which tells the user what to do."""
    document = Krita.instance().activeDocument()
    node = layer_of(document.activeNode()) if document is not None else None
    if node is None:
        raise NothingToRestyle(strings.NO_LAYER)
    inside = node.bounds().intersected(QRect(0, 0, document.width(), document.height()))
    if inside.isEmpty():
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=node.name()))
    selection = document.selection()
    if selection is None:
        return Target(document, node, inside)
    selected = QRect(selection.x(), selection.y(), selection.width(), selection.height()).intersected(inside)
    if selected.isEmpty():
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=node.name()))
    margin = SELECTION_CONTEXT
    return Target(document, node, selected.adjusted(-margin, -margin, margin, margin).intersected(inside), selection)


def target_key() -> tuple[str, ...] | None:
    """Changes whenever the active layer or the bounding box of the selection changes; cheap to call."""
    document = Krita.instance().activeDocument()
    node = document.activeNode() if document is not None else None
    if node is None:
        return None
    s = document.selection()
    box = (s.x(), s.y(), s.width(), s.height()) if s is not None else ()
    return (node.uniqueId().toString(), node.name(), *map(str, box))


def describe(target: Target) -> str:
    """The line in the window that names what will be restyled."""
    if target.selection is None:
        return strings.LAYER_TARGET.format(layer=target.name, width=target.rect.width(), height=target.rect.height())
    s = target.selection
    return strings.SELECTION_TARGET.format(layer=target.name, width=s.width(), height=s.height())


def size(target: Target) -> tuple[int, int]:
    return target.rect.width(), target.rect.height()


def thumbnail(target: Target, side: int) -> QImage:
    """The target, scaled down; the window shows it until the first preview arrives."""
    bounds = target.node.bounds()
    scale = min(1.0, side / max(1, target.rect.width(), target.rect.height()))
    width, height = int(bounds.width() * scale), int(bounds.height() * scale)
    image = target.node.thumbnail(max(1, min(width, 4 * side)), max(1, min(height, 4 * side)))
    x_scale, y_scale = image.width() / max(1, bounds.width()), image.height() / max(1, bounds.height())
    r = target.rect.translated(-bounds.left(), -bounds.top())
    return image.copy(
        int(r.left() * x_scale), int(r.top() * y_scale), int(r.width() * x_scale), int(r.height() * y_scale)
    )


def smooth_thumbnail(target: Target, side: int) -> QImage:
    """The target, at most `side` pixels a side and filtered; Krita's own thumbnails skip pixels."""
    larger = thumbnail(target, 4 * side)
    scaled = larger.size().scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio)
    if scaled.width() >= larger.width():
        return larger
    return larger.scaled(scaled, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


# --- reading -----------------------------------------------------------------------------------------
def read(target: Target) -> Generator[None, None, Content]:
    """Reads the target's pixels and selection; the layer is not changed. Raises LayerGone, NothingToRestyle."""
    yield from wait_until_idle(target.document, strings.CLOSED_BEFORE_READ)
    if target.selection is not None:
        target.selection = target.selection.duplicate()  # the user may change the selection during the restyle
    rect = target.rect
    picture = yield from read_pixels(target.node, rect, colour_space(target.document))
    if picture is None:
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=target.name))
    mask = None
    if target.selection is not None:
        mask = yield from read_coverage(target.selection, rect)
    place = Place(canvas_of(target.document), rect.left(), rect.top(), rect.width(), rect.height())
    return Content(picture, mask, place)


# --- inserting ---------------------------------------------------------------------------------------
_results_of: dict[str, set[str]] = {}  # ids of the results of each source layer, by the source's id


def insert(target: Target, picture: Picture, left: int, top: int, name: str) -> Generator[None, None, bool]:
    """Adds a paint layer with the picture above the target, with the selection as its transparency mask: one undo step.

    It goes above the source's earlier results that are still right above the source. left, top: where the picture lies
    in the target's rect. Returns True, since it is always inserted next to its source. Raises LayerGone.
    """
    check_exists(target)
    rect = QRect(target.rect.left() + left, target.rect.top() + top, picture.width, picture.height)
    yield from _insert(target, rect, picture, name)
    return True


def insert_recovered(recovered: RecoveredResult) -> Generator[None, None, bool]:
    """Adds a saved result to the active document: above its source if that exists, otherwise above the active layer.

    Returns False if no document is open, so that the result became a new document. Raises VelaturaError.
    """
    document, picture = Krita.instance().activeDocument(), recovered.picture
    if document is None:
        yield from open_as_picture(picture, recovered.name)
        return False
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    source_id = QUuid(recovered.layer)
    source = (None if source_id.isNull() else document.nodeByUniqueID(source_id)) or active_layer(document)
    if source is None:
        raise LayerGone(strings.LAYER_DELETED)
    left, top = recovered.position_on(document.width(), document.height())
    rect, selection, coverage = QRect(left, top, picture.width, picture.height), None, recovered.coverage()
    if coverage is not None:
        selection = Selection()
        selection.setPixelData(QByteArray(bytes(coverage.data)), left, top, coverage.width, coverage.height)
    yield from _insert(Target(document, source, rect, selection), rect, picture, recovered.name)
    return True


def _insert(target: Target, rect: QRect, picture: Picture, name: str) -> Iterator[None]:
    """Raises LayerGone."""
    document = target.document
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    layer = document.createNode(name, "paintlayer")
    yield from fill_layer(layer, rect, picture)
    if target.selection is not None:
        mask = document.createTransparencyMask(strings.MASK_NAME)
        mask.setSelection(target.selection)
        layer.addChildNode(mask, None)
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    check_exists(target)
    parent = target.node.parentNode()
    was_alone = len([child for child in parent.childNodes() if child.type() not in MASK_TYPES]) == 1
    covers_canvas = rect.contains(QRect(0, 0, document.width(), document.height()))
    results = _results_of.setdefault(target.layer, set())
    parent.addChildNode(layer, _topmost_result(parent, target.node, results))
    results.add(layer.uniqueId().toString())
    if was_alone and not covers_canvas:
        # Krita (5.2.9) gives a group with a single layer no projection of its own. For the second layer it makes one,
        # but only as large as that layer: outside of it the canvas would be transparent until the next change.
        yield from wait_until_idle(document, strings.IMAGE_CLOSED)
        document.refreshProjection()


def check_exists(target: Target) -> None:
    """Raises LayerGone if the document has been closed or the layer deleted."""
    if not is_open(target.document):
        raise LayerGone(strings.IMAGE_CLOSED)
    if target.document.nodeByUniqueID(target.node.uniqueId()) is None or target.node.parentNode() is None:
        raise LayerGone(strings.LAYER_DELETED)


def _topmost_result(parent: Any, source: Any, results: set[str]) -> Any:
    """The layer to insert above: the topmost of the source's results right above it, or the source itself."""
    children = parent.childNodes()
    position = next(i for i, child in enumerate(children) if child == source)
    topmost = source
    for child in children[position + 1 : position + MAX_EARLIER_RESULTS]:
        if child.uniqueId().toString() not in results:
            break
        topmost = child
    return topmost


def reselect_source(target: Target) -> None:
    """Makes the source the active layer again after Krita has activated the result, so that the next restyle starts
    from the source. A layer that the user has activated in the meantime stays active."""
    with contextlib.suppress(LayerGone):
        check_exists(target)
        active = active_layer(target.document)
        if active is not None and active.uniqueId().toString() in _results_of.get(target.layer, ()):
            target.document.setActiveNode(target.node)


# --- new documents -----------------------------------------------------------------------------------
def open_as_picture(picture: Picture, name: str) -> Generator[None, None, None]:
    """Opens a result as a new document, for when its own document or layer no longer exists."""
    depth = "U8" if picture.format.sample == "u8" else "U16"
    document = Krita.instance().createDocument(picture.width, picture.height, name, "RGBA", depth, SRGB, 300.0)
    layer = document.createNode(name, "paintlayer")
    yield from fill_layer(layer, QRect(0, 0, picture.width, picture.height), picture)
    document.waitForDone()
    background = document.topLevelNodes()
    document.rootNode().addChildNode(layer, None)
    for node in background:
        node.remove()
    _open_view(document)


def open_sheet(sheet: Sheet, name: str) -> Generator[None, None, None]:
    """Opens the figures as layers of a new document on white, one group layer per group; the first figure on top."""
    document = Krita.instance().createDocument(sheet.width, sheet.height, name, "RGBA", "U8", SRGB, 72.0)
    document.waitForDone()
    for group_name, figures in reversed(sheet.groups.items()):
        group = document.createGroupLayer(group_name)
        for figure in reversed(figures):
            layer = document.createNode(figure.name, "paintlayer")
            width, height = figure.picture.width, figure.picture.height
            image = QImage(bytes(figure.picture.data), width, height, 4 * width, QImage.Format.Format_RGBA8888)
            image = image.convertToFormat(QImage.Format.Format_ARGB32)  # byte order B, G, R, A, as in Krita
            bits = image.constBits()
            bits.setsize(image.sizeInBytes())
            layer.setPixelData(QByteArray(bytes(bits)), figure.left, figure.top, width, height)
            group.addChildNode(layer, None)
            yield
        document.rootNode().addChildNode(group, None)
    _open_view(document)


def _open_view(document: Any) -> None:
    document.refreshProjection()
    window = Krita.instance().activeWindow() or Krita.instance().windows()[0]
    window.addView(document)


# --- Krita's window ----------------------------------------------------------------------------------
def show_message(sentence: str) -> None:
    """Shows a line that floats over the canvas for MESSAGE_TIME."""
    window = Krita.instance().activeWindow()
    view = window.activeView() if window is not None else None
    if view is not None:
        view.showFloatingMessage(sentence, Krita.instance().icon("velatura"), MESSAGE_TIME, 1)


def main_window() -> Any:
    window = Krita.instance().activeWindow()
    return window.qwindow() if window is not None else None


def on_closing(callback: Callable[[], object]) -> None:
    """Calls back when Krita is about to close."""
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.applicationClosing.connect(callback)

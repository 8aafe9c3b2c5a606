"""Krita's side of the plugin: what is restyled, its pixels, and the layer that the result becomes.

Only this module and the others named `canvas_…` use Krita's documents and layers. Long work is written as generators
that yield between steps of some ten milliseconds, so that the canvas never stalls: `velatura.editor.background.Steps`
runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

from krita import Krita, Selection

from velatura import strings
from velatura.editor.placement import Placed, RecoveredResult
from velatura.editor.style_regions import Place
from velatura.errors import LayerGone, NothingToRestyle
from velatura.figures.layout import Sheet
from velatura.pixels import SELECTION_CONTEXT, Picture

from .canvas_changes import LayerState, canvas_rect
from .canvas_documents import (
    MASK_TYPES,
    active_layer,
    canvas_of,
    document_name,
    is_animated,
    is_open,
    layer_of,
    wait_until_idle,
)
from .canvas_layers import copy_appearance, is_blended, keep_active, selected_part, selection_key
from .canvas_pixels import SRGB, colour_space, fill_layer, read_coverage, read_pixels
from .qt import QByteArray, QImage, QPoint, QRect, QSize, Qt, QUuid

MAX_EARLIER_RESULTS = 1000  # layers above a source that are checked for being earlier results of it
MESSAGE_TIME = 3000  # ms that a message floats over the canvas


@dataclass
class Target:
    """What is restyled: a part of a layer, and the selection at that time.

    rect: what is read, in the document's pixels. selected: the bounding box of the selection in it, or None.
    before: the layer as it was when it was read. The document and the layer may have been closed, moved or scaled when
    the result arrives.
    """

    document: Any
    node: Any
    rect: QRect
    selection: Any = None
    selected: QRect | None = None
    before: LayerState | None = None

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
    inside = node.bounds().intersected(canvas_rect(document))
    if inside.isEmpty():
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=node.name()))
    selection = document.selection()
    if selection is None:
        return Target(document, node, inside)
    selected = selected_part(selection, inside)
    if selected.isEmpty():
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=node.name()))
    margin = SELECTION_CONTEXT
    rect = selected.adjusted(-margin, -margin, margin, margin).intersected(inside)
    return Target(document, node, rect, selection, selected)


def target_key() -> tuple[str, ...] | None:
    """Changes whenever the active layer, the selection or the size changes; cheap to call."""
    document = Krita.instance().activeDocument()
    node = document.activeNode() if document is not None else None
    if node is None:
        return None
    selected = selection_key(document.selection(), canvas_rect(document))
    numbers = (document.width(), document.height(), node.animated(), *selected)
    return (node.uniqueId().toString(), node.name(), *map(str, numbers))


def describe(target: Target) -> str:
    """The line in the window that names what will be restyled."""
    box = target.selected or target.rect
    text = strings.SELECTION_TARGET if target.selected else strings.LAYER_TARGET
    sentence = text.format(layer=target.name, width=box.width(), height=box.height())
    return strings.ANIMATED_TARGET.format(target=sentence) if is_animated(target.node) else sentence


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
    target.before = LayerState.of(target.document, target.node, rect)
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


def insert(target: Target, picture: Picture, left: int, top: int, name: str) -> Generator[None, None, Placed]:
    """Adds a paint layer with the picture above the target, with the selection as its transparency mask: one undo step.

    It goes above the source's earlier results that are still right above the source, and mixes as the source does.
    left, top: where the picture lies in the target's rect. Raises LayerGone, also if the layer was scaled.
    """
    check_exists(target)
    rect = QRect(target.rect.left() + left, target.rect.top() + top, picture.width, picture.height)
    return (yield from _insert(target, rect, picture, name))


def insert_recovered(recovered: RecoveredResult) -> Generator[None, None, Placed]:
    """Adds a saved result to the active document: above its source if that exists, otherwise above the active layer.

    If no document is open, it becomes a new document. Raises VelaturaError.
    """
    document, picture = Krita.instance().activeDocument(), recovered.picture
    if document is None:
        yield from open_as_picture(picture, recovered.name)
        return Placed(is_layer=False)
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    source_id = QUuid(recovered.layer)
    source = None if source_id.isNull() else document.nodeByUniqueID(source_id)
    below = source or active_layer(document)
    if below is None:
        raise LayerGone(strings.LAYER_DELETED)
    left, top = recovered.position_on(document.width(), document.height())
    rect, selection, coverage = QRect(left, top, picture.width, picture.height), None, recovered.coverage()
    if coverage is not None:
        selection = Selection()
        selection.setPixelData(QByteArray(bytes(coverage.data)), left, top, coverage.width, coverage.height)
    target = Target(document, below, rect, selection)
    return (yield from _insert(target, rect, picture, recovered.name, is_source=source is not None))


def _insert(
    target: Target, rect: QRect, picture: Picture, name: str, *, is_source: bool = True
) -> Generator[None, None, Placed]:
    """rect: where the picture belongs if the target has not moved since it was read. Raises LayerGone.

    is_source: whether the target is what was restyled; otherwise the layer is only added above it.
    """
    document, source = target.document, target.node
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    _movement(target)  # before the work, since it would be in vain
    layer = document.createNode(name, "paintlayer")
    yield from fill_layer(layer, rect, picture)
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    check_exists(target)
    movement = _movement(target)
    _move(layer, movement)
    if is_source:
        copy_appearance(source, layer)
    if target.selection is not None:
        mask = document.createTransparencyMask(strings.MASK_NAME)
        mask.setSelection(target.selection)
        _move(mask, movement)
        layer.addChildNode(mask, None)
    parent = source.parentNode()
    was_alone = len([child for child in parent.childNodes() if child.type() not in MASK_TYPES]) == 1
    covers_canvas = rect.translated(movement).contains(canvas_rect(document))
    results, chosen = _results_of.setdefault(target.layer, set()), document.activeNode()
    parent.addChildNode(layer, _topmost_result(parent, source, results))
    if chosen is not None:
        keep_active(document, chosen, layer)
    results.add(layer.uniqueId().toString())
    if was_alone and not covers_canvas:
        # Krita (5.2.9) gives a group with a single layer no projection of its own. For the second layer it makes one,
        # but only as large as that layer: outside of it the canvas would be transparent until the next change.
        yield from wait_until_idle(document, strings.IMAGE_CLOSED)
        document.refreshProjection()
    return Placed(note=strings.SOURCE_MIXES.format(layer=target.name) if is_source and is_blended(source) else "")


def _movement(target: Target) -> QPoint:
    """How far the source has moved on the canvas since it was read. Raises LayerGone if it was scaled."""
    return target.before.movement(target.document, target.node) if target.before is not None else QPoint(0, 0)


def _move(node: Any, by: QPoint) -> None:
    position = node.position() + by
    node.move(position.x(), position.y())


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

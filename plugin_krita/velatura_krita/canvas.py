"""Krita's side of the plugin: what is restyled, its pixels, and the layer that the result becomes.

Only this module and the others named `canvas_…` use Krita's documents and layers. Long work is written as generators
that yield between steps of some ten milliseconds, so that the canvas never stalls: `velatura.editor.background.Steps`
runs them.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

from krita import Krita, Selection

from velatura import strings
from velatura.editor.placement import Placed, RecoveredResult
from velatura.editor.recipe import Recipe
from velatura.editor.style_regions import Place
from velatura.errors import LayerGone, NothingToRestyle, VelaturaError
from velatura.figures.layout import Sheet
from velatura.i18n import translated
from velatura.pixels import SELECTION_CONTEXT, Picture

from . import canvas_saving, canvas_shown
from .canvas_animation import film_target as film_target  # parts of the Canvas that this module is to the controllers
from .canvas_animation import frame_now as frame_now
from .canvas_animation import frame_times as frame_times
from .canvas_animation import open_film as open_film
from .canvas_changes import LayerState, canvas_rect
from .canvas_documents import MASK_TYPES, active_layer, canvas_of, check_exists, is_animated, layer_of, wait_until_idle
from .canvas_edit import edit_key as edit_key
from .canvas_edit import edit_target as edit_target
from .canvas_edit import edited_result as edited_result
from .canvas_edit import is_edited as is_edited
from .canvas_edit import replace_edited
from .canvas_layers import (
    active_node,
    copy_appearance,
    is_blended,
    keep_active,
    results_of,
    selected_part,
    selection_key,
    topmost_result,
)
from .canvas_pixels import GREY, SRGB, colour_space, fill_layer, in_rgb, read_coverage, read_pixels
from .canvas_recipes import remember
from .canvas_target import Content, Target
from .qt import QByteArray, QImage, QPoint, QRect, QSize, Qt, QUuid

MESSAGE_TIME = 3000  # ms that a message floats over the canvas


# --- the target --------------------------------------------------------------------------------------
def version() -> str:
    return f"Krita {Krita.instance().version()}"


def current_target() -> Target:
    """The active layer and the selection. Raises NothingToRestyle, which tells the user what to do."""
    document = Krita.instance().activeDocument()
    node = layer_of(active_node(document)) if document is not None else None
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
    node = active_node(document) if document is not None else None
    if node is None:
        return None
    selected = selection_key(document.selection(), canvas_rect(document))
    is_moving = is_animated(layer_of(node))
    now = (document.currentTime(), document.animationLength()) if is_moving else ()  # so that the preview scrubs
    numbers = (document.width(), document.height(), document.colorModel(), is_moving, *now, *selected)
    return (node.uniqueId().toString(), node.name(), *map(str, numbers))


def describe(target: Target) -> str:
    """The line in the window that names what will be restyled."""
    box = target.selected or target.rect
    text = strings.SELECTION_TARGET if target.selected else strings.LAYER_TARGET
    sentence = text.format(layer=target.name, width=box.width(), height=box.height())
    if target.edited is not None:
        sentence = strings.EDITS.format(name=target.edited.name, target=sentence)
    frames = len(frame_times(target)) if target.edited is None else 0
    if frames > 1:
        return strings.FRAMES_TARGET.format(target=sentence, count=frames)
    return strings.ANIMATED_TARGET.format(target=sentence) if is_animated(target.node) else sentence


def is_grey(target: Target) -> bool:
    return bool(target.document.colorModel() == GREY)


def convert_to_rgb(target: Target) -> Generator[None, None, None]:
    """Converts the document at its depth; this is one undo step by itself. Raises LayerGone, VelaturaError."""
    yield from wait_until_idle(target.document, strings.CLOSED_BEFORE_READ)
    if not target.document.setColorSpace(*in_rgb(colour_space(target.document))):
        raise VelaturaError(strings.NOT_CONVERTED)
    yield from wait_until_idle(target.document, strings.CLOSED_BEFORE_READ)


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
    width, height = max(1, int(r.width() * x_scale)), max(1, int(r.height() * y_scale))
    return image.copy(int(r.left() * x_scale), int(r.top() * y_scale), width, height)


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
    rect, canvas = target.rect, canvas_of(target.document)  # the document may be closed while it is read
    target.before = LayerState.of(target.document, target.node, rect)
    picture = yield from read_pixels(target.node, rect, colour_space(target.document))
    if picture is None:
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=target.name))
    mask = None
    if target.selection is not None:
        mask = yield from read_coverage(target.selection, rect)
    return Content(picture, mask, Place(canvas, rect.left(), rect.top(), rect.width(), rect.height()))


def sample(rows: int) -> int | None:
    """A checksum of some rows of the active layer; see `canvas_shown`. None also while Krita saves a document."""
    return None if canvas_saving.is_saving() else canvas_shown.sample(rows)


def read_shown(target: Target, side: int | None) -> Generator[None, None, Content]:
    """Reads the target as the preview shows it; see `canvas_shown`. Raises LayerGone, NothingToRestyle."""
    yield from wait_until_idle(target.document, strings.CLOSED_BEFORE_READ)
    rect, canvas = target.rect, canvas_of(target.document)
    picture, mask = yield from canvas_shown.read_shown(target.node, rect, target.selection, side)
    return Content(picture, mask, Place(canvas, rect.left(), rect.top(), rect.width(), rect.height()))


# --- inserting ---------------------------------------------------------------------------------------
def insert(target: Target, picture: Picture, left: int, top: int, recipe: Recipe) -> Generator[None, None, Placed]:
    """Adds a paint layer with the picture above the target, with the selection as its transparency mask: one undo step.

    It goes above the source's earlier results that are still right above the source, and mixes as the source does. If
    an earlier result is edited, that one is replaced instead. left, top: where the picture lies in the target's rect.
    Raises LayerGone, also if the layer was scaled.
    """
    check_exists(target)
    rect = QRect(target.rect.left() + left, target.rect.top() + top, picture.width, picture.height)
    place = Place(canvas_of(target.document), rect.left(), rect.top(), rect.width(), rect.height())
    recipe = recipe.made_from(target.layer, target.name, place, has_selection=target.selection is not None)
    if target.edited is not None and target.edited.exists:
        movement = _movement(target)  # raises LayerGone before the work, since it would be in vain
        yield from wait_until_idle(target.document, strings.IMAGE_CLOSED)
        new = yield from replace_edited(target.edited, rect.translated(movement), picture, recipe)
        results = results_of(target.layer)
        results.add(target.edited.node.uniqueId().toString())
        return new
    placed = yield from _insert(target, rect, picture, recipe)
    if target.edited is not None:
        return Placed(note=strings.EDITED_GONE.format(name=target.edited.first_name))
    return placed


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
    place = Place(canvas_of(document), left, top, picture.width, picture.height)
    source_name = source.name() if source is not None else ""
    recipe = recovered.recipe.made_from(recovered.layer, source_name, place, has_selection=coverage is not None)
    return (yield from _insert(target, rect, picture, recipe, is_source=source is not None))


def _insert(
    target: Target, rect: QRect, picture: Picture, recipe: Recipe, *, is_source: bool = True
) -> Generator[None, None, Placed]:
    """rect: where the picture belongs if the target has not moved since it was read. Raises LayerGone.

    is_source: whether the target is what was restyled; otherwise the layer is only added above it.
    """
    document, source = target.document, target.node
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    _movement(target)  # before the work, since it would be in vain
    layer = document.createNode(recipe.name, "paintlayer")
    yield from fill_layer(layer, rect, picture)
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    check_exists(target)
    movement = _movement(target)
    _move(layer, movement)
    if is_source:
        copy_appearance(source, layer)
    if target.selection is not None:
        mask = document.createTransparencyMask(translated(strings.MASK_NAME))
        mask.setSelection(target.selection)
        _move(mask, movement)
        layer.addChildNode(mask, None)
    parent = source.parentNode()
    was_alone = len([child for child in parent.childNodes() if child.type() not in MASK_TYPES]) == 1
    covers_canvas = rect.translated(movement).contains(canvas_rect(document))
    results, chosen = results_of(target.layer), active_node(document)
    parent.addChildNode(layer, topmost_result(parent, source, results))
    if chosen is not None:
        keep_active(document, chosen, layer)
    results.add(layer.uniqueId().toString())
    remember(document, layer, rect.translated(movement), recipe)
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
        group = document.createGroupLayer(translated(group_name))
        for figure in reversed(figures):
            layer = document.createNode(translated(figure.name), "paintlayer")
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
        view.showFloatingMessage(translated(sentence), Krita.instance().icon("velatura"), MESSAGE_TIME, 1)


def main_window() -> Any:
    window = Krita.instance().activeWindow()
    return window.qwindow() if window is not None else None


def on_closing(callback: Callable[[], object]) -> None:
    """Calls back when Krita is about to close."""
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.applicationClosing.connect(callback)

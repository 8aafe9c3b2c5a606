"""Edits a result in Krita: finds its source and its selection, and replaces it by a newer result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from typing import Any

from krita import Krita, Selection

from velatura import strings
from velatura.editor.placement import Placed
from velatura.editor.recipe import Recipe, name_after
from velatura.errors import LayerGone, NothingToRestyle
from velatura.i18n import translated
from velatura.pixels import SELECTION_CONTEXT, Picture

from .canvas_changes import canvas_rect
from .canvas_documents import is_animated, is_open, layer_of, wait_until_idle
from .canvas_layers import EFFECTS, active_node, is_locked, keep_active, selected_part
from .canvas_pixels import colour_space, fill_layer, strips
from .canvas_recipes import recipe_of, remember
from .canvas_target import Target
from .qt import QByteArray, QRect, QTimer, QUuid

# Krita's command that replaces the active layer by a flat copy of it, as one undo step.
FLATTEN = "convert_to_paint_layer"
WATCH_EVERY, MAX_WATCHED = 150, 200  # ms; layers
REFRESHES = 3  # after an undo or redo: the first one may come before Krita has finished with it
MAX_CHECKS = 500  # steps of some milliseconds each, after which Krita is taken not to have carried out a command


@dataclass
class Edited:
    """A result that is being edited. node: the layer; after it was replaced, the newer one. first_name: for messages
    when it is gone."""

    document: Any
    node: Any
    recipe: Recipe
    first_name: str

    @property
    def name(self) -> str:
        return str(self.node.name()) if self.exists else self.first_name

    @property
    def exists(self) -> bool:
        return is_open(self.document) and self.node.parentNode() is not None

    @property
    def is_canvas_changed(self) -> bool:
        return self.recipe.canvas != (self.document.width(), self.document.height())


# --- what is edited ----------------------------------------------------------------------------------
def edited_result() -> Edited:
    """The active layer with its recipe. Raises NothingToRestyle, which tells the user what to do."""
    document = Krita.instance().activeDocument()
    node = layer_of(active_node(document)) if document is not None else None
    if node is None:
        raise NothingToRestyle(strings.EDIT_NO_LAYER)
    if is_animated(node):  # a still result would replace its frames
        raise NothingToRestyle(strings.EDIT_ANIMATED.format(layer=node.name()))
    recipe = recipe_of(document, node) if node.type() == "paintlayer" else None
    if recipe is None:
        raise NothingToRestyle(strings.EDIT_NO_RESULT.format(layer=node.name()))
    if is_locked(node):
        raise NothingToRestyle(strings.EDIT_LOCKED.format(layer=node.name()))
    return Edited(document, node, recipe, str(node.name()))


def is_edited(edited: Edited) -> bool:
    """Whether a result still exists and is still the active layer, or the active mask belongs to it."""
    document = Krita.instance().activeDocument()
    if document is None or not edited.exists or document.rootNode() != edited.document.rootNode():
        return False
    return bool(layer_of(active_node(document)) == edited.node)


def edit_key(edited: Edited) -> tuple[str, ...]:
    """Changes whenever the result, its source or the size changes; cheap to call."""
    document, source = edited.document, _source_of(edited)
    names = (edited.name, source.name() if source is not None else "")
    return (edited.node.uniqueId().toString(), *names, str(document.width()), str(document.height()))


def edit_target(edited: Edited) -> Target:
    """The source of a result, with its selection, which is its mask as it is now. Raises NothingToRestyle."""
    document, source = edited.document, _source_of(edited)
    if source is None:
        raise NothingToRestyle(strings.EDIT_SOURCE_GONE.format(layer=edited.name))
    inside = source.bounds().intersected(canvas_rect(document))
    if inside.isEmpty():
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=source.name()))
    if not edited.recipe.has_selection:
        return Target(document, source, inside, edited=edited)
    selection = _selection_of(edited.node, inside)
    selected = selected_part(selection, inside)
    if selected.isEmpty():
        raise NothingToRestyle(strings.EDIT_OUTSIDE.format(layer=edited.name, source=source.name()))
    margin = SELECTION_CONTEXT
    rect = selected.adjusted(-margin, -margin, margin, margin).intersected(inside)
    return Target(document, source, rect, selection, selected, edited=edited)


def _source_of(edited: Edited) -> Any:
    """The layer that a result was made from; None if it is not in the document."""
    identification = QUuid(edited.recipe.source)
    source = None if identification.isNull() else edited.document.nodeByUniqueID(identification)
    return source if source is not None and source.parentNode() is not None else None


def _selection_of(node: Any, inside: QRect) -> Any:
    """The selection that a result was made from: its mask, or without one, the rectangle that it covers."""
    box = node.bounds().intersected(inside)
    selection = Selection()
    masks = [child for child in node.childNodes() if child.type() == "transparencymask"]
    named = [mask for mask in masks if mask.name() == translated(strings.MASK_NAME)] or masks
    if box.isEmpty():
        return selection
    if not named:
        selection.select(box.x(), box.y(), box.width(), box.height(), 255)
        return selection
    # The last one: those before it are copies of the source's own masks.
    pixels = named[-1].pixelData(box.x(), box.y(), box.width(), box.height())
    selection.setPixelData(pixels, box.x(), box.y(), box.width(), box.height())
    return selection


@dataclass
class Watched:
    """A layer that replaced another one. was_there: whether it was in the document at the last check."""

    document: Any
    layer: Any
    was_there: bool = True
    refreshes_left: int = 0


class UndoWatch:
    """Refreshes the canvas when the replacement of a layer without masks is undone or redone.

    Krita believes that a layer and its flat copy look the same, and shows the other one only at the next change.
    """

    def __init__(self) -> None:
        self._replaced: list[Watched] = []
        self._timer: QTimer | None = None

    def add(self, document: Any, layer: Any) -> None:
        self._replaced = [*self._replaced, Watched(document, layer)][-MAX_WATCHED:]
        if self._timer is None:
            self._timer = QTimer()
            self._timer.timeout.connect(self._check)
        self._timer.start(WATCH_EVERY)

    def _check(self) -> None:
        self._replaced = [one for one in self._replaced if is_open(one.document)]
        for one in self._replaced:
            is_there = one.layer.parentNode() is not None
            if is_there != one.was_there:
                one.was_there, one.refreshes_left = is_there, REFRESHES
            if one.refreshes_left and one.document.tryBarrierLock():
                one.document.unlock()
                one.refreshes_left -= 1
                one.document.refreshProjection()
        if not self._replaced and self._timer is not None:
            self._timer.stop()


undo_watch = UndoWatch()


# --- replacing ---------------------------------------------------------------------------------------
def replace_edited(edited: Edited, rect: QRect, picture: Picture, recipe: Recipe) -> Generator[None, None, Placed]:
    """Replaces a result by a newer one, which keeps its place, masks, opacity, blending mode and so on.

    It is one undo step. If Krita cannot do that now, the result becomes a layer above the old one, and the note says
    so. rect: where the picture belongs. Raises LayerGone.
    """
    document, old = edited.document, edited.node
    filled = document.createNode(recipe.name, "paintlayer")
    yield from fill_layer(filled, rect, picture)
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    if not edited.exists:
        raise LayerGone(strings.LAYER_DELETED)
    name = name_after(old.name(), edited.recipe.name, recipe.name)
    chosen = active_node(document)
    was_chosen = layer_of(chosen) == old
    new, masks = yield from _replaced_by_copy(document, old)
    if new is None and not edited.exists:  # another layer was added at the same moment: which one is the copy?
        raise LayerGone(strings.LAYER_DELETED)
    if new is None:
        _add_above(old, filled, masks)
        remember(document, filled, rect, recipe)
        if chosen is not None:
            keep_active(document, chosen, filled)
        return Placed(note=strings.EDIT_NOT_REPLACED.format(name=old.name()))
    _write(new, filled, rect)
    new.setChildNodes(masks)
    if not masks:
        undo_watch.add(document, new)
    _copy_properties(old, new)
    new.setName(name)
    document.refreshProjection()
    remember(document, new, rect, recipe)
    edited.node, edited.recipe, edited.first_name = new, recipe, name
    if was_chosen:
        yield from _activate(document, new)
    elif chosen is not None:
        keep_active(document, chosen, new)
    return Placed(replaced=name)


def _add_above(old: Any, layer: Any, masks: list[Any]) -> None:
    """Adds a layer above the old one that looks as it does."""
    if old.blendingMode() != layer.blendingMode():  # Krita records this as a step, even if nothing changes
        layer.setBlendingMode(old.blendingMode())
    layer.setInheritAlpha(old.inheritAlpha())
    _copy_properties(old, layer)
    for mask in masks:
        layer.addChildNode(mask, None)
    old.parentNode().addChildNode(layer, old)


def _replaced_by_copy(document: Any, old: Any) -> Generator[None, None, Any]:
    """Has Krita replace a layer by a flat copy of it, in one undo step.

    Returns the copy, or None if it cannot, and copies of the layer's masks.
    What is written to the copy afterwards is no step of its own: undoing the replacement removes the copy and brings
    the old layer back, redoing it brings the copy back with what it has now.
    """
    is_like_document = colour_space(old) == colour_space(document)  # so that the copy takes the pixels as they are
    if not (_is_active_document(document) and is_like_document and _can_be_flattened(old)):
        return None, _copies_of_masks(old)
    yield from _activate(document, old)
    yield from wait_until_idle(document, strings.IMAGE_CLOSED)
    command = Krita.instance().action(FLATTEN)  # Krita shows it as disabled until its menu is opened; it works
    # The user may have chosen another document meanwhile, and Krita's command concerns the one that is active.
    if command is None or document.activeNode() != old or not _is_active_document(document):
        return None, _copies_of_masks(old)
    # Only now: the user may have painted on a mask or added a layer meanwhile.
    masks, is_hidden, parent = _copies_of_masks(old), not old.visible(), old.parentNode()
    known = {child.uniqueId().toString() for child in parent.childNodes()}
    if is_hidden:
        old.setVisible(True)  # Krita would only remove a hidden layer
    command.trigger()
    document.waitForDone()
    yield from _until(lambda: old.parentNode() is None)
    if is_hidden:
        old.setVisible(False)
    added = [child for child in parent.childNodes() if child.uniqueId().toString() not in known]
    return (added[0] if old.parentNode() is None and len(added) == 1 else None), masks


def _copies_of_masks(layer: Any) -> list[Any]:
    return [child.duplicate() for child in layer.childNodes()]


def _is_active_document(document: Any) -> bool:
    active = Krita.instance().activeDocument()
    return bool(active is not None and active.rootNode() == document.rootNode())


def _can_be_flattened(node: Any) -> bool:
    """Whether Krita's command only makes a flat copy of this layer, without moving its masks elsewhere."""
    masks = node.childNodes()
    return not (is_animated(node) or is_locked(node)) and all(mask.type() in EFFECTS for mask in masks)


def _write(new: Any, filled: Any, rect: QRect) -> None:
    """Replaces all pixels of a layer by those of another one. It does not yield, so that nobody sees it half done."""
    bytes_per_pixel = len(new.pixelData(rect.x(), rect.y(), 1, 1))
    for strip in strips(new.bounds()) if not new.bounds().isEmpty() else ():
        empty = QByteArray(bytes(strip.width() * strip.height() * bytes_per_pixel))
        new.setPixelData(empty, strip.x(), strip.y(), strip.width(), strip.height())
    for strip in strips(rect):
        box = (strip.x(), strip.y(), strip.width(), strip.height())
        new.setPixelData(filled.pixelData(*box), *box)


def _copy_properties(old: Any, new: Any) -> None:
    """What the painter may have changed in the old layer. Krita records none of these as a step."""
    new.setOpacity(old.opacity())
    new.setVisible(old.visible())
    new.setColorLabel(old.colorLabel())
    new.setAlphaLocked(old.alphaLocked())
    new.setCollapsed(old.collapsed())
    new.setPinnedToTimeline(old.isPinnedToTimeline())


def _activate(document: Any, node: Any) -> Iterator[None]:
    """Makes a node the active one, and yields until it is; Krita may activate another one a little later itself."""
    stable = 0
    for _ in range(MAX_CHECKS):
        is_active = document.activeNode() == node
        stable = stable + 1 if is_active else 0
        if stable > 20 or document.rootNode() is None:
            return
        if not is_active:
            document.setActiveNode(node)
        yield


def _until(is_true: Callable[[], bool]) -> Iterator[None]:
    """Yields until the condition holds, or too often."""
    for _ in range(MAX_CHECKS):
        if is_true():
            return
        yield

"""How a layer shows and mixes with the layers below it, copied from a source to its result; and the active layer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from velatura.editor.coverage import bounding_box

from .canvas_documents import layer_of
from .qt import QRect, QTimer

NORMAL, OPAQUE = "normal", 255
# The effects that Krita applies to a paint layer's pixels. Other layers are read with their effects.
EFFECTS = ("transparencymask", "filtermask", "transformmask")
CHECK_EVERY, MAX_CHECKS = 20, 250  # ms; Krita activates a new layer itself, some 10 to 200 ms after it was added
FORGET_AFTER = 5 * CHECK_EVERY  # ms after which Krita has carried out that another layer is active

MAX_EARLIER_RESULTS = 1000  # layers above a source that are checked for being earlier results of it
SAMPLED_ROWS = 32  # of a selection whose bounding box is the canvas


_results_of: dict[str, set[str]] = {}  # ids of the results of each source layer, by the source's id


def results_of(source: str) -> set[str]:
    """The ids of the results of a source layer, which the caller may add to. source: its id."""
    return _results_of.setdefault(source, set())


def topmost_result(parent: Any, source: Any, results: set[str]) -> Any:
    """The layer to insert above: the topmost of the source's results right above it, or the source itself."""
    children = parent.childNodes()
    position = next(i for i, child in enumerate(children) if child == source)
    topmost = source
    for child in children[position + 1 : position + MAX_EARLIER_RESULTS]:
        if child.uniqueId().toString() not in results:
            break
        topmost = child
    return topmost


def copy_appearance(source: Any, layer: Any) -> None:
    """Makes a new layer show where the source shows, and mix as it does: its opacity, blending mode and own masks."""
    copy_mixing(source, layer)
    if source.type() == "paintlayer":
        for mask in source.childNodes():
            if mask.type() in EFFECTS:
                layer.addChildNode(mask.duplicate(), None)


def copy_mixing(source: Any, layer: Any) -> None:
    """Makes a layer mix with the layers below it as the source does: its opacity and blending mode."""
    layer.setOpacity(source.opacity())
    if source.blendingMode() != layer.blendingMode():  # Krita records this as a step, even if nothing changes
        layer.setBlendingMode(source.blendingMode())
    layer.setInheritAlpha(source.inheritAlpha())


def is_blended(source: Any) -> bool:
    """Whether the source shows through a result above it that is blended in the same way."""
    return bool(source.opacity() < OPAQUE or source.blendingMode() != NORMAL)


def is_locked(node: Any) -> bool:
    """Whether a layer, or a group that it is in, is locked."""
    while node is not None:
        if node.locked():
            return True
        node = node.parentNode()
    return False


@dataclass
class _Addition:
    """A layer that was added, which Krita activates a moment later, and the node that becomes active again."""

    added: Any
    chosen: Any


_additions: list[_Addition] = []  # the latest ones


def active_node(document: Any) -> Any:
    """The node that the user has chosen, or None: not a layer that Krita itself has activated since it is new."""
    node = document.activeNode()
    for addition in _additions:
        if node is not None and layer_of(node) == addition.added:
            return addition.chosen
    return node


def keep_active(document: Any, chosen: Any, added: Any) -> None:
    """Makes the chosen node active again once Krita has activated the added layer."""
    addition = _Addition(added, chosen)
    _additions.append(addition)

    def forget() -> None:
        _additions[:] = [one for one in _additions if one is not addition]

    def check(checks_left: int) -> None:
        if document.rootNode() is None or checks_left == 0:
            forget()
            return
        active = document.activeNode()
        if layer_of(active) != added:
            addition.chosen = active or addition.chosen  # the user may choose another layer meanwhile
            QTimer.singleShot(CHECK_EVERY, partial(check, checks_left - 1))
            return
        QTimer.singleShot(FORGET_AFTER, forget)
        if document.nodeByUniqueID(addition.chosen.uniqueId()) is not None:
            document.setActiveNode(addition.chosen)

    check(MAX_CHECKS)


def selected_part(selection: Any, inside: QRect) -> QRect:
    """The bounding box of what is selected in a rectangle; empty if nothing is."""
    box = QRect(selection.x(), selection.y(), selection.width(), selection.height())
    part = box.intersected(inside)
    if part.isEmpty() or (part == box and part != inside):
        return part  # otherwise the box may be too large: that of an inverted selection is the canvas
    found = bounding_box(bytes(selection.pixelData(part.x(), part.y(), part.width(), part.height())), part.width())
    return QRect() if found is None else QRect(*found).translated(part.topLeft())


def selection_key(selection: Any, canvas: QRect) -> tuple[int, ...]:
    """Changes when the selection does, though not with every pixel; cheap to call."""
    if selection is None:
        return ()
    box = (selection.x(), selection.y(), selection.width(), selection.height())
    if not QRect(*box).contains(canvas):
        return box
    # The bounding box of an inverted selection is always the canvas.
    rows = range(canvas.top(), canvas.bottom() + 1, max(1, canvas.height() // SAMPLED_ROWS))
    return (*box, *(hash(bytes(selection.pixelData(canvas.left(), y, canvas.width(), 1))) for y in rows))

"""The frames of an animated layer in Krita: reads them, and makes their results one animated layer.

Krita's Python can neither create a keyframe nor read or write a frame without moving the time slider, which is a step
in the undo history of its document. So all of that happens in hidden documents: the frames are read from a copy of the
layer, and written to another copy, which has the same keyframes. That one is then added to the user's document: one
step, and the user's time slider does not move.
"""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

from krita import Krita

from velatura import strings
from velatura.editor.placement import Placed
from velatura.editor.recipe import Recipe
from velatura.editor.style_regions import Place
from velatura.errors import LayerGone, NothingToRestyle, VelaturaError
from velatura.pixels import SELECTION_CONTEXT, Picture

from .canvas_changes import canvas_rect
from .canvas_documents import MASK_TYPES, canvas_of, check_exists, layer_of, wait_until_idle
from .canvas_layers import (
    EFFECTS,
    active_node,
    copy_mixing,
    is_blended,
    keep_active,
    results_of,
    selected_part,
    topmost_result,
)
from .canvas_pixels import colour_space, fill_layer, read_coverage, read_pixels, strips
from .canvas_profiles import HIDDEN_DOCUMENT
from .canvas_target import Content, Target
from .qt import QByteArray, QImage, QRect

KEYFRAMES = ".keyframes.xml"  # the end of the name of a layer's list of keyframes in a .kra file
KEYFRAME = (  # not translated: XML
    '<keyframe color-label="0" time="{time}" frame="{file}"><offset type="point" x="0" y="0"/></keyframe>'
)
KEYFRAME_LIST = (  # not translated: XML
    '<?xml version="1.0" encoding="UTF-8"?>\n<keyframes xmlns="http://www.calligra.org/DTD/krita-keyframes">'
    '<channel name="content">{keyframes}</channel></keyframes>'
)
DEFAULT_PIXEL = ".defaultpixel"  # the end of the name of the file with the colour outside of a frame's pixels


# --- what is animated ----------------------------------------------------------------------------------
def film_target() -> Target:
    """The active layer and the selection, whatever the frame at the time slider has. Raises NothingToRestyle."""
    document = Krita.instance().activeDocument()
    node = layer_of(active_node(document)) if document is not None else None
    if node is None:
        raise NothingToRestyle(strings.NO_LAYER)
    return Target(document, node, canvas_rect(document), document.selection())


def frame_times(target: Target) -> list[int]:
    """The times of the keyframes of a layer, or of all layers in a group, ascending; empty if it is not animated.

    Krita tells plugins of keyframes with pixels only, not of those of opacity or of transform masks.
    """
    layers = [node for node in _with_descendants(target.node) if node.animated()]
    length = target.document.animationLength() if layers else 0
    return [time for time in range(length) if any(layer.hasKeyframeAtTime(time) for layer in layers)]


def frame_now(target: Target) -> int:
    """The frame at the time slider."""
    return int(target.document.currentTime())


def _with_descendants(node: Any) -> Iterator[Any]:
    yield node
    for child in node.childNodes():
        yield from _with_descendants(child)


# --- the film ------------------------------------------------------------------------------------------
def open_film(target: Target, frames: Sequence[int]) -> Generator[None, None, KritaFilm]:
    """Copies the layer to restyle these frames of it. Raises LayerGone, NothingToRestyle, VelaturaError."""
    film = KritaFilm(target)
    try:
        yield from film.open(frames)
    except BaseException:
        film.close()
        raise
    return film


class KritaFilm:
    """Implements `velatura.editor.film_task.Film`.

    Everything that it reads is as it was when the film was opened, whatever the user does to the layer meanwhile.
    """

    composite = False  # the selection becomes the mask of the result

    def __init__(self, target: Target) -> None:
        self._target = target
        self._canvas = canvas_rect(target.document)
        self._rect = QRect()
        self._mask: Picture | None = None
        self._selection: Any = None
        self._source_document: Any = None
        self._result_document: Any = None  # may be the same
        self._source: Any = None
        self._result: Any = None
        self._written: set[int] = set()

    # --- opening -----------------------------------------------------------------------------------------
    def open(self, frames: Sequence[int]) -> Generator[None, None, None]:
        document, node = self._target.document, self._target.node
        yield from wait_until_idle(document, strings.CLOSED_BEFORE_READ)
        self._place_canvas = canvas_of(document)  # the document may be closed when a frame is read
        times = frame_times(self._target)
        if self._target.selection is not None:
            self._selection = self._target.selection.duplicate()
        if node.type() == "paintlayer":
            # A copy has the keyframes, the pixel format, the curve of the opacity, and the masks of the layer.
            self._source_document = self._result_document = _new_document(document)
            self._source, self._result = (self._copy_of(node) for _ in range(2))
            for mask in self._result.childNodes():
                if mask.type() not in EFFECTS:
                    mask.remove()
        else:
            # Its frames are made of those of the layers in it, which may belong to layers elsewhere (clone layers).
            self._source_document = document.clone()
            self._source = self._source_document.nodeByUniqueID(node.uniqueId())
            self._result_document, self._result = _new_layer_with_keyframes(document, times)
            copy_mixing(node, self._result)
        yield from self._settle(self._source_document)
        yield from self._find_rect(frames)

    def _copy_of(self, node: Any) -> Any:
        copy = node.duplicate()
        self._source_document.rootNode().addChildNode(copy, None)
        # Asked for anew: what `duplicate` returns keeps to the user's image, and ends Krita once that is closed.
        copy = self._source_document.nodeByUniqueID(copy.uniqueId())
        copy.setLocked(False)
        return copy

    def _find_rect(self, frames: Sequence[int]) -> Generator[None, None, None]:
        """Finds the part of the canvas that has pixels in any of the frames, so that all are read at the same place."""
        name, inside = self._target.name, QRect()
        for frame in frames:
            yield from self._show(self._source_document, frame)
            inside = inside.united(self._source.bounds().intersected(self._canvas))
        if inside.isEmpty():
            raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=name))
        self._rect = inside
        if self._selection is not None:
            selected = selected_part(self._selection, inside)
            if selected.isEmpty():
                raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=name))
            margin = SELECTION_CONTEXT
            self._rect = selected.adjusted(-margin, -margin, margin, margin).intersected(inside)
            self._mask = yield from read_coverage(self._selection, self._rect)

    # --- frames ------------------------------------------------------------------------------------------
    def read(self, frame: int) -> Generator[None, None, Content | None]:
        yield from self._show(self._source_document, frame)
        rect = self._rect
        if self._source.bounds().intersected(rect).isEmpty():
            return None
        picture = yield from read_pixels(self._source, rect, colour_space(self._result))
        if picture is None:
            return None
        place = Place(self._place_canvas, rect.left(), rect.top(), rect.width(), rect.height())
        return Content(picture, self._mask, place)

    def thumbnail(self, side: int) -> QImage:
        """The frame that was read last, at most `side` pixels a side."""
        rect, bounds = self._rect, self._source.bounds()
        scale = min(1.0, side / max(rect.width(), rect.height()))
        size = (max(1, int(length * scale)) for length in (bounds.width(), bounds.height()))
        image = self._source.thumbnail(*size)
        left, top = (int(offset * scale) for offset in (rect.left() - bounds.left(), rect.top() - bounds.top()))
        return image.copy(left, top, max(1, int(rect.width() * scale)), max(1, int(rect.height() * scale)))

    def size(self) -> tuple[int, int]:
        return self._rect.width(), self._rect.height()

    def write(self, frame: int, picture: Picture, left: int, top: int) -> Generator[None, None, None]:
        rect = QRect(self._rect.left() + left, self._rect.top() + top, picture.width, picture.height)
        yield from self._show(self._result_document, frame)
        yield from _clear(self._result)
        yield from fill_layer(self._result, rect, picture)
        self._written.add(frame)
        self._result_document.setModified(False)  # or Krita would save it automatically, as a document to recover

    def repeat(self, frame: int, like: int) -> Generator[None, None, None]:
        yield from self._show(self._result_document, like)
        pieces = []
        for strip in strips(self._result.bounds()):
            box = (strip.x(), strip.y(), strip.width(), strip.height())
            pieces.append((self._result.pixelData(*box), *box))
            yield
        yield from self._show(self._result_document, frame)
        yield from _clear(self._result)
        for piece in pieces:
            self._result.setPixelData(*piece)
            yield
        self._written.add(frame)
        self._result_document.setModified(False)

    def _show(self, document: Any, frame: int) -> Generator[None, None, None]:
        """Moves the time of a hidden document."""
        if document.currentTime() != frame:
            document.setCurrentTime(frame)
            yield
        yield from self._settle(document)

    def _settle(self, document: Any) -> Generator[None, None, None]:
        yield from wait_until_idle(document, strings.CLOSED_BEFORE_READ)
        document.setModified(False)

    # --- the result --------------------------------------------------------------------------------------
    def insert(self, recipe: Recipe) -> Generator[None, None, Placed]:
        """Adds the animated layer above the source: one undo step. It is empty wherever a frame has no result.

        If the document was closed, the layer deleted or the canvas resized, it is opened as a new document instead.
        """
        for frame in frame_times(Target(self._result_document, self._result, self._rect)):
            if frame not in self._written:
                yield from self._show(self._result_document, frame)
                yield from _clear(self._result)
        self._result.setName(recipe.name)
        self._result.setAlphaLocked(False)
        if self._selection is not None:
            mask = self._result_document.createTransparencyMask(strings.MASK_NAME)
            mask.setSelection(self._selection)
            self._result.addChildNode(mask, None)
        yield from self._settle(self._result_document)
        try:
            check_exists(self._target)
            yield from wait_until_idle(self._target.document, strings.IMAGE_CLOSED)
            check_exists(self._target)
            is_scaled = canvas_rect(self._target.document) != self._canvas
        except LayerGone:
            self._open_as_document(recipe.name)
            return Placed(is_layer=False)
        if is_scaled:
            self._open_as_document(recipe.name)
            return Placed(is_layer=False, note=strings.LAYER_SCALED)
        yield from self._add()
        is_mixed = is_blended(self._target.node)
        return Placed(note=strings.SOURCE_MIXES.format(layer=self._target.name) if is_mixed else "")

    def _add(self) -> Generator[None, None, None]:
        document, source, layer = self._target.document, self._target.node, self._result.duplicate()
        parent = source.parentNode()
        was_alone = len([child for child in parent.childNodes() if child.type() not in MASK_TYPES]) == 1
        results, chosen = results_of(self._target.layer), active_node(document)
        parent.addChildNode(layer, topmost_result(parent, source, results))
        if chosen is not None:
            keep_active(document, chosen, layer)
        results.add(layer.uniqueId().toString())
        if was_alone and not self._rect.contains(self._canvas):  # as in canvas._insert
            yield from wait_until_idle(document, strings.IMAGE_CLOSED)
            document.refreshProjection()

    def _open_as_document(self, name: str) -> None:
        """Shows the hidden document with the results, without the copy of the source."""
        document, self._result_document = self._result_document, None
        if self._source_document is document:
            self._source_document = None
            self._source.remove()
        document.setName(name)
        document.setCurrentTime(min(self._written, default=0))
        document.refreshProjection()
        window = Krita.instance().activeWindow() or Krita.instance().windows()[0]
        window.addView(document)
        document.setModified(True)  # it is saved nowhere

    def close(self) -> None:
        """Closes the hidden documents."""
        documents = [self._source_document]
        if self._result_document is not self._source_document:
            documents.append(self._result_document)
        self._source_document = self._result_document = None
        for document in documents:
            if document is not None and document.rootNode() is not None:
                document.waitForDone()
                document.setModified(False)
                document.close()


def _new_document(like: Any) -> Any:
    """A hidden document without layers, of the same size and colours."""
    document = Krita.instance().createDocument(
        like.width(), like.height(), HIDDEN_DOCUMENT, *colour_space(like), float(like.resolution())
    )
    for node in document.topLevelNodes():
        node.remove()
    document.waitForDone()
    document.setFramesPerSecond(like.framesPerSecond())
    document.setModified(False)
    return document


def _new_layer_with_keyframes(like: Any, times: Sequence[int]) -> tuple[Any, Any]:
    """A hidden document of the same size and colours, and an empty layer in it with these keyframes.

    Krita's Python cannot create keyframes, but Krita reads them from files. Raises VelaturaError.
    """
    document = _new_document(like)
    layer = document.createNode(HIDDEN_DOCUMENT, "paintlayer")
    layer.enableAnimation()
    document.rootNode().addChildNode(layer, None)
    document.waitForDone()
    document.setBatchmode(True)
    with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
        empty, with_keyframes = Path(folder, "empty.kra"), Path(folder, "keyframes.kra")
        saved = document.saveAs(str(empty))
        document.waitForDone()
        document.setModified(False)
        document.close()
        if not saved or not empty.exists():
            raise VelaturaError(strings.NO_KEYFRAMES)
        _add_keyframes(empty, with_keyframes, times)
        document = Krita.instance().openDocument(str(with_keyframes))
    layers = [node for node in document.topLevelNodes() if node.animated()] if document is not None else []
    if not layers:
        if document is not None:
            document.setModified(False)
            document.close()
        raise VelaturaError(strings.NO_KEYFRAMES)
    document.setName(HIDDEN_DOCUMENT)
    document.setFileName("")
    document.setModified(False)
    return document, layers[0]


def _add_keyframes(source: Path, target: Path, times: Sequence[int]) -> None:
    """Copies a .kra file, and gives its animated layer an empty frame at each of these times."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith(KEYFRAMES):
                layer = name[: -len(KEYFRAMES)]
                frames = {time: f"{layer}.f{number}" for number, time in enumerate(times)}
                for file in frames.values():
                    new.writestr(file, old.read(layer))
                    new.writestr(file + DEFAULT_PIXEL, old.read(layer + DEFAULT_PIXEL))
                keyframes = (KEYFRAME.format(time=time, file=Path(file).name) for time, file in frames.items())
                data = KEYFRAME_LIST.format(keyframes="".join(keyframes)).encode()
            new.writestr(name, data)


def _clear(layer: Any) -> Iterator[None]:
    """Makes the frame that a hidden document shows transparent. Yields between strips."""
    bounds = layer.bounds()
    if bounds.isEmpty():
        return
    bytes_per_pixel = len(layer.pixelData(bounds.x(), bounds.y(), 1, 1))
    for strip in strips(bounds):
        empty = QByteArray(bytes(strip.width() * strip.height() * bytes_per_pixel))
        layer.setPixelData(empty, strip.x(), strip.y(), strip.width(), strip.height())
        yield

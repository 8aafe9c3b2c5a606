"""Krita's side: documents, layers, selections, pixels. Everything that touches Krita's API is in this file.

Long work is written as generators that yield between steps, each of some ten milliseconds, so that the canvas never
stalls: `velatura.editor.background.Steps` runs them. Colours are converted by Krita itself, in a hidden document of our
own: a conversion leaves a step in the undo history of the document that it happens in.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from krita import Krita, Selection

from velatura import strings
from velatura.editor.placement import RecoveredResult
from velatura.editor.style_regions import Canvas, Place, Region, RegionSource
from velatura.errors import LayerGone, NothingToRestyle, VelaturaError
from velatura.figures.layout import Sheet
from velatura.pixels import MASK_FORMAT, SELECTION_CONTEXT, Picture, PixelFormat

from .qt import QByteArray, QImage, QPainter, QRect, QSize, Qt, QUuid

SRGB = "sRGB-elle-V2-srgbtrc.icc"  # ships with Krita
FLOAT_SRGB = ("RGBA", "F32", SRGB)
CONTENT_FORMAT = PixelFormat("RGBA", "f32", "srgb")
STEP_PIXELS = 1 << 18  # of one step: some 30 ms with the conversion
MASKS = ("transparencymask", "filtermask", "transformmask", "selectionmask", "colorizemask")
RESULTS_ABOVE = 1000  # layers looked at for earlier results of the same source

Space = tuple[str, str, str]  # model, depth, profile, as Krita names them


@dataclass
class Target:
    """What a restyle is of: a layer of a document, where, and the selection as it was. Plain references: any of them
    may be gone when the result comes."""

    document: Any
    node: Any
    rect: QRect
    selection: Any = None

    @property
    def layer(self) -> str:
        """A name for the daemon: a newer job for the same layer takes the older one's place."""
        return str(self.node.uniqueId().toString())

    @property
    def name(self) -> str:
        return str(self.node.name())

    @property
    def document_name(self) -> str:
        return str(self.document.name() or Path(self.document.fileName()).name or strings.UNTITLED)


@dataclass(frozen=True)
class Content:
    """The pixels of a target, float sRGB, and the selection over them. strips: rows from the top, some at a time."""

    width: int
    height: int
    strips: list[Any] = field(repr=False)
    mask: Picture | None
    place: Place

    @cached_property
    def picture(self) -> Picture:
        """Joined at the first look, which is best taken on a thread: 64 MB for 4 megapixels."""
        pixels = bytearray()
        for strip in self.strips:  # not in one go: other threads get their turn between
            pixels += strip
        self.strips.clear()
        return Picture(self.width, self.height, CONTENT_FORMAT, pixels)


@dataclass
class Source:
    """A document or layer that a style can be taken from."""

    name: str
    take: Any = field(repr=False)  # () → QImage, at most `side` pixels a side


# --- what there is -----------------------------------------------------------------------------------
def version() -> str:
    return f"Krita {Krita.instance().version()}"


def open_documents() -> list[Any]:
    """Each once, even where several views show it; ours are not among them."""
    seen: dict[str, Any] = {}
    for document in Krita.instance().documents():
        root = document.rootNode()
        if root is not None and document.name() != HELPER:
            seen.setdefault(root.uniqueId().toString(), document)
    return list(seen.values())


def is_open(document: Any) -> bool:
    root = document.rootNode()
    return root is not None and any(root == other.rootNode() for other in open_documents())


def current_target() -> Target:
    """The active layer and the selection. Raises NothingToRestyle with what to do."""
    document = Krita.instance().activeDocument()
    node = document.activeNode() if document is not None else None
    if node is None:
        raise NothingToRestyle(strings.NO_LAYER)
    while node.type() in MASKS and node.parentNode() is not None:
        node = node.parentNode()
    canvas = QRect(0, 0, document.width(), document.height())
    inside = node.bounds().intersected(canvas)
    if inside.isEmpty():
        raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=node.name()))
    selection = document.selection()
    if selection is None:
        return Target(document, node, inside)
    selected = QRect(selection.x(), selection.y(), selection.width(), selection.height()).intersected(inside)
    if selected.isEmpty():
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=node.name()))
    around = SELECTION_CONTEXT
    rect = selected.adjusted(-around, -around, around, around).intersected(inside)
    return Target(document, node, rect, selection)


def target_key() -> tuple[str, ...] | None:
    """Changes when the active layer or the selection's box does; cheap to ask."""
    document = Krita.instance().activeDocument()
    node = document.activeNode() if document is not None else None
    if node is None:
        return None
    s = document.selection()
    box = (s.x(), s.y(), s.width(), s.height()) if s is not None else ()
    return (node.uniqueId().toString(), node.name(), *map(str, box))


def describe(target: Target) -> str:
    """What the window says will be restyled."""
    r = target.rect
    if target.selection is None:
        return strings.LAYER_OF.format(layer=target.name, width=r.width(), height=r.height())
    s = target.selection
    return strings.SELECTION_OF.format(layer=target.name, width=s.width(), height=s.height())


def size(target: Target) -> tuple[int, int]:
    return target.rect.width(), target.rect.height()


def thumbnail(target: Target, side: int) -> QImage:
    """The target's part of its layer as it is, small: something to look at before the first preview."""
    bounds = target.node.bounds()
    scale = min(1.0, side / max(1, target.rect.width(), target.rect.height()))
    width, height = int(bounds.width() * scale), int(bounds.height() * scale)
    whole = target.node.thumbnail(max(1, min(width, 4 * side)), max(1, min(height, 4 * side)))
    across, down = whole.width() / max(1, bounds.width()), whole.height() / max(1, bounds.height())
    r = target.rect.translated(-bounds.left(), -bounds.top())
    return whole.copy(int(r.left() * across), int(r.top() * down), int(r.width() * across), int(r.height() * down))


def photo(target: Target, side: int) -> QImage:
    """The same, at most `side` pixels a side, and smooth: Krita's own thumbnails leave pixels out."""
    larger = thumbnail(target, 4 * side)
    scaled = larger.size().scaled(QSize(side, side), Qt.AspectRatioMode.KeepAspectRatio)
    if scaled.width() >= larger.width():
        return larger
    return larger.scaled(scaled, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation)


def style_sources(side: int) -> list[Source]:
    """Open documents and their layers, the topmost first; where there is a selection, what it covers of them."""
    sources = []
    for document in open_documents():
        title, all_of_it = document.name() or strings.UNTITLED, QRect(0, 0, document.width(), document.height())
        selected = document.selection() is not None
        parts = [(title, document, all_of_it)]
        for node in reversed(document.topLevelNodes()):
            if node.type() not in MASKS and not node.bounds().isEmpty():
                parts.append((f"{title} ▸ {node.name()}", node, node.bounds()))
        for name, thing, box in parts:
            take = lambda d=document, t=thing, b=box, n=name: _visible_part(d, t, b, n, side)  # noqa: E731
            sources.append(Source(strings.OF_SELECTION.format(name=name) if selected else name, take))
    return sources


def _visible_part(document: Any, thing: Any, box: QRect, name: str, side: int) -> QImage:
    """A document or layer as a style; outside the selection it is transparent, and the daemon looks at what is
    visible."""
    image, selection = _small(thing.thumbnail, box.width(), box.height(), side), document.selection()
    if selection is None:
        return image
    if not QRect(selection.x(), selection.y(), selection.width(), selection.height()).intersects(box):
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=name))
    coverage = bytes(selection.pixelData(box.x(), box.y(), box.width(), box.height()))
    mask = QImage(coverage, box.width(), box.height(), box.width(), QImage.Format.Format_Alpha8)
    image = image.convertToFormat(QImage.Format.Format_ARGB32_Premultiplied)
    painter = QPainter(image)
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_DestinationIn)
    painter.drawImage(
        0,
        0,
        mask.scaled(image.size(), Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation),
    )
    painter.end()
    return image


def _small(take: Any, width: int, height: int, side: int) -> QImage:
    scale = min(1.0, side / max(width, height))
    image = take(max(1, round(width * scale)), max(1, round(height * scale)))
    if image is None or image.isNull():
        raise VelaturaError(strings.SOURCE_GONE)
    return QImage(image)


# --- regions -----------------------------------------------------------------------------------------
def region_sources() -> list[RegionSource]:
    """What of the active document can say where a style goes: the selection, then every layer, the topmost first."""
    document = Krita.instance().activeDocument()
    if document is None:
        return []
    sources = []
    if document.selection() is not None:
        sources.append(RegionSource(strings.SELECTION_NOW, lambda: _selected(document)))
    for name, node in _all_layers(document.topLevelNodes()):
        sources.append(RegionSource(name, lambda node=node: _covered(document, node)))
    return sources


def _all_layers(nodes: list[Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for node in reversed(nodes):
        if node.type() not in MASKS:
            yield above + node.name(), node
            yield from _all_layers(node.childNodes(), f"{above}{node.name()} ▸ ")


def _canvas_of(document: Any) -> Canvas:
    return Canvas(document.rootNode().uniqueId().toString(), document.width(), document.height())


def _selected(document: Any) -> Region:
    selection, canvas = document.selection(), _canvas_of(document)
    if selection is None:
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=strings.MASK_NAME))
    return _region(strings.MASK_NAME, canvas, bytes(selection.pixelData(0, 0, canvas.width, canvas.height)))


def _covered(document: Any, node: Any) -> Region:
    """A layer's alpha, where it has transparency on the canvas; else its lightness."""
    canvas, box = _canvas_of(document), node.bounds()
    inside = box.intersected(QRect(0, 0, canvas.width, canvas.height))
    image = node.thumbnail(box.width(), box.height()).copy(inside.translated(-box.left(), -box.top()))
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


def _region(name: str, canvas: Canvas, coverage: bytes) -> Region:
    if not coverage.strip(b"\0"):
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=name))
    return Region(name, canvas, coverage)


# --- reading -----------------------------------------------------------------------------------------
def read(target: Target) -> Generator[None, None, Content]:
    """The target's pixels and selection. The layer is not touched."""
    yield from _wait_until_idle(target.document, strings.PICTURE_CLOSED)
    if target.selection is not None:
        target.selection = target.selection.duplicate()  # the person may select something else meanwhile
    rect = target.rect
    strips = []
    with _helper() as helper:
        yield
        own_space = _space_of(target.node)
        get = target.node.pixelData if target.node.type() == "paintlayer" else target.node.projectionPixelData
        for strip in _strips(rect):
            raw = get(strip.x(), strip.y(), strip.width(), strip.height())
            if len(raw) == 0:
                raise NothingToRestyle(strings.EMPTY_LAYER.format(layer=target.name))
            strips.append(_converted(helper, raw, strip, own_space, FLOAT_SRGB))
            yield
    mask = None
    if target.selection is not None:
        selected = target.selection.pixelData(rect.x(), rect.y(), rect.width(), rect.height())
        mask = Picture(rect.width(), rect.height(), MASK_FORMAT, memoryview(selected))
    place = Place(_canvas_of(target.document), rect.left(), rect.top(), rect.width(), rect.height())
    return Content(rect.width(), rect.height(), strips, mask, place)


def _wait_until_idle(document: Any, gone: str) -> Iterator[None]:
    """Until Krita has finished the stroke in hand; asking does not block. gone: the sentence of the LayerGone that a
    closed document raises."""
    while not document.tryBarrierLock():
        if document.rootNode() is None:
            raise LayerGone(gone)
        yield
    document.unlock()


def _strips(rect: QRect) -> Iterator[QRect]:
    rows = max(1, STEP_PIXELS // rect.width())
    for top in range(rect.top(), rect.bottom() + 1, rows):
        yield QRect(rect.left(), top, rect.width(), min(rows, rect.bottom() + 1 - top))


# --- colours, by Krita -------------------------------------------------------------------------------
HELPER = "Velatura's colour conversion"


def _space_of(thing: Any) -> Space:
    return thing.colorModel(), thing.colorDepth(), thing.colorProfile()


@contextlib.contextmanager
def _helper() -> Iterator[Any]:
    """A document that nobody sees, whose undo history nobody misses."""
    document = Krita.instance().createDocument(16, 16, HELPER, *FLOAT_SRGB, 72.0)
    try:
        yield document
    finally:
        document.setModified(False)
        document.close()


def _converted(helper: Any, raw: Any, rect: QRect, space: Space, to: Space) -> Any:
    """Pixels in another space. raw: bytes of rect in `space`. Returns a QByteArray."""
    if space == to:
        return raw
    node = helper.createNode("strip", "paintlayer")
    if space != FLOAT_SRGB and not node.setColorSpace(*space):
        raise VelaturaError(strings.NO_CONVERSION.format(space=" ".join(space)))
    node.setPixelData(raw, 0, 0, rect.width(), rect.height())
    if not node.setColorSpace(*to):
        raise VelaturaError(strings.NO_CONVERSION.format(space=" ".join(to)))
    return node.pixelData(0, 0, rect.width(), rect.height())


# --- the result --------------------------------------------------------------------------------------
_results_of: dict[str, set[str]] = {}  # a source's id → those of the layers that came of it


def insert(target: Target, picture: Picture, left: int, top: int, name: str) -> Generator[None, None, bool]:
    """A new paint layer above the target with the picture, and the selection as its transparency mask: one undo step.

    It goes above the source's earlier results that still stand on it. left, top: where the picture's box lies in the
    target's rect. Returns True: it stands beside its source. Raises LayerGone.
    """
    check_there(target)
    rect = QRect(target.rect.left() + left, target.rect.top() + top, picture.width, picture.height)
    yield from _insert(target, rect, picture, name)
    return True


def insert_recovered(recovered: RecoveredResult) -> Generator[None, None, bool]:
    """A result that was kept, as a new layer of the active document: above its source, if that is there; else above the
    active layer. Returns False where it became a document of its own: none is open. Raises VelaturaError."""
    document, picture = Krita.instance().activeDocument(), recovered.picture
    if picture.format != CONTENT_FORMAT:
        raise VelaturaError(strings.OF_ANOTHER_KIND)
    if document is None:
        yield from open_as_picture(picture, recovered.name)
        return False
    yield from _wait_until_idle(document, strings.PICTURE_GONE)
    known = QUuid(recovered.layer)
    source = (None if known.isNull() else document.nodeByUniqueID(known)) or _active_layer(document)
    if source is None:
        raise LayerGone(strings.LAYER_GONE)
    left, top = recovered.position_on(document.width(), document.height())
    rect, selection, coverage = QRect(left, top, picture.width, picture.height), None, recovered.coverage()
    if coverage is not None:
        selection = Selection()
        selection.setPixelData(QByteArray(bytes(coverage.data)), left, top, coverage.width, coverage.height)
    yield from _insert(Target(document, source, rect, selection), rect, picture, recovered.name)
    return True


def _active_layer(document: Any) -> Any:
    """The active layer, or the one that the active mask hides, or the topmost; None in a document without any."""
    node = document.activeNode()
    while node is not None and node.type() in MASKS and node.parentNode() is not None:
        node = node.parentNode()
    layers = [node for node in document.topLevelNodes() if node.type() not in MASKS]
    return node or (layers[-1] if layers else None)


def _insert(target: Target, rect: QRect, picture: Picture, name: str) -> Iterator[None]:
    """Raises LayerGone."""
    document = target.document
    yield from _wait_until_idle(document, strings.PICTURE_GONE)
    layer = document.createNode(name, "paintlayer")
    yield from _fill(layer, rect, picture)
    if target.selection is not None:
        mask = document.createTransparencyMask(strings.MASK_NAME)
        mask.setSelection(target.selection)
        layer.addChildNode(mask, None)
    yield from _wait_until_idle(document, strings.PICTURE_GONE)
    check_there(target)
    parent = target.node.parentNode()
    was_alone = len([child for child in parent.childNodes() if child.type() not in MASKS]) == 1
    covers = rect.contains(QRect(0, 0, document.width(), document.height()))
    parent.addChildNode(layer, _above(parent, target.node, _results_of.setdefault(target.layer, set())))
    _results_of[target.layer].add(layer.uniqueId().toString())
    if was_alone and not covers:
        # Krita (5.2.9) shows a lone layer without a projection of its parent's own; for the second layer it makes one,
        # but only as far as that layer reaches: beyond it the canvas would turn transparent until the next change.
        yield from _wait_until_idle(document, strings.PICTURE_GONE)
        document.refreshProjection()


def check_there(target: Target) -> None:
    """Raises LayerGone where document or layer are no more."""
    if not is_open(target.document):
        raise LayerGone(strings.PICTURE_GONE)
    if target.document.nodeByUniqueID(target.node.uniqueId()) is None or target.node.parentNode() is None:
        raise LayerGone(strings.LAYER_GONE)


def _above(parent: Any, node: Any, earlier: set[str]) -> Any:
    """The layer to go above: the source, or the topmost of its earlier results that stand right on it."""
    children = parent.childNodes()
    place = next(i for i, child in enumerate(children) if child == node)
    for child in children[place + 1 : place + RESULTS_ABOVE]:
        if child.uniqueId().toString() not in earlier:
            break
        node = child
    return node


def open_as_picture(picture: Picture, name: str) -> Generator[None, None, None]:
    """The result as a document of its own, in a view: where the one it was for has gone."""
    document = Krita.instance().createDocument(picture.width, picture.height, name, "RGBA", "U16", SRGB, 300.0)
    layer = document.createNode(name, "paintlayer")
    yield from _fill(layer, QRect(0, 0, picture.width, picture.height), picture)
    document.waitForDone()
    root = document.rootNode()
    background = document.topLevelNodes()
    root.addChildNode(layer, None)
    for node in background:
        node.remove()
    _show(document)


def open_sheet(sheet: Sheet, name: str) -> Generator[None, None, None]:
    """The figures as layers of a new document, on white, a group of layers for each group; the first on top."""
    document = Krita.instance().createDocument(sheet.width, sheet.height, name, "RGBA", "U8", SRGB, 72.0)
    document.waitForDone()
    for group, placed in reversed(sheet.groups.items()):
        node = document.createGroupLayer(group)
        for one in reversed(placed):
            layer = document.createNode(one.name, "paintlayer")
            width, height = one.picture.width, one.picture.height
            image = QImage(bytes(one.picture.data), width, height, 4 * width, QImage.Format.Format_RGBA8888)
            image = image.convertToFormat(QImage.Format.Format_ARGB32)  # its bytes are Krita's B, G, R, A
            bits = image.constBits()
            bits.setsize(image.sizeInBytes())
            layer.setPixelData(QByteArray(bytes(bits)), one.left, one.top, width, height)
            node.addChildNode(layer, None)
            yield
        document.rootNode().addChildNode(node, None)
    _show(document)


def _show(document: Any) -> None:
    document.refreshProjection()
    window = Krita.instance().activeWindow() or Krita.instance().windows()[0]
    window.addView(document)


def _fill(layer: Any, rect: QRect, picture: Picture) -> Iterator[None]:
    """Writes the picture onto a layer that is in no document yet, in the layer's own space."""
    pixels, width = memoryview(picture.data), picture.width * CONTENT_FORMAT.bytes_per_pixel
    with _helper() as helper:
        yield
        for strip in _strips(rect):
            start = (strip.top() - rect.top()) * width
            raw = QByteArray(bytes(pixels[start : start + strip.height() * width]))
            own = _converted(helper, raw, strip, FLOAT_SRGB, _space_of(layer))
            layer.setPixelData(own, strip.x(), strip.y(), strip.width(), strip.height())
            yield


def back_to_source(target: Target) -> None:
    """Make the source the active layer again where Krita has chosen the result, so that another try starts from the
    source. A layer that the painter has chosen meanwhile stays."""
    with contextlib.suppress(LayerGone):
        check_there(target)
        active = _active_layer(target.document)
        if active is not None and active.uniqueId().toString() in _results_of.get(target.layer, ()):
            target.document.setActiveNode(target.node)


# --- the rest of Krita -------------------------------------------------------------------------------
def show_message(sentence: str) -> None:
    """A line that floats over the canvas for a moment."""
    window = Krita.instance().activeWindow()
    view = window.activeView() if window is not None else None
    if view is not None:
        view.showFloatingMessage(sentence, Krita.instance().icon("velatura"), 3000, 1)


def main_window() -> Any:
    window = Krita.instance().activeWindow()
    return window.qwindow() if window is not None else None


def when_closing(do: Any) -> None:
    notifier = Krita.instance().notifier()
    notifier.setActive(True)
    notifier.applicationClosing.connect(do)

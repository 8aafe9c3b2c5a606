"""GIMP's side: images, layers, selections, pixels. Everything that reads or changes an image is in this file.

Long work is written as generators that yield between strips, so that the dialog stays alive (GIMP itself is another
process). Colours are GIMP's own business: its buffers convert from and to the image's precision and profile; a primed
format has the sRGB curve.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from gi.repository import Gegl, Gimp, Gio

from velatura import strings
from velatura.editor import style_regions
from velatura.editor.background import run_to_end
from velatura.editor.placement import RecoveredResult
from velatura.editor.style_regions import Place, Region, RegionSource
from velatura.errors import LayerGone, NotAPicture, NothingToRestyle, UsageError, VelaturaError
from velatura.figures.layout import Sheet
from velatura.pixels import LARGEST_STYLE_SIDE, MASK_FORMAT, SELECTION_CONTEXT, Picture, PixelFormat

# A grey layer stays grey on its way, so that the style is looked at in grey too.
COLOUR, GREY = PixelFormat("RGBA", "f32", "srgb"), PixelFormat("GRAYA", "f32", "srgb")
STYLE_FORMAT = PixelFormat("RGBA", "u8", "srgb")
BABL_NAMES = {COLOUR: "R'G'B'A float", GREY: "Y'A float", STYLE_FORMAT: "R'G'B'A u8", MASK_FORMAT: "Y u8"}
SELECTION = "Y float"
COVERAGE, LIGHTNESS_AND_ALPHA = BABL_NAMES[MASK_FORMAT], "Y'A u8"
STEP_PIXELS = 1 << 18  # of one strip
SESSION = "velatura-session"  # a parasite on GIMP itself, while it runs: ids of layers are unique only so long
RESULT_OF = "velatura-result-of"  # a parasite on a result: which layer it came of; it is not saved with the image


@dataclass(frozen=True)
class Rect:
    """In a drawable's own pixels."""

    x: int
    y: int
    width: int
    height: int

    def strips(self) -> Iterator[Rect]:
        rows = max(1, STEP_PIXELS // self.width)
        for top in range(0, self.height, rows):
            yield Rect(self.x, self.y + top, self.width, min(rows, self.height - top))

    def moved(self, by: tuple[int, int]) -> Rect:
        return Rect(self.x + by[0], self.y + by[1], self.width, self.height)

    def with_context(self, inside: Rect) -> Rect:
        """What is seen of the surroundings too."""
        left, top = max(inside.x, self.x - SELECTION_CONTEXT), max(inside.y, self.y - SELECTION_CONTEXT)
        right = min(inside.x + inside.width, self.x + self.width + SELECTION_CONTEXT)
        bottom = min(inside.y + inside.height, self.y + self.height + SELECTION_CONTEXT)
        return Rect(left, top, right - left, bottom - top)


@dataclass
class Target:
    """What a restyle is of. rect: what is read. selected: the selection's box in it. selection: floats over rect, once
    it was read. The layer may be gone when the result comes."""

    image: Any
    drawable: Any
    rect: Rect
    selected: Rect | None = None
    selection: bytes = field(default=b"", repr=False)

    @property
    def layer(self) -> str:
        """A name for the daemon: a newer job for the same layer takes the older one's place."""
        return _daemon_name(self.image, self.drawable)

    @property
    def name(self) -> str:
        return str(self.drawable.get_name())

    @property
    def document_name(self) -> str:
        file = self.image.get_file() or self.image.get_imported_file()
        return str(file.get_basename() if file is not None else self.image.get_name() or strings.UNTITLED)

    @property
    def is_there(self) -> bool:
        return bool(self.image.is_valid() and self.drawable.is_valid())


@dataclass(frozen=True)
class Content:
    """The pixels of a target, and the selection over them. strips: rows from the top, some at a time."""

    width: int
    height: int
    format: PixelFormat
    strips: list[bytes] = field(repr=False)
    mask: Picture | None
    place: Place

    @cached_property
    def picture(self) -> Picture:
        """Joined at the first look, which is best taken on a thread."""
        pixels = b"".join(self.strips)
        self.strips.clear()
        return Picture(self.width, self.height, self.format, pixels)


@dataclass(frozen=True)
class Source:
    """An open image, or a layer of one, that a style can be taken from."""

    name: str
    image: Any
    drawable: Any = None


class Canvas:
    """The image that a command was called for, None for one that needs none. show: new images get a window. latest: the
    last layer that was made."""

    def __init__(self, image: Any, drawables: list[Any], *, show: bool) -> None:
        self.image, self.drawables, self._show = image, drawables, show
        self.latest: Any = None

    def version(self) -> str:
        return f"GIMP {Gimp.version()}"

    # --- what there is -------------------------------------------------------------------------------
    def current_target(self) -> Target:
        """The drawable, and the selection as it is now. Raises NothingToRestyle with what to do."""
        drawable = self._layer()
        if drawable is None:
            raise NothingToRestyle(strings.NO_LAYER)
        if self.image.get_floating_sel() is not None:
            raise NothingToRestyle(strings.FLOATING)
        whole = Rect(0, 0, drawable.get_width(), drawable.get_height())
        if Gimp.Selection.is_empty(self.image):
            return Target(self.image, drawable, whole)
        some, x, y, width, height = drawable.mask_intersect()
        if not some:
            raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=drawable.get_name()))
        selected = Rect(x, y, width, height)
        return Target(self.image, drawable, selected.with_context(whole), selected)

    def _layer(self) -> Any:
        """The one drawable's layer, or None; a mask's is the layer that it hides."""
        if (
            self.image is None
            or len(self.drawables) != 1
            or not self.image.is_valid()
            or not self.drawables[0].is_valid()
        ):
            return None
        drawable = self.drawables[0]
        if isinstance(drawable, Gimp.LayerMask):
            return Gimp.Layer.from_mask(drawable)
        return drawable if isinstance(drawable, Gimp.Layer) else None

    def target_key(self) -> object:
        """Changes when the layer or the selection's box does; cheap to ask."""
        layer = self._layer()
        if layer is None:
            return None
        return layer.get_name(), layer.get_width(), layer.get_height(), _offsets(layer), tuple(layer.mask_intersect())

    def describe(self, target: Target) -> str:
        """What the window says will be restyled."""
        box = target.selected or target.rect
        sentence = strings.SELECTION_OF if target.selected else strings.LAYER_OF
        return sentence.format(layer=target.drawable.get_name(), width=box.width, height=box.height)

    def size(self, target: Target) -> tuple[int, int]:
        return target.rect.width, target.rect.height

    def thumbnail(self, target: Target, side: int) -> Picture:
        """The target as it is, small."""
        return _small_picture(target.drawable, target.selected or target.rect, side)

    # --- reading -------------------------------------------------------------------------------------
    def read(self, target: Target) -> Generator[None, None, Content]:
        """The target's pixels and selection. The layer is not touched."""
        if not target.is_there:
            raise NothingToRestyle(strings.PICTURE_CLOSED)
        mask = None
        if target.selected is not None:
            place = target.rect.moved(_offsets(target.drawable))
            buffer = target.image.get_selection().get_buffer()
            target.selection = _pixels(buffer, place, SELECTION)
            mask = Picture(place.width, place.height, MASK_FORMAT, _pixels(buffer, place, BABL_NAMES[MASK_FORMAT]))
        fmt = GREY if target.drawable.is_gray() else COLOUR
        strips = []
        with _as_it_looks(target.drawable) as (buffer, moved):
            for strip in target.rect.moved(moved).strips():
                strips.append(_pixels(buffer, strip, BABL_NAMES[fmt]))
                yield
        on_canvas = target.rect.moved(_offsets(target.drawable))
        place = Place(_canvas_of(target.image), on_canvas.x, on_canvas.y, on_canvas.width, on_canvas.height)
        return Content(on_canvas.width, on_canvas.height, fmt, strips, mask, place)

    # --- the result ----------------------------------------------------------------------------------
    def insert(self, target: Target, picture: Picture, left: int, top: int, name: str) -> Generator[None, None, bool]:
        """A new layer above the target with the picture, and the selection as its mask: one undo step.

        left, top: where the picture's box lies in the target's rect. Returns False where a new image took it: the layer
        has gone, or its image has a palette, which no restyle keeps to.
        """
        box = Rect(target.rect.x + left, target.rect.y + top, picture.width, picture.height)
        try:
            _check_there(target)
            beside = target if target.image.get_base_type() != Gimp.ImageBaseType.INDEXED else _in_rgb(target)
            self.latest = yield from _insert(beside, box, picture, name)
        except LayerGone:
            yield from self.open_as_picture(picture, name)
            return False
        if beside is not target:
            self._open(beside.image)
        Gimp.displays_flush()
        return beside is target

    def insert_recovered(self, recovered: RecoveredResult) -> Generator[None, None, bool]:
        """A result that was kept, as a new layer of the image: above its source, if that is there; else above the
        chosen layer, or on top. Returns False where a new image took it: none is open, or it has a palette. Raises
        VelaturaError."""
        picture, image = recovered.picture, self.image
        if picture.format not in (COLOUR, GREY):
            raise VelaturaError(strings.OF_ANOTHER_KIND)
        if image is None or not image.is_valid() or image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            yield from self.open_as_picture(picture, recovered.name)
            return False
        layer = yield from _new_layer(image, picture, recovered.name)
        if not image.is_valid():
            raise LayerGone(strings.PICTURE_GONE)
        layer.set_offsets(*recovered.position_on(image.get_width(), image.get_height()))
        coverage, mask = recovered.coverage(), None
        if coverage is not None:
            mask = _mask(
                layer, Rect(0, 0, coverage.width, coverage.height), BABL_NAMES[coverage.format], bytes(coverage.data)
            )
        sources = [one for _, one in _all_layers(image.get_layers()) if _daemon_name(image, one) == recovered.layer]
        _stand(image, layer, mask, sources[0] if sources else self._layer(), recovered.layer)
        self.latest = layer
        Gimp.displays_flush()
        return True

    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """The result as an image of its own: where the one it was for has gone."""
        base = Gimp.ImageBaseType.GRAY if picture.format.is_grey else Gimp.ImageBaseType.RGB
        image = Gimp.Image.new_with_precision(picture.width, picture.height, base, Gimp.Precision.U16_NON_LINEAR)
        self.latest = yield from _new_layer(image, picture, name)
        image.insert_layer(self.latest, None, 0)
        self._open(image)
        Gimp.displays_flush()

    def open_sheet(self, sheet: Sheet) -> None:
        """The figures as layers of a new image, on white, a group of layers for each group; the first on top. latest:
        that."""
        image = Gimp.Image.new(sheet.width, sheet.height, Gimp.ImageBaseType.RGB)
        paper = Gimp.Layer.new(
            image, strings.PAPER, sheet.width, sheet.height, Gimp.ImageType.RGB_IMAGE, 100.0, Gimp.LayerMode.NORMAL
        )
        image.insert_layer(paper, None, 0)
        paper.fill(Gimp.FillType.WHITE)
        for group, placed in reversed(sheet.groups.items()):
            folder = Gimp.GroupLayer.new(image, group)
            image.insert_layer(folder, None, 0)
            for one in reversed(placed):
                self.latest = run_to_end(_new_layer(image, one.picture, one.name))
                image.insert_layer(self.latest, folder, 0)
                self.latest.set_offsets(one.left, one.top)
        self._open(image)
        Gimp.displays_flush()

    def _open(self, image: Any) -> None:
        if self._show:
            Gimp.Display.new(image)


def _daemon_name(image: Any, drawable: Any) -> str:
    """A layer's name for the daemon."""
    return f"{_session()}-{image.get_id()}-{drawable.get_id()}"


def _session() -> str:
    """A name for this run of GIMP."""
    if Gimp.get_parasite(SESSION) is None:
        Gimp.attach_parasite(Gimp.Parasite.new(SESSION, 0, uuid.uuid4().hex.encode()))
    return _said(Gimp.get_parasite(SESSION))


def _said(parasite: Any) -> str:
    return bytes(parasite.get_data()).decode(errors="replace") if parasite is not None else ""


def _offsets(drawable: Any) -> tuple[int, int]:
    _, x, y = drawable.get_offsets()
    return x, y


@contextlib.contextmanager
def _as_it_looks(drawable: Any) -> Iterator[tuple[Any, tuple[int, int]]]:
    """A buffer of its pixels with its filters (fx) on them, and where the drawable's own corner lies in it. A layer's
    buffer is without them, so they are merged into a copy that stands in no image."""
    if not drawable.get_filters():
        yield drawable.get_buffer(), (0, 0)
        return
    copy = drawable.copy()
    try:
        copy.merge_filters()
        (x, y), (own_x, own_y) = _offsets(copy), _offsets(drawable)
        yield copy.get_buffer(), (own_x - x, own_y - y)
    finally:
        copy.delete()


def _pixels(buffer: Any, rect: Rect, babl: str) -> bytes:
    """Interleaved, rows from the top; 0 where the buffer has no pixels."""
    place = Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height)
    return bytes(buffer.get(place, 1.0, babl, Gegl.AbyssPolicy.NONE))


def _write(buffer: Any, rect: Rect, babl: str, pixels: bytes) -> None:
    buffer.set(Gegl.Rectangle.new(rect.x, rect.y, rect.width, rect.height), babl, pixels)


def _check_there(target: Target) -> None:
    """Raises LayerGone where image or layer are no more."""
    if not target.is_there:
        raise LayerGone(strings.LAYER_GONE if target.image.is_valid() else strings.PICTURE_GONE)


def _insert(target: Target, box: Rect, picture: Picture, name: str) -> Generator[None, None, Any]:
    image, source = target.image, target.drawable
    layer = yield from _new_layer(image, picture, name)
    _check_there(target)
    place = box.moved(_offsets(source))
    layer.set_offsets(place.x, place.y)
    mask = _mask_of_selection(layer, target, box) if target.selected is not None else None
    _stand(image, layer, mask, source, target.layer)
    return layer


def _stand(image: Any, layer: Any, mask: Any, source: Any, name: str) -> None:
    """The layer into the image, above its source, with its mask: one undo step. source: None: on top. name: the
    source's for the daemon. Raises VelaturaError."""
    layer.attach_parasite(Gimp.Parasite.new(RESULT_OF, 0, name.encode()))
    parent, position = (source.get_parent(), _place_above(source, name)) if source is not None else (None, 0)
    selected = image.get_selected_layers()
    image.undo_group_start()
    try:
        if not image.insert_layer(layer, parent, position):
            raise VelaturaError(
                strings.NOT_INSERTED.format(layer=source.get_name() if source is not None else image.get_name())
            )
        if mask is not None:
            layer.add_mask(mask)
            layer.set_edit_mask(False)
        if selected:  # with a channel chosen there are none
            image.set_selected_layers(selected)  # another try starts from the source, not from the result
    finally:
        image.undo_group_end()


def _new_layer(image: Any, picture: Picture, name: str) -> Generator[None, None, Any]:
    """A layer that stands in no image yet, in this image's own precision, with the picture on it."""
    grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if grey else Gimp.ImageType.RGBA_IMAGE
    layer = Gimp.Layer.new(image, name, picture.width, picture.height, kind, 100.0, image.get_default_new_layer_mode())
    buffer, pixels = layer.get_buffer(), memoryview(picture.data)
    row = picture.width * picture.format.bytes_per_pixel
    for strip in Rect(0, 0, picture.width, picture.height).strips():
        _write(buffer, strip, BABL_NAMES[picture.format], bytes(pixels[strip.y * row : (strip.y + strip.height) * row]))
        yield
    buffer.flush()
    layer.update(0, 0, picture.width, picture.height)
    return layer


def _mask_of_selection(layer: Any, target: Target, box: Rect) -> Any:
    """The selection as it was when the pixels were read, over the result's box."""
    wide, floats = target.rect.width * 4, memoryview(target.selection)
    left, top = (box.x - target.rect.x) * 4, box.y - target.rect.y
    rows = [floats[(top + y) * wide + left :][: box.width * 4] for y in range(box.height)]
    return _mask(layer, Rect(0, 0, box.width, box.height), SELECTION, b"".join(rows))


def _mask(layer: Any, whole: Rect, babl: str, pixels: bytes) -> Any:
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    buffer = mask.get_buffer()
    _write(buffer, whole, babl, pixels)
    buffer.flush()
    mask.update(0, 0, whole.width, whole.height)
    return mask


def _place_above(source: Any, name: str) -> int:
    """The position right above the source and those of its earlier results that stand on it. name: the target's
    layer."""
    parent = source.get_parent()
    siblings = parent.get_children() if parent is not None else source.get_image().get_layers()
    place = source.get_image().get_item_position(source)
    while place > 0 and _said(siblings[place - 1].get_parasite(RESULT_OF)) == name:
        place -= 1
    return int(place)


def _in_rgb(target: Target) -> Target:
    """The same layer in a copy of its image without a palette."""
    path, item = [], target.drawable
    while item is not None:
        path.append(target.image.get_item_position(item))
        item = item.get_parent()
    image = target.image.duplicate()
    image.convert_rgb()
    layers, drawable = list(image.get_layers()), None
    for place in reversed(path):
        drawable = layers[place]
        layers = list(drawable.get_children()) if drawable.is_group() else []
    return Target(image, drawable, target.rect, target.selected, target.selection)


# --- regions -----------------------------------------------------------------------------------------
def region_sources(image: Any) -> list[RegionSource]:
    """What of an image can say where a style goes: the selection, then channels, then every layer, the topmost
    first."""
    if not image.is_valid():
        return []
    sources = []
    if not Gimp.Selection.is_empty(image):
        sources.append(
            RegionSource(
                strings.SELECTION_NOW, lambda: _of_channel(image, image.get_selection(), strings.MASK_NAME, COVERAGE)
            )
        )
    for channel in image.get_channels():
        sources.append(
            RegionSource(
                channel.get_name(), lambda one=channel: _of_channel(image, one, one.get_name(), _numbers_of(image))
            )
        )
    for name, layer in _all_layers(image.get_layers()):
        sources.append(RegionSource(name, lambda one=layer: _of_layer(image, one, one.get_name())))
    return sources


def region_named(image: Any, name: str) -> Region | None:
    """What a script means: '' for none, a channel, a layer, or a picture file of the image's size. Raises
    VelaturaError."""
    if not name:
        return None
    channel, layer = image.get_channel_by_name(name), image.get_layer_by_name(name)
    if channel is not None:
        return _of_channel(image, channel, name, _numbers_of(image))
    if layer is not None:
        return _of_layer(image, layer, name)
    if not Path(name).is_file():
        raise UsageError(strings.NO_REGION.format(region=name))
    return _of_file(image, name)


def _all_layers(layers: list[Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for layer in layers:
        yield above + layer.get_name(), layer
        if layer.is_group():
            yield from _all_layers(layer.get_children(), f"{above}{layer.get_name()} ▸ ")


def _canvas_of(image: Any) -> style_regions.Canvas:
    return style_regions.Canvas(str(image.get_id()), image.get_width(), image.get_height())


def _numbers_of(image: Any) -> str:
    """In which format a channel's pixels are its coverage: in an image of 8 bits GIMP keeps them as if they had the
    sRGB curve."""
    return "Y' u8" if image.get_precision() == Gimp.Precision.U8_NON_LINEAR else COVERAGE


def _of_channel(image: Any, channel: Any, name: str, babl: str) -> Region:
    if not channel.is_valid():
        raise LayerGone(strings.REGION_GONE)
    canvas = _canvas_of(image)
    return _region(name, canvas, _pixels(channel.get_buffer(), Rect(0, 0, canvas.width, canvas.height), babl))


def _of_layer(image: Any, layer: Any, name: str) -> Region:
    """A layer's alpha, where it has transparency on the canvas; else its lightness."""
    if not layer.is_valid():
        raise LayerGone(strings.REGION_GONE)
    canvas, (x, y) = _canvas_of(image), _offsets(layer)
    with _as_it_looks(layer) as (buffer, moved):
        both = _pixels(buffer, Rect(-x, -y, canvas.width, canvas.height).moved(moved), LIGHTNESS_AND_ALPHA)
    lightness, alpha = both[0::2], both[1::2]
    return _region(name, canvas, lightness if alpha.count(255) == len(alpha) else alpha)


def _of_file(image: Any, path: str) -> Region:
    loaded = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))
    if loaded is None:
        raise NotAPicture(strings.NOT_READABLE.format(name=path, why="GIMP cannot open it"))
    try:
        own, its = _canvas_of(image), _canvas_of(loaded)
        if (own.width, own.height) != (its.width, its.height):
            raise UsageError(
                strings.REGION_SIZE.format(
                    region=path, width=its.width, height=its.height, of_width=own.width, of_height=own.height
                )
            )
        seen = loaded.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        return Region(Path(path).name, own, _of_layer(loaded, seen, Path(path).name).coverage)
    finally:
        loaded.delete()


def _region(name: str, canvas: style_regions.Canvas, coverage: bytes) -> Region:
    if not coverage.strip(b"\0"):
        raise NothingToRestyle(strings.REGION_EMPTY.format(region=name))
    return Region(name, canvas, coverage)


# --- pictures for styles -----------------------------------------------------------------------------
def open_images() -> list[Source]:
    return [source_of(image) for image in Gimp.get_images()]


def layers_of(image: Any) -> list[Source]:
    """The layers of an open image, the topmost first."""
    title = image.get_name() or strings.UNTITLED
    return [source_of(image, layer, f"{title} ▸ {layer.get_name()}") for layer in image.get_layers()]


def source_of(image: Any, drawable: Any = None, name: str = "") -> Source:
    """What can be taken of it; where there is a selection, that is what it covers, and the name says so."""
    name = name or image.get_name() or strings.UNTITLED
    return Source(name if Gimp.Selection.is_empty(image) else strings.OF_SELECTION.format(name=name), image, drawable)


def small(source: Source, side: int) -> Any:
    """What a gallery shows of an open image: a GdkPixbuf, or None."""
    return source.image.get_thumbnail(side, side, Gimp.PixbufTransparency.SMALL_CHECKS)


def picture_of(source: Source) -> Picture:
    """An image's or a layer's pixels as a style; outside a selection they are transparent, and the daemon looks at what
    is visible. Raises LayerGone, NothingToRestyle."""
    if not source.image.is_valid() or (source.drawable is not None and not source.drawable.is_valid()):
        raise LayerGone(strings.SOURCE_GONE)
    selected = not Gimp.Selection.is_empty(source.image)
    if source.drawable is None:
        return _flat(source.image.duplicate(), only_selected=selected)
    if not selected:
        return _style_picture(source.drawable)
    if not source.drawable.mask_intersect()[0]:
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=source.drawable.get_name()))
    image = source.image.duplicate()
    try:
        layer = Gimp.Layer.new_from_drawable(source.drawable, image)
        image.insert_layer(layer, None, 0)
        layer.set_offsets(*_offsets(source.drawable))
        return _style_picture(_without_the_rest(image, layer))
    finally:
        image.delete()


def _without_the_rest(image: Any, layer: Any) -> Any:
    """The layer, what is not selected cleared away; its image is a copy of ours."""
    if layer.get_filters():
        layer.merge_filters()
    layer.add_alpha()
    Gimp.Selection.invert(image)
    if not Gimp.Selection.is_empty(image):
        layer.edit_clear()
    return layer


def load_picture(file: Any) -> Picture | None:
    """A picture by GIMP's own loaders, or None where they cannot read it."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    return _flat(image) if image is not None else None


def pasted_picture() -> Picture | None:
    """What GIMP or another program has put into the clipboard."""
    image = Gimp.edit_paste_as_new_image()
    return _flat(image) if image is not None else None


def _flat(image: Any, *, only_selected: bool = False) -> Picture:
    """What an image looks like, or the selected part of that; it is deleted afterwards."""
    try:
        seen = image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        if seen is None:
            raise NotAPicture(strings.NOT_READABLE.format(name=image.get_name(), why="no layer of it is visible"))
        return _style_picture(_without_the_rest(image, seen) if only_selected else seen)
    finally:
        image.delete()


def _style_picture(drawable: Any) -> Picture:
    return _small_picture(drawable, Rect(0, 0, drawable.get_width(), drawable.get_height()), LARGEST_STYLE_SIDE)


def _small_picture(drawable: Any, rect: Rect, side: int) -> Picture:
    """A part of a drawable, at most `side` pixels a side. (`Gimp.Drawable.get_sub_thumbnail` frees its bytes twice in
    GIMP 3.0.4.)"""
    scale = min(1.0, side / max(rect.width, rect.height))
    with _as_it_looks(drawable) as (buffer, moved):
        there = rect.moved(moved)
        x, y, width, height = (int(length * scale) for length in (there.x, there.y, there.width, there.height))
        place = Gegl.Rectangle.new(x, y, max(1, width), max(1, height))
        data = buffer.get(place, scale, BABL_NAMES[STYLE_FORMAT], Gegl.AbyssPolicy.NONE)
    return Picture(place.width, place.height, STYLE_FORMAT, bytes(data))

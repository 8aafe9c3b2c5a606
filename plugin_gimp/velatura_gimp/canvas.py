"""GIMP's side of the plug-in: what is restyled, its pixels, and the layer that the result becomes.

Only this module and the others named `canvas_…` read or change images. Long work is written as generators that yield
between strips, so that the dialog stays responsive; GIMP itself is another process.
"""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import Any

from gi.repository import Gimp

from velatura import strings
from velatura.editor.background import run_to_end
from velatura.editor.coverage import bounding_box
from velatura.editor.placement import Placed, RecoveredResult
from velatura.editor.recipe import Recipe
from velatura.editor.style_regions import Place
from velatura.errors import LayerGone, NothingToRestyle, VelaturaError
from velatura.figures.layout import Sheet
from velatura.i18n import translated
from velatura.pixels import MASK_FORMAT, Picture

from .canvas_animation import AnimationCanvas
from .canvas_changes import position_in
from .canvas_edit import EditCanvas, copied_mask, mask_buffer, replace_layer
from .canvas_guard import quiet, steps_while_open, while_open
from .canvas_layers import (
    add_layer,
    all_layers,
    copy_appearance,
    copy_in_rgb,
    is_blended,
    layer_id,
    name_image,
    new_layer,
    new_mask,
    new_source_mask,
)
from .canvas_pixels import (
    BABL_NAMES,
    CONTENT_NAMES,
    SELECTION,
    SELECTION_BYTES,
    Rect,
    content_format,
    filtered_buffer,
    offsets_of,
    read_in_strips,
    read_pixels,
    small_picture,
)
from .canvas_recipes import attach_recipe, source_key
from .canvas_regions import canvas_of
from .canvas_shown import read_shown
from .canvas_target import Content, Target

SAMPLED_ROWS = 8  # of a selection whose bounding box is the canvas


class Canvas(EditCanvas, AnimationCanvas):
    """The image and the drawables that a command was called with.

    image: None if the command needs none. show: whether new images get a window. latest: the last layer that was made.
    """

    def __init__(self, image: Any, drawables: list[Any], *, show: bool) -> None:
        self.image, self.drawables, self._show = image, drawables, show
        self.latest: Any = None

    def version(self) -> str:
        return f"GIMP {Gimp.version()}"

    # --- the target --------------------------------------------------------------------------------------
    def current_target(self) -> Target:
        """The layer and the current selection. Raises NothingToRestyle, which tells the user what to do."""
        with self._while_open():
            return self._current_target()

    def _current_target(self) -> Target:
        drawable = self._layer()
        if drawable is None:
            raise NothingToRestyle(strings.NO_LAYER)
        if self.image.get_floating_sel() is not None:
            raise NothingToRestyle(strings.FLOATING)
        whole = Rect(0, 0, drawable.get_width(), drawable.get_height())
        if Gimp.Selection.is_empty(self.image):
            return Target(self.image, drawable, whole)
        intersects, x, y, width, height = drawable.mask_intersect()
        if not intersects:
            raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=drawable.get_name()))
        selected = self._selected_part(drawable, Rect(x, y, width, height))
        if selected is None:
            raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=drawable.get_name()))
        return Target(self.image, drawable, selected.with_context(whole), selected)

    def _selected_part(self, layer: Any, box: Rect) -> Rect | None:
        """The bounding box of what is selected in the layer. box: that of the whole selection, cut to the layer."""
        _, _, left, top, right, bottom = Gimp.Selection.bounds(self.image)
        on_canvas = box.moved(offsets_of(layer))
        if on_canvas == Rect(left, top, right - left, bottom - top):
            return box
        coverage = read_pixels(self.image.get_selection().get_buffer(), on_canvas, BABL_NAMES[MASK_FORMAT])
        found = bounding_box(coverage, box.width)
        return None if found is None else Rect(*found).moved((box.x, box.y))

    def _while_open(self) -> contextlib.AbstractContextManager[None]:
        """For calls about the layer, which may be deleted or whose image may be closed meanwhile."""
        return while_open(lambda: self._layer() is not None, strings.NO_LAYER)

    def _layer(self) -> Any:
        """The layer if there is exactly one drawable, or the layer of a mask; otherwise None."""
        if self.image is None or len(self.drawables) != 1:
            return None
        drawable = self.drawables[0]
        if not self.image.is_valid() or not drawable.is_valid():
            return None
        if isinstance(drawable, Gimp.LayerMask):
            return Gimp.Layer.from_mask(drawable)
        return drawable if isinstance(drawable, Gimp.Layer) else None

    def target_key(self) -> object:
        """Changes whenever the layer or the selection does, though not with every pixel; cheap to call."""
        with contextlib.suppress(NothingToRestyle), self._while_open():
            return self._target_key()
        return None

    def _target_key(self) -> object:
        layer = self._layer()
        if layer is None:
            return None
        key = (
            self.image.get_base_type(),
            layer.get_name(),
            *_size_of(layer),
            *offsets_of(layer),
            *layer.mask_intersect(),
        )
        size = _size_of(self.image)
        if tuple(Gimp.Selection.bounds(self.image))[1:] != (True, 0, 0, *size):
            return key
        # The bounding box of an inverted selection is often the canvas.
        buffer, rows = self.image.get_selection().get_buffer(), range(0, size[1], max(1, size[1] // SAMPLED_ROWS))
        return (*key, *(read_pixels(buffer, Rect(0, y, size[0], 1), BABL_NAMES[MASK_FORMAT]) for y in rows))

    def describe(self, target: Target) -> str:
        """The line in the window that names what will be restyled."""
        box = target.selected or target.rect
        text = strings.SELECTION_TARGET if target.selected else strings.LAYER_TARGET
        sentence = text.format(layer=target.name, width=box.width, height=box.height)
        return strings.EDITS.format(name=target.edited.name, target=sentence) if target.edited is not None else sentence

    def is_grey(self, target: Target) -> bool:
        with quiet():
            return bool(target.image.get_base_type() == Gimp.ImageBaseType.GRAY)

    def convert_to_rgb(self, target: Target) -> Generator[None, None, None]:
        """Converts the image; this is one undo step by itself. Raises LayerGone, VelaturaError."""
        if not target.exists:
            raise LayerGone(strings.CLOSED_BEFORE_READ)
        if not target.image.convert_rgb():
            raise VelaturaError(strings.NOT_CONVERTED)
        Gimp.displays_flush()
        yield

    def size(self, target: Target) -> tuple[int, int]:
        return target.rect.width, target.rect.height

    def thumbnail(self, target: Target, side: int) -> Picture:
        """The target, scaled down; the window shows it until the first preview arrives. Raises NothingToRestyle."""
        with target.while_open():
            return small_picture(target.drawable, target.rect, side)

    # --- reading -----------------------------------------------------------------------------------------
    def read(self, target: Target) -> Generator[None, None, Content]:
        """Reads the target's pixels and selection; the layer is not changed. Raises NothingToRestyle."""
        return target.steps_while_open(self._read(target))

    def _read(self, target: Target) -> Generator[None, None, Content]:
        mask = None
        if target.selected is not None:
            with _selection_buffer(target) as (buffer, corner):
                area = target.rect.moved(corner)
                target.selection = yield from read_in_strips(buffer, area, SELECTION, SELECTION_BYTES)
                coverage = yield from read_in_strips(buffer, area, BABL_NAMES[MASK_FORMAT], MASK_FORMAT.bytes_per_pixel)
            mask = Picture(area.width, area.height, MASK_FORMAT, coverage)
        fmt = content_format(target.image, target.drawable)
        with filtered_buffer(target.drawable) as (buffer, corner):
            area = target.rect.moved(corner)
            pixels = yield from read_in_strips(buffer, area, BABL_NAMES[fmt], fmt.bytes_per_pixel)
        picture = Picture(target.rect.width, target.rect.height, fmt, pixels)
        target.content = Content(picture, mask, self._place_of(target))
        target.layer_size = _size_of(target.drawable)
        return target.content

    def read_shown(self, target: Target, side: int | None) -> Generator[None, None, Content]:
        """Reads the target as the preview shows it. Raises NothingToRestyle."""
        return target.steps_while_open(self._read_shown(target, side))

    def _read_shown(self, target: Target, side: int | None) -> Generator[None, None, Content]:
        with _selection_buffer(target) if target.selected is not None else contextlib.nullcontext() as selection:
            picture, mask = yield from read_shown(target.drawable, target.rect, selection, side)
        return Content(picture, mask, self._place_of(target))

    def sample(self, rows: int) -> int | None:
        """Always None: every row that is read has GIMP send all tiles that it crosses."""
        return None

    def _place_of(self, target: Target) -> Place:
        on_canvas = target.rect.moved(offsets_of(target.drawable))
        return Place(canvas_of(target.image), on_canvas.x, on_canvas.y, on_canvas.width, on_canvas.height)

    # --- inserting ---------------------------------------------------------------------------------------
    def insert(
        self, target: Target, picture: Picture, left: int, top: int, recipe: Recipe
    ) -> Generator[None, None, Placed]:
        """Adds a layer with the picture above the target, with the selection as its layer mask: one undo step.

        It goes above the source's earlier results that are still right above the source, and mixes as the source does.
        If an earlier result is edited, that one is replaced instead. left, top: where the picture lies in the target's
        rect. It becomes a new image instead if the layer no longer exists or was scaled, or if its image is indexed,
        since a result cannot keep to its palette.
        """
        box = Rect(target.rect.x + left, target.rect.y + top, picture.width, picture.height)
        name = recipe.name
        try:
            check_exists(target)
            is_indexed = target.image.get_base_type() == Gimp.ImageBaseType.INDEXED
            destination = _in_rgb(target) if is_indexed else target
            layer = yield from _insert(destination, box, picture, recipe)
        except LayerGone:
            yield from self.open_as_picture(picture, name)
            return Placed(is_layer=False)
        if layer is None:
            yield from self.open_as_picture(picture, name)
            return Placed(is_layer=False, note=strings.LAYER_SCALED)
        self.latest = layer
        if is_indexed:
            self._open(destination.image, name)
        Gimp.displays_flush()
        if target.edited is not None and target.edited.exists and not is_indexed:
            return Placed(replaced=target.edited.name)
        note = strings.SOURCE_MIXES.format(layer=target.name) if is_blended(destination.drawable) else ""
        if target.edited is not None:
            note = strings.EDITED_GONE.format(name=target.edited.first_name)
        return Placed(is_layer=not is_indexed, note=note)

    def insert_recovered(self, recovered: RecoveredResult) -> Generator[None, None, Placed]:
        """Adds a saved result to the image: above its source if that exists, otherwise above the current layer.

        It becomes a new image instead if no image is open or if it is indexed. Raises VelaturaError.
        """
        picture, image = recovered.picture, self.image
        if picture.format not in CONTENT_NAMES:
            raise VelaturaError(strings.UNSUPPORTED_FORMAT)
        if image is None or not image.is_valid() or image.get_base_type() == Gimp.ImageBaseType.INDEXED:
            yield from self.open_as_picture(picture, recovered.name)
            return Placed(is_layer=False)
        layer = yield from new_layer(image, picture, recovered.name)
        if not image.is_valid():
            raise LayerGone(strings.IMAGE_CLOSED)
        layer.set_offsets(*recovered.position_on(image.get_width(), image.get_height()))
        coverage, mask = recovered.coverage(), None
        if coverage is not None:
            width, data = coverage.width, memoryview(coverage.data)
            mask = yield from new_mask(
                layer,
                width,
                coverage.height,
                BABL_NAMES[coverage.format],
                lambda top, count: bytes(data[top * width : (top + count) * width]),
            )
            if not image.is_valid():
                raise LayerGone(strings.IMAGE_CLOSED)
        sources = [other for _, other in all_layers(image.get_layers()) if layer_id(image, other) == recovered.layer]
        source = sources[0] if sources else None
        key, source_name = (source_key(source), source.get_name()) if source is not None else ("", "")
        place = Place(canvas_of(image), *offsets_of(layer), picture.width, picture.height)
        attach_recipe(layer, recovered.recipe.made_from(key, source_name, place, has_selection=coverage is not None))
        if source is not None:
            mask = _like_source(layer, mask, source)
        add_layer(image, layer, mask, source or self._layer(), recovered.layer)
        self.latest = layer
        Gimp.displays_flush()
        if source is not None and is_blended(source):
            return Placed(note=strings.SOURCE_MIXES.format(layer=source.get_name()))
        return Placed()

    # --- new images --------------------------------------------------------------------------------------
    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """Opens a result as a new image, for when its own image or layer no longer exists."""
        base = Gimp.ImageBaseType.GRAY if picture.format.is_grey else Gimp.ImageBaseType.RGB
        is_small = picture.format.sample == "u8"
        precision = Gimp.Precision.U8_NON_LINEAR if is_small else Gimp.Precision.U16_NON_LINEAR
        image = Gimp.Image.new_with_precision(picture.width, picture.height, base, precision)
        self.latest = yield from new_layer(image, picture, name)
        image.insert_layer(self.latest, None, 0)
        self._open(image, name)
        Gimp.displays_flush()

    def open_sheet(self, sheet: Sheet, name: str) -> None:
        """Opens the figures as layers of a new image on white, one layer group per group; the first figure on top.

        Afterwards `latest` is the first figure's layer.
        """
        image = Gimp.Image.new(sheet.width, sheet.height, Gimp.ImageBaseType.RGB)
        background = Gimp.Layer.new(
            image,
            translated(strings.SHEET_BACKGROUND),
            sheet.width,
            sheet.height,
            Gimp.ImageType.RGB_IMAGE,
            100.0,
            Gimp.LayerMode.NORMAL,
        )
        image.insert_layer(background, None, 0)
        background.fill(Gimp.FillType.WHITE)
        for group_name, figures in reversed(sheet.groups.items()):
            group = Gimp.GroupLayer.new(image, translated(group_name))
            image.insert_layer(group, None, 0)
            for figure in reversed(figures):
                self.latest = run_to_end(new_layer(image, figure.picture, translated(figure.name)))
                image.insert_layer(self.latest, group, 0)
                self.latest.set_offsets(figure.left, figure.top)
        self._open(image, name)
        Gimp.displays_flush()

    def _open(self, image: Any, name: str) -> None:
        name_image(image, name)
        if self._show:
            Gimp.Display.new(image)


def check_exists(target: Target) -> None:
    """Raises LayerGone if the image has been closed or the layer deleted."""
    if not target.exists:
        raise LayerGone(strings.LAYER_DELETED if target.image.is_valid() else strings.IMAGE_CLOSED)


@contextlib.contextmanager
def _selection_buffer(target: Target) -> Iterator[tuple[Any, tuple[int, int]]]:
    """The buffer with the selection, and where the left upper corner of the target's layer lies in it."""
    x, y = offsets_of(target.drawable)
    if target.edited is None:
        yield target.image.get_selection().get_buffer(), (x, y)
        return
    mask_x, mask_y = offsets_of(target.edited.layer)
    with mask_buffer(target.edited.layer) as buffer:
        yield buffer, (x - mask_x, y - mask_y)


def _insert(target: Target, box: Rect, picture: Picture, recipe: Recipe) -> Generator[None, None, Any]:
    """Returns the new layer, or None if the source was scaled since it was read. Raises LayerGone, VelaturaError.

    box: where the picture belongs, in the source's pixels as it was then.
    """
    layer = yield from new_layer(target.image, picture, recipe.name)
    check_exists(target)
    origin: tuple[int, int] | None = (target.rect.x, target.rect.y)
    if target.content is not None and _size_of(target.drawable) != target.layer_size:
        reading = position_in(target.drawable, target.content.picture)
        origin = yield from steps_while_open(reading, lambda: target.exists, strings.LAYER_DELETED, LayerGone)
        check_exists(target)
    if origin is None:
        layer.delete()
        return None
    now = box.moved((origin[0] - target.rect.x, origin[1] - target.rect.y)).moved(offsets_of(target.drawable))
    layer.set_offsets(now.x, now.y)
    place = Place(canvas_of(target.image), now.x, now.y, now.width, now.height)
    has_selection = target.selected is not None
    recipe = recipe.made_from(source_key(target.drawable), target.name, place, has_selection=has_selection)
    attach_recipe(layer, recipe)
    if target.edited is not None and target.edited.exists and target.edited.image == target.image:
        edited, copying = target.edited, copied_mask(layer, target.edited)
        mask = yield from steps_while_open(copying, lambda: edited.is_valid, strings.LAYER_DELETED, LayerGone)
        check_exists(target)
        replace_layer(target.edited, layer, mask, recipe, target.layer)
        return layer
    mask = (yield from _mask_of_selection(layer, target, box)) if target.selected is not None else None
    check_exists(target)
    mask = _like_source(layer, mask, target.drawable)
    add_layer(target.image, layer, mask, target.drawable, target.layer)
    return layer


def _like_source(layer: Any, mask: Any, source: Any) -> Any:
    """Makes a new layer mix as the source does. Returns its mask, or None: the given one, and the source's own."""
    copy_appearance(source, layer)
    (x, y), (source_x, source_y) = offsets_of(layer), offsets_of(source)
    return new_source_mask(layer, mask, source, (x - source_x, y - source_y))


def _size_of(drawable: Any) -> tuple[int, int]:
    return drawable.get_width(), drawable.get_height()


def _mask_of_selection(layer: Any, target: Target, box: Rect) -> Generator[None, None, Any]:
    """The selection at the time when the pixels were read, cut to the result's box."""
    row_bytes, floats = target.rect.width * SELECTION_BYTES, target.selection
    left, length = (box.x - target.rect.x) * SELECTION_BYTES, box.width * SELECTION_BYTES

    def rows(top: int, count: int) -> bytes:
        first = box.y - target.rect.y + top
        return b"".join(floats[y * row_bytes + left :][:length] for y in range(first, first + count))

    return new_mask(layer, box.width, box.height, SELECTION, rows)


def _in_rgb(target: Target) -> Target:
    """The same target in an RGB copy of its image."""
    image, layer = copy_in_rgb(target.image, target.drawable)
    return replace(target, image=image, drawable=layer)

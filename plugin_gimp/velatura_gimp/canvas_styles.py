"""Takes styles from open images, layers, files that GIMP can open, and the clipboard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gi.repository import Gimp

from velatura import strings
from velatura.errors import LayerGone, NotAPicture, NothingToRestyle
from velatura.i18n import lazy_text, translated
from velatura.pixels import Picture

from .canvas_guard import quiet
from .canvas_pixels import offsets_of, style_picture


@dataclass(frozen=True)
class StyleSource:
    """An open image that can be used as a style, or one of its layers."""

    name: str
    image: Any
    drawable: Any = None


@quiet()
def open_images() -> list[StyleSource]:
    return [source_of(image) for image in Gimp.get_images()]


@quiet()
def layers_of(image: Any) -> list[StyleSource]:
    """The layers of an open image, from the top."""
    title = image.get_name() or translated(strings.UNTITLED)
    return [source_of(image, layer, f"{title} ▸ {layer.get_name()}") for layer in image.get_layers()]


def source_of(image: Any, drawable: Any = None, name: str = "") -> StyleSource:
    """An image or layer as a style. If the image has a selection, only that part is taken, and the name says so."""
    name = name or image.get_name() or translated(strings.UNTITLED)
    has_selection = not Gimp.Selection.is_empty(image)
    return StyleSource(strings.WITH_SELECTION.format(name=name) if has_selection else name, image, drawable)


@quiet()
def thumbnail(source: StyleSource, side: int) -> Any:
    """A GdkPixbuf of an open image for the gallery, or None, also if the image was closed meanwhile."""
    if not source.image.is_valid():
        return None
    return source.image.get_thumbnail(side, side, Gimp.PixbufTransparency.SMALL_CHECKS)


def picture_of(source: StyleSource) -> Picture:
    """The pixels of an image or layer as a style; transparent outside the selection, since the daemon only uses visible
    pixels. Raises LayerGone, NothingToRestyle."""
    if not source.image.is_valid() or (source.drawable is not None and not source.drawable.is_valid()):
        raise LayerGone(strings.SOURCE_GONE)
    has_selection = not Gimp.Selection.is_empty(source.image)
    if source.drawable is None:
        return _flattened(source.image.duplicate(), only_selection=has_selection)
    if not has_selection:
        return style_picture(source.drawable)
    if not source.drawable.mask_intersect()[0]:
        raise NothingToRestyle(strings.SELECTION_OUTSIDE.format(layer=source.drawable.get_name()))
    image = source.image.duplicate()
    try:
        layer = Gimp.Layer.new_from_drawable(source.drawable, image)
        image.insert_layer(layer, None, 0)
        layer.set_offsets(*offsets_of(source.drawable))
        return style_picture(_clear_outside_selection(image, layer))
    finally:
        image.delete()


def _clear_outside_selection(image: Any, layer: Any) -> Any:
    """Clears a layer outside the selection. image: a temporary copy."""
    if layer.get_filters():
        layer.merge_filters()
    layer.add_alpha()
    Gimp.Selection.invert(image)
    if not Gimp.Selection.is_empty(image):
        layer.edit_clear()
    return layer


def load_picture(file: Any) -> Picture | None:
    """A file read by GIMP, or None if GIMP cannot read it."""
    image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, file)
    return _flattened(image) if image is not None else None


def pasted_picture() -> Picture | None:
    """The image on the clipboard, from GIMP or another program; None if there is none."""
    image = Gimp.edit_paste_as_new_image()
    return _flattened(image) if image is not None else None


def _flattened(image: Any, *, only_selection: bool = False) -> Picture:
    """The visible pixels of an image, or of its selection. The image is deleted afterwards. Raises NotAPicture."""
    try:
        merged = image.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        if merged is None:
            why = lazy_text("it has no visible layer")
            raise NotAPicture(strings.NOT_READABLE.format(name=image.get_name(), why=why))
        return style_picture(_clear_outside_selection(image, merged) if only_selection else merged)
    finally:
        image.delete()

"""Makes new layers with their masks and adds them to images."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Generator, Iterator
from typing import Any

from gi.repository import Gegl, Gimp, Gio

from velatura import strings
from velatura.errors import VelaturaError
from velatura.pixels import Picture

from .canvas_pixels import BABL_NAMES, Rect, write_pixels

SESSION = "velatura-session"  # a parasite on GIMP itself while it runs, since layer ids are only unique within a run
RESULT_OF = "velatura-result-of"  # a parasite on a result with its source's id; it is not saved with the image

PLAIN_MODES = (Gimp.LayerMode.NORMAL, Gimp.LayerMode.NORMAL_LEGACY, Gimp.LayerMode.PASS_THROUGH)


def layer_id(image: Any, drawable: Any) -> str:
    """Identifies a layer for the daemon."""
    return f"{_session()}-{image.get_id()}-{drawable.get_id()}"


def _session() -> str:
    """Identifies this run of GIMP."""
    if Gimp.get_parasite(SESSION) is None:
        Gimp.attach_parasite(Gimp.Parasite.new(SESSION, 0, uuid.uuid4().hex.encode()))
    return _text_of(Gimp.get_parasite(SESSION))


def _text_of(parasite: Any) -> str:
    return bytes(parasite.get_data()).decode(errors="replace") if parasite is not None else ""


def all_layers(layers: list[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every layer with its name, from the top; the name of a layer in a group begins with the group's."""
    for layer in layers:
        yield prefix + layer.get_name(), layer
        if layer.is_group():
            yield from all_layers(layer.get_children(), f"{prefix}{layer.get_name()} ▸ ")


def new_layer(image: Any, picture: Picture, name: str) -> Generator[None, None, Any]:
    """A layer with the picture, in the precision of the image but not yet added to it. Yields between strips."""
    is_grey = image.get_base_type() == Gimp.ImageBaseType.GRAY
    kind = Gimp.ImageType.GRAYA_IMAGE if is_grey else Gimp.ImageType.RGBA_IMAGE
    layer = Gimp.Layer.new(image, name, picture.width, picture.height, kind, 100.0, image.get_default_new_layer_mode())
    buffer, pixels = layer.get_buffer(), memoryview(picture.data)
    row_bytes = picture.width * picture.format.bytes_per_pixel
    for strip in Rect(0, 0, picture.width, picture.height).strips():
        rows = pixels[strip.y * row_bytes : (strip.y + strip.height) * row_bytes]
        write_pixels(buffer, strip, BABL_NAMES[picture.format], bytes(rows))
        buffer.flush()  # after each strip: GIMP takes as long as half a second for 24 megapixels at once
        yield
    layer.update(0, 0, picture.width, picture.height)
    return layer


def new_mask(
    layer: Any, width: int, height: int, babl: str, rows: Callable[[int, int], bytes]
) -> Generator[None, None, Any]:
    """A mask for the layer, of the same size, not yet added to it. Yields between strips.

    babl: the format of the pixels. rows: given the first row and their number, returns the pixels of some rows.
    """
    mask = layer.create_mask(Gimp.AddMaskType.BLACK)
    buffer = mask.get_buffer()
    for strip in Rect(0, 0, width, height).strips():
        write_pixels(buffer, strip, babl, rows(strip.y, strip.height))
        buffer.flush()
        yield
    mask.update(0, 0, width, height)
    return mask


def new_source_mask(layer: Any, mask: Any, source: Any, corner: tuple[int, int]) -> Any:
    """A mask for the layer that hides what `mask` hides, if there is one, and what the source's own mask hides.

    corner: the layer's left upper corner in the source's pixels. Returns None if nothing is hidden.
    """
    own = source.get_mask() if source.get_apply_mask() else None
    if own is None:
        return mask
    product = mask or layer.create_mask(Gimp.AddMaskType.WHITE)
    Gegl.init(None)  # without it, a graph ends this process
    graph = Gegl.Node()
    inputs = []
    for drawable in (product, own):
        inputs.append(graph.create_child("gegl:buffer-source"))
        inputs[-1].set_property("buffer", drawable.get_buffer())
    moved, multiply, output = (graph.create_child(f"gegl:{name}") for name in ("translate", "multiply", "write-buffer"))
    moved.set_property("x", -float(corner[0]))
    moved.set_property("y", -float(corner[1]))
    output.set_property("buffer", product.get_buffer())
    inputs[1].connect_to("output", moved, "input")
    inputs[0].connect_to("output", multiply, "input")
    moved.connect_to("output", multiply, "aux")
    multiply.connect_to("output", output, "input")
    output.process()
    product.get_buffer().flush()
    product.update(0, 0, layer.get_width(), layer.get_height())
    return product


def copy_appearance(source: Any, layer: Any) -> None:
    """Makes a layer mix with the layers below it as the source does."""
    layer.set_opacity(source.get_opacity())
    if source.get_mode() != Gimp.LayerMode.PASS_THROUGH:  # which only groups can have
        layer.set_mode(source.get_mode())
        layer.set_blend_space(source.get_blend_space())
        layer.set_composite_space(source.get_composite_space())
        layer.set_composite_mode(source.get_composite_mode())


def is_blended(source: Any) -> bool:
    """Whether the source shows through a result above it that is blended in the same way."""
    return bool(source.get_opacity() < 100.0 or source.get_mode() not in PLAIN_MODES)


def name_image(image: Any, name: str) -> None:
    """Gives a new image a title. GIMP still asks for a file when it is saved, and proposes that name."""
    # GIMP takes the title from the file, which must be called .xcf. A URI without a scheme or folder is no real file.
    title = "".join("-" if character in "/\\:?#" else character for character in name)
    image.set_file(Gio.File.new_for_uri(f"{title}.xcf"))


def add_layer(image: Any, layer: Any, mask: Any, source: Any, source_id: str) -> None:
    """Adds a result with its mask to the image, above its source or, if that is None, on top: one undo step.

    source_id: the source's layer_id. Raises VelaturaError.
    """
    layer.attach_parasite(Gimp.Parasite.new(RESULT_OF, 0, source_id.encode()))
    parent, position = (source.get_parent(), _position_above(source, source_id)) if source is not None else (None, 0)
    selected = image.get_selected_layers()
    image.undo_group_start()
    try:
        if not image.insert_layer(layer, parent, position):
            name = source.get_name() if source is not None else image.get_name()
            raise VelaturaError(strings.NOT_INSERTED.format(layer=name))
        if mask is not None:
            layer.add_mask(mask)
            layer.set_edit_mask(False)
        if selected:  # empty if a channel is selected
            image.set_selected_layers(selected)  # so that the next restyle starts from the source, not from the result
    finally:
        image.undo_group_end()


def _position_above(source: Any, source_id: str) -> int:
    """The position above the source and above those of its earlier results that are right above it."""
    parent = source.get_parent()
    siblings = parent.get_children() if parent is not None else source.get_image().get_layers()
    position = source.get_image().get_item_position(source)
    while position > 0 and _text_of(siblings[position - 1].get_parasite(RESULT_OF)) == source_id:
        position -= 1
    return int(position)


def copy_in_rgb(image: Any, drawable: Any) -> tuple[Any, Any]:
    """A copy of an indexed image, converted to RGB, and the same layer in it."""
    path, item = [], drawable
    while item is not None:
        path.append(image.get_item_position(item))
        item = item.get_parent()
    copy = image.duplicate()
    copy.convert_rgb()
    layers, layer = list(copy.get_layers()), None
    for position in reversed(path):
        layer = layers[position]
        layers = list(layer.get_children()) if layer.is_group() else []
    return copy, layer

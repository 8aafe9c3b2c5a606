"""Steps that tests run inside GIMP: what a user or a script does, and what the images contain.

The code that a test sends can use all names of this module.
"""

from __future__ import annotations

import hashlib
import struct
import time

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gegl, Gimp, Gio, GLib, GObject  # noqa: E402, F401

RESTYLE, AGAIN = "plug-in-velatura-restyle", "plug-in-velatura-restyle-again"
PRECISIONS = {
    "8 bits": Gimp.Precision.U8_NON_LINEAR,
    "16 bits": Gimp.Precision.U16_NON_LINEAR,
    "32 bits": Gimp.Precision.U32_NON_LINEAR,
    "8 bits, linear": Gimp.Precision.U8_LINEAR,
    "16 bits, linear": Gimp.Precision.U16_LINEAR,
    "half float": Gimp.Precision.HALF_NON_LINEAR,
    "half float, linear": Gimp.Precision.HALF_LINEAR,
    "float": Gimp.Precision.FLOAT_NON_LINEAR,
    "float, linear": Gimp.Precision.FLOAT_LINEAR,
    "double": Gimp.Precision.DOUBLE_NON_LINEAR,
}


# --- images ------------------------------------------------------------------------------------------
def load(path):
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))


def open_picture(path):
    """Opens a picture as the only image, in a window."""
    close_all()
    show(load(path))
    Gimp.displays_flush()


def show(image, attempts=60):
    """Shows an image in a window. Shortly after its start, GIMP can still refuse one: then asks again."""
    for _ in range(attempts):
        try:
            return Gimp.Display.new(image)
        except TypeError:  # the constructor returned NULL
            reason = Gimp.get_pdb().get_last_error()
            time.sleep(0.5)
    raise RuntimeError(f"GIMP does not open a window: {reason}")


def only(path, precision="8 bits", base="RGB", profile=""):
    """Loads a picture as the only image, without a window. Returns its layer."""
    close_all()
    image = load(path)
    if base == "GRAY":
        image.convert_grayscale()
    if PRECISIONS[precision] != image.get_precision():
        image.convert_precision(PRECISIONS[precision])
    if profile == "Adobe RGB":
        image.set_color_profile(Gimp.ColorProfile.new_rgb_adobe())
    if base == "INDEXED":
        image.convert_indexed(Gimp.ConvertDitherType.NONE, Gimp.ConvertPaletteType.GENERATE, 32, False, False, "")
    return image.get_layers()[0]


def images():
    return list(Gimp.get_images())


def image():
    """The image that was opened last."""
    return max(images(), key=lambda i: i.get_id())


def close_windows():
    """Closes the windows of all images, as a user does. Images without a window stay."""
    for number in range(1, 200):
        display = Gimp.Display.get_by_id(number) if Gimp.Display.id_is_valid(number) else None
        if display is not None:
            display.delete()


def close_all():
    """Closes all images and their windows."""
    close_windows()
    for one in images():
        one.delete()


def layers(one=None):
    """The names of all layers, from the top; a group is a list of its name and its layers."""

    def named(layer):
        return (
            [layer.get_name(), [named(child) for child in layer.get_children()]]
            if layer.is_group()
            else layer.get_name()
        )

    return [named(layer) for layer in (one or image()).get_layers()]


def layer(name, one=None):
    found = (one or image()).get_layer_by_name(name)
    assert found is not None, f"no layer {name!r} among {layers(one)}"
    return found


def pixels(drawable, babl=None):
    """All pixels of a drawable, in its own format unless another is given."""
    rect = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return bytes(drawable.get_buffer().get(rect, 1.0, babl, Gegl.AbyssPolicy.NONE))


def floats(drawable, babl="R'G'B'A float"):
    data = pixels(drawable, babl)
    return struct.unpack(f"<{len(data) // 4}f", data)


def largest_difference(one, other):
    """The largest difference between two drawables of the same size, in sRGB."""
    return max(abs(a - b) for a, b in zip(floats(one), floats(other), strict=True))


def box(drawable):
    _, x, y = drawable.get_offsets()
    return [x, y, drawable.get_width(), drawable.get_height()]


def kind(one=None):
    """Base type, precision and profile of an image."""
    one = one or image()
    profile = one.get_effective_color_profile()
    return [one.get_base_type().value_nick, one.get_precision().value_nick, profile.get_label() if profile else ""]


def snapshot(one=None):
    """The whole state of an image: its layer tree with the pixels and masks of all layers."""

    def of(layer):
        mask = layer.get_mask()
        return [
            layer.get_name(),
            box(layer),
            layer.get_visible(),
            *mixing(layer),
            _digest(layer),
            _digest(mask) if mask else None,
            [of(child) for child in layer.get_children()] if layer.is_group() else [],
        ]

    return [kind(one), [of(layer) for layer in (one or image()).get_layers()]]


def mixing(layer):
    """How a layer is blended with the layers below it."""
    settings = (layer.get_mode(), layer.get_composite_mode(), layer.get_composite_space(), layer.get_blend_space())
    return [layer.get_opacity(), *(setting.value_nick for setting in settings)]


def _digest(drawable):
    return hashlib.sha256(pixels(drawable)).hexdigest()


def select(x, y, width, height, feather=0, invert=False):
    one = image()
    Gimp.context_set_feather(bool(feather))
    Gimp.context_set_feather_radius(feather, feather)
    one.select_rectangle(Gimp.ChannelOps.REPLACE, x, y, width, height)
    if invert:
        Gimp.Selection.invert(one)


def selection_over(drawable):
    """The selection over the drawable, as floats."""
    rect = Gegl.Rectangle.new(*box(drawable))
    data = drawable.get_image().get_selection().get_buffer().get(rect, 1.0, "Y float", Gegl.AbyssPolicy.NONE)
    return struct.unpack(f"<{len(data) // 4}f", data)


def seen_difference(name):
    """For each pixel of the canvas, whether the layer changes how the image looks."""
    one = image()
    views = []
    for visible in (True, False):
        layer(name).set_visible(visible)
        flat = one.duplicate()
        merged = flat.flatten()
        views.append(pixels(merged, "R'G'B' u8"))
        flat.delete()
    layer(name).set_visible(True)
    a, b = views
    return [a[i : i + 3] != b[i : i + 3] for i in range(0, len(a), 3)]


def difference_on_canvas(name, other):
    """The largest difference of two layers over the canvas, in sRGB, where both of them have pixels."""
    one = image()
    views = []
    for layer_name in (name, other):
        flat = one.duplicate()
        for each in flat.get_layers():
            each.set_visible(each.get_name() == layer_name)
            if each.get_mask():
                each.remove_mask(Gimp.MaskApplyMode.DISCARD)
        merged = flat.merge_visible_layers(Gimp.MergeType.CLIP_TO_IMAGE)
        merged.add_alpha()
        merged.resize_to_image_size()
        views.append(floats(merged))
        flat.delete()
    shown = [i for i in range(3, len(views[0]), 4) if views[0][i] and views[1][i]]
    assert shown, "they do not overlap on the canvas"
    return max(abs(views[0][j] - views[1][j]) for i in shown for j in range(i - 3, i))


# --- commands ----------------------------------------------------------------------------------------
def restyle(drawables, **arguments):
    """Restyles as a script does. Returns [status, error, name of the new layer]."""
    return run(RESTYLE, drawables, **arguments)


def run(name, drawables, mode=Gimp.RunMode.NONINTERACTIVE, **arguments):
    drawables = drawables if isinstance(drawables, list) else [drawables]
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    config.set_property("run-mode", mode)
    config.set_property("image", image())
    config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        config.set_property(argument.replace("_", "-"), Gio.File.new_for_path(value) if argument == "style" else value)
    values = procedure.run(config)
    status = values.index(0)
    if status != Gimp.PDBStatusType.SUCCESS:
        return [status.value_nick, Gimp.get_pdb().get_last_error(), None]
    return [status.value_nick, "", values.index(1).get_name()]

"""What a person or a script at GIMP does, and sees. Names from here are there for each step that a test sends."""

from __future__ import annotations

import struct

import gi

gi.require_version("Gimp", "3.0")
from gi.repository import Gegl, Gimp, Gio, GLib, GObject  # noqa: E402, F401

RESTYLE, AGAIN = "plug-in-pastiche-restyle", "plug-in-pastiche-restyle-again"
PRECISIONS = {
    "8 bits": Gimp.Precision.U8_NON_LINEAR, "16 bits": Gimp.Precision.U16_NON_LINEAR, "32 bits": Gimp.Precision.U32_NON_LINEAR,
    "8 bits, linear": Gimp.Precision.U8_LINEAR, "16 bits, linear": Gimp.Precision.U16_LINEAR,
    "half float": Gimp.Precision.HALF_NON_LINEAR, "half float, linear": Gimp.Precision.HALF_LINEAR,
    "float": Gimp.Precision.FLOAT_NON_LINEAR, "float, linear": Gimp.Precision.FLOAT_LINEAR,
    "double": Gimp.Precision.DOUBLE_NON_LINEAR,
}  # fmt: skip


# --- images ------------------------------------------------------------------------------------------
def load(path):
    return Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path(path))


def open_picture(path):
    """In a window, alone."""
    for other in images():
        close(other)
    image = load(path)
    Gimp.Display.new(image)
    Gimp.displays_flush()
    return image.get_id()


def images():
    return list(Gimp.get_images())


def image():
    """The one that was opened last."""
    return max(images(), key=lambda i: i.get_id())


_displays = {}


def close(one):
    for display in Gimp.get_displays() if hasattr(Gimp, "get_displays") else ():
        display.delete()
    if one.is_valid():
        one.delete()


def layers(one=None):
    """Names, the topmost first; a group's with what is in it."""
    def named(layer):
        return [layer.get_name(), [named(child) for child in layer.get_children()]] if layer.is_group() else layer.get_name()

    return [named(layer) for layer in (one or image()).get_layers()]


def layer(name, one=None):
    found = (one or image()).get_layer_by_name(name)
    assert found is not None, f"no layer {name!r} among {layers(one)}"
    return found


def pixels(drawable, babl=None):
    """All of them; in the drawable's own format where none is named."""
    rect = Gegl.Rectangle.new(0, 0, drawable.get_width(), drawable.get_height())
    return bytes(drawable.get_buffer().get(rect, 1.0, babl, Gegl.AbyssPolicy.NONE))


def floats(drawable, babl="R'G'B'A float"):
    data = pixels(drawable, babl)
    return struct.unpack(f"<{len(data) // 4}f", data)


def kind(drawable):
    """The format, as babl names it: model, type, space."""
    return Gimp.babl_name(drawable) if hasattr(Gimp, "babl_name") else str(drawable.type()) + " " + str(drawable.get_image().get_precision())


def largest_difference(one, other):
    """Of two drawables of one size, as sRGB."""
    return max(abs(a - b) for a, b in zip(floats(one), floats(other)))


def place(drawable):
    _, x, y = drawable.get_offsets()
    return [x, y, drawable.get_width(), drawable.get_height()]


def snapshot(one=None):
    """All that the image is: its tree, each layer's pixels and mask."""
    import hashlib

    def of(layer):
        mask = layer.get_mask()
        return [layer.get_name(), place(layer), kind(layer), layer.get_opacity(), layer.get_visible(), hashlib.sha256(pixels(layer)).hexdigest(),
                hashlib.sha256(pixels(mask)).hexdigest() if mask else None, [of(child) for child in layer.get_children()] if layer.is_group() else []]  # fmt: skip

    return [of(layer) for layer in (one or image()).get_layers()]


# --- the command -------------------------------------------------------------------------------------
def restyle(drawable, **arguments):
    """As a script does. Returns [status, error or None, the layer's id or None]."""
    return _run(RESTYLE, [drawable], arguments)


def _run(name, drawables, arguments, mode=None):
    procedure = Gimp.get_pdb().lookup_procedure(name)
    config = procedure.create_config()
    if mode is not None:
        config.set_property("run-mode", mode)
    config.set_property("image", drawables[0].get_image() if drawables else image())
    config.set_core_object_array("drawables", drawables)
    for argument, value in arguments.items():
        if argument == "style" and isinstance(value, str):
            value = Gio.File.new_for_path(value)
        config.set_property(argument.replace("_", "-"), value)
    values = procedure.run(config)
    status = values.index(0)
    made = values.index(1) if values.length() > 1 else None
    error = Gimp.get_pdb().get_last_error() if status != Gimp.PDBStatusType.SUCCESS else None
    return [status.value_nick, error, made.get_id() if made is not None else None]

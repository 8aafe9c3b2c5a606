"""Uses the GIMP plug-in's preview without GIMP, and writes what was seen as JSON.

argv: a picture of 1600 × 1200 pixels; the file to write; 'without cairo' or 'with cairo'.
"""

import json
import sys

PICTURE, OUT, CAIRO = sys.argv[1:]
if CAIRO == "without cairo":
    sys.modules["cairo"] = None

import gi  # noqa: E402

for name, version in (("Gimp", "3.0"), ("Gegl", "0.4"), ("Gtk", "3.0"), ("Gdk", "3.0")):
    gi.require_version(name, version)
from gi.repository import Gdk, GdkPixbuf, Gtk  # noqa: E402
from velatura_gimp import desktop  # noqa: E402
from velatura_gimp.preview import PreviewArea  # noqa: E402
from velatura_gimp.preview_bar import PreviewBar  # noqa: E402

window = Gtk.Window()
column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
window.add(column)
preview = PreviewArea()
bar = PreviewBar(preview)
column.pack_start(preview, True, True, 0)
column.pack_start(bar, False, False, 0)
window.resize(500, 460)
window.show_all()
full = GdkPixbuf.Pixbuf.new_from_file(PICTURE)


def wait(condition):
    for _ in range(2000):
        if condition():
            return
        Gtk.main_iteration_do(True)
    raise AssertionError("waited in vain")


def drawn():
    """What the preview shows, once it has drawn and the window has been painted."""
    preview._redraw()
    wait(lambda: not preview._redraw_waits)
    while Gtk.events_pending():  # the new image gets its place
        Gtk.main_iteration()
    before = len(painted)
    preview.queue_draw()
    wait(lambda: len(painted) > before)
    return Gdk.pixbuf_get_from_window(
        preview.get_bin_window(), 0, 0, preview.get_allocated_width(), preview.get_allocated_height()
    )


def pixel(pixbuf, x, y):
    at = y * pixbuf.get_rowstride() + x * pixbuf.get_n_channels()
    return pixbuf.get_pixels()[at : at + 3]


def rows(pixbuf, edge):
    data, stride, step = pixbuf.get_pixels(), pixbuf.get_rowstride(), pixbuf.get_n_channels()
    for y in range(edge, pixbuf.get_height() - edge):
        yield data[y * stride + edge * step : y * stride + (pixbuf.get_width() - edge) * step]


painted = []
window.get_frame_clock().connect("after-paint", painted.append)
wait(lambda: preview.get_allocated_width() > 400 and not preview._redraw_waits)
seen = {"cairo": desktop.HAS_CAIRO, "factor": preview.get_scale_factor()}
preview.set_content_size(1600, 1200)
preview.set_original(full.scale_simple(400, 300, GdkPixbuf.InterpType.BILINEAR))
drawn()
preview.one_to_one()
box = preview.detail_wanted()
part = full.new_subpixbuf(*box).copy()
preview.set_original_detail(box, part)
shown = drawn()
seen["detail"] = [box.width / preview.get_allocated_width(), box.height / preview.get_allocated_height()]
seen["same size"] = (shown.get_width(), shown.get_height()) == (box.width, box.height)
if seen["same size"]:
    seen["differing rows at 1:1"] = sum(one != other for one, other in zip(rows(shown, 3), rows(part, 3)))
seen["nothing more wanted"] = preview.detail_wanted() is None

# a picture that is all red before and has no red after
for colour, setter in ((0xFF0000FF, preview.set_original), (0x000000FF, preview.set_picture)):
    small = GdkPixbuf.Pixbuf.new(GdkPixbuf.Colorspace.RGB, False, 8, 400, 300)
    small.fill(colour)
    setter(small)
for mode, button in bar._modes.items():
    button.clicked()
    shown = drawn()
    width, half = shown.get_width(), shown.get_height() // 2
    seen[mode] = [pixel(shown, int(part * width), half)[0] for part in (0.1, 0.3, 0.7, 0.9)]

seen["least width"] = bar.get_preferred_width()[0]
buttons = [child for group in bar.get_children() for child in group.get_child().get_children()]
seen["without a name or a tooltip"] = [
    b.get_name() for b in buttons if not (b.get_accessible().get_name() and b.get_tooltip_text())
]
with open(OUT, "w") as file:
    json.dump(seen, file)

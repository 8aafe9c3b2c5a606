"""Inside our plug-in's process, for the tests alone: what a person at its dialog does, and sees."""

from __future__ import annotations

import gc
import time

import gi

gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402, F401


def controller():
    """The plug-in's own controller, to look at."""
    return next(
        o
        for o in gc.get_objects()
        if type(o).__name__ == "RestyleController" and type(o).__module__ == "velatura_gimp.controller"
    )


def window():
    return controller().window


def is_open():
    return any(
        type(o).__module__ == "velatura_gimp.controller" and o.window.dialog.is_visible()
        for o in gc.get_objects()
        if type(o).__name__ == "RestyleController"
    )


def inside(widget):
    """A widget and all that is in it."""
    yield widget
    if isinstance(widget, Gtk.Container):
        children = []
        widget.forall(children.append)
        for child in children:
            yield from inside(child)


def widget(name):
    found = [one for one in inside(window().dialog) if one.get_name() == name]
    assert found, f"the dialog has no {name}"
    return found[0]


def button(text):
    """A button of GIMP's own dialog, by its words."""
    found = [
        one for one in inside(window().dialog) if isinstance(one, Gtk.Button) and _text_of(one).replace("_", "") == text
    ]
    assert found, f"no button {text!r}"
    return found[0]


def _text_of(one):
    labels = [part.get_text() for part in inside(one) if isinstance(part, Gtk.Label)]
    return labels[0] if labels else one.get_label() or ""


def click(name):
    one = widget(name) if name.islower() else button(name)
    assert one.is_visible() and one.is_sensitive(), f"{name} cannot be clicked"
    # Not within this call: the dialog's loop is to go on.
    GLib.idle_add(lambda: one.clicked() and False, priority=GLib.PRIORITY_HIGH)  # before the next step


def middle(name):
    """Where a widget's middle is on the screen, for a hand that moves a real mouse."""
    one = widget(name) if name.islower() else button(name)
    _, x, y = one.get_window().get_origin()
    place = one.get_allocation()
    own = (0, 0) if one.get_has_window() else (place.x, place.y)
    return [x + own[0] + place.width // 2, y + own[1] + place.height // 2]


def gallery():
    return [(item.style or item.source).name for item in window().gallery.items()]


def pick(*names):
    """Choose paintings in the gallery, as a click and Ctrl+clicks do."""
    view = window().gallery.view
    view.unselect_all()
    for name in names:
        view.select_child(window().gallery.items()[gallery().index(name)])


def chosen():
    return [[style.name, style.share] for style in window().chosen_styles()]


def turn(name, value):
    """Set a knob by its own widget: choose in its box, type into its number."""
    row = widget(f"knob {name}")
    for part in inside(row):
        if isinstance(part, Gtk.SpinButton):
            part.set_text(f"{value:g}")
            part.update()
            return
        if isinstance(part, Gtk.CheckButton):
            part.set_active(value)
            return
        if isinstance(part, Gtk.ComboBox):
            assert part.set_active(value), f"{name} has no {value!r}"  # GimpUi.StringComboBox goes by the value
            return
    raise AssertionError(f"nothing to turn in {name}")


def inside_text(name):
    """What a widget says."""
    return [part.get_text() for part in inside(widget(name)) if isinstance(part, Gtk.Label)]


def canvas_regions():
    """What the gallery's menus offer as regions."""
    from velatura_gimp import canvas

    return canvas.region_sources(controller().canvas.image)


def set_up(*styles, **setting_specs):
    for name, value in {"quality": "draft", "iterations": 12, "strength": 50, **setting_specs}.items():
        turn(name, value)
    pick(*(styles or ["Night swirls"]))


def results():
    """The dialog of what is kept, or None."""
    found = [o for o in gc.get_objects() if type(o).__name__ == "ResultsWindow" and o.dialog.is_visible()]
    return found[0] if found else None


def press(name):
    """A button of that dialog."""
    one = next(one for one in inside(results().dialog) if one.get_name() == name)
    assert one.is_visible() and one.is_sensitive(), f"{name} cannot be pressed"
    GLib.idle_add(lambda: one.clicked() and False, priority=GLib.PRIORITY_HIGH)


def listed(name="kept list"):
    """What a list of that dialog says, its lines each."""
    one = next(one for one in inside(results().dialog) if one.get_name() == name)
    return [list(row.about) for row in one.get_children()]


def close_results():
    GLib.idle_add(lambda: results().dialog.response(Gtk.ResponseType.CLOSE) and False, priority=GLib.PRIORITY_HIGH)


def message():
    one = window()
    return one._sentence.get_text() if one._trouble.is_visible() else one.message.get_text()


def visible(name):
    return widget(name).get_mapped()


def busy():
    return controller().is_busy


times = {}


def note_times():
    """When the next first preview and the next result come and the layer stands, from now."""
    times.clear()
    began = time.perf_counter()
    one = controller()
    for told, name in (("on_preview", "first preview"), ("on_finished", "result"), ("on_inserted", "layer")):
        setattr(one, told, _noting(getattr(one, told), name, began))


def _noting(real, name, began):
    def both(*what):
        real(*what)
        times.setdefault(name, time.perf_counter() - began)

    return both

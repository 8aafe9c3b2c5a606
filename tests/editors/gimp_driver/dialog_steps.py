"""Steps that tests run inside the plug-in's process: what a user does in its dialogs, and what the dialogs show."""

from __future__ import annotations

import gc
import weakref

import gi
from gaps import TICK, Gaps, before, watch_phases

gi.require_version("Gimp", "3.0")
gi.require_version("Gtk", "3.0")
gi.require_version("Gdk", "3.0")
from gi.repository import Gdk, Gegl, Gimp, GLib, Gtk  # noqa: E402, F401

FOUND = []  # a weak reference to the controller: looking through all objects for each step took a third of the plug-in's processor time


def controllers():
    """The plug-in's controller in this process, if there is one yet."""
    if not FOUND or FOUND[0]() is None:
        FOUND[:] = [
            weakref.ref(o)
            for o in gc.get_objects()
            if type(o).__name__ == "RestyleController" and type(o).__module__ == "velatura_gimp.controller"
        ]
    return [found() for found in FOUND]


def controller():
    return controllers()[0]


def window():
    return controller().window


def is_open():
    return any(one.window is not None and one.window.dialog.is_visible() for one in controllers())


def inside(widget):
    """A widget and all of its descendants."""
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
    """A button of GIMP's own dialog, by its text."""
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
    # Not within this call, so that the dialog's event loop can continue.
    GLib.idle_add(lambda: one.clicked() and False, priority=GLib.PRIORITY_HIGH)  # before the next step


def middle(name):
    """The position of a widget's middle on the screen, to move the mouse pointer there."""
    one = widget(name) if name.islower() else button(name)
    _, x, y = one.get_window().get_origin()
    box = one.get_allocation()
    left, top = (0, 0) if one.get_has_window() else (box.x, box.y)
    return [x + left + box.width // 2, y + top + box.height // 2]


def gallery():
    return [(item.style or item.source).name for item in window().gallery.items()]


def pick(*names):
    """Chooses styles in the gallery, as a click and Ctrl+clicks do."""
    own = window().gallery
    own.view.select(())
    for name in names:
        item = own.items()[gallery().index(name)]
        item.get_parent().select_child(item)


def chosen():
    return [[style.name, style.share] for style in window().chosen_styles()]


def change(name, value):
    """Changes a setting with its widget: selects in a list, toggles a check box, or types a number."""
    row = widget(f"setting {name}")
    for part in inside(row):
        if isinstance(part, Gtk.SpinButton):
            part.set_text(f"{value:g}")
            part.update()
            return
        if isinstance(part, Gtk.CheckButton):
            part.set_active(value)
            return
        if isinstance(part, Gtk.ComboBox):
            assert part.set_active(value), f"{name} has no {value!r}"  # GimpUi.StringComboBox takes the value
            return
    raise AssertionError(f"{name} has no widget to change")


def inside_text(name):
    """The texts of the labels in a widget."""
    return [part.get_text() for part in inside(widget(name)) if isinstance(part, Gtk.Label)]


def regions():
    """What the gallery's menus list as regions."""
    from velatura_gimp import canvas_regions

    return canvas_regions.region_sources(controller().canvas.image)


def set_up(*styles, **settings):
    for name, value in {"quality": "draft", "iterations": 5, "strength": 50, **settings}.items():
        change(name, value)
    pick(*(styles or ["Night swirls"]))


def results():
    """The results dialog, or None."""
    found = [o for o in gc.get_objects() if type(o).__name__ == "ResultsWindow" and o.dialog.is_visible()]
    return found[0] if found else None


def press(name):
    """Presses a button of the results dialog."""
    one = next(one for one in inside(results().dialog) if one.get_name() == name)
    assert one.is_visible() and one.is_sensitive(), f"{name} cannot be pressed"
    GLib.idle_add(lambda: one.clicked() and False, priority=GLib.PRIORITY_HIGH)


def listed(name="results list"):
    """The lines of each row in a list of the results dialog."""
    one = next(one for one in inside(results().dialog) if one.get_name() == name)
    return [list(row.about) for row in one.get_children()]


def close_results():
    GLib.idle_add(lambda: results().dialog.response(Gtk.ResponseType.CLOSE) and False, priority=GLib.PRIORITY_HIGH)


def setup():
    """The set-up's dialog, or None."""
    found = [o for o in gc.get_objects() if type(o).__name__ == "SetupWindow" and o.dialog.is_visible()]
    return found[0] if found else None


def setup_shows():
    """The texts and the buttons of the set-up's dialog; empty if it is not shown."""
    one = setup()
    return [one.text.get_text(), one.detail.get_text(), [b.get_label() for b in one.buttons]] if one else ["", "", []]


def press_in_setup(text):
    one = next(button for button in setup().buttons if button.get_label() == text)
    assert one.is_visible() and one.is_sensitive(), f"{text} cannot be pressed"
    GLib.idle_add(lambda: one.clicked() and False, priority=GLib.PRIORITY_HIGH)


def close_setup():
    GLib.idle_add(lambda: setup().dialog.response(Gtk.ResponseType.DELETE_EVENT) and False, priority=GLib.PRIORITY_HIGH)


def message():
    one = window()
    return one._error_label.get_text() if one._error_bar.is_visible() else one.message.get_text()


def visible(name):
    return widget(name).get_mapped()


def busy():
    return controller().is_busy


GIMPS_CALLS = {
    "Buffer": ("get", "set", "flush"),
    "Drawable": ("update", "get_buffer"),
    "Layer": ("new", "create_mask", "add_mask", "set_edit_mask", "set_offsets"),
    "Item": ("is_valid", "get_name"),
    "Image": (
        "is_valid",
        "insert_layer",
        "set_selected_layers",
        "get_selected_layers",
        "undo_group_start",
        "undo_group_end",
    ),
}


def _count_as_gimps(owner, method):
    """Counts the time of a method as GIMP's: a profile function does not see calls through GObject introspection."""
    original = getattr(owner, method)

    def gimps_call(*args, name=f"{owner.__name__}.{method}"):
        return original(*args)

    setattr(owner, method, staticmethod(gimps_call) if method == "new" else gimps_call)


def _editors_call(frame, function):
    is_gimps = function is None and frame.f_code.co_name == "gimps_call"
    return frame.f_locals["name"] if is_gimps else ""


gaps = Gaps(_editors_call)


def measure_gaps(inserted):
    """Measures the dialog's event loop from now until `gaps.stop()`. inserted: see `watch_phases`."""
    for owner, methods in GIMPS_CALLS.items():
        for method in methods:
            _count_as_gimps(getattr(Gegl if owner == "Buffer" else Gimp, owner), method)
    watch_phases(gaps, controller(), inserted)
    before(controller(), "on_preview", lambda: GLib.idle_add(lambda: gaps.note("first preview")))
    GLib.timeout_add(round(1000 * TICK), gaps.tick)
    gaps.start()


held = []


def hold_result():
    """Holds back the next result until `release_result`, so that a test can change the image before."""
    one = controller()
    method = one.on_finished

    def hold(*args):
        one.on_finished = method
        held.append(lambda: method(*args))

    one.on_finished = hold


def release_result():
    held.pop()()

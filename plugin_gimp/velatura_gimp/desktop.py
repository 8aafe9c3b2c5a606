"""What GTK says of the screen and the theme, and what widgets have in common: place, colours, wheel, sharp pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

from velatura import strings
from velatura.editor.colours import Rgb, error_colour, quiet_colour
from velatura.editor.window_place import Box, fit
from velatura.i18n import translated

try:
    import cairo  # noqa: F401  needed to show pictures in the pixels of a sharp screen; GIMP's Python may lack it

    HAS_CAIRO = True
except ImportError:
    HAS_CAIRO = False


# --- where a window opens ------------------------------------------------------------------------------
def place(window: Any, wanted: Box | None, size: tuple[int, int]) -> None:
    """Gives a window that is not shown yet the place where it fits on its screen. wanted: the last one, or None."""
    display = Gdk.Display.get_default()
    if wanted is not None:
        monitor = display.get_monitor_at_point(wanted.left + wanted.width // 2, wanted.top + wanted.height // 2)
    else:
        monitor = display.get_primary_monitor() or display.get_monitor(0)
    free = monitor.get_workarea()
    box = fit(wanted, size, Box(free.x, free.y, free.width, free.height))
    window.set_default_size(box.width, box.height)
    window.resize(box.width, box.height)
    if wanted is not None:
        window.move(box.left, box.top)


def place_of(window: Any) -> Box:
    return Box(*window.get_position(), *window.get_size())


# --- colours -------------------------------------------------------------------------------------------
def quiet_markup(label: Any, text: str) -> str:
    """Markup in a colour between the label's text and its background that is still readable."""
    background, foreground = _colours(label)
    return _markup(text, quiet_colour(foreground, background))


def error_markup(label: Any, text: str) -> str:
    """Markup in a warning colour that is readable on the label's background."""
    background, _ = _colours(label)
    return f"<b>{_markup(text, error_colour(background))}</b>"


def _markup(text: str, colour: Rgb) -> str:
    shown = GLib.markup_escape_text(translated(text))
    return '<span foreground="#{:02x}{:02x}{:02x}">{}</span>'.format(*colour, shown)  # not translated: markup


def _colours(label: Any) -> tuple[Rgb, Rgb]:
    """The background of the label's window and the colour of its text, as the theme draws them."""
    context = label.get_toplevel().get_style_context()
    found, background = context.lookup_color("theme_bg_color")
    if not found:
        found, background = context.lookup_color("bg_color")
    foreground = label.get_style_context().get_color(Gtk.StateFlags.NORMAL)
    if not found:  # the opposite of what the text needs
        is_light = foreground.red + foreground.green + foreground.blue > 1.5
        return ((40, 40, 40) if is_light else (240, 240, 240)), _rgb(foreground)
    return _rgb(background), _rgb(foreground)


def frame_colours(widget: Any) -> tuple[Rgb, Rgb]:
    """What surrounds a picture: a colour darker than the theme's background, and that of the focus."""
    background, _ = _colours(widget)
    found, selected = widget.get_style_context().lookup_color("theme_selected_bg_color")
    surround = round(0.7 * background[0]), round(0.7 * background[1]), round(0.7 * background[2])
    return surround, _rgb(selected) if found else (200, 200, 200)


def _rgb(colour: Any) -> Rgb:
    return round(255 * colour.red), round(255 * colour.green), round(255 * colour.blue)


# --- pictures on sharp screens ---------------------------------------------------------------------------
def show_scaled(image: Any, pixbuf: Any, width: int, height: int) -> None:
    """Shows a picture in so many of GTK's pixels, of which a sharp screen has several to one."""
    factor = image.get_scale_factor() if HAS_CAIRO else 1
    scaled = pixbuf.scale_simple(max(1, factor * width), max(1, factor * height), GdkPixbuf.InterpType.BILINEAR)
    show_pixels(image, scaled, factor)


def show_pixels(image: Any, pixbuf: Any, factor: int) -> None:
    """Shows a picture with `factor` of its pixels on one of GTK's; with more than one, this needs cairo."""
    if factor > 1:
        image.set_from_surface(Gdk.cairo_surface_create_from_pixbuf(pixbuf, factor, None))
    else:
        image.set_from_pixbuf(pixbuf)


# --- widgets -------------------------------------------------------------------------------------------
def guard_wheel(parent: Any) -> None:
    """Keeps the mouse wheel from changing a control that has no focus: people only want to scroll past it."""
    if isinstance(parent, (Gtk.ComboBox, Gtk.SpinButton, Gtk.Scale)):
        parent.connect("scroll-event", _on_wheel)
    if isinstance(parent, Gtk.Container):
        parent.forall(guard_wheel)


def _on_wheel(control: Any, event: Any) -> bool:
    if control.has_focus() or (isinstance(control, Gtk.ComboBox) and control.get_focus_child() is not None):
        return False
    scrolled = control.get_ancestor(Gtk.ScrolledWindow)
    if scrolled is not None:
        scrolled.event(event)  # scrolls
    return True


def activates(widget: Any) -> bool:
    """Whether Enter in this widget only completes what was typed, and must not press a dialog's button."""
    return isinstance(widget, Gtk.Entry)


def popup(widget: Any, choices: Sequence[tuple[str, Callable[..., object]]]) -> None:
    """Shows a menu at a widget. choices: the text of each item and what it does."""
    menu = Gtk.Menu()
    for text, callback in choices:
        item = Gtk.MenuItem(label=translated(text))
        item.connect("activate", lambda _, callback=callback: callback())
        menu.append(item)
    menu.attach_to_widget(widget)
    menu.show_all()
    menu.popup_at_widget(widget, Gdk.Gravity.SOUTH_WEST, Gdk.Gravity.NORTH_WEST, None)


def ask_text(window: Any, title: str, label: str, done: str, text: str) -> str | None:
    """Asks for a text in a dialog. done: on its button. Returns None if it was cancelled."""
    dialog = Gtk.Dialog(title=title, transient_for=window, modal=True)
    dialog.add_buttons(strings.CANCEL, Gtk.ResponseType.CANCEL, done, Gtk.ResponseType.ACCEPT)
    dialog.set_default_response(Gtk.ResponseType.ACCEPT)
    entry = Gtk.Entry(text=text, activates_default=True)
    box = dialog.get_content_area()
    box.set_spacing(6)
    box.set_border_width(10)
    box.pack_start(Gtk.Label(label=label, xalign=0), False, False, 0)
    box.pack_start(entry, False, False, 0)
    box.show_all()
    accepted, answer = dialog.run() == Gtk.ResponseType.ACCEPT, entry.get_text()
    dialog.destroy()
    return answer if accepted else None

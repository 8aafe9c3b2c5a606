"""What GTK says of the screen and the theme, and what widgets have in common: place, colours, wheel, sharp pictures."""

from __future__ import annotations

from typing import Any

from gi.repository import Gdk, GdkPixbuf, GLib, Gtk

from velatura.editor.colours import Rgb, error_colour, quiet_colour
from velatura.editor.window_place import Box, fit

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
    return '<span foreground="#{:02x}{:02x}{:02x}">{}</span>'.format(*colour, GLib.markup_escape_text(text))


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


def _rgb(colour: Any) -> Rgb:
    return round(255 * colour.red), round(255 * colour.green), round(255 * colour.blue)


# --- pictures on sharp screens ---------------------------------------------------------------------------
def show_scaled(image: Any, pixbuf: Any, width: int, height: int) -> None:
    """Shows a picture in so many of GTK's pixels, of which a sharp screen has several to one."""
    factor = image.get_scale_factor() if HAS_CAIRO else 1
    scaled = pixbuf.scale_simple(max(1, factor * width), max(1, factor * height), GdkPixbuf.InterpType.BILINEAR)
    if factor > 1:
        image.set_from_surface(Gdk.cairo_surface_create_from_pixbuf(scaled, factor, None))
    else:
        image.set_from_pixbuf(scaled)


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

"""The dialog that sets up, updates, repairs and removes the daemon. It uses neither the daemon nor an image."""

from __future__ import annotations

from typing import Any

import gi

for name in ("GimpUi", "Gtk", "Gdk"):  # not translated: names
    gi.require_version(name, "3.0")
from gi.repository import Gdk, GimpUi, Gtk  # noqa: E402

from velatura import strings  # noqa: E402
from velatura.app_dirs import app_dirs  # noqa: E402
from velatura.editor.background import as_velatura_error  # noqa: E402
from velatura.editor.setup_controller import SetupController, SetupView, is_set_up_needed  # noqa: E402
from velatura.i18n import translated  # noqa: E402

from .desktop import error_markup, place, quiet_markup  # noqa: E402
from .glib_loop import GlibLoop  # noqa: E402

SIZE = (560, 200)  # pixels, if the screen has room
PULSE_INTERVAL = 120  # ms, of the progress bar while the end is not known
WIDTH = 56  # characters, at which the texts wrap


def set_up_if_needed(parent: Any = None) -> bool:
    """Run the dialog if no daemon can be started. Returns whether one can be started now."""
    return not is_set_up_needed(app_dirs()) or show(parent)


def show(parent: Any = None, *, stay: bool = False) -> bool:
    """Run the dialog until it is closed, or until the daemon can be started. Closing it stops a set-up.

    parent: its parent window; None for GIMP's own. stay: show what is set up, instead of closing when it is. Returns
    whether the daemon can be started.
    """
    GimpUi.init("velatura_gimp")
    window = SetupWindow(parent)
    loop = GlibLoop(lambda error: window.show(SetupView(as_velatura_error(error).local_sentence, is_error=True)))
    ready = []

    def on_ready() -> None:
        ready.append(True)
        if stay:
            controller.look()
        else:
            window.dialog.response(Gtk.ResponseType.OK)

    controller = SetupController(loop, window, app_dirs(), on_ready)
    window.press, window.pulse = controller.press, loop.timer(lambda: window.bar.pulse())
    controller.look()
    window.dialog.run()
    controller.close()
    window.pulse.stop()
    window.dialog.destroy()
    return bool(ready)


class SetupWindow:
    """Shows a `SetupView`. press: called with the text of a button. pulse: a timer that moves the bar."""

    press: Any = None
    pulse: Any = None

    def __init__(self, parent: Any) -> None:
        self.dialog = Gtk.Dialog(title=strings.SET_UP_TITLE, transient_for=parent, modal=True)
        self.dialog.set_name("velatura setup")  # not translated: a name for tests
        if parent is None:
            GimpUi.window_set_transient(self.dialog)
        place(self.dialog, None, SIZE)
        self.text, self.detail = _label("setup text"), _label("setup detail")  # not translated: names for tests
        self.text.get_accessible().set_name(strings.MESSAGE_NAME)
        self.bar = Gtk.ProgressBar(name="setup bar", no_show_all=True)  # not translated: a name for tests
        self.bar.get_accessible().set_name(strings.PROGRESS_NAME)
        self.buttons: list[Any] = []
        self._row = Gtk.Box(spacing=6, halign=Gtk.Align.END)
        self._view = SetupView("")
        content = self.dialog.get_content_area()
        content.set_spacing(10)
        content.set_border_width(12)
        for part in (self.text, self.detail, self.bar):
            content.pack_start(part, False, False, 0)
        content.pack_end(self._row, False, False, 0)
        content.show_all()
        self.dialog.get_action_area().hide()  # the dialog has its own row of buttons

    def show(self, view: SetupView) -> None:
        # What went wrong may have a command to copy. Other texts would get the focus, and be shown as selected.
        self.text.set_selectable(view.is_error)
        if view.is_error:
            self.text.set_markup(error_markup(self.text, view.text))
        else:
            self.text.set_text(translated(view.text))
        self.detail.set_markup(quiet_markup(self.detail, view.detail))
        self.bar.set_visible(view.busy)
        if view.busy and view.fraction is None:
            self.pulse.start(PULSE_INTERVAL)
        else:
            self.pulse.stop()
            self.bar.set_fraction(view.fraction or 0)
        if view.buttons != self._view.buttons:
            self._make_buttons(view.buttons)
        self._view = view

    def _make_buttons(self, texts: tuple[str, ...]) -> None:
        """The default one is the last in the row."""
        for button in self.buttons:
            button.destroy()
        self.buttons = []
        for text in reversed(texts):
            button = Gtk.Button(
                label=translated(text), name=f"setup {text}", tooltip_text=translated(strings.SET_UP_TIPS[text])
            )
            button.set_can_default(True)
            button.connect("clicked", lambda _, text=text: self.press(text))
            self._row.pack_start(button, False, False, 0)
            button.show()
            self.buttons.append(button)
        if self.buttons:
            self.buttons[-1].grab_default()
            self.buttons[-1].grab_focus()

    def copy(self, text: str) -> None:
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(text, -1)
        clipboard.store()  # so that it outlives this process


def _label(name: str) -> Any:
    return Gtk.Label(name=name, xalign=0, wrap=True, width_chars=WIDTH, max_width_chars=WIDTH)

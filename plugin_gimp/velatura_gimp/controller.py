"""GIMP's controller: connects the shared restyle and results controllers with the dialogs."""

from __future__ import annotations

import contextlib
from typing import Any

import gi

for name in ("GimpUi", "Gtk", "Gdk"):  # not translated: names
    gi.require_version(name, "3.0")
from gi.repository import Gdk, GimpUi, GLib, Gtk  # noqa: E402

from velatura.client.saved_results import HistoryEntry  # noqa: E402
from velatura.editor import ui_state  # noqa: E402
from velatura.editor.background import as_velatura_error  # noqa: E402
from velatura.editor.film_controller import FilmController  # noqa: E402
from velatura.editor.styles import samples  # noqa: E402
from velatura.errors import VelaturaError  # noqa: E402

from . import results_window, setup_window  # noqa: E402
from .canvas import Canvas  # noqa: E402
from .desktop import place_of  # noqa: E402
from .glib_loop import GlibLoop  # noqa: E402
from .manual import open_manual  # noqa: E402
from .styles import SAMPLES, read_picture  # noqa: E402
from .window import PLACE, Window  # noqa: E402


def show_results(program: str, canvas: Canvas) -> HistoryEntry | None:
    """Shows the results dialog alone. Returns the past restyle that is to be used again, or None."""
    GimpUi.init("velatura_gimp")
    return results_window.show(program, canvas, None, lambda _: None)


class RestyleController(FilmController):
    """One controller each time the dialog is opened."""

    def __init__(self, program: str, procedure: Any, config: Any, canvas: Canvas) -> None:
        GimpUi.init("velatura_gimp")
        loop = GlibLoop(lambda error: self.show_error(as_velatura_error(error)))
        super().__init__(program, loop, canvas, read_picture)
        self.canvas: Canvas = canvas
        self._loop, self._is_setting_up = loop, False
        self.window: Window = Window(procedure, config, canvas.image, self.dirs, loop, self)

    def run(self, using: HistoryEntry | None = None, *, edit: bool = False, is_new: bool = False) -> Any:
        """Runs the dialog until it is closed. using: a past restyle to start from. edit: edit the layer, a result.
        is_new: the daemon has just been set up.

        Returns the last layer that was made, or None.
        """
        self.use()
        if is_new and not self.ui_state.styles:
            self.ui_state.styles = samples(SAMPLES)[:1]  # so that the first draft needs no choice
        self.window.restore(self.ui_state)
        self.window.dialog.show()
        self.start_target_updates()
        if using is not None:
            self.reuse(using)
        if edit:
            self.edit()
        while True:
            if self.window.dialog.run():
                self.start()
            elif self.is_busy and not self.window.closing:
                self.cancel()
            else:
                break
        self.ui_state.windows[PLACE] = place_of(self.window.dialog)
        self.close()
        self.window.dialog.hide()
        with contextlib.suppress(VelaturaError):  # on a full disk only this is forgotten; the layer has been made
            ui_state.save(self.dirs, self.program, self.ui_state)  # not on a thread: this process ends
        return self.canvas.latest

    def close(self) -> None:
        """Completes a layer or image that is being made first, so that no finished result is lost."""
        unplaced = self.unplaced
        self.cancel()
        while self.steps.busy or self.is_finishing:
            GLib.MainContext.default().iteration(True)
        if self.unplaced is not unplaced:  # its layer could not be made
            self.open_as_picture()
            while self.steps.busy:
                GLib.MainContext.default().iteration(True)
        super().close()

    def open_window(self) -> None:
        self.window.dialog.present()

    def open_set_up(self) -> None:
        """Offers the set-up over this dialog: what was set up is gone."""
        if not self._is_setting_up:
            self._is_setting_up = True
            self._loop.call_later(0, self._set_up)  # once the caller has shown its error

    def _set_up(self) -> None:
        setup_window.show(self.window.dialog)
        self._is_setting_up = False

    def help(self) -> None:
        open_manual()

    def remember_folder(self, folder: str) -> None:
        self.ui_state.folder = folder
        self.save_ui_state()

    def open_results(self) -> None:
        """Opens the results dialog over this one; the layers that it makes count as this command's."""
        used = results_window.show(self.program, self.canvas, self.window.dialog, self.on_saved)
        self.ui_state.windows.update(ui_state.load(self.dirs, self.program).windows)  # where that dialog was
        if used is not None:
            self.reuse(used)

    def to_clipboard(self, text: str) -> None:
        clipboard = Gtk.Clipboard.get(Gdk.SELECTION_CLIPBOARD)
        clipboard.set_text(text, -1)
        clipboard.store()  # so that it outlives this process

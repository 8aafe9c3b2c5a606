"""The results dialog: saved results, stopped restyles and the history. It uses neither the daemon nor an image."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GimpUi, GLib, Gtk, Pango

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor import ui_state
from velatura.editor.background import as_velatura_error
from velatura.editor.descriptions import describe_entry, describe_item
from velatura.editor.event_loop import Loop
from velatura.editor.results_controller import Canvas, ResultsController
from velatura.errors import VelaturaError
from velatura.i18n import translated
from velatura.protocol.messages import Preview, Progress

from .desktop import error_markup, place, place_of, show_scaled
from .glib_loop import GlibLoop
from .preview import PreviewArea

SIZE = (960, 600)  # pixels, if the screen has room
PLACE = "results"  # the name under which the place of the window is remembered
THUMBNAIL_WIDTH, THUMBNAIL_HEIGHT = 112, 84  # pixels
PULSE_INTERVAL = 120  # ms, of the progress bar before the first progress
# GIMP's dark themes hardly highlight the selected row, and draw a background of their own behind labels.
SELECTED_CSS = b"""
list row:selected { background-color: #3a6ea5; color: #ffffff; }
list row * { background-color: transparent; background-image: none; color: inherit; }
"""


def show(
    program: str, canvas: Canvas, parent: Any, on_items: Callable[[list[SavedItem]], object]
) -> HistoryEntry | None:
    """Runs the results dialog until it is closed. parent: its parent window; None for GIMP's own.

    on_items: gets the saved results whenever they are listed. Returns the past restyle that is to be used again, or
    None. Finished results are inserted before this returns; the progress of a running restyle is saved.
    """
    loop = GlibLoop(lambda error: window.show_error(as_velatura_error(error)))
    window = ResultsWindow(loop, parent)
    dirs = app_dirs()
    place(window.dialog, ui_state.load(dirs, program).windows.get(PLACE), SIZE)
    controller = ResultsController(program, loop, canvas, window, on_items)
    window.controller = controller
    controller.refresh()
    window.dialog.run()
    where = place_of(window.dialog)
    while controller.steps.busy:
        GLib.MainContext.default().iteration(True)
    controller.close()
    state = ui_state.load(dirs, program)
    state.windows[PLACE] = where
    with contextlib.suppress(VelaturaError):  # on a full disk only the place is forgotten
        ui_state.save(dirs, program, state)
    window.dialog.destroy()
    return window.used


class Row(Gtk.ListBoxRow):  # type: ignore[misc]
    """A row of a list. thing: the item that it shows, or None if it only has text. about: its lines of text."""

    def __init__(self, thing: Any, about: Sequence[str], thumbnails: Sequence[tuple[bytes, int]]) -> None:
        super().__init__(selectable=thing is not None)
        self.thing, self.about = thing, about
        box = Gtk.Box(spacing=8, margin=4)
        for jpeg, width in thumbnails:
            image = Gtk.Image()
            image.set_size_request(width, THUMBNAIL_HEIGHT)
            _show_thumbnail(image, jpeg, width)
            box.pack_start(image, False, False, 0)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3, valign=Gtk.Align.CENTER)
        for number, text in enumerate(map(translated, about)):
            label = Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END, tooltip_text=text)
            markup = GLib.markup_escape_text(text)
            label.set_markup(f"<b>{markup}</b>" if number == 0 and thing is not None else markup)
            column.pack_start(label, False, False, 0)
        box.pack_start(column, True, True, 0)
        self.add(box)
        self.show_all()


class ResultsWindow:
    """Shows the state, and calls the controller for each request of the user.

    used: the past restyle that the user wants to use again.
    """

    def __init__(self, loop: Loop, parent: Any) -> None:
        self.controller: ResultsController | None = None
        self.used: HistoryEntry | None = None
        self._busy = False
        self._pulse = loop.timer(lambda: self.bar.pulse())
        self.dialog = Gtk.Dialog(title=strings.RESULTS_TITLE, transient_for=parent, modal=True)
        self.dialog.set_name("velatura results")  # not translated: a name for tests
        if parent is None:
            GimpUi.window_set_transient(self.dialog)
        self.results_list = _list("results list")  # not translated: a name for tests
        self.history_list = _list("history list")  # not translated: a name for tests
        self.tabs = Gtk.Notebook(name="tabs")
        for widget, text in ((self.results_list, strings.RESULTS_TAB), (self.history_list, strings.HISTORY_TAB)):
            scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
            scrolled.add(widget)
            self.tabs.append_page(scrolled, Gtk.Label(label=text, margin_start=10, margin_end=10))
            widget.connect("row-selected", lambda *_: self._update_buttons())
        self.tabs.connect("switch-page", lambda *_: loop.call_later(0, self._update_buttons))
        self.preview = PreviewArea()
        middle = Gtk.Box(spacing=12)
        middle.pack_start(self.tabs, True, True, 0)
        self.preview.set_hexpand(False)  # the text of the lists needs the space
        middle.pack_start(self.preview, False, True, 0)
        content = self.dialog.get_content_area()
        content.set_spacing(8)
        content.set_border_width(10)
        content.pack_start(middle, True, True, 0)
        self._add_bottom(content)
        content.show_all()
        self.dialog.get_action_area().hide()  # the dialog has its own row of buttons
        self.set_idle()
        css = Gtk.CssProvider()
        css.load_from_data(SELECTED_CSS)
        Gtk.StyleContext.add_provider_for_screen(Gdk.Screen.get_default(), css, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION)

    def _add_bottom(self, content: Any) -> None:
        self.bar = Gtk.ProgressBar()
        self.message = Gtk.Label(name="results message", xalign=0, wrap=True, selectable=True)  # not translated: a name
        row = Gtk.Box(spacing=6)
        self.delete = self._button(strings.DELETE, "delete", lambda controller: controller.forget(self._result()))
        row.pack_start(self.delete, False, False, 0)
        self.use_again = self._button(strings.USE_AGAIN, "use_again", self._close_to_use_again)
        self.insert = self._button(
            strings.INSERT, "insert", lambda controller: controller.insert(self._result()), strings.INSERT_TIP
        )
        self.resume = self._button(
            strings.RESUME, "resume", lambda controller: controller.resume(self._result()), strings.RESUME_TIP
        )
        self.stop = self._button(strings.STOP, "stop", lambda controller: controller.stop())
        close = self._button(strings.CLOSE, "close", lambda _: self.dialog.response(Gtk.ResponseType.CLOSE))
        for button in (self.use_again, self.insert, self.resume, self.stop, close):
            row.pack_end(button, False, False, 0)
        for part in (self.bar, self.message, row):
            content.pack_start(part, False, False, 0)

    def _button(self, text: str, name: str, callback: Callable[[ResultsController], object], tip: str = "") -> Any:
        button = Gtk.Button(label=text, name=name, tooltip_text=tip or None)
        button.connect("clicked", lambda _: callback(self.controller) if self.controller is not None else None)
        return button

    # --- selection -----------------------------------------------------------------------------------
    def _result(self) -> Any:
        """The selected result, or None."""
        return _selected(self.results_list)

    def _update_buttons(self) -> None:
        """Shows and enables the buttons that apply to the current tab and its selection."""
        on_results = self.tabs.get_current_page() == 0
        item, idle = self._result(), not self._busy
        for button in (self.delete, self.insert, self.resume):
            button.set_visible(on_results)
            button.set_sensitive(idle and item is not None)
        self.resume.set_sensitive(idle and item is not None and not item.finished)
        self.stop.set_visible(on_results and self._busy)
        self.use_again.set_visible(not on_results)
        self.use_again.set_sensitive(idle and _selected(self.history_list) is not None)

    def _close_to_use_again(self, _: ResultsController) -> None:
        self.used = _selected(self.history_list)
        self.dialog.response(Gtk.ResponseType.CLOSE)

    # --- state ---------------------------------------------------------------------------------------
    def show_items(self, items: list[SavedItem]) -> None:
        now, was = time.time(), self._result()
        _fill(
            self.results_list,
            [Row(item, describe_item(item, now), [(item.thumbnail, THUMBNAIL_WIDTH)]) for item in items],
            lambda item: was is not None and item.job == was.job,
        )

    def show_history(self, entries: list[HistoryEntry]) -> None:
        now, was, rows = time.time(), _selected(self.history_list), []
        for entry in entries:
            style = next((style.thumbnail for style in entry.styles if style.thumbnail), b"")
            rows.append(
                Row(entry, describe_entry(entry, now), [(entry.thumbnail, THUMBNAIL_WIDTH), (style, THUMBNAIL_HEIGHT)])
            )
        _fill(
            self.history_list,
            rows or [Row(None, (strings.NO_HISTORY,), ())],
            lambda entry: was is not None and entry.number == was.number,
        )

    def set_busy(self) -> None:
        self._busy = True
        self.bar.show()
        self._pulse.start(PULSE_INTERVAL)
        self._update_buttons()

    def set_idle(self) -> None:
        self._busy = False
        self._pulse.stop()
        self.bar.set_fraction(0)
        self.bar.hide()
        self.preview.hide()
        self._update_buttons()

    def show_progress(self, progress: Progress) -> None:
        self._pulse.stop()
        self.bar.set_fraction(progress.done)
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.show()
        self.preview.set_preview(preview)

    def show_message(self, sentence: str) -> None:
        self.message.set_text(translated(sentence))

    def show_error(self, error: VelaturaError) -> None:
        self.message.set_markup(error_markup(self.message, error.local_sentence))


def _list(name: str) -> Any:
    return Gtk.ListBox(name=name, selection_mode=Gtk.SelectionMode.BROWSE)


def _selected(widget: Any) -> Any:
    row = widget.get_selected_row()
    return row.thing if row is not None else None


def _fill(widget: Any, rows: list[Row], was_selected: Callable[[Any], bool]) -> None:
    """Replaces the rows of a list, and selects the one that was selected before, or the first one."""
    for old in widget.get_children():
        widget.remove(old)
    for row in rows:
        widget.add(row)
    selectable = [row for row in rows if row.thing is not None]
    first = selectable[0] if selectable else None
    widget.select_row(next((row for row in selectable if was_selected(row.thing)), first))


def _show_thumbnail(image: Any, jpeg: bytes, width: int) -> None:
    """Shows a JPEG scaled to fit width × THUMBNAIL_HEIGHT; nothing if it cannot be read."""
    loader = GdkPixbuf.PixbufLoader()
    try:
        loader.write(jpeg)
        loader.close()
    except GLib.Error:
        return
    pixbuf = loader.get_pixbuf()
    if pixbuf is None:
        return
    scale = min(width / pixbuf.get_width(), THUMBNAIL_HEIGHT / pixbuf.get_height())
    show_scaled(image, pixbuf, round(pixbuf.get_width() * scale), round(pixbuf.get_height() * scale))

"""The dialog of what is kept: results that wait, restyles that were stopped, and the history. It knows no daemon and no
image."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from gi.repository import Gdk, GdkPixbuf, GimpUi, GLib, Gtk, Pango

from velatura import strings
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.background import as_velatura_error
from velatura.editor.descriptions import describe_entry, describe_item
from velatura.editor.event_loop import Loop
from velatura.editor.results_controller import Canvas, ResultsController
from velatura.errors import VelaturaError
from velatura.protocol.messages import Preview, Progress

from .glib_loop import GlibLoop
from .preview import PreviewArea

WIDE, HIGH = 112, 84  # pixels of a thumbnail
PULSE_EVERY = 120  # ms, while it is not known yet how far
# GIMP's dark themes hardly show what is selected, and put a ground of their own under words.
SELECTED = b"""
list row:selected { background-color: #3a6ea5; color: #ffffff; }
list row * { background-color: transparent; background-image: none; color: inherit; }
"""


def show(program: str, canvas: Canvas, parent: Any, listed: Callable[[list[SavedItem]], object]) -> HistoryEntry | None:
    """The dialog, over its parent or (None) over GIMP's own window, until it is closed. Returns the past restyle that
    is to be used again, or None. What is finished stands in the image before this returns; what is in work is kept as
    far as it got."""
    loop = GlibLoop(lambda error: window.show_error(as_velatura_error(error)))
    window = ResultsWindow(loop, parent)
    controller = ResultsController(program, loop, canvas, window, listed)
    window.controller = controller
    controller.refresh()
    window.dialog.run()
    while controller.steps.busy:
        GLib.MainContext.default().iteration(True)
    controller.close()
    window.dialog.destroy()
    return window.used


class Row(Gtk.ListBoxRow):  # type: ignore[misc]
    """One of a list. thing: what it stands for; None: words alone."""

    def __init__(self, thing: Any, about: Sequence[str], thumbnails: Sequence[tuple[bytes, int]]) -> None:
        super().__init__(selectable=thing is not None)
        self.thing, self.about = thing, about
        box = Gtk.Box(spacing=8, margin=4)
        for jpeg, width in thumbnails:
            image = Gtk.Image()
            image.set_size_request(width, HIGH)
            pixbuf = _fitted(jpeg, width)
            if pixbuf is not None:
                image.set_from_pixbuf(pixbuf)
            box.pack_start(image, False, False, 0)
        column = Gtk.Box(orientation=Gtk.Orientation.VERTICAL, spacing=3, valign=Gtk.Align.CENTER)
        for number, text in enumerate(about):
            label = Gtk.Label(xalign=0, ellipsize=Pango.EllipsizeMode.END, tooltip_text=text)
            said = GLib.markup_escape_text(text)
            label.set_markup(f"<b>{said}</b>" if number == 0 and thing is not None else said)
            column.pack_start(label, False, False, 0)
        box.pack_start(column, True, True, 0)
        self.add(box)
        self.show_all()


class ResultsWindow:
    """Shows what the controller says, and tells the controller what the person does. used: the past restyle that is to
    be used again."""

    def __init__(self, loop: Loop, parent: Any) -> None:
        self.controller: ResultsController | None = None
        self.used: HistoryEntry | None = None
        self._busy = False
        self._pulse = loop.timer(lambda: self.bar.pulse())
        self.dialog = Gtk.Dialog(title=strings.RESULTS_TITLE, transient_for=parent, modal=True, name="velatura results")
        if parent is None:
            GimpUi.window_set_transient(self.dialog)
        self.kept, self.history = _list("kept list"), _list("history list")
        self.tabs = Gtk.Notebook(name="tabs")
        for one, text in ((self.kept, strings.KEPT_RESULTS), (self.history, strings.HISTORY)):
            scrolled = Gtk.ScrolledWindow(hscrollbar_policy=Gtk.PolicyType.NEVER)
            scrolled.add(one)
            self.tabs.append_page(scrolled, Gtk.Label(label=text, margin_start=10, margin_end=10))
            one.connect("row-selected", lambda *_: self._offer())
        self.tabs.connect("switch-page", lambda *_: loop.call_later(0, self._offer))
        self.preview = PreviewArea()
        middle = Gtk.Box(spacing=12)
        middle.pack_start(self.tabs, True, True, 0)
        self.preview.set_hexpand(False)  # the lists' words need the room
        middle.pack_start(self.preview, False, True, 0)
        content = self.dialog.get_content_area()
        content.set_spacing(8)
        content.set_border_width(10)
        content.pack_start(middle, True, True, 0)
        self._add_bottom(content)
        content.show_all()
        self.dialog.get_action_area().hide()  # the buttons stand in one row
        self.set_idle()
        self.dialog.set_default_size(960, 600)
        look = Gtk.CssProvider()
        look.load_from_data(SELECTED)
        Gtk.StyleContext.add_provider_for_screen(
            Gdk.Screen.get_default(), look, Gtk.STYLE_PROVIDER_PRIORITY_APPLICATION
        )

    def _add_bottom(self, content: Any) -> None:
        self.bar = Gtk.ProgressBar()
        self.message = Gtk.Label(name="kept message", xalign=0, wrap=True, selectable=True)
        row = Gtk.Box(spacing=6)
        self.forget = self._button(
            strings.FORGET, "forget", lambda controller: controller.forget(self._chosen(self.kept))
        )
        row.pack_start(self.forget, False, False, 0)
        self.use = self._button(strings.USE_AGAIN, "use_again", self._use)
        self.insert = self._button(
            strings.INSERT, "insert", lambda controller: controller.insert(self._chosen(self.kept)), strings.INSERT_TIP
        )
        self.resume = self._button(
            strings.GO_ON, "go_on", lambda controller: controller.resume(self._chosen(self.kept)), strings.GO_ON_TIP
        )
        self.stop = self._button(strings.STOP, "stop", lambda controller: controller.stop())
        close = self._button(strings.CLOSE, "close", lambda _: self.dialog.response(Gtk.ResponseType.CLOSE))
        for button in (self.use, self.insert, self.resume, self.stop, close):
            row.pack_end(button, False, False, 0)
        for part in (self.bar, self.message, row):
            content.pack_start(part, False, False, 0)

    def _button(self, text: str, name: str, do: Callable[[ResultsController], object], tip: str = "") -> Any:
        button = Gtk.Button(label=text, name=name, tooltip_text=tip or None)
        button.connect("clicked", lambda _: do(self.controller) if self.controller is not None else None)
        return button

    # --- what is chosen ------------------------------------------------------------------------------
    @staticmethod
    def _chosen(one: Any) -> Any:
        row = one.get_selected_row()
        return row.thing if row is not None else None

    def _offer(self) -> None:
        """What can be done with what is chosen."""
        on_results = self.tabs.get_current_page() == 0
        item, free = self._chosen(self.kept), not self._busy
        for button in (self.forget, self.insert, self.resume):
            button.set_visible(on_results)
            button.set_sensitive(free and item is not None)
        self.resume.set_sensitive(free and item is not None and not item.finished)
        self.stop.set_visible(on_results and self._busy)
        self.use.set_visible(not on_results)
        self.use.set_sensitive(free and self._chosen(self.history) is not None)

    def _use(self, _: ResultsController) -> None:
        self.used = self._chosen(self.history)
        self.dialog.response(Gtk.ResponseType.CLOSE)

    # --- what goes on --------------------------------------------------------------------------------
    def show_items(self, items: list[SavedItem]) -> None:
        now, was = time.time(), self._chosen(self.kept)
        _fill(
            self.kept,
            [Row(item, describe_item(item, now), [(item.thumbnail, WIDE)]) for item in items],
            lambda item: was is not None and item.job == was.job,
        )

    def show_history(self, lines: list[HistoryEntry]) -> None:
        now, was, rows = time.time(), self._chosen(self.history), []
        for line in lines:
            style = next((style.thumbnail for style in line.styles if style.thumbnail), b"")
            rows.append(Row(line, describe_entry(line, now), [(line.thumbnail, WIDE), (style, HIGH)]))
        _fill(
            self.history,
            rows or [Row(None, (strings.NO_HISTORY,), ())],
            lambda line: was is not None and line.number == was.number,
        )

    def set_busy(self) -> None:
        self._busy = True
        self.bar.show()
        self._pulse.start(PULSE_EVERY)
        self._offer()

    def set_idle(self) -> None:
        self._busy = False
        self._pulse.stop()
        self.bar.set_fraction(0)
        self.bar.hide()
        self.preview.hide()
        self._offer()

    def show_progress(self, progress: Progress) -> None:
        self._pulse.stop()
        self.bar.set_fraction(progress.done)
        self.show_message(strings.progress(progress))

    def show_preview(self, preview: Preview) -> None:
        self.preview.show()
        self.preview.set_preview(preview)

    def show_message(self, sentence: str) -> None:
        self.message.set_text(sentence)

    def show_error(self, error: VelaturaError) -> None:
        self.message.set_markup(f"<b>{GLib.markup_escape_text(error.sentence)}</b>")


def _list(name: str) -> Any:
    return Gtk.ListBox(name=name, selection_mode=Gtk.SelectionMode.BROWSE)


def _fill(one: Any, rows: list[Row], was_chosen: Callable[[Any], bool]) -> None:
    """Other rows; what was chosen before, if it is still there, else the first."""
    for old in one.get_children():
        one.remove(old)
    for row in rows:
        one.add(row)
    there = [row for row in rows if row.thing is not None]
    one.select_row(next((row for row in there if was_chosen(row.thing)), there[0] if there else None))


def _fitted(jpeg: bytes, width: int) -> Any:
    """A pixbuf of it, or None where it is no picture."""
    loader = GdkPixbuf.PixbufLoader()
    try:
        loader.write(jpeg)
        loader.close()
    except GLib.Error:
        return None
    pixbuf = loader.get_pixbuf()
    if pixbuf is None:
        return None
    scale = min(width / pixbuf.get_width(), HIGH / pixbuf.get_height())
    size = max(1, round(pixbuf.get_width() * scale)), max(1, round(pixbuf.get_height() * scale))
    return pixbuf.scale_simple(*size, GdkPixbuf.InterpType.BILINEAR)

"""Krita's controller: connects the shared restyle and results controllers with Krita's windows."""

from __future__ import annotations

from typing import Any

from velatura import strings
from velatura.client.saved_results import HistoryEntry
from velatura.editor import restyle_controller
from velatura.editor.restyle_task import RestyleTask
from velatura.editor.results_controller import ResultsController
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.figures.explain import SIDE
from velatura.figures.layout import Sheet
from velatura.pixels import LARGEST_STYLE_SIDE

from . import canvas
from .canvas_regions import region_sources
from .canvas_styles import style_sources
from .explain import ExplainTask
from .qt import QApplication
from .qt_loop import QtLoop
from .results_window import ResultsWindow
from .styles import as_picture, read_picture
from .window import Window


class RestyleController(restyle_controller.RestyleController):
    """One controller for all of Krita's main windows."""

    def __init__(self) -> None:
        self._loop = QtLoop()
        super().__init__("krita", self._loop, canvas, read_picture)
        self.window: Window | None = None
        self.explain_task: ExplainTask | None = None
        self.results: ResultsController | None = None  # while the results window exists
        self._results_window: ResultsWindow | None = None

    # --- commands ----------------------------------------------------------------------------------
    def open_window(self) -> None:
        parent = canvas.main_window()
        if parent is None:
            return  # Krita is closing
        window = self.window or self._create_window(parent)
        window.show()
        window.raise_()
        window.activateWindow()
        self.start_target_updates()

    def _create_window(self, parent: Any) -> Window:
        window = self.window = Window(self.dirs, lambda: style_sources(LARGEST_STYLE_SIDE), region_sources, parent)
        window.destroyed.connect(self._on_window_destroyed)
        window.restore(self.ui_state)
        for signal, slot in (
            (window.start_requested, self.start),
            (window.cancel_requested, self.cancel),
            (window.changed, self.settings_changed),
            (window.report_requested, self.copy_report),
            (window.command_requested, self.copy_command),
            (window.open_image_requested, self.open_as_picture),
            (window.results_requested, self.open_results),
            (window.gallery.failed, self.show_error),
            (window.shown, self.update_target),
        ):
            signal.connect(slot)
        if self.is_busy:
            window.set_busy()
        return window

    def _on_window_destroyed(self) -> None:
        """Krita's main window has been closed and its child windows with it. A running restyle continues."""
        self.window = None
        self.invalidate_target()

    def restyle_again(self) -> None:
        """Restyles without opening the window, with the settings that it shows, or else those of the last restyle."""
        chosen = self._styles_in_window()
        settings = self.window.settings() if chosen and self.window is not None else self.ui_state.settings
        styles = chosen or self.ui_state.styles
        if not styles:
            self.open_window()
            self.show_message(strings.NOTHING_TO_REPEAT)
            return
        self.start_restyle(styles, settings)

    def _styles_in_window(self) -> list[Style]:
        """The styles chosen in the window; empty if it is not shown."""
        return self.window.chosen_styles() if self.window is not None and self.window.is_shown() else []

    def explain(self) -> None:
        """Opens a new document with what the network sees in the layer and in the first style."""
        parent = canvas.main_window()
        if parent is None:
            return
        if self.explain_task is not None and not self.explain_task.over:
            self.explain_task.dialog.raise_()
            return
        styles = self._styles_in_window() or self.ui_state.styles
        if not styles:
            self.open_window()
            self.show_message(strings.NO_STYLE_TO_EXPLAIN)
            return
        try:
            target = canvas.current_target()
            content = as_picture(canvas.smooth_thumbnail(target, SIDE))
        except VelaturaError as error:
            self.show_error(error)
            return
        name = strings.EXPLAINED.format(layer=target.name, style=styles[0].name)
        task = self.explain_task = ExplainTask(
            self.program, self._loop, parent, lambda sheet: self._open_sheet(sheet, name), self.show_error
        )
        self.thread.run(lambda: self.read_style(styles[0].path), lambda style: task.start(content, style), task.fail)

    def _open_sheet(self, sheet: Sheet, name: str) -> None:
        self.steps.run(canvas.open_sheet(sheet, name), lambda _: canvas.show_message(name), self.show_error)

    def open_results(self) -> None:
        """Opens the window with the saved results and the history."""
        parent = canvas.main_window()
        if parent is None:
            return
        results, window = self.results, self._results_window
        if results is None or window is None:
            results, window = self._create_results_window(parent)
        window.show()
        if results.active_item is None:
            results.refresh()
        window.raise_()
        window.activateWindow()

    def _create_results_window(self, parent: Any) -> tuple[ResultsController, ResultsWindow]:
        window = self._results_window = ResultsWindow(parent)
        results = self.results = ResultsController(self.program, self._loop, canvas, window, self.on_saved)
        window.destroyed.connect(self._close_results)
        for signal, slot in (
            (window.insert_requested, results.insert),
            (window.resume_requested, results.resume),
            (window.delete_requested, results.forget),
            (window.stop_requested, results.stop),
            (window.use_again_requested, self._use_again),
            (window.closed, results.close),
        ):
            signal.connect(slot)
        return results, window

    def _close_results(self) -> None:
        """Also called when Krita's main window has been closed and its child windows with it."""
        if self.results is not None:
            self.results.close()
            self.results = self._results_window = None

    def _use_again(self, entry: HistoryEntry) -> None:
        self.reuse(entry)
        if self._results_window is not None:
            self._results_window.close()

    def close(self) -> None:
        self._close_results()
        if self.explain_task is not None:
            self.explain_task.stop()
        super().close()

    # --- results -----------------------------------------------------------------------------------
    def on_inserted(self, task: RestyleTask, sentence: str) -> None:
        if self.window is None or not self.window.is_shown():
            canvas.show_message(sentence)

    def to_clipboard(self, text: str) -> None:
        QApplication.clipboard().setText(text)

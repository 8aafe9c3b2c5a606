"""Krita's controller: the shared way of a restyle, with Krita's window beside the canvas."""

from __future__ import annotations

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
from .explain import ExplainTask
from .qt import QApplication, QTimer
from .qt_loop import QtLoop
from .results_window import ResultsWindow
from .styles import as_picture, read_picture
from .window import Window

BACK_AFTER = 200  # ms; Krita itself makes a new layer the active one, a little later


class RestyleController(restyle_controller.RestyleController):
    """One for all of Krita's windows."""

    def __init__(self) -> None:
        self._loop = QtLoop()
        super().__init__("krita", self._loop, canvas, read_picture)
        self.explaining: ExplainTask | None = None
        self.results: ResultsController | None = None  # while its window is there

    # --- the commands ------------------------------------------------------------------------------
    def open_window(self) -> None:
        beside = canvas.main_window()
        if beside is None:
            return  # Krita is closing
        if self.window is None:
            self.window = Window(
                self.dirs, lambda: canvas.style_sources(LARGEST_STYLE_SIDE), canvas.region_sources, beside
            )
            self.window.destroyed.connect(self._lose_window)
            self.window.set_up(self.ui_state)
            for signal, do in (
                (self.window.start_asked, self.start),
                (self.window.cancel_asked, self.cancel),
                (self.window.changed, self.settings_changed),
                (self.window.report_asked, self.copy_report),
                (self.window.command_asked, self.copy_command),
                (self.window.document_asked, self.open_as_picture),
                (self.window.results_asked, self.open_results),
                (self.window.gallery.failed, self.show_error),
                (self.window.shown, self.update_target),
            ):
                signal.connect(do)
            if self.is_busy:
                self.window.set_busy()
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        self.start_target_updates()

    def _lose_window(self) -> None:
        """Krita's window has closed and taken ours with it; what is in work goes on until Krita itself closes."""
        self.window = None
        self.invalidate_target()

    def restyle_again(self) -> None:
        """With what was set the last time, without the window."""
        chosen = self._shown_styles()
        settings = self.window.settings() if chosen and self.window is not None else self.ui_state.settings
        styles = chosen or self.ui_state.styles
        if not styles:
            self.open_window()
            self.show_message(strings.NO_LAST)
            return
        self.start_restyle(styles, settings)

    def _shown_styles(self) -> list[Style]:
        """Those chosen in the window, if it is there to see."""
        return self.window.chosen_styles() if self.window is not None and self.window.is_shown() else []

    def explain(self) -> None:
        """What the network sees of the layer and of the first style, in a new document."""
        beside = canvas.main_window()
        if beside is None:
            return
        if self.explaining is not None and not self.explaining.over:
            self.explaining.dialog.raise_()
            return
        styles = self._shown_styles() or self.ui_state.styles
        if not styles:
            self.open_window()
            self.show_message(strings.NO_STYLE_TO_EXPLAIN)
            return
        try:
            target = canvas.current_target()
            photo = as_picture(canvas.photo(target, SIDE))
        except VelaturaError as error:
            self.show_error(error)
            return
        name = strings.EXPLAINED.format(layer=target.name, style=styles[0].name)
        one = self.explaining = ExplainTask(
            self.program, self._loop, beside, lambda sheet: self._open_sheet(sheet, name), self.show_error
        )
        self.thread.run(lambda: self.read_style(styles[0].path), lambda style: one.start(photo, style), one.fail)

    def _open_sheet(self, sheet: Sheet, name: str) -> None:
        self.steps.run(canvas.open_sheet(sheet, name), lambda _: canvas.show_message(name), self.show_error)

    def open_results(self) -> None:
        """What is kept, and the history, in a window of its own."""
        beside = canvas.main_window()
        if beside is None:
            return
        if self.results is None:
            window = ResultsWindow(beside)
            results = self.results = ResultsController(self.program, self._loop, canvas, window, self.on_saved)
            window.destroyed.connect(self._lose_results)
            for signal, do in (
                (window.insert_asked, results.insert),
                (window.go_on_asked, results.resume),
                (window.forget_asked, results.forget),
                (window.stop_asked, results.stop),
                (window.use_asked, self._reuse),
                (window.closed, results.close),
            ):
                signal.connect(do)
        window = self.results.window
        window.show()
        if self.results.active_item is None:
            self.results.refresh()
        window.raise_()
        window.activateWindow()

    def _lose_results(self) -> None:
        """Krita's window has closed and taken ours with it."""
        if self.results is not None:
            self.results.close()
            self.results = None

    def _reuse(self, line: HistoryEntry) -> None:
        self.reuse(line)
        if self.results is not None:
            self.results.window.close()

    def close(self) -> None:
        self._lose_results()
        if self.explaining is not None:
            self.explaining.stop()
        super().close()

    # --- what comes of it ------------------------------------------------------------------------------
    def on_inserted(self, task: RestyleTask, sentence: str) -> None:
        QTimer.singleShot(BACK_AFTER, lambda: canvas.back_to_source(task.target))
        if self.window is None or not self.window.is_shown():
            canvas.show_message(sentence)

    def to_clipboard(self, text: str) -> None:
        QApplication.clipboard().setText(text)

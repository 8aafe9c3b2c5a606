"""Krita's controller: connects the shared restyle and results controllers with Krita's windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from velatura import strings
from velatura.client.saved_results import HistoryEntry
from velatura.editor import restyle_controller
from velatura.editor.restyle_task import RestyleTask
from velatura.editor.results_controller import ResultsController
from velatura.editor.styles import arrange
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.figures.explain import SIDE
from velatura.figures.layout import Sheet
from velatura.pixels import LARGEST_STYLE_SIDE
from velatura.protocol.messages import Progress

from . import canvas, results_window
from . import window as restyle_window
from .canvas_regions import region_sources
from .canvas_styles import open_style, style_sources
from .desktop import place, place_of
from .explain import ExplainTask
from .qt import QApplication, QDesktopServices, QUrl
from .qt_loop import QtLoop
from .results_window import ResultsWindow
from .status import StatusProgress
from .styles import as_picture, read_picture
from .window import Window

MANUAL = Path(__file__).parent / "Manual.html"


class RestyleController(restyle_controller.RestyleController):
    """One controller for all of Krita's main windows."""

    def __init__(self) -> None:
        self._loop = QtLoop()
        super().__init__("krita", self._loop, canvas, read_picture)
        self.window: Window | None = None
        self.explain_task: ExplainTask | None = None
        self.results: ResultsController | None = None  # while the results window exists
        self._results_window: ResultsWindow | None = None
        self._status: StatusProgress | None = None  # while the status bar shows it

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
        window = self.window = Window(
            self.dirs,
            lambda: style_sources(LARGEST_STYLE_SIDE),
            region_sources,
            lambda path: open_style(path, LARGEST_STYLE_SIDE),
            parent,
        )
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
            (window.help_requested, self.help),
            (window.gallery.failed, self.show_error),
            (window.gallery.arranged, self._arrange_gallery),
            (window.gallery.folder_chosen, self._remember_folder),
            (window.shown, self._on_shown),
            (window.hidden, self._on_hidden),
        ):
            signal.connect(slot)
        if self.is_busy:
            window.set_busy()
        return window

    def _on_window_destroyed(self) -> None:
        """Krita's main window has been closed and its child windows with it. A running restyle continues."""
        self.window = self._status = None
        self.invalidate_target()

    def _on_shown(self) -> None:
        self.update_target()
        self._update_status()

    def _on_hidden(self) -> None:
        if self.window is not None:
            self.ui_state.windows[restyle_window.PLACE] = place_of(self.window)
            self.save_ui_state()
        self._update_status()

    def _arrange_gallery(self, styles: list[Style], removed: Style | None) -> None:
        arrange(self.ui_state, styles, removed)
        self.save_ui_state()

    def _remember_folder(self, folder: str) -> None:
        self.ui_state.folder = folder
        self.save_ui_state()

    def help(self) -> None:
        """Opens the manual in the web browser."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(MANUAL)))

    # --- the status bar ------------------------------------------------------------------------------
    def on_busy_changed(self) -> None:
        self._update_status()

    def on_progress(self, job: str, progress: Progress) -> None:
        super().on_progress(job, progress)
        if self._status is not None and self._is_current(job):
            self._status.show_progress(progress)

    def _update_status(self) -> None:
        """Shows the progress in Krita's status bar while a restyle runs that no window shows."""
        wanted = self.is_busy and not (self.window is not None and self.window.is_shown())
        parent = canvas.main_window()
        if wanted and self._status is None and parent is not None:
            self._status = StatusProgress()
            self._status.cancelled.connect(self.cancel)
            self._status.opened.connect(self.open_window)
            self._status.destroyed.connect(lambda _=None, status=self._status: self._forget_status(status))
            parent.statusBar().addWidget(self._status)
        elif not wanted and self._status is not None:
            status, self._status = self._status, None
            status.hide()
            status.deleteLater()

    def _forget_status(self, status: StatusProgress) -> None:
        """It is gone: Krita's main window has been closed and its status bar with it. There may be a newer one."""
        if self._status is status:
            self._status = None

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
        place(window, self.ui_state.windows.get(results_window.PLACE), results_window.SIZE)
        results = self.results = ResultsController(self.program, self._loop, canvas, window, self.on_saved)
        window.destroyed.connect(self._close_results)
        for signal, slot in (
            (window.insert_requested, results.insert),
            (window.resume_requested, results.resume),
            (window.delete_requested, results.forget),
            (window.stop_requested, results.stop),
            (window.use_again_requested, self._use_again),
            (window.closed, self._on_results_closed),
        ):
            signal.connect(slot)
        return results, window

    def _close_results(self) -> None:
        """Also called when Krita's main window has been closed and its child windows with it."""
        if self.results is not None:
            self.results.close()
            self.results = self._results_window = None

    def _on_results_closed(self) -> None:
        if self._results_window is not None:
            self.ui_state.windows[results_window.PLACE] = place_of(self._results_window)
            self.save_ui_state()
        if self.results is not None:
            self.results.close()

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

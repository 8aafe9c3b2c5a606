"""Krita's controller: connects the shared restyle and results controllers with Krita's windows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from velatura import strings
from velatura.client.saved_results import HistoryEntry
from velatura.editor.film_controller import FilmController
from velatura.editor.film_task import FilmTask
from velatura.editor.restyle_task import RestyleTask
from velatura.editor.results_controller import ResultsController
from velatura.editor.setting_widgets import stepped
from velatura.editor.setup_controller import is_set_up_needed
from velatura.editor.styles import samples
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
from .panel import Panel
from .panels import Panels
from .qt import QApplication, QDesktopServices, QUrl
from .qt_loop import QtLoop
from .results_window import ResultsWindow
from .setup import Setup
from .status import StatusProgress
from .styles import SAMPLES, as_picture, read_picture
from .window import Window

MANUAL = Path(__file__).parent / "Manual.html"


class RestyleController(FilmController):
    """One controller for all of Krita's main windows."""

    def __init__(self) -> None:
        self._loop = QtLoop()
        super().__init__("krita", self._loop, canvas, read_picture)
        self.window: Panels | None = None  # all panels together
        self._restyle_window: Window | None = None
        self.explain_task: ExplainTask | None = None
        self.results: ResultsController | None = None  # while the results window exists
        self._results_window: ResultsWindow | None = None
        self._status: StatusProgress | None = None  # while the status bar shows it
        self._is_update_put_off = False
        self.setup = Setup(self._loop, self.dirs, self._on_set_up)

    # --- commands ----------------------------------------------------------------------------------
    def open_window(self) -> None:
        if not self._offer_set_up():
            self._show_window()

    def _show_window(self) -> None:
        parent = canvas.main_window()
        if parent is None:
            return  # Krita is closing
        self.use()
        window = self._restyle_window or self._create_window(parent)
        window.show()
        window.raise_()
        window.activateWindow()

    def _create_window(self, parent: Any) -> Window:
        window = self._restyle_window = Window(self._new_panel(narrow=False), parent)
        place(window, self.ui_state.windows.get(restyle_window.PLACE), restyle_window.SIZE)
        window.destroyed.connect(self._on_window_destroyed)
        self._add_panel(window.panel)
        window.panel.hidden.connect(self._on_window_hidden)
        self.invalidate_target()  # it shows no draft yet
        return window

    def _on_window_destroyed(self) -> None:
        """Krita's main window has been closed and its child windows with it. A running restyle continues."""
        self._restyle_window = None

    def _on_window_hidden(self) -> None:
        window = self._restyle_window
        try:
            if window is None or window.isMinimized():
                return
            self.ui_state.windows[restyle_window.PLACE] = place_of(window)
        except RuntimeError:
            return  # it is being destroyed with Krita's main window, and its panel is hidden once more
        self.save_ui_state()
        if self.edited is not None:  # a docker may still be shown
            self.edited = None
            self.invalidate_target()

    # --- the set-up ------------------------------------------------------------------------------------
    def open_set_up(self) -> None:
        """Opens the window that sets up, updates, repairs and removes the daemon."""
        self._is_update_put_off = False
        parent = canvas.main_window()
        if parent is not None:
            self.setup.open(parent)

    def _offer_set_up(self) -> bool:
        """Opens that window if no daemon can be started. Returns whether it is needed."""
        is_needed = not self._is_update_put_off and is_set_up_needed(self.dirs)
        if is_needed:
            self.open_set_up()
        return is_needed

    def _on_set_up(self) -> None:
        """The daemon can be started: the window and the dockers show what they are for."""
        self._is_update_put_off = is_set_up_needed(self.dirs)
        if not self.ui_state.styles:
            self.ui_state.styles = samples(SAMPLES)[:1]  # so that the first draft needs no choice
        was_shown = self.setup.is_shown
        for docker in self.setup.leave():
            self._fill_docker(docker)
        self.use()
        if was_shown:
            self._show_window()
        else:
            canvas.show_message(self.setup.text)

    def add_docker(self, docker: Any) -> None:
        """Fills a docker, which shows itself for the first time."""
        if is_set_up_needed(self.dirs):
            self.setup.add_docker(docker)
        else:
            self._fill_docker(docker)

    def _fill_docker(self, docker: Any) -> None:
        panel = self._new_panel(narrow=True)
        docker.setWidget(panel)
        self._add_panel(panel)
        self._on_shown()

    # --- panels --------------------------------------------------------------------------------------
    def _new_panel(self, *, narrow: bool) -> Panel:
        return Panel(
            self.dirs,
            lambda: style_sources(LARGEST_STYLE_SIDE),
            region_sources,
            lambda path: open_style(path, LARGEST_STYLE_SIDE),
            narrow=narrow,
        )

    def _add_panel(self, panel: Panel) -> None:
        if self.window is None:
            panel.restore(self.ui_state)
            self.window = Panels(panel, self.ui_state, self.settings_changed)
            if not panel.chosen_styles():
                self.show_hint(strings.NO_STYLE)
        else:
            self.window.add(panel)
        panel.destroyed.connect(lambda _=None: self._forget_panel(panel))
        for signal, slot in (
            (panel.start_requested, self.start),
            (panel.cancel_requested, self.cancel),
            (panel.report_requested, self.copy_report),
            (panel.command_requested, self.copy_command),
            (panel.open_image_requested, self.open_as_picture),
            (panel.results_requested, self.open_results),
            (panel.conversion_requested, self.convert_to_rgb),
            (panel.help_requested, self.help),
            (panel.window_requested, self.open_window),
            (panel.drafts_toggled, self.enable_drafts),
            (panel.live_toggled, self.enable_live),
            (panel.preview.view_changed, self.view_changed),
            (panel.gallery.failed, self.show_error),
            (panel.gallery.arranged, lambda: self._on_arranged(panel)),
            (panel.gallery.folder_chosen, self._remember_folder),
            (panel.shown, self._on_shown),
            (panel.hidden, self._update_status),
        ):
            signal.connect(slot)
        if self.is_busy:
            self.window.set_busy()
        self.window.show_live(self.live.enabled)

    def _forget_panel(self, panel: Panel) -> None:
        """Its window or docker has been closed with Krita's main window."""
        if self.window is not None and not self.window.remove(panel):
            self.window = None
            self.invalidate_target()

    def _on_shown(self) -> None:
        self.start_target_updates()
        self._update_status()

    def enable_live(self, enabled: bool) -> None:
        """Lets the preview follow the canvas, or not."""
        self.use()
        self.live.enable(enabled)
        if self.window is not None:
            self.window.show_live(enabled)
            if enabled:
                self.drafts.request(0)

    def _on_arranged(self, panel: Panel) -> None:
        self.save_ui_state()
        if self.window is not None:
            self.window.refresh_galleries(panel)

    def _remember_folder(self, folder: str) -> None:
        self.ui_state.folder = folder
        self.save_ui_state()

    def step(self, name: str, steps: int) -> None:
        """Moves a setting by so many steps, wherever it is shown, and says its value on the canvas."""
        settings = stepped(self.window.settings() if self.window is not None else self.ui_state.settings, name, steps)
        self.ui_state.settings = settings
        if self.window is not None:
            self.window.apply_choices(self.ui_state, self.window.chosen_styles(), settings)
        else:
            self.save_ui_state()
        canvas.show_message(strings.setting_value(settings, name))

    def toggle_drafts(self) -> None:
        """Switches the quick drafts on or off."""
        self.enable_drafts(not self.drafts.enabled)
        if self.window is not None:
            self.window.show_drafts(self.drafts.enabled)
        canvas.show_message(strings.DRAFTS_ON if self.drafts.enabled else strings.DRAFTS_OFF)

    def toggle_live(self) -> None:
        """Switches the live preview on or off."""
        self.enable_live(not self.live.enabled)
        canvas.show_message(strings.LIVE_ON if self.live.enabled else strings.LIVE_OFF)

    def help(self) -> None:
        """Opens the manual in the web browser."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(MANUAL)))

    # --- the status bar ------------------------------------------------------------------------------
    def on_busy_changed(self) -> None:
        self._update_status()

    def on_progress(self, job: str, progress: Progress) -> None:
        super().on_progress(job, progress)
        if self._status is not None and self._is_current(job):
            task = self.tasks.get(job)
            self._status.show_progress(task.overall(progress) if isinstance(task, FilmTask) else progress)

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
        if parent is None or self._offer_set_up():
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
        name = strings.EXPLAINED.format(layer=target.name, style=strings.shown_style(styles[0].name))
        task = self.explain_task = ExplainTask(
            self.program, self._loop, parent, lambda sheet: self._open_sheet(sheet, name), self.show_error
        )
        self.thread.run(lambda: self.read_style(styles[0].path), lambda style: task.start(content, style), task.fail)

    def _open_sheet(self, sheet: Sheet, name: str) -> None:
        self.steps.run(canvas.open_sheet(sheet, name), lambda _: canvas.show_message(name), self.show_error)

    def open_results(self) -> None:
        """Opens the window with the saved results and the history."""
        parent = canvas.main_window()
        if parent is None or self._offer_set_up():
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
        self.setup.close()
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

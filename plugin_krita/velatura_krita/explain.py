"""Runs the jobs for the figures of `velatura.figures.explain`, one after another, with a progress dialog."""

from __future__ import annotations

from collections.abc import Callable

from velatura import strings
from velatura.client.events import Finished, GivenStyle
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.event_loop import Loop
from velatura.editor.session import Session
from velatura.errors import VelaturaError
from velatura.figures import explain
from velatura.figures.layout import Sheet, lay_out
from velatura.i18n import translated
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress

from .qt import QProgressDialog, QWidget

PERMILLE = 1000


class ExplainTask:
    """Makes all figures for one picture and one style.

    on_done: gets the sheet with the figures. on_error: gets the error. Neither is called after a cancel.
    """

    def __init__(
        self,
        program: str,
        loop: Loop,
        parent: QWidget,
        on_done: Callable[[Sheet], object],
        on_error: Callable[[VelaturaError], object],
    ) -> None:
        self._on_done, self._on_error = on_done, on_error
        self._session = Session(program, loop, self)
        self._figures = explain.figures()
        self._results: list[Finished] = []
        self.over = False
        self.dialog = QProgressDialog(
            translated(strings.READING), strings.CANCEL, 0, PERMILLE * len(self._figures), parent
        )
        self.dialog.setObjectName("explaining")
        self.dialog.setWindowTitle(strings.EXPLAIN.rstrip("…"))
        self.dialog.setAutoClose(False)
        self.dialog.setAutoReset(False)
        self.dialog.setMinimumDuration(0)
        self.dialog.setMinimumWidth(460)
        self.dialog.canceled.connect(self.stop)
        self.dialog.destroyed.connect(self._end)  # Krita's main window has been closed and its child windows with it
        self.dialog.show()

    def start(self, content: Picture, style: Picture) -> None:
        if not self.over:
            self._content, self._style = content, style
            self._start_next()

    def stop(self) -> None:
        """Ends the session, so that the daemon drops the running job, and closes the dialog."""
        if self._end():
            self.dialog.close()
            self.dialog.deleteLater()

    def _end(self) -> bool:
        """End the session. Returns whether it was running; afterwards the dialog may be gone."""
        was_running, self.over = not self.over, True
        if was_running:
            self._session.close()
        return was_running

    def _start_next(self) -> None:
        if len(self._results) == len(self._figures):
            self.stop()
            self._on_done(lay_out(self._figures, self._results, self._content.width, self._content.height))
            return
        settings = self._figures[len(self._results)].settings
        styles = [GivenStyle(self._style)]
        try:
            self._session.restyle(self._content, styles, settings, mask=None, layer="", remember=False)
        except VelaturaError as error:
            self.fail(error)

    def fail(self, error: VelaturaError) -> None:
        if not self.over:
            self.stop()
            self._on_error(error)

    def _show(self, status: str, share: float) -> None:
        """status: of the current figure. share: how much of it is done, 0 to 1."""
        if self.over:
            return
        number = len(self._results)
        self.dialog.setValue(int(PERMILLE * (number + share)))
        title = strings.EXPLAINING.format(number=number + 1, count=len(self._figures), name=self._figures[number].name)
        self.dialog.setLabelText(f"{title}\n{translated(status)}")

    # --- session listener --------------------------------------------------------------------------
    def on_message(self, job: str, sentence: str) -> None:
        self._show(sentence, 0.0)

    def on_progress(self, job: str, progress: Progress) -> None:
        self._show(strings.progress(progress), progress.done)

    def on_preview(self, job: str, preview: Preview) -> None:
        """Not shown: the figures are small and soon finished."""

    def on_finished(self, job: str, done: Finished) -> None:
        self._session.acknowledge(done)
        if not self.over:
            self._results.append(done)
            self._start_next()

    def on_failed(self, job: str, error: VelaturaError) -> None:
        self.fail(error)

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        self.stop()

    def on_estimate(self, sentence: str) -> None:
        """Not requested."""

    def on_connected(self) -> None:
        """Nothing to do."""

    def on_saved(self, items: list[SavedItem]) -> None:
        """Not requested."""

    def on_history(self, entries: list[HistoryEntry]) -> None:
        """Not requested."""

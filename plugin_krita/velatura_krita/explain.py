"""The figures of `velatura.figures.explain`, one job after another, with a small window that says how far and stops
them."""

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
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress

from .qt import QProgressDialog, QWidget

PERMILLE = 1000


class ExplainTask:
    """done: gets the sheet. failed: gets the error. Neither comes after a cancel."""

    def __init__(
        self,
        program: str,
        loop: Loop,
        beside: QWidget,
        done: Callable[[Sheet], object],
        failed: Callable[[VelaturaError], object],
    ) -> None:
        self._done, self._failed = done, failed
        self._session = Session(program, loop, self)
        self._figures = explain.figures()
        self._results: list[Finished] = []
        self.over = False
        self.dialog = QProgressDialog(strings.READING, strings.CANCEL, 0, PERMILLE * len(self._figures), beside)
        self.dialog.setObjectName("explaining")
        self.dialog.setWindowTitle(strings.EXPLAIN.rstrip("…"))
        self.dialog.setAutoClose(False)
        self.dialog.setAutoReset(False)
        self.dialog.setMinimumDuration(0)
        self.dialog.setMinimumWidth(460)
        self.dialog.canceled.connect(self.stop)
        self.dialog.show()

    def start(self, photo: Picture, style: Picture) -> None:
        if not self.over:
            self._photo, self._style = photo, style
            self._next()

    def stop(self) -> None:
        """The job in work is dropped by the daemon with the session."""
        if not self.over:
            self.over = True
            self._session.close()
            self.dialog.close()
            self.dialog.deleteLater()

    def _next(self) -> None:
        if len(self._results) == len(self._figures):
            self.stop()
            self._done(lay_out(self._figures, self._results, self._photo.width, self._photo.height))
            return
        settings = self._figures[len(self._results)].settings
        try:
            self._session.restyle(self._photo, [GivenStyle(self._style)], settings, mask=None, layer="", remember=False)
        except VelaturaError as error:
            self.fail(error)

    def fail(self, error: VelaturaError) -> None:
        if not self.over:
            self.stop()
            self._failed(error)

    def _show(self, more: str, share: float) -> None:
        number = len(self._results)
        self.dialog.setValue(int(PERMILLE * (number + share)))
        said = strings.EXPLAINING.format(number=number + 1, count=len(self._figures), name=self._figures[number].name)
        self.dialog.setLabelText(f"{said}\n{more}")

    # --- what the session tells ------------------------------------------------------------------------
    def on_message(self, job: str, sentence: str) -> None:
        self._show(sentence, 0.0)

    def on_progress(self, job: str, progress: Progress) -> None:
        self._show(strings.progress(progress), progress.done)

    def on_preview(self, job: str, preview: Preview) -> None:
        """Too small and too soon gone to be looked at."""

    def on_finished(self, job: str, done: Finished) -> None:
        self._session.acknowledge(done)
        if not self.over:
            self._results.append(done)
            self._next()

    def on_failed(self, job: str, error: VelaturaError) -> None:
        self.fail(error)

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        self.stop()

    def on_estimate(self, sentence: str) -> None:
        """It asked for none."""

    def on_connected(self) -> None:
        """What is kept is not its business."""

    def on_saved(self, items: list[SavedItem]) -> None:
        """Nor this."""

    def on_history(self, entries: list[HistoryEntry]) -> None:
        """Nor this."""

"""Krita's desk: the shared way of a restyle, with Krita's window beside the canvas."""

from __future__ import annotations

from pastiche import desk, words
from pastiche.desk import Errand
from pastiche.errors import PasticheError
from pastiche.pixels import LARGEST_STYLE_SIDE

from . import canvas
from .qt import QApplication, QTimer
from .qt_loop import QtLoop
from .styles import read_picture
from .window import Window

LOOK_EVERY = 500  # ms between looks at which layer is active, while the window is open
ACTIVATE_AFTER = 200  # ms; Krita itself makes a new layer the active one, a little later


class Desk(desk.Desk):
    """One for all of Krita's windows."""

    def __init__(self) -> None:
        loop = QtLoop()
        super().__init__("krita", loop, canvas, read_picture)
        self._seen_target: object = None
        self._looking = loop.timer(self.look_at_target)

    # --- the two commands ------------------------------------------------------------------------------
    def open_window(self) -> None:
        beside = canvas.main_window()
        if beside is None:
            return  # Krita is closing
        if self.window is None:
            self.window = Window(self.places, lambda: canvas.style_sources(LARGEST_STYLE_SIDE), beside)
            self.window.destroyed.connect(self._lose_window)
            self.window.set_up(self.remembered)
            for signal, do in ((self.window.start_asked, self.start), (self.window.cancel_asked, self.cancel),
                               (self.window.changed, self.turn), (self.window.report_asked, self.copy_report),
                               (self.window.command_asked, self.copy_command),
                               (self.window.document_asked, self.open_as_document),
                               (self.window.shown, self.look_at_target)):  # fmt: skip
                signal.connect(do)
            if self.is_busy:
                self.window.be_busy()
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        self._looking.start(LOOK_EVERY)
        self.look_at_target()

    def _lose_window(self) -> None:
        """Krita's window has closed and taken ours with it; what is in work goes on until Krita itself closes."""
        self.window = None

    def restyle_again(self) -> None:
        """With what was set the last time, without the window."""
        chosen = self.window.chosen() if self.window is not None and self.window.is_shown() else []
        settings = self.window.settings() if chosen and self.window is not None else self.remembered.settings
        styles = chosen or self.remembered.styles
        if not styles:
            self.open_window()
            self.say(words.NO_LAST)
            return
        self.begin(styles, settings)

    # --- what comes of it ------------------------------------------------------------------------------
    def inserted(self, errand: Errand, sentence: str) -> None:
        QTimer.singleShot(ACTIVATE_AFTER, lambda: canvas.activate(errand.target))
        if self.window is None or not self.window.is_shown():
            canvas.say(sentence)

    def open_as_document(self) -> None:
        """A result whose layer has gone."""
        errand = self.kept
        if errand is not None and errand.done is not None:
            self.steps.run(canvas.open_as_document(errand.done.picture, errand.name),
                           lambda _: self.say(words.DONE_DOCUMENT), self.show_error)  # fmt: skip

    def to_clipboard(self, text: str) -> None:
        QApplication.clipboard().setText(text)

    def look_at_target(self) -> None:
        """Keep the window's line about what would be restyled up to date."""
        if self.window is None or not self.window.is_shown():
            self._looking.stop()
            return
        key = canvas.current_key()
        if self.is_busy or key == self._seen_target:
            return
        self._seen_target = key
        try:
            target = canvas.current_target()
            self.window.show_target(canvas.describe(target))
            self.window.preview.set_before(canvas.thumbnail(target, max(self.window.preview.width(), 400)))
        except PasticheError as error:
            self.window.show_target(error.sentence)

    def close(self) -> None:
        self._looking.stop()
        super().close()

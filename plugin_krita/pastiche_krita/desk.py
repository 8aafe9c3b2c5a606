"""Krita's desk: the shared way of a restyle, with Krita's window beside the canvas."""

from __future__ import annotations

from pastiche import desk, words
from pastiche.desk import Errand
from pastiche.pixels import LARGEST_STYLE_SIDE

from . import canvas
from .qt import QApplication, QTimer
from .qt_loop import QtLoop
from .styles import read_picture
from .window import Window

ACTIVATE_AFTER = 200  # ms; Krita itself makes a new layer the active one, a little later


class Desk(desk.Desk):
    """One for all of Krita's windows."""

    def __init__(self) -> None:
        super().__init__("krita", QtLoop(), canvas, read_picture)

    # --- the two commands ------------------------------------------------------------------------------
    def open_window(self) -> None:
        beside = canvas.main_window()
        if beside is None:
            return  # Krita is closing
        if self.window is None:
            self.window = Window(self.places, lambda: canvas.style_sources(LARGEST_STYLE_SIDE), canvas.region_sources, beside)
            self.window.destroyed.connect(self._lose_window)
            self.window.set_up(self.remembered)
            for signal, do in ((self.window.start_asked, self.start), (self.window.cancel_asked, self.cancel),
                               (self.window.changed, self.turn), (self.window.report_asked, self.copy_report),
                               (self.window.command_asked, self.copy_command),
                               (self.window.document_asked, self.open_as_picture),
                               (self.window.gallery.failed, self.show_error),
                               (self.window.shown, self.look_at_target)):  # fmt: skip
                signal.connect(do)
            if self.is_busy:
                self.window.be_busy()
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        self.keep_looking()

    def _lose_window(self) -> None:
        """Krita's window has closed and taken ours with it; what is in work goes on until Krita itself closes."""
        self.window = None
        self.forget_target()

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

    def to_clipboard(self, text: str) -> None:
        QApplication.clipboard().setText(text)

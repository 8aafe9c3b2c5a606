"""The window beside the canvas: a wide panel, its place on the screen, and the keys that concern all of it."""

from __future__ import annotations

from typing import Any

from velatura import strings

from .panel import Panel
from .qt import QDialog, Qt, QVBoxLayout, QWidget

SIZE = (960, 720)  # pixels, if the screen has room
PLACE = "restyle"  # the name under which the place of the window is remembered


class Window(QDialog):
    """Shows a panel."""

    def __init__(self, panel: Panel, parent: QWidget | None = None) -> None:
        super().__init__(
            parent, Qt.WindowType.Window | Qt.WindowType.WindowCloseButtonHint | Qt.WindowType.WindowMinMaxButtonsHint
        )
        self.setObjectName("velatura")
        self.setWindowTitle(strings.TITLE)
        self.setModal(False)
        self.panel = panel
        QVBoxLayout(self).addWidget(panel)

    def reject(self) -> None:
        """Escape cancels a running restyle, or else clears a search in the gallery, or else closes the window."""
        if self.panel.is_busy:
            self.panel.cancel_requested.emit()
        elif not self.panel.gallery.clear_search():
            super().reject()

    def closeEvent(self, event: Any) -> None:
        """Closing the window leaves a restyle running; Krita's status bar shows it from then on."""
        event.accept()

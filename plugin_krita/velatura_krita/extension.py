"""The commands in Krita's menus. An import that fails still leaves the command there, to say what is wrong."""

from __future__ import annotations

import traceback
from typing import Any

from krita import Extension, Krita

try:
    from . import canvas
    from .controller import RestyleController
    from .qt import QTimer

    BROKEN = ""
except Exception:
    BROKEN = traceback.format_exc()

MENU = "filter/artistic_filters"
COMMANDS = {  # name → words, what to do
    "velatura_restyle": ("Restyle with Velatura…", "open_window"),
    "velatura_restyle_again": ("Restyle again", "restyle_again"),
    "velatura_explain": ("See what the network sees…", "explain"),
    "velatura_results": ("Results and history…", "open_results"),
}


class VelaturaExtension(Extension):
    """One for all of Krita's windows."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._controller: RestyleController | None = None

    def setup(self) -> None:
        """Krita asks for it; there is nothing to do before the first command."""

    def createActions(self, window: Any) -> None:
        for name, (text, do) in COMMANDS.items():
            action = window.createAction(name, text, MENU)
            action.triggered.connect(lambda _=False, do=do: self._do(do))

    def _do(self, name: str) -> None:
        if BROKEN:
            _explain()
            return
        # After Krita has left its own handling of the menu.
        QTimer.singleShot(0, getattr(self.controller, name))

    @property
    def controller(self) -> RestyleController:
        if self._controller is None:
            self._controller = RestyleController()
            canvas.when_closing(self._controller.close)
        return self._controller


def _explain() -> None:
    import sys

    if "PyQt6.QtWidgets" in sys.modules:
        from PyQt6.QtWidgets import QMessageBox
    else:
        from PyQt5.QtWidgets import QMessageBox
    box = QMessageBox()
    box.setWindowTitle("Velatura")
    box.setText(
        "Velatura could not be loaded into this Krita. Run 'velatura install krita' in a terminal, and start Krita "
        "anew."
    )
    box.setDetailedText(f"Krita {Krita.instance().version()}, Python {sys.version}\n\n{BROKEN}")
    (box.exec if hasattr(box, "exec") else box.exec_)()


Krita.instance().addExtension(VelaturaExtension(Krita.instance()))

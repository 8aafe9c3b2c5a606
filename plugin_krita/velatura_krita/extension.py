"""The commands in Krita's menus. If the plugin cannot be imported, the commands exist and report the error."""

from __future__ import annotations

import importlib
import sys
import traceback
from typing import Any

from krita import Extension, Krita

try:
    from . import canvas
    from .controller import RestyleController
    from .qt import QTimer

    IMPORT_ERROR = ""
except Exception:
    IMPORT_ERROR = traceback.format_exc()

MENU = ("velatura_menu", "Velatura")  # a submenu of the Filter menu: the name of its action, and its text
COMMANDS = {  # action → menu text, method of RestyleController
    "velatura_restyle": ("Restyle…", "open_window"),
    "velatura_restyle_again": ("Restyle again", "restyle_again"),
    "velatura_explain": ("See what the network sees…", "explain"),
    "velatura_results": ("Results and history…", "open_results"),
    "velatura_help": ("Help", "help"),
}


class VelaturaExtension(Extension):
    """One extension for all of Krita's main windows."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._controller: RestyleController | None = None

    def setup(self) -> None:
        """Required by Krita; everything is set up at the first command."""

    def createActions(self, window: Any) -> None:
        name, text = MENU
        submenu = window.createAction(name, text, "filter")
        submenu.setMenu(_widgets().QMenu(name, window.qwindow()))  # Krita finds it by its name
        for name, (text, method) in COMMANDS.items():
            action = window.createAction(name, text, f"filter/{MENU[0]}")
            action.triggered.connect(lambda _=False, method=method: self._run(method))

    def _run(self, method: str) -> None:
        if IMPORT_ERROR:
            _show_import_error()
            return
        QTimer.singleShot(0, getattr(self.controller, method))  # once Krita has finished handling the menu

    @property
    def controller(self) -> RestyleController:
        if self._controller is None:
            self._controller = RestyleController()
            canvas.on_closing(self._controller.close)
        return self._controller


def _widgets() -> Any:
    """Qt's widgets, also where the rest of the plugin cannot be imported."""
    return importlib.import_module("PyQt6.QtWidgets" if "PyQt6.QtWidgets" in sys.modules else "PyQt5.QtWidgets")


def _show_import_error() -> None:
    box = _widgets().QMessageBox()
    box.setWindowTitle("Velatura")
    box.setText(
        "The Velatura plugin could not be loaded. Run 'velatura install krita' in a terminal, then restart Krita."
    )
    box.setDetailedText(f"Krita {Krita.instance().version()}, Python {sys.version}\n\n{IMPORT_ERROR}")
    (box.exec if hasattr(box, "exec") else box.exec_)()


Krita.instance().addExtension(VelaturaExtension(Krita.instance()))

"""The commands in Krita's menus. If the plugin cannot be imported, the commands exist and report the error."""

from __future__ import annotations

import importlib
import sys
import traceback
from dataclasses import dataclass
from typing import Any

from krita import DockWidget, DockWidgetFactory, DockWidgetFactoryBase, Extension, Krita

try:
    from velatura.i18n import _
except Exception:

    def _(message: str) -> Any:  # a damaged installation reports it in English
        return message


try:
    from . import canvas
    from .controller import RestyleController
    from .qt import QTimer

    IMPORT_ERROR = ""
except Exception:
    IMPORT_ERROR = traceback.format_exc()

IMPORT_SENTENCE = _(
    "The Velatura plugin could not be loaded. Run 'velatura install krita' in a terminal, then restart Krita."
)
NAME = "Velatura"  # not translated: a name
DOCKER = "velatura_docker"  # Krita remembers the place of the docker by this name
MENU = ("velatura_menu", NAME)  # a submenu of the Filter menu: the name of its action, and its text


@dataclass(frozen=True)
class Command:
    """An entry of the menu. method: of RestyleController, called with the arguments.

    velatura_krita.action has the same texts in English, for Krita's list of shortcuts: Krita translates those only
    with its own catalogues.
    """

    text: str
    tip: str
    method: str
    arguments: tuple[object, ...] = ()


COMMANDS = {  # by the name of its action
    "velatura_restyle": Command(
        _("Restyle…"), _("Restyle the layer or the selection in the style of another image"), "open_window"
    ),
    "velatura_restyle_again": Command(
        _("Restyle again"), _("Restyle with the last settings, without opening the window"), "restyle_again"
    ),
    "velatura_edit": Command(
        _("Edit this restyle…"), _("Change the settings or styles of a result, and replace it"), "edit"
    ),
    "velatura_explain": Command(
        _("See what the network sees…"),
        _("Show how each layer of the network sees the content of this layer and the last style"),
        "explain",
    ),
    "velatura_results": Command(
        _("Results and history…"),
        _("Recover saved results, resume stopped restyles, and reuse earlier settings"),
        "open_results",
    ),
    "velatura_setup": Command(
        _("Set-up…"), _("Set up, update, repair or remove the background program"), "open_set_up"
    ),
    "velatura_help": Command(_("Help"), _("Open the manual of Velatura"), "help"),
}
# Translators: a submenu with commands that change one setting by a step.
ADJUST_MENU = ("velatura_adjust_menu", _("Adjust"))
ADJUSTMENTS = {
    # Translators: the style is applied more strongly.
    "velatura_stronger": Command(_("Stronger"), _("Apply the style 5 % more strongly"), "step", ("strength", 1)),
    # Translators: the style is applied less strongly.
    "velatura_weaker": Command(_("Weaker"), _("Apply the style 5 % less strongly"), "step", ("strength", -1)),
    "velatura_larger_strokes": Command(
        _("Larger strokes"), _("Make the brush strokes larger"), "step", ("stroke_size", 1)
    ),
    "velatura_smaller_strokes": Command(
        _("Smaller strokes"), _("Make the brush strokes smaller"), "step", ("stroke_size", -1)
    ),
    "velatura_next_quality": Command(
        _("Next quality"), _("Cycle through draft, good and best"), "step", ("quality", 1)
    ),
    "velatura_preview": Command(
        _("Preview on or off"), _("Turn the preview with quick drafts on or off"), "toggle_drafts"
    ),
    "velatura_live": Command(
        _("Live preview on or off"),
        _("Turn the preview that follows the canvas while you paint on or off"),
        "toggle_live",
    ),
    "velatura_cancel": Command(_("Cancel"), _("Stop the running restyle"), "cancel"),
}


class VelaturaExtension(Extension):
    """One extension for all of Krita's main windows."""

    def __init__(self, parent: Any) -> None:
        super().__init__(parent)
        self._controller: RestyleController | None = None

    def setup(self) -> None:
        """Required by Krita; everything is set up at the first command."""

    def createActions(self, window: Any) -> None:
        path = self._add_menu(window, "filter", MENU)
        for name, command in COMMANDS.items():
            self._add_action(window, path, name, command)
        path = self._add_menu(window, path, ADJUST_MENU)
        for name, command in ADJUSTMENTS.items():
            self._add_action(window, path, name, command)

    def _add_menu(self, window: Any, path: str, menu: tuple[str, str]) -> str:
        """Adds a submenu. Returns its path."""
        name, text = menu
        submenu = window.createAction(name, text, path)
        submenu.setMenu(_widgets().QMenu(name, window.qwindow()))  # Krita finds it by its name
        return f"{path}/{name}"

    def _add_action(self, window: Any, path: str, name: str, command: Command) -> None:
        made = window.createAction(name, command.text, path)
        made.setToolTip(command.tip)
        made.setWhatsThis(command.tip)
        made.triggered.connect(lambda _=False: self._run(command.method, command.arguments))

    def _run(self, method: str, arguments: tuple[object, ...]) -> None:
        if IMPORT_ERROR:
            _show_import_error()
            return
        # Once Krita has finished handling the menu.
        QTimer.singleShot(0, lambda: getattr(self.controller, method)(*arguments))

    @property
    def controller(self) -> RestyleController:
        if self._controller is None:
            self._controller = RestyleController()
            canvas.on_closing(self._controller.close)
        return self._controller


class VelaturaDocker(DockWidget):
    """The docker with the preview, the styles and the most important settings. Krita makes one per main window."""

    def __init__(self) -> None:
        super().__init__()
        self.setWindowTitle(NAME)
        self._is_filled = False

    def canvasChanged(self, canvas: Any) -> None:
        """Required by Krita; the panel notices by itself."""

    def showEvent(self, event: Any) -> None:
        """Nothing is loaded before the docker is shown for the first time."""
        super().showEvent(event)
        if self._is_filled:
            return
        self._is_filled = True
        if IMPORT_ERROR:
            label = _widgets().QLabel(IMPORT_SENTENCE)
            label.setWordWrap(True)
            self.setWidget(label)
        else:
            _extension.controller.add_docker(self)


def _widgets() -> Any:
    """Qt's widgets, also where the rest of the plugin cannot be imported."""
    return importlib.import_module("PyQt6.QtWidgets" if "PyQt6.QtWidgets" in sys.modules else "PyQt5.QtWidgets")


def _show_import_error() -> None:
    box = _widgets().QMessageBox()
    box.setWindowTitle(NAME)
    box.setText(IMPORT_SENTENCE)
    box.setDetailedText(f"Krita {Krita.instance().version()}, Python {sys.version}\n\n{IMPORT_ERROR}")
    box.exec()


_extension = VelaturaExtension(Krita.instance())
Krita.instance().addExtension(_extension)
Krita.instance().addDockWidgetFactory(
    DockWidgetFactory(DOCKER, DockWidgetFactoryBase.DockPosition.DockRight, VelaturaDocker)
)

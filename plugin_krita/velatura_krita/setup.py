"""The set-up of the daemon in Krita: one controller, shown in a window and in the dockers that wait for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from velatura.app_dirs import AppDirs
from velatura.editor.event_loop import Loop
from velatura.editor.setup_controller import SetupController, SetupView

from .desktop import place
from .qt import QApplication
from .setup_window import SIZE, SetupPanel, SetupWindow


class Setup:
    """Implements `velatura.editor.setup_controller.Window` for all places together."""

    def __init__(self, loop: Loop, dirs: AppDirs, on_ready: Callable[[], object]) -> None:
        """on_ready: called when the daemon can be started."""
        self._controller = SetupController(loop, self, dirs, on_ready)
        self._window: SetupWindow | None = None
        self._dockers: dict[Any, SetupPanel] = {}
        self._view = SetupView("")

    def open(self, parent: Any) -> None:
        """Show the window, with what there is to do or is being done."""
        window = self._window
        if window is None:
            window = self._window = SetupWindow(self._new_panel(), parent)
            window.destroyed.connect(self._forget_window)
            place(window, None, SIZE)
        window.show()
        window.raise_()
        window.activateWindow()
        self._controller.look()

    def _forget_window(self) -> None:
        """Krita's main window has been closed and its child windows with it."""
        self._window = None

    def add_docker(self, docker: Any) -> None:
        """Fill a docker until the daemon can be started."""
        panel = self._dockers[docker] = self._new_panel()
        panel.destroyed.connect(lambda _=None: self._dockers.pop(docker, None))
        docker.setWidget(panel)
        self._controller.look()

    def _new_panel(self) -> SetupPanel:
        panel = SetupPanel()
        panel.show_view(self._view)
        panel.pressed.connect(self._controller.press)
        return panel

    @property
    def is_shown(self) -> bool:
        """Whether the window is shown."""
        return self._window is not None and bool(self._window.isVisible())

    @property
    def text(self) -> str:
        """What is shown, in a sentence or two."""
        return self._view.text

    def leave(self) -> list[Any]:
        """Close the window. Returns the dockers, which are to be filled with something else."""
        if self._window is not None:
            self._window.hide()
        dockers, self._dockers = self._dockers, {}
        for panel in dockers.values():
            panel.deleteLater()
        return list(dockers)

    def close(self) -> None:
        """Stop a running set-up, since Krita closes."""
        self._controller.close()

    # --- what the controller shows ---------------------------------------------------------------------
    def show(self, view: SetupView) -> None:
        self._view = view
        for panel in [*([self._window.panel] if self._window is not None else []), *self._dockers.values()]:
            panel.show_view(view)

    def copy(self, text: str) -> None:
        QApplication.clipboard().setText(text)

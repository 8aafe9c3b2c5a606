"""A user of GIMP on a screen, who works through its menus and the plug-in's dialogs."""

from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import dataclass

from tests.editors.gimp_session import GimpOnScreen
from tests.editors.session import PATIENCE
from tests.editors.user_home import start_daemon, velatura

HEARTBEATS = PATIENCE  # two missed heartbeats take ten seconds; a job that is not stopped runs for an hour
RESTYLE_KEY, AGAIN_KEY, EXPLAIN_KEY, RESULTS_KEY, SETUP_KEY = "y", "i", "k", "d", "s"  # mnemonics in Filters ▸ Velatura
STATUS_BAR_CANCEL = ("1405", "1024")  # its position in a window that fills the screen
# What the menu entry "Current selection" of a style does.
CHOOSE_REGION = "dialog_gallery = window().gallery\ndialog_gallery._use_region(next(s for s in dialog_gallery.chosen() if s.name == '{style}'), regions()[0])"


@dataclass
class GimpUser:
    """A user of GIMP. execute: runs steps in GIMP. dialog: runs steps in the dialog."""

    gimp: GimpOnScreen
    title: str = "GIMP$"  # of GIMP's own window
    filters_key: str = "r"  # with Alt, it opens the menu Filters; in other languages another one

    def execute(self, code: str):
        return self.gimp.execute(code)

    def dialog(self, code: str):
        return self.gimp.dialog.execute(code)

    def open_picture(self, name: str = "small.png") -> None:
        self.execute(f"open_picture({str(self.gimp.home / name)!r})\nimage().clean_all()")

    def key(self, key: str) -> None:
        """Presses a key in the image window."""
        window = f'xdotool search --sync --onlyvisible --name "{self.title}" windowactivate --sync'
        self.gimp.run("sh", "-c", f"{window}; xdotool key --clearmodifiers {key}")

    def fill_the_screen(self) -> None:
        """Resizes the image window, and waits, since GIMP resizes it itself shortly after a picture was opened."""
        command = 'w=$(xdotool search --sync --onlyvisible --name "GIMP$"); xdotool windowmove $w 0 0 windowsize $w 1678 1020; xdotool getwindowgeometry $w'

        def is_resized() -> bool:
            return "1678x1020" in self.gimp.run("sh", "-c", command) and "1678x1020" in self.gimp.run(
                "sh", "-c", command
            )

        self.gimp.wait_until(is_resized, PATIENCE, "a window as large as the screen")

    def menu(self, key: str) -> None:
        """Chooses a command in Filters ▸ Velatura with the keyboard."""
        self.gimp.wait_until(self._open_menu, PATIENCE, "the menu")
        self.gimp.run("xdotool", "key", key)

    def _open_menu(self) -> bool:
        """Opens the menu and its last submenu, which is ours. Returns whether both are open; otherwise neither is."""
        before = self._window_count()  # a tooltip or a closing window that counted may be gone at the next try
        self.key(f"alt+{self.filters_key}")
        if self._windows_become(before + 1):
            self.gimp.run("xdotool", "key", "Up", "Right")
            if self._windows_become(before + 2):
                return True
        self.gimp.run("xdotool", "key", "Escape", "Escape")
        self._windows_become(before)
        return False

    def _windows_become(self, count: int) -> bool:
        """Whether GIMP has so many windows within a few seconds; a menu is one."""
        end = time.monotonic() + 10
        while self._window_count() != count and time.monotonic() < end:
            time.sleep(0.1)
        return self._window_count() == count

    def _window_count(self) -> int:
        return len(self.gimp.run("xdotool", "search", "--onlyvisible", "--class", "gimp").split())

    def open_dialog(self, *styles: str, **settings: object) -> None:
        self.menu(RESTYLE_KEY)
        self.gimp.wait_for("is_open()", PATIENCE, "the dialog", self.gimp.dialog)
        self.dialog("window().drafts.set_active(False)")  # a draft would replace what a test shows in the preview
        self.set_up(*styles, **settings)

    def set_up(self, *styles: str, **settings: object) -> None:
        arguments = [*map(repr, styles), *(f"{name}={value!r}" for name, value in settings.items())]
        self.dialog(f"set_up({', '.join(arguments)})")

    def wait(self, condition: str, what: str, patience: float = PATIENCE) -> None:
        """Waits until the code is true in the dialog."""
        self.gimp.wait_for(condition, patience, what, self.gimp.dialog)

    def restyle(self) -> None:
        """Presses Restyle in the dialog, and waits for the layer."""
        self.dialog("click('Restyle')")
        self.wait("controller().current is not None and not busy() and 'Done' in message()", "the restyle")

    def start_long_restyle(self) -> None:
        self.set_up(quality="good", iterations=20000)
        self.dialog("click('Restyle')")
        self.wait("'Scale' in message()", "the restyle to start")

    def kill_midway(self, **settings: object) -> None:
        """Starts a restyle in the open dialog, and kills the daemon once a checkpoint is saved."""
        checkpoints = self.gimp.home / "velatura/state/checkpoints"
        velatura(self.gimp.home, "results", "drop", "--all")  # of earlier tests
        pid = json.loads(velatura(self.gimp.home, "daemon", "status", "--json"))["pid"]
        self.set_up(**settings)
        self.dialog("click('Restyle')")
        self.gimp.wait_until(lambda: list(checkpoints.glob("*.record")), PATIENCE, "the checkpoint")
        os.kill(pid, signal.SIGKILL)
        self.wait("not busy() and 'estyle again' in message()", "the error")
        start_daemon(self.gimp.home)  # outside of GIMP's namespace

    def open_results(self) -> None:
        """Opens the results dialog from the menu, without the restyle dialog."""
        self.menu(RESULTS_KEY)
        self.gimp.wait_for("results() is not None", PATIENCE, "the dialog", self.gimp.dialog)

    def close_results(self) -> None:
        self.dialog("close_results()")
        self.gimp.wait_until(self.results_are_closed, PATIENCE, "the dialog to close")

    def results_are_closed(self) -> bool:
        try:
            return not self.gimp.dialog.execute("results() is not None", 60)
        except (OSError, AssertionError):
            return True

    def close(self) -> None:
        self.dialog("window().closing = False\nclick('Close')")
        self.gimp.wait_until(self.is_closed, PATIENCE, "the dialog to close")

    def is_closed(self) -> bool:
        try:
            return not self.gimp.dialog.execute("is_open()", 60)
        except (OSError, AssertionError):
            return True

    def jobs(self) -> list[dict]:
        return json.loads(velatura(self.gimp.home, "daemon", "status", "--json"))["jobs"]

"""The messages of an editor's window: shown, logged for an error report, and removed when they are no longer true."""

from __future__ import annotations

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.client.launch import terminal_command
from velatura.editor.interfaces import Canvas, Window
from velatura.editor.report import report
from velatura.errors import DaemonCannotStart, DaemonNotRunning, NothingToRestyle, RegionElsewhere, VelaturaError

# What users put right themselves: no report is offered, and the message goes when they have changed something.
MISTAKES = (NothingToRestyle, RegionElsewhere)


class WindowMessages:
    """The part of a controller that shows messages and errors."""

    def __init__(self, dirs: AppDirs, canvas: Canvas) -> None:
        self.dirs, self.canvas = dirs, canvas
        self.window: Window | None = None
        self.message_log: list[str] = []  # the messages of the window, for an error report
        self.last_error: VelaturaError | None = None
        self._is_outdated_by_change = False  # the message that is shown

    def open_window(self) -> None:
        """Show the window, and create it if there is none. If it cannot be created, messages are only logged."""

    def to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboard."""
        raise NotImplementedError

    def show_message(self, sentence: str) -> None:
        """Show a message in the window, if there is one, and log it."""
        self._is_outdated_by_change = False
        self.message_log.append(sentence)
        if self.window is not None:
            self.window.show_message(sentence)

    def show_error(self, error: VelaturaError, *, document: bool = False) -> None:
        """Show an error in the window, and open the window if necessary.

        document: offer to open the result as a new picture.
        """
        self.last_error = error
        self.message_log.append(f"{error.code}: {error.sentence}")
        if self.window is None or not self.window.is_shown():
            self.open_window()
        if self.window is not None:
            if isinstance(error, RegionElsewhere):
                self.window.forget_regions()
            offer_command = isinstance(error, (DaemonNotRunning, DaemonCannotStart))
            offer_report = not isinstance(error, MISTAKES)
            self.window.show_error(error, report=offer_report, command=offer_command, document=document)
            self._is_outdated_by_change = isinstance(error, MISTAKES) and not document

    def clear_outdated_message(self) -> None:
        """Remove a message about a choice that the user has changed since."""
        if self._is_outdated_by_change and self.window is not None:
            self._is_outdated_by_change = False
            self.window.show_message("")

    def copy_report(self) -> None:
        """Copy an error report to the clipboard."""
        self.to_clipboard(report(self.dirs, self.canvas.version(), self.last_error, self.message_log))
        self.show_message(strings.COPIED)

    def copy_command(self) -> None:
        """Copy the command that starts the daemon to the clipboard."""
        self.to_clipboard(terminal_command(self.dirs))
        self.show_message(strings.COPIED)

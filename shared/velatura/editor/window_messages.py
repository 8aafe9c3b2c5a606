"""The messages of an editor's window: shown, logged for an error report, and removed when they are no longer true."""

from __future__ import annotations

from velatura import strings
from velatura.app_dirs import AppDirs
from velatura.client.launch import command_for
from velatura.editor.interfaces import Canvas, Window
from velatura.editor.report import report
from velatura.editor.setup_controller import is_set_up_needed
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
        self._message_target: object = None  # what would have been restyled when that message was shown

    def open_window(self) -> None:
        """Show the window, and create it if there is none. If it cannot be created, messages are only logged."""

    def open_set_up(self) -> None:
        """Show the set-up of the daemon, which is not installed."""

    def to_clipboard(self, text: str) -> None:
        """Copy a text to the clipboard."""
        raise NotImplementedError

    def chosen_target_key(self) -> object:
        """Return a value that changes whenever the chosen target does. Cheap to call."""
        raise NotImplementedError

    def show_message(self, sentence: str) -> None:
        """Show a message in the window, if there is one, and log it."""
        self._is_outdated_by_change = False
        self.message_log.append(sentence)
        if self.window is not None:
            self.window.show_message(sentence)

    def show_hint(self, sentence: str) -> None:
        """Show a message that goes as soon as the user changes something."""
        self.show_message(sentence)
        self._outdate_by_change()

    def show_error(self, error: VelaturaError, *, document: bool = False, opens_window: bool = True) -> None:
        """Show an error in the window, and open the window if necessary.

        document: offer to open the result as a new picture. opens_window: False for what the user does not wait for: it
        is only logged if no window is shown.
        """
        self.last_error = error
        self.message_log.append(f"{error.code}: {error.sentence}")
        if self.window is None or not self.window.is_shown():
            if not opens_window:
                return
            self.open_window()
        if self.window is not None:
            if isinstance(error, RegionElsewhere):
                self.window.forget_regions()
            offer_command = isinstance(error, (DaemonNotRunning, DaemonCannotStart))
            offer_report = not isinstance(error, MISTAKES)
            self.window.show_error(error, report=offer_report, command=offer_command, document=document)
            self._is_outdated_by_change = False
            if isinstance(error, MISTAKES) and not document:
                self._outdate_by_change()
        if isinstance(error, DaemonNotRunning) and is_set_up_needed(self.dirs):
            self.open_set_up()

    def _outdate_by_change(self) -> None:
        self._is_outdated_by_change, self._message_target = True, self.chosen_target_key()

    def clear_message_about_another_target(self) -> None:
        """Remove a message that was shown while another layer or selection was chosen.

        Changes are noticed late, by a timer: a message that came after the change stays.
        """
        if self.chosen_target_key() != self._message_target:
            self.clear_outdated_message()

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
        """Copy the command that the last error gives to the clipboard."""
        self.to_clipboard(command_for(self.last_error, self.dirs))
        self.show_message(strings.COPIED)

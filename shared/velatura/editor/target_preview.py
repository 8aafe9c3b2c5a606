"""What would be restyled, and how: the target's description and picture, an estimate, quick drafts, and live drafts."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.editor import ui_state
from velatura.editor.background import Steps, Thread
from velatura.editor.drafts import Drafts
from velatura.editor.edit_restyle import EditRestyle
from velatura.editor.event_loop import Loop
from velatura.editor.interfaces import Canvas
from velatura.editor.live import LiveWatch
from velatura.editor.restyle_task import RestyleTask
from velatura.editor.session import Session
from velatura.editor.style_loader import StyleLoader
from velatura.errors import VelaturaError
from velatura.pixels import Picture

CHECK_TARGET_EVERY = 500  # ms between checks of what would be restyled, while the window is open
ESTIMATE_DELAY = 400  # ms after the last change before an estimate is requested
_NO_KEY = object()  # differs from every target key, including None


class TargetPreview(EditRestyle):
    """The part of a controller that keeps the window up to date while no restyle is running."""

    session: Session

    def __init__(self, program: str, loop: Loop, canvas: Canvas, read_style: Callable[[str], Picture]) -> None:
        """program: 'krita' or 'gimp'. read_style: decodes a file and computes its hash; called on threads."""
        super().__init__(app_dirs(), canvas)
        self.program, self.read_style = program, read_style
        self.ui_state = ui_state.load(self.dirs, program)
        self.steps, self.thread = Steps(loop), Thread(loop)
        self.style_loader = StyleLoader(self.thread, read_style)
        self.current: RestyleTask | None = None
        self.drafts = Drafts(self, loop)
        self.drafts.enabled = self.ui_state.drafts
        self.live = LiveWatch(loop, canvas, self._may_follow, lambda: self.drafts.request(0))
        self._estimate_timer = loop.timer(self._request_estimate)
        self._target_timer = loop.timer(self.update_target)
        self._shown_target: object = _NO_KEY
        # Whether the user has done anything yet. Before that nothing is asked of the daemon, since a docker is shown
        # whenever the editor starts.
        self._in_use = False

    @property
    def is_busy(self) -> bool:
        """Whether the latest restyle is still running."""
        return self.current is not None and not self.current.over

    def use(self) -> None:
        """The user has opened the window or changed something: from now on there are estimates and drafts."""
        if not self._in_use:
            self._in_use = True
            self.invalidate_target()

    # --- the target ------------------------------------------------------------------------------------
    def start_target_updates(self) -> None:
        """Show what would be restyled for as long as the window is shown."""
        self._target_timer.start(CHECK_TARGET_EVERY)
        self.update_target()
        if self._in_use:
            self.drafts.request()  # something may have changed while nothing was shown
        self.session.refresh_saved()

    def stop_target_updates(self) -> None:
        """Stop all timers and drafts, since the editor is closing."""
        self._target_timer.stop()
        self._estimate_timer.stop()
        self.live.enable(False)
        self.drafts.stop()

    def invalidate_target(self) -> None:
        """Show the target again at the next update, since the window is a new one."""
        self._shown_target = _NO_KEY

    def update_target(self) -> None:
        """Update the window's description and picture of what would be restyled."""
        if self.window is None or not self.window.is_shown():
            self._target_timer.stop()
            self.edited = None
            return
        if self.is_busy:
            return
        self.end_editing_if_left()
        key = self.chosen_target_key()
        if key == self._shown_target:
            return
        self._shown_target = key
        self.clear_message_about_another_target()
        self.drafts.stop()
        self.drafts.forget()
        self.live.restart()
        try:
            target = self.chosen_target()
            self.window.show_target(self.canvas.describe(target))
            thumbnail = self.canvas.thumbnail(target, self.window.preview_side())
            self.window.show_original(thumbnail, self.canvas.size(target))
            self.update_grey_note()
            if self._in_use:
                self._estimate_timer.start(ESTIMATE_DELAY)
                self.drafts.request()
        except VelaturaError as error:
            self.window.show_target(error.local_sentence)
            self.window.show_estimate("")
            self.window.show_grey_note("")

    def _request_estimate(self) -> None:
        """Request how long a restyle would take, unless one is running."""
        self._estimate_timer.stop()
        if self.window is None or not self.window.is_shown() or self.is_busy:
            return
        try:
            self.session.estimate(*self.canvas.size(self.chosen_target()), self.window.settings())
        except VelaturaError:
            self.window.show_estimate("")

    def on_estimate(self, sentence: str) -> None:
        if self.window is not None:
            self.window.show_estimate(sentence)

    # --- greyscale images --------------------------------------------------------------------------------
    def update_grey_note(self) -> None:
        """Show whether the result will be grey although the style's colours are asked for."""
        if self.window is None:
            return
        try:
            is_grey = self.window.settings().keep_colours == "off" and self.canvas.is_grey(self.chosen_target())
        except VelaturaError:
            is_grey = False
        self.window.show_grey_note(strings.GREY_IMAGE if is_grey else "")

    def convert_to_rgb(self) -> None:
        """Convert the greyscale image to RGB, so that the result can have the style's colours."""
        self.use()
        if self.is_busy:
            self.show_hint(strings.CONVERT_BUSY)
            return
        self.drafts.stop()  # it may be reading the layer
        try:
            target = self.chosen_target()
        except VelaturaError as error:
            self.show_error(error)
            return
        self.steps.run(self.canvas.convert_to_rgb(target), self._on_converted, self.show_error)

    def _on_converted(self, _: object) -> None:
        self.invalidate_target()
        self.update_target()
        self.show_hint(strings.CONVERTED_TO_RGB)

    # --- drafts ------------------------------------------------------------------------------------------
    def enable_drafts(self, enabled: bool) -> None:
        """Switch the drafts in the preview on or off."""
        self.use()
        self.ui_state.drafts = enabled
        self.save_ui_state()
        self.drafts.enable(enabled)

    def view_changed(self) -> None:
        """The user has zoomed or moved the preview."""
        self.drafts.request_detail()

    def _may_follow(self) -> bool:
        """Whether the preview may follow the canvas now: it is visible, and no restyle is running."""
        return self.drafts.enabled and not self.is_busy and self.window is not None and self.window.is_shown()

    def save_ui_state(self) -> None:
        """Save what the windows remember, on a thread. An error opens no window: this is done when one closes, too."""
        snapshot = self.ui_state.copy()
        on_failed = partial(self.show_error, opens_window=False)
        self.thread.run(lambda: ui_state.save(self.dirs, self.program, snapshot), _ignore, on_failed)


def _ignore(_: object) -> None:
    pass

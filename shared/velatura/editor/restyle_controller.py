"""Controls a restyle in an editor, from the click to the new layer.

The canvas reads the pixels, the session sends them to the daemon, and the canvas inserts the result. Each plugin
provides its window, its canvas and its event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.client.events import Finished, GivenStyle
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor import ui_state
from velatura.editor.background import Steps, Thread, as_velatura_error
from velatura.editor.event_loop import Loop
from velatura.editor.interfaces import Canvas, Content, Target
from velatura.editor.placement import Placed, encode_note
from velatura.editor.restyle_task import RestyleTask
from velatura.editor.results_controller import styles_of
from velatura.editor.session import Session
from velatura.editor.style_loader import StyleLoader
from velatura.editor.ui_state import Style
from velatura.editor.window_messages import WindowMessages
from velatura.errors import DaemonLost, NothingToRestyle, VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

CHECK_TARGET_EVERY = 500  # ms between checks of what would be restyled, while the window is open
ADJUST_DELAY = 400  # ms after the last change of a setting before a running restyle is adjusted
ESTIMATE_DELAY = 400  # ms after the last change before an estimate is requested
_NO_KEY = object()  # differs from every target key, including None


class RestyleController(WindowMessages):
    """Runs restyles, and keeps the window up to date with the latest one."""

    def __init__(self, program: str, loop: Loop, canvas: Canvas, read_style: Callable[[str], Picture]) -> None:
        """program: 'krita' or 'gimp'. read_style: decodes a file and computes its hash; called on threads."""
        super().__init__(app_dirs(), canvas)
        self.program, self.read_style = program, read_style
        self.ui_state = ui_state.load(self.dirs, program)
        self.session = Session(program, loop, self)
        self.steps, self.thread = Steps(loop), Thread(loop)
        self.style_loader = StyleLoader(self.thread, read_style)
        self.tasks: dict[str, RestyleTask] = {}  # by job
        self.current: RestyleTask | None = None
        self.unplaced: RestyleTask | None = None  # its layer no longer exists; the result can be opened as a picture
        self._adjust_timer = loop.timer(self._adjust)
        self._estimate_timer = loop.timer(self._request_estimate)
        self._target_timer = loop.timer(self.update_target)
        self._shown_target: object = _NO_KEY

    # --- what each plugin adds -------------------------------------------------------------------------
    def open_results(self) -> None:
        """Show the saved results and the history."""

    def on_inserted(self, task: RestyleTask, sentence: str) -> None:
        """Called when a result was inserted into the document."""

    def on_busy_changed(self) -> None:
        """Called when the latest restyle has begun or ended."""

    @property
    def is_busy(self) -> bool:
        """Whether the latest restyle is still running."""
        return self.current is not None and not self.current.over

    # --- before a restyle ------------------------------------------------------------------------------
    def start_target_updates(self) -> None:
        """Show what would be restyled for as long as the window is shown."""
        self._target_timer.start(CHECK_TARGET_EVERY)
        self.update_target()
        self.session.refresh_saved()

    def invalidate_target(self) -> None:
        """Show the target again at the next update, since the window is a new one."""
        self._shown_target = _NO_KEY

    def update_target(self) -> None:
        """Update the window's description and picture of what would be restyled."""
        if self.window is None or not self.window.is_shown():
            self._target_timer.stop()
            return
        key = self.canvas.target_key()
        if self.is_busy or key == self._shown_target:
            return
        self._shown_target = key
        self.clear_outdated_message()
        try:
            target = self.canvas.current_target()
            self.window.show_target(self.canvas.describe(target))
            self.window.show_original(self.canvas.thumbnail(target, self.window.preview_side()))
            self._estimate_timer.start(ESTIMATE_DELAY)
        except VelaturaError as error:
            self.window.show_target(error.sentence)
            self.window.show_estimate("")

    def _request_estimate(self) -> None:
        """Request how long a restyle would take, unless one is running."""
        self._estimate_timer.stop()
        if self.window is None or not self.window.is_shown() or self.is_busy:
            return
        try:
            self.session.estimate(*self.canvas.size(self.canvas.current_target()), self.window.settings())
        except VelaturaError:
            self.window.show_estimate("")

    def on_estimate(self, sentence: str) -> None:
        if self.window is not None:
            self.window.show_estimate(sentence)

    # --- the stages of a restyle, in their order -------------------------------------------------------
    def start(self) -> None:
        """Restyle with the window's styles and settings."""
        assert self.window is not None
        self.start_restyle(self.window.chosen_styles(), self.window.settings())

    def start_restyle(self, styles: list[Style], settings: StyleSettings) -> None:
        """Restyle the current target. Errors are shown in the window."""
        try:
            if not styles:
                raise NothingToRestyle(strings.NO_STYLE_CHOSEN)
            target: Target = self.canvas.current_target()
            task = RestyleTask(target, styles, settings, target.name, target.document_name)
        except Exception as error:
            self.show_error(as_velatura_error(error))
            return
        self._supersede(self.current, task)
        self.current = task
        self.ui_state.record_use(styles, settings)
        self.save_ui_state()
        if self.window is not None:
            self.window.set_busy()
        self.on_busy_changed()
        self.show_message(strings.READING)
        self.steps.run(
            self.canvas.read(task.target),
            lambda content: self._on_read(task, content),
            lambda error: self._fail(task, error),
        )

    def save_ui_state(self) -> None:
        """Save what the windows remember, on a thread."""
        snapshot = self.ui_state.copy()
        self.thread.run(lambda: ui_state.save(self.dirs, self.program, snapshot), _ignore, self.show_error)

    def _supersede(self, old: RestyleTask | None, new: RestyleTask) -> None:
        """End an older restyle of the same layer at once, so that neither is left if the newer one is cancelled."""
        if old is None or old.over or old.finished is not None:
            return
        if not old.job:
            old.over = True  # its layer was still being read
        elif old.target.layer == new.target.layer:
            old.over = True
            self.session.cancel(old.job)

    def _on_read(self, task: RestyleTask, content: Content) -> None:
        task.content = content
        self.style_loader.load(
            content,
            task.styles,
            lambda pictures: self._on_loaded(task, pictures),
            lambda error: self._fail(task, error),
        )

    def _on_loaded(self, task: RestyleTask, pictures: list[GivenStyle]) -> None:
        task.pictures = pictures
        if not task.over:
            self._submit(task, adjust=False)

    def _submit(self, task: RestyleTask, *, adjust: bool) -> None:
        content = task.content
        assert content is not None
        try:
            task.job = self.session.restyle(
                content.picture,
                task.pictures,
                task.settings,
                mask=content.mask,
                layer=task.target.layer,
                adjust=adjust,
                title=task.title,
                note=encode_note(content.place, task.document),
            )
        except Exception as error:
            self._fail(task, as_velatura_error(error))
            return
        self.tasks[task.job] = task

    def on_finished(self, job: str, done: Finished) -> None:
        task = self.tasks.pop(job, None)
        if task is None or task.over or task.job != job:
            self.session.acknowledge(done)
            return  # while it was arriving, it was cancelled, or submitted again with other settings
        task.finished = done
        if task is self.current:
            self.show_message(strings.INSERTING)
        work = self.canvas.insert(task.target, done.picture, done.result.left, done.result.top, task.name)
        self.steps.run(work, lambda placed: self._on_placed(task, done, placed), lambda error: self._fail(task, error))

    def _on_placed(self, task: RestyleTask, done: Finished, placed: Placed) -> None:
        task.over = True
        self.session.acknowledge(done)
        sentence = strings.DONE.format(seconds=time.monotonic() - task.started_at, name=task.name)
        if not placed.is_layer:
            sentence = strings.DONE_NEW_IMAGE
        sentence = " ".join(filter(None, (sentence, placed.note)))
        self._end(task, " ".join([sentence, *map(str, done.result.notes)]))
        self.on_inserted(task, sentence)

    def open_as_picture(self) -> None:
        """Open the result whose layer no longer exists as a new picture."""
        task = self.unplaced
        if task is None or task.finished is None:
            return
        done = task.finished

        def on_opened(_: object) -> None:
            self.session.acknowledge(done)
            self.session.refresh_saved()
            self.show_message(strings.DONE_NEW_IMAGE)

        self.steps.run(self.canvas.open_as_picture(done.picture, task.name), on_opened, self.show_error)

    # --- interruptions ---------------------------------------------------------------------------------
    def cancel(self) -> None:
        """Cancel the latest restyle. Does nothing once its layer is being made."""
        task = self.current
        if task is None or task.over or task.finished is not None:
            return
        task.over = True
        if task.job:
            self.session.cancel(task.job)
        self._end(task, strings.CANCELLED)
        if self.window is not None:
            self.window.show_before()

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        task = self.tasks.pop(job, None)
        if task is None or task.over or task.job != job:
            return  # replaced by its own job with other settings: the restyle continues
        task.over = True
        self._end(task, strings.REPLACED if replaced_by else strings.CANCELLED)

    def settings_changed(self) -> None:
        """Adjust a running restyle to the window's settings and styles. If none is running, request an estimate."""
        task = self.current
        self.clear_outdated_message()
        if task is not None and task.job and not task.over and task.finished is None:
            self._adjust_timer.start(ADJUST_DELAY)
        else:
            self._estimate_timer.start(ESTIMATE_DELAY)

    def _adjust(self) -> None:
        self._adjust_timer.stop()
        task = self.current
        if task is None or task.over or task.finished is not None or self.window is None:
            return
        settings, styles = self.window.settings(), self.window.chosen_styles()
        if not styles or (settings, styles) == (task.settings, task.styles):
            return
        assert task.content is not None
        # If the styles cannot be read, the running restyle continues unchanged.
        self.style_loader.load(
            task.content,
            styles,
            lambda pictures: self._submit_adjusted(task, styles, settings, pictures),
            self.show_error,
        )

    def _submit_adjusted(
        self, task: RestyleTask, styles: list[Style], settings: StyleSettings, pictures: list[GivenStyle]
    ) -> None:
        if task.over or task.finished is not None:
            return  # the change came too late
        if self.window is not None and (settings, styles) != (self.window.settings(), self.window.chosen_styles()):
            return  # changed again meanwhile, and submitted next
        task.settings, task.styles, task.pictures = settings, styles, pictures
        self.ui_state.record_use(styles, settings)
        self._submit(task, adjust=True)  # the daemon continues from the current picture

    def on_failed(self, job: str, error: VelaturaError) -> None:
        task = self.tasks.pop(job, None)
        if task is not None and task.job == job:
            self._fail(task, error)
        elif task is None and not job:
            self.show_error(error)

    def _fail(self, task: RestyleTask, error: VelaturaError) -> None:
        if task.over:
            return  # it was cancelled
        task.over = True
        if task.finished is not None:
            self.unplaced = task
        self._end(task, "")
        self.show_error(error, document=task.finished is not None)
        if task.job and isinstance(error, DaemonLost) and self.window is not None:
            self.window.show_saved_notice(strings.RECOVERABLE_PROGRESS)
        else:
            self.session.refresh_saved()  # if it failed for lack of memory or disk space, it can be resumed

    # --- saved results ---------------------------------------------------------------------------------
    def on_connected(self) -> None:
        self.session.refresh_saved()

    def on_saved(self, items: list[SavedItem]) -> None:
        """Show how many saved results there are, apart from the running restyles."""
        others = [item for item in items if item.job not in self.tasks]
        if self.window is not None:
            self.window.show_saved_notice(strings.recoverable_results(len(others)))

    def on_history(self, entries: list[HistoryEntry]) -> None:
        """Never called: only the results window requests the history, in a session of its own."""

    def reuse(self, entry: HistoryEntry) -> None:
        """Set the window to the settings and styles of a past restyle."""
        self.open_window()
        if self.window is not None:
            styles, sentence = styles_of(entry)
            self.window.apply_choices(self.ui_state, styles, entry.settings)
            self.show_message(sentence)

    # --- messages --------------------------------------------------------------------------------------
    def on_message(self, job: str, sentence: str) -> None:
        if self._is_current(job):
            self.show_message(sentence)

    def on_progress(self, job: str, progress: Progress) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_progress(progress)

    def on_preview(self, job: str, preview: Preview) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_preview(preview)

    def _is_current(self, job: str) -> bool:
        return self.current is not None and self.current.job == job and not self.current.over

    def _end(self, task: RestyleTask, sentence: str) -> None:
        """Set the window to idle and show a message, if this is the latest restyle."""
        if task is self.current:
            self.on_busy_changed()
        if task is self.current and self.window is not None:
            self.window.set_idle()
            self._estimate_timer.start(ESTIMATE_DELAY)
        if task is self.current and sentence:
            self.show_message(sentence)

    def close(self) -> None:
        """Close the session when the editor closes. The daemon drops running restyles."""
        for timer in (self._adjust_timer, self._target_timer, self._estimate_timer):
            timer.stop()
        self.session.close()


def _ignore(_: object) -> None:
    pass

"""Controls a restyle in an editor, from the click to the new layer.

The canvas reads the pixels, the session sends them to the daemon, and the canvas inserts the result. Each plugin
provides its window, its canvas and its event loop.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from velatura import strings
from velatura.client.events import Finished, GivenStyle
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.background import as_velatura_error
from velatura.editor.event_loop import Loop
from velatura.editor.interfaces import Canvas, Content, Target
from velatura.editor.placement import Placed, encode_note
from velatura.editor.restyle_task import NOTHING, RestyleTask
from velatura.editor.results_controller import styles_of
from velatura.editor.session import Session
from velatura.editor.target_preview import ESTIMATE_DELAY, TargetPreview
from velatura.editor.ui_state import Style
from velatura.errors import DaemonLost, NothingToRestyle, VelaturaError
from velatura.i18n import sentences
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

ADJUST_DELAY = 400  # ms after the last change of a setting before a running restyle is adjusted


class RestyleController(TargetPreview):
    """Runs restyles, and keeps the window up to date with the latest one."""

    def __init__(self, program: str, loop: Loop, canvas: Canvas, read_style: Callable[[str], Picture]) -> None:
        """As for `TargetPreview`."""
        super().__init__(program, loop, canvas, read_style)
        self.session = Session(program, loop, self)
        self.tasks: dict[str, RestyleTask] = {}  # by job
        self.current: RestyleTask | None = None
        self.unplaced: RestyleTask | None = None  # its layer no longer exists; the result can be opened as a picture
        self._adjust_timer = loop.timer(self._adjust)

    # --- what each plugin adds -------------------------------------------------------------------------
    def open_results(self) -> None:
        """Show the saved results and the history."""

    def on_inserted(self, task: RestyleTask, sentence: str) -> None:
        """Called when a result was inserted into the document."""

    def on_busy_changed(self) -> None:
        """Called when the latest restyle has begun or ended."""

    # --- the stages of a restyle, in their order -------------------------------------------------------
    def start(self) -> None:
        """Restyle with the window's styles and settings."""
        assert self.window is not None
        self.start_restyle(self.window.chosen_styles(), self.window.settings())

    def start_restyle(self, styles: list[Style], settings: StyleSettings) -> None:
        """Restyle the current target. Errors are shown in the window."""
        self.end_editing_if_left()  # the layer that has just been chosen is restyled, not the one edited before
        self._start_restyle(styles, settings)

    def _start_restyle(self, styles: list[Style], settings: StyleSettings) -> None:
        try:
            if not styles:
                raise NothingToRestyle(strings.NO_STYLE_CHOSEN)
            target: Target = self.chosen_target()
            task = RestyleTask(target, styles, settings, target.name, target.document_name)
        except Exception as error:
            self.show_error(as_velatura_error(error))
            return
        self._begin(task)
        self.steps.run(
            self.canvas.read(task.target),
            lambda content: self._on_read(task, content),
            lambda error: self._fail(task, error),
        )

    def _begin(self, task: RestyleTask) -> None:
        """Make this the latest restyle, and show that it is being read."""
        self._supersede(self.current, task)
        self.drafts.stop()
        self.drafts.forget()
        self.current = task
        self.ui_state.record_use(task.styles, task.settings)
        self.save_ui_state()
        if self.window is not None:
            self.window.set_busy()
        self.on_busy_changed()
        self.show_message(strings.READING)

    def _supersede(self, old: RestyleTask | None, new: RestyleTask) -> None:
        """End an older restyle of the same layer at once, so that neither is left if the newer one is cancelled."""
        if old is None or old.over or old.finished is not None or old.target.layer != new.target.layer:
            return
        old.over = True
        if old.job:  # otherwise its layer was still being read
            self.session.cancel(old.job)

    def _on_read(self, task: RestyleTask, content: Content) -> None:
        if task.over:
            return
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
        if self.drafts.owns(job):
            self.drafts.on_finished(done)
            return
        task = self.tasks.pop(job, None)
        if task is None or task.over or task.job != job:
            self.session.acknowledge(done)
            return  # while it was arriving, it was cancelled, or submitted again with other settings
        task.finished = done
        if task is self.current:
            self.show_message(strings.INSERTING)
        work = self.canvas.insert(task.target, done.picture, done.result.left, done.result.top, task.recipe)
        self.steps.run(work, lambda placed: self._on_placed(task, done, placed), lambda error: self._fail(task, error))

    def _on_placed(self, task: RestyleTask, done: Finished, placed: Placed) -> None:
        task.over = True
        task.finished = replace(done, picture=NOTHING, mask=None)
        self.session.acknowledge(done)
        text, name = (strings.DONE_REPLACED, placed.replaced) if placed.replaced else (strings.DONE, task.name)
        done_so = text.format(seconds=time.monotonic() - task.started_at, name=name)
        sentence = sentences(done_so if placed.is_layer else strings.DONE_NEW_IMAGE, placed.note)
        if self.edited is not None and not placed.replaced and not self.canvas.is_edited(self.edited):
            self.edited = None  # the sentence says where the result is; "not edited any more" must not take its place
        self._end(task, sentences(sentence, *done.result.notes))
        self.on_inserted(task, sentence)

    def open_as_picture(self) -> None:
        """Open the result whose layer no longer exists as a new picture."""
        task, self.unplaced = self.unplaced, None  # once, also if the button is pressed twice
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
        self._end(task, "")
        self.show_hint(strings.CANCELLED)
        if self.window is not None:
            self.window.show_before()
            self.drafts.request()

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        if self.drafts.owns(job):
            self.drafts.on_ended()
            return
        task = self.tasks.pop(job, None)
        if task is None or task.over or task.job != job:
            return  # replaced by its own job with other settings: the restyle continues
        task.over = True
        self._end(task, strings.REPLACED if replaced_by else strings.CANCELLED)
        self.drafts.request()

    def settings_changed(self) -> None:
        """Adjust a running restyle to the window's settings and styles. If none is running, request an estimate."""
        self.use()
        task = self.current
        self.clear_outdated_message()
        self.update_grey_note()
        if task is not None and not task.over and task.finished is None:
            self._adjust_timer.start(ADJUST_DELAY)
        else:
            self._estimate_timer.start(ESTIMATE_DELAY)
            self.drafts.request()

    def _adjust(self) -> None:
        self._adjust_timer.stop()
        task = self.current
        if task is None or task.over or task.finished is not None or self.window is None:
            return
        settings, styles = self.window.settings(), self.window.chosen_styles()
        if not styles or (settings, styles) == (task.settings, task.styles):
            return
        if not task.job:
            self._adjust_timer.start(ADJUST_DELAY)  # its layer is still being read
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
        if self.drafts.owns(job):
            self.drafts.on_failed(error)
            return
        task = self.tasks.pop(job, None)
        if task is not None and task.job == job:
            self._fail(task, error)
        elif task is None and not job:  # for example, the daemon was stopped while nothing was running
            self.show_error(error, opens_window=False)

    def _fail(self, task: RestyleTask, error: VelaturaError) -> None:
        if task.over:
            return  # it was cancelled
        task.over = True
        if task.finished is not None:
            self.unplaced = task
        self._end(task, "")
        self.drafts.request()
        self.show_error(error, document=task.finished is not None)
        saved = isinstance(error, DaemonLost) and strings.PROGRESS_SAVED in error.sentence
        if task.job and saved and self.window is not None:
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

    def edit(self) -> None:
        """Show in the window how the active result was made; Restyle then replaces it."""
        self.update_target()  # now: its messages and drafts would replace that of a refusal or of a missing style
        if self.begin_editing():
            self.invalidate_target()
            self.update_target()

    # --- messages --------------------------------------------------------------------------------------
    def on_message(self, job: str, sentence: str) -> None:
        if self._is_current(job):
            self.show_message(sentence)

    def on_progress(self, job: str, progress: Progress) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_progress(progress)

    def on_preview(self, job: str, preview: Preview) -> None:
        if self.drafts.owns(job):
            self.drafts.on_preview(preview)
        elif self._is_current(job) and self.window is not None:
            self.window.show_preview(preview)

    def _is_current(self, job: str) -> bool:
        return self.current is not None and self.current.job == job and not self.current.over

    def _end(self, task: RestyleTask, sentence: str) -> None:
        """Forget the content, which may be large. Set the window to idle and show a message, if this is the latest."""
        task.content = None
        if task is self.current:
            self.on_busy_changed()
        if task is self.current and self.window is not None:
            self.window.set_idle()
            self._estimate_timer.start(ESTIMATE_DELAY)
        if task is self.current and sentence:
            self.show_message(sentence)

    def close(self) -> None:
        """Close the session when the editor closes. The daemon drops running restyles."""
        self._adjust_timer.stop()
        self.stop_target_updates()
        self.session.close()

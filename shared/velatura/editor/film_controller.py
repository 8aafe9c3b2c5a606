"""Controls a restyle of several frames in an editor: each is a restyle of its own, and follows those before it.

What is done is kept: if the user cancels or a frame fails, the frames so far become the result.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Any

from velatura import strings
from velatura.client.events import Finished
from velatura.client.saved_results import SavedItem
from velatura.editor.background import as_velatura_error
from velatura.editor.film_task import Film, FilmTask
from velatura.editor.frames import THIS, chosen_frames
from velatura.editor.interfaces import Content
from velatura.editor.placement import Placed, encode_note
from velatura.editor.restyle_controller import RestyleController
from velatura.editor.restyle_task import RestyleTask
from velatura.editor.ui_state import Style
from velatura.errors import NothingToRestyle, VelaturaError
from velatura.i18n import sentences
from velatura.pixels import Picture
from velatura.protocol.messages import Progress
from velatura.settings import StyleSettings


class FilmController(RestyleController):
    """Restyles one frame as `RestyleController` does, or several if the window says so."""

    _films: tuple[FilmTask, ...] = ()  # that are running; one may not be the current task

    @property
    def is_finishing(self) -> bool:
        """Whether a film was stopped whose frames are not in the document yet."""
        return any(task.stopping for task in self._films)

    # --- what is chosen --------------------------------------------------------------------------------
    def update_target(self) -> None:
        """Show which frames there are, whenever the target is shown anew."""
        before = self._shown_target
        super().update_target()
        if self._shown_target == before or self.window is None:
            return
        try:
            target, times = self._frames()
            self.window.show_frames(times, self.canvas.frame_now(target) if times else 0)
        except VelaturaError:
            self.window.show_frames([], 0)

    def _frames(self) -> tuple[Any, list[int]]:
        """The animation that would be restyled, and its frames; none if there are not several, or if a result is
        edited. Raises NothingToRestyle."""
        if self.edited is not None:
            return None, []
        target = self.canvas.film_target()
        times: list[int] = self.canvas.frame_times(target)
        return target, times if len(times) > 1 else []

    # --- the start -------------------------------------------------------------------------------------
    def _start_restyle(self, styles: list[Style], settings: StyleSettings) -> None:
        """Restyle the current target, or the chosen frames of it."""
        choice = self.window.frame_choice() if self.window is not None and self.window.is_shown() else None
        if not styles or choice is None or choice.which == THIS:
            super()._start_restyle(styles, settings)
            return
        try:
            target, times = self._frames()
            frames = chosen_frames(times, choice)
            if times and not frames:
                raise NothingToRestyle(strings.NO_FRAMES)
        except Exception as error:
            self.show_error(as_velatura_error(error))
            return
        if not frames:  # it is not animated any more
            super()._start_restyle(styles, settings)
            return
        settings = replace(settings, steadiness=choice.steadiness)
        task = FilmTask(target, styles, settings, target.name, target.document_name, frames=frames)
        self._begin(task)
        self._films += (task,)
        self._step(task, self.canvas.open_film(target, frames), lambda film: self._on_opened(task, film))

    def _step(self, task: FilmTask, work: Generator[None, None, Any], then: Callable[[Any], object]) -> None:
        self.steps.run(work, then, lambda error: self._fail(task, error))

    def _on_opened(self, task: FilmTask, film: Film) -> None:
        task.film, task.frames_began_at = film, time.monotonic()
        self._advance(task)

    # --- one frame after the other -----------------------------------------------------------------------
    def _advance(self, task: FilmTask) -> None:
        """Go on after anything that a film has waited for: with the next frame, or to the end."""
        frame = task.frame
        if task.over:
            self._close(task)
        elif frame is not None and not task.stopping:
            self._step(task, _film(task).read(frame), lambda content: self._on_frame_read(task, frame, content))
        elif task.done:
            self._insert(task)
        else:
            self._fail(task, NothingToRestyle(strings.EMPTY_LAYER.format(layer=task.target.name)))

    def _on_frame_read(self, task: FilmTask, frame: int, content: Content | None) -> None:
        if task.over or task.stopping:
            self._advance(task)
        elif content is None:  # an empty frame stays empty
            self._on_frame_done(task)
        elif content.picture.ref in task.first_with:  # a drawing that comes again, as in a walk cycle
            like = task.first_with[content.picture.ref]
            self._step(task, _film(task).repeat(frame, like), lambda _: self._on_repeated(task, frame, like))
        else:
            task.content = content
            if task is self.current and self.window is not None:
                with contextlib.suppress(VelaturaError):  # the layer is gone since; the frame itself has been read
                    self.window.show_original(_film(task).thumbnail(self.window.preview_side()), _film(task).size())
            self.style_loader.load(
                content,
                task.styles,
                lambda pictures: self._on_loaded(task, pictures),
                lambda error: self._fail(task, error),
            )

    def _on_loaded(self, task: RestyleTask, pictures: Any) -> None:
        if isinstance(task, FilmTask) and (task.over or task.stopping):
            self._advance(task)
        else:
            super()._on_loaded(task, pictures)

    def _submit(self, task: RestyleTask, *, adjust: bool) -> None:
        if not isinstance(task, FilmTask):
            super()._submit(task, adjust=adjust)
            return
        content = task.content
        assert content is not None
        try:
            task.job = self.session.restyle(
                content.picture,
                task.pictures,
                replace(task.settings, composite=_film(task).composite),
                mask=content.mask,
                layer=task.target.layer,
                title=task.title,
                note=encode_note(content.place, task.document),
                remember=not task.done,  # one entry in the history, and not one for each frame
                previous=task.previous() if task.settings.steadiness else [],
                background=True,
            )
        except Exception as error:
            self._fail(task, as_velatura_error(error))
            return
        self.tasks[task.job] = task

    def on_finished(self, job: str, done: Finished) -> None:
        task = self.tasks.get(job)
        if not isinstance(task, FilmTask):
            super().on_finished(job, done)
            return
        del self.tasks[job]
        frame, content = task.frame, task.content
        if task.over or task.job != job or frame is None or content is None:
            self.session.acknowledge(done)  # while it was arriving, the film was stopped
            return
        task.job, task.writing = "", job
        write = _film(task).write(frame, done.picture, done.result.left, done.result.top)
        self._step(task, write, lambda _: self._on_written(task, frame, content.picture, done))

    def _on_written(self, task: FilmTask, frame: int, content: Picture, done: Finished) -> None:
        task.writing = ""
        task.keep(frame, content, done)
        excess = task.acknowledge_later(done)
        if excess is not None:
            self.session.acknowledge(excess)
        self._on_frame_done(task)

    def _on_repeated(self, task: FilmTask, frame: int, like: int) -> None:
        task.keep_repeated(frame, like)
        self._on_frame_done(task)

    def _on_frame_done(self, task: FilmTask) -> None:
        task.number += 1
        self._advance(task)

    # --- the end -----------------------------------------------------------------------------------------
    def _insert(self, task: FilmTask) -> None:
        task.inserting = True
        if task is self.current:
            self.show_message(strings.INSERTING)
        self._step(task, _film(task).insert(task.recipe), lambda placed: self._on_film_placed(task, placed))

    def _on_film_placed(self, task: FilmTask, placed: Placed) -> None:
        task.over = True
        self._close(task)
        for done in task.results:
            self.session.acknowledge(done)
        count, all_frames, seconds = len(task.done), len(task.frames), time.monotonic() - task.started_at
        if task.stopping:
            sentence: str = strings.FRAMES_KEPT.format(name=task.name, done=count, count=all_frames)
        elif not placed.is_layer:
            sentence = strings.DONE_NEW_IMAGE
        else:
            sentence = strings.film_done(task.name, count, seconds)
        sentence = sentences(sentence, placed.note)
        self._end(task, sentence)
        if task.error is not None:
            self.show_error(task.error)
        self.on_inserted(task, sentence)
        if not self.is_busy:
            self.invalidate_target()  # the preview shows the last frame, not that at the time slider

    def _close(self, task: FilmTask) -> None:
        if task.film is not None:
            task.film.close()
            task.film = None
        task.pairs.clear()
        self._films = tuple(film for film in self._films if film is not task)

    def _end(self, task: RestyleTask, sentence: str) -> None:
        """Afterwards a film that went on meanwhile is the latest restyle again."""
        super()._end(task, sentence)
        running = [film for film in self._films if not film.over]
        if task is self.current and task.over and running:
            self.current = running[-1]
            if self.window is not None:
                self.window.set_busy()
            self.on_busy_changed()

    # --- interruptions -----------------------------------------------------------------------------------
    def cancel(self) -> None:
        """Cancel the latest restyle. The frames that are done are kept."""
        task = self.current
        if not isinstance(task, FilmTask) or task.over:
            super().cancel()
        elif task.has_results:
            self._stop(task)
        else:
            is_waiting = bool(task.job)
            super().cancel()
            if is_waiting:
                self._close(task)

    def _stop(self, task: FilmTask) -> None:
        """Begin no other frame, and insert those that are done."""
        task.stopping = True
        job, task.job = task.job, ""
        if job:
            self.tasks.pop(job, None)
            self.session.cancel(job)
            self._advance(task)

    def _supersede(self, old: RestyleTask | None, new: RestyleTask) -> None:
        """A film of another layer goes on, and one of the same layer ends with the frames that are done."""
        if not isinstance(old, FilmTask):
            super()._supersede(old, new)
        elif not old.over and not old.inserting and old.target.layer == new.target.layer:
            if old.has_results:
                self._stop(old)
            else:
                old.over = True
                if old.job:
                    self.session.cancel(old.job)
                    self._close(old)

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        task = self.tasks.get(job)
        if isinstance(task, FilmTask) and task.job == job and task.done and not task.over:
            del self.tasks[job]  # by the daemon, or replaced by a restyle of the same layer
            task.job, task.stopping = "", True
            self._advance(task)
            return
        super().on_cancelled(job, replaced_by)
        if isinstance(task, FilmTask):
            self._close(task)

    def _fail(self, task: RestyleTask, error: VelaturaError) -> None:
        if not isinstance(task, FilmTask):
            super()._fail(task, error)
        elif task.done and not task.inserting and not task.over and task.film is not None:
            task.job, task.writing, task.stopping, task.error = "", "", True, error
            self._advance(task)
        else:
            self._close(task)
            super()._fail(task, error)

    def _adjust(self) -> None:
        task = self.current
        if not isinstance(task, FilmTask) or task.over or self.window is None:
            super()._adjust()
            return
        self._adjust_timer.stop()  # a film keeps the settings that it was started with
        settings = replace(self.window.settings(), steadiness=task.settings.steadiness)
        task.is_outdated = (settings, self.window.chosen_styles()) != (task.settings, task.styles)

    def close(self) -> None:
        for task in self._films:
            task.over = True
            self._close(task)
        super().close()

    # --- messages ------------------------------------------------------------------------------------------
    def on_message(self, job: str, sentence: str) -> None:
        task = self.tasks.get(job)
        if isinstance(task, FilmTask):
            sentence = strings.FRAME_MESSAGE.format(number=task.number + 1, count=len(task.frames), message=sentence)
        super().on_message(job, sentence)

    def on_progress(self, job: str, progress: Progress) -> None:
        task = self.tasks.get(job)
        if not isinstance(task, FilmTask):
            super().on_progress(job, progress)
            return
        overall = task.overall(progress)
        super().on_progress(job, overall)
        if self._is_current(job) and self.window is not None:
            message = strings.progress(overall)
            if task.is_outdated:
                message = strings.FRAMES_SETTINGS_LATER.format(message=message)
            self.window.show_message(
                strings.FRAME_MESSAGE.format(number=task.number + 1, count=len(task.frames), message=message)
            )

    def on_saved(self, items: list[SavedItem]) -> None:
        """Results of a running film are not lost: they are not counted."""
        kept = {job for task in self._films for job in (task.writing, *(done.job for done in task.results))}
        super().on_saved([item for item in items if item.job not in kept])


def _film(task: FilmTask) -> Film:
    assert task.film is not None
    return task.film

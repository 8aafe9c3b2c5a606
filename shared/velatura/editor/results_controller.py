"""Controls the window of saved results and the history.

It lists finished results, stopped restyles and past restyles, inserts results into the document, and resumes stopped
restyles. Each plugin provides its window, its canvas and its event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from velatura import strings
from velatura.client.events import Finished
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.background import Steps
from velatura.editor.event_loop import Loop
from velatura.editor.file_paths import is_file
from velatura.editor.placement import Placed, RecoveredResult
from velatura.editor.recipe import Recipe
from velatura.editor.session import Session
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.i18n import sentences
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress

MAX_ENTRIES = 200  # of the history


class Canvas(Protocol):
    """The editor's documents. Long operations are generators that yield every few milliseconds."""

    def insert_recovered(self, recovered: RecoveredResult) -> Generator[None, None, Placed]:
        """Insert a result as a new layer of the current document, in one undo step.

        If no document is open, it is opened as a new picture.
        """

    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """Open a result as a new picture."""


class Window(Protocol):
    """The editor's window of saved results and the history."""

    def show_items(self, items: list[SavedItem]) -> None: ...
    def show_history(self, entries: list[HistoryEntry]) -> None: ...
    def set_busy(self) -> None: ...
    def set_idle(self) -> None: ...
    def show_progress(self, progress: Progress) -> None: ...
    def show_preview(self, preview: Preview) -> None: ...
    def show_message(self, sentence: str) -> None: ...
    def show_error(self, error: VelaturaError) -> None: ...


class ResultsController:
    """Serves one opening of the window. It works on one item at a time."""

    def __init__(
        self, program: str, loop: Loop, canvas: Canvas, window: Window, on_listed: Callable[[list[SavedItem]], object]
    ) -> None:
        """on_listed: called with the saved items whenever they change."""
        self.canvas, self.window, self._on_listed = canvas, window, on_listed
        self.session = Session(program, loop, self)
        self.steps = Steps(loop)
        self.items: list[SavedItem] = []
        self.entries: list[HistoryEntry] = []
        self.active_item: SavedItem | None = None
        self._is_closing = False  # once a result is inserted
        self._announce_count = False  # whether to show a message with the number of items of the next list

    # --- commands --------------------------------------------------------------------------------------
    def refresh(self) -> None:
        """Update the lists. Starts the daemon if none is running."""
        self._is_closing = False  # the window has been opened again
        if self.active_item is None:
            self.window.set_idle()
        self.window.show_message(strings.LOADING_RESULTS)
        self.entries, self._announce_count = [], True
        self._try(self.session.request_lists)

    def insert(self, item: SavedItem) -> None:
        """Insert a finished result as a layer, or a stopped restyle's picture as it was when it stopped."""
        self._activate(item, self.session.fetch if item.finished else self.session.fetch_partial)

    def resume(self, item: SavedItem) -> None:
        """Finish a stopped restyle and insert it as a layer."""
        self._activate(item, self.session.resume)

    def _activate(self, item: SavedItem, command: Callable[[SavedItem], None]) -> None:
        if self.active_item is None:
            self.active_item = item
            self.window.set_busy()
            if not self._try(lambda: command(item)):
                self._deactivate()

    def stop(self) -> None:
        """Stop the running restyle. The daemon saves its progress."""
        if self.active_item is not None and not self.steps.busy:
            self.session.disconnect()
            self._deactivate()
            self.entries = []
            if self._try(self.session.request_lists):
                self.window.show_message(strings.STOPPED)

    def forget(self, item: SavedItem) -> None:
        """Delete an item, unless it is the active one."""
        if item is not self.active_item and self._try(lambda: self.session.drop(item)):
            self._remove(item)
            self.window.show_message(strings.DELETED)

    def close(self) -> None:
        """Disconnect when the window closes. The daemon saves the progress of a running restyle.

        A result that is being inserted is acknowledged first. The window may be gone already; one that is shown again
        becomes idle with the next `refresh`.
        """
        self._is_closing = self.steps.busy
        if not self._is_closing:
            self.session.disconnect()
            self.active_item = None

    def _try(self, command: Callable[[], None]) -> bool:
        """Run a command and show its error. Returns whether it succeeded."""
        try:
            command()
        except VelaturaError as error:
            self.window.show_error(error)
            return False
        return True

    # --- events of the session -------------------------------------------------------------------------
    def on_connected(self) -> None:
        """Nothing to do: the lists were requested already."""

    def on_saved(self, items: list[SavedItem]) -> None:
        self.items = items
        self.window.show_items(items)
        self._on_listed(items)
        if self._announce_count:
            self._announce_count = False
            self.window.show_message(strings.recoverable_results(len(items)) or strings.NOTHING_TO_RECOVER)

    def on_history(self, entries: list[HistoryEntry]) -> None:
        """Append a part of the history and request the next part; each holds as much as fits into a message."""
        known = {entry.number for entry in self.entries}
        self.entries = [*self.entries, *(entry for entry in entries if entry.number not in known)][:MAX_ENTRIES]
        self.window.show_history(self.entries)
        if entries and len(self.entries) < MAX_ENTRIES and entries[-1].number > 1:
            self._try(lambda: self.session.request_more_history(entries[-1].number))

    def on_message(self, job: str, sentence: str) -> None:
        if self._is_active(job):
            self.window.show_message(sentence)

    def on_progress(self, job: str, progress: Progress) -> None:
        if self._is_active(job):
            self.window.show_progress(progress)

    def on_preview(self, job: str, preview: Preview) -> None:
        if self._is_active(job):
            self.window.show_preview(preview)

    def on_estimate(self, sentence: str) -> None:
        """Never called: this controller requests no estimates."""

    def on_finished(self, job: str, done: Finished) -> None:
        """Insert the result as a layer, or open it as a picture if that fails, and then acknowledge it."""
        item = self.active_item
        if item is None or item.job != job:
            return  # it stays in the list
        self.window.show_message(strings.INSERTING)
        name = strings.result_name([style.name for style in item.styles], item.settings)
        styles = [Style(style.path, style.name, style.share) for style in item.styles]
        recovered = RecoveredResult(Recipe.of(name, item.settings, styles), item.layer, item.note, done)
        self.steps.run(
            self.canvas.insert_recovered(recovered),
            lambda placed: self._on_placed(item, recovered, placed),
            lambda error: self._open_as_picture(item, recovered, error),
        )

    def _open_as_picture(self, item: SavedItem, recovered: RecoveredResult, reason: VelaturaError) -> None:
        def on_opened(_: object) -> None:
            self._on_placed(item, recovered, Placed(is_layer=False))
            self.window.show_message(sentences(reason.sentence, strings.DONE_NEW_IMAGE))

        def on_failed(error: VelaturaError) -> None:
            self._deactivate()
            self.window.show_error(error)

        self.steps.run(self.canvas.open_as_picture(recovered.picture, recovered.name), on_opened, on_failed)

    def _on_placed(self, item: SavedItem, recovered: RecoveredResult, placed: Placed) -> None:
        self.session.acknowledge(recovered.finished)
        self._deactivate()
        self._remove(item)
        sentence = strings.RECOVERED.format(name=recovered.name) if placed.is_layer else strings.DONE_NEW_IMAGE
        self.window.show_message(sentences(sentence, placed.note))

    def on_cancelled(self, job: str, replaced_by: str) -> None:
        if self._is_active(job):
            self._deactivate()
            self.window.show_message(strings.REPLACED)

    def on_failed(self, job: str, error: VelaturaError) -> None:
        if job and not self._is_active(job):
            return
        self._deactivate()
        self.window.show_error(error)
        self.session.refresh_saved()

    def _is_active(self, job: str) -> bool:
        return self.active_item is not None and self.active_item.job == job

    def _deactivate(self) -> None:
        if self._is_closing:
            self._is_closing = False
            self.session.disconnect()
        if self.active_item is not None:
            self.active_item = None
            self.window.set_idle()

    def _remove(self, item: SavedItem) -> None:
        self.items = [other for other in self.items if other.job != item.job]
        self.window.show_items(self.items)
        self._on_listed(self.items)


def styles_of(entry: HistoryEntry) -> tuple[list[Style], str]:
    """Return the styles of a past restyle whose files still exist, and a sentence for the user about the others."""
    available = [
        Style(style.path, style.name, style.share) for style in entry.styles if style.path and is_file(style.path)
    ]
    paths = {style.path for style in available}
    missing = [style for style in entry.styles if style.path not in paths]
    if not missing:
        return available, strings.SETTINGS_LOADED
    first = missing[0]
    if not first.path:
        return available, strings.STYLE_FILE_UNKNOWN.format(name=strings.style_text(first.name))
    return available, strings.STYLE_FILE_MISSING.format(name=strings.style_text(first.name), path=first.path)

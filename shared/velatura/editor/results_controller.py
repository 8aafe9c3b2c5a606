"""The way of what is kept, in an editor: lists of results, of restyles that were stopped and of the history; from a
list into the document, or into the window again. Each editor's plugin brings its window, its canvas and its event
loop."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Protocol

from velatura import strings
from velatura.client.client import Finished
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor.background import Steps
from velatura.editor.event_loop import Loop
from velatura.editor.placement import RecoveredResult
from velatura.editor.session import Session
from velatura.editor.ui_state import Style
from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress

MOST_LINES = 200  # of the history


class Canvas(Protocol):
    """The editor's side. Its work is generators that yield every few milliseconds."""

    def put_back(self, recovered: RecoveredResult) -> Generator[None, None, bool]:
        """A new layer in the current document, in one undo step. Returns False where a new picture took it: none is
        open."""

    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """The result as a picture of its own."""


class Window(Protocol):
    """What the desk says to the editor's window."""

    def show_items(self, items: list[SavedItem]) -> None: ...
    def show_history(self, lines: list[HistoryEntry]) -> None: ...
    def be_busy(self) -> None: ...
    def be_idle(self) -> None: ...
    def show_progress(self, progress: Progress) -> None: ...
    def show_preview(self, preview: Preview) -> None: ...
    def say(self, sentence: str) -> None: ...
    def say_error(self, error: VelaturaError) -> None: ...


class ResultsController:
    """One for each time that the window is opened. It has one thing in hand at a time."""

    def __init__(
        self, program: str, loop: Loop, canvas: Canvas, window: Window, listed: Callable[[list[SavedItem]], object]
    ) -> None:
        """listed: told what is kept, whenever that is known anew."""
        self.canvas, self.window, self._listed = canvas, window, listed
        self.session = Session(program, loop, self)
        self.steps = Steps(loop)
        self.items: list[SavedItem] = []
        self.lines: list[HistoryEntry] = []
        self.in_hand: SavedItem | None = None
        self._counting = False  # whether the next list is to be said in words

    # --- what the person wants -------------------------------------------------------------------------
    def look(self) -> None:
        """Bring the lists up to date; the daemon is started where there is none."""
        self.window.say(strings.ASKING)
        self.lines, self._counting = [], True
        self._try(self.session.look)

    def insert(self, item: SavedItem) -> None:
        """A result as a layer; a stopped restyle's picture as far as it got."""
        self._take_up(item, self.session.fetch if item.finished else self.session.take_as_it_is)

    def go_on(self, item: SavedItem) -> None:
        """Work on from where it was stopped; then it becomes a layer."""
        self._take_up(item, self.session.go_on)

    def _take_up(self, item: SavedItem, how: Callable[[SavedItem], None]) -> None:
        if self.in_hand is None:
            self.in_hand = item
            self.window.be_busy()
            if not self._try(lambda: how(item)):
                self._let_go()

    def stop(self) -> None:
        """Let go of what is in work; what is done of it is kept."""
        if self.in_hand is not None and not self.steps.busy:
            self.session.hang_up()
            self._let_go()
            self.lines = []
            if self._try(self.session.look):
                self.window.say(strings.STOPPED)

    def forget(self, item: SavedItem) -> None:
        if item is not self.in_hand and self._try(lambda: self.session.drop(item)):
            self._without(item)
            self.window.say(strings.FORGOTTEN)

    def close(self) -> None:
        """The window closes; what is in work is kept as far as it got."""
        self.session.hang_up()

    def _try(self, do: Callable[[], None]) -> bool:
        try:
            do()
        except VelaturaError as error:
            self.window.say_error(error)
            return False
        return True

    # --- what the session tells ------------------------------------------------------------------------
    def connected(self) -> None:
        """The lists are on their way."""

    def kept(self, items: list[SavedItem]) -> None:
        self.items = items
        self.window.show_items(items)
        self._listed(items)
        if self._counting:
            self._counting = False
            self.window.say(strings.kept(len(items)) or strings.NOTHING_KEPT)

    def past(self, lines: list[HistoryEntry]) -> None:
        """As much as fits into a message; the rest is asked for."""
        known = {line.number for line in self.lines}
        self.lines = [*self.lines, *(line for line in lines if line.number not in known)][:MOST_LINES]
        self.window.show_history(self.lines)
        if lines and len(self.lines) < MOST_LINES and lines[-1].number > 1:
            self._try(lambda: self.session.look_further(lines[-1].number))

    def said(self, job: str, sentence: str) -> None:
        if self._is_in_hand(job):
            self.window.say(sentence)

    def progressed(self, job: str, progress: Progress) -> None:
        if self._is_in_hand(job):
            self.window.show_progress(progress)

    def previewed(self, job: str, preview: Preview) -> None:
        if self._is_in_hand(job):
            self.window.show_preview(preview)

    def estimated(self, sentence: str) -> None:
        """It asks for none."""

    def finished(self, job: str, done: Finished) -> None:
        """It becomes a layer, or else a picture; then the daemon may forget it."""
        item = self.in_hand
        if item is None or item.job != job:
            return  # it stays in the list
        self.window.say(strings.INSERTING)
        recovered = RecoveredResult(
            strings.result_name([style.name for style in item.styles], item.settings), item.layer, item.note, done
        )
        self.steps.run(
            self.canvas.put_back(recovered),
            lambda beside: self._stands(item, recovered, beside),
            lambda error: self._open(item, recovered, error),
        )

    def _open(self, item: SavedItem, recovered: RecoveredResult, why: VelaturaError) -> None:
        """No document took it: it becomes a picture of its own."""

        def opened(_: object) -> None:
            self._stands(item, recovered, beside=False)
            self.window.say(f"{why.sentence} {strings.DONE_PICTURE}")

        def lost(error: VelaturaError) -> None:
            self._let_go()
            self.window.say_error(error)

        self.steps.run(self.canvas.open_as_picture(recovered.picture, recovered.name), opened, lost)

    def _stands(self, item: SavedItem, recovered: RecoveredResult, beside: bool) -> None:
        self.session.received(recovered.done)
        self._let_go()
        self._without(item)
        self.window.say(strings.RECOVERED.format(name=recovered.name) if beside else strings.DONE_PICTURE)

    def cancelled(self, job: str, replaced_by: str) -> None:
        if self._is_in_hand(job):
            self._let_go()
            self.window.say(strings.REPLACED)

    def failed(self, job: str, error: VelaturaError) -> None:
        if job and not self._is_in_hand(job):
            return
        self._let_go()
        self.window.say_error(error)
        self.session.glance()

    def _is_in_hand(self, job: str) -> bool:
        return self.in_hand is not None and self.in_hand.job == job

    def _let_go(self) -> None:
        if self.in_hand is not None:
            self.in_hand = None
            self.window.be_idle()

    def _without(self, item: SavedItem) -> None:
        self.items = [one for one in self.items if one.job != item.job]
        self.window.show_items(self.items)
        self._listed(self.items)


def styles_of(line: HistoryEntry) -> tuple[list[Style], str]:
    """A past restyle's styles, as far as their files are still there, and a sentence about those that are not."""
    there = [
        Style(style.path, style.name, style.share) for style in line.styles if style.path and Path(style.path).is_file()
    ]
    paths = {style.path for style in there}
    gone = [style for style in line.styles if style.path not in paths]
    if not gone:
        return there, strings.USED_AGAIN
    first = gone[0]
    if not first.path:
        return there, strings.STYLE_OF_NO_FILE.format(name=first.name or strings.STYLE)
    return there, strings.STYLE_GONE.format(name=first.name or strings.STYLE, path=first.path)

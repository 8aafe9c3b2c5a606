"""The way of a restyle in an editor, from the click to the layer: the window asks, the canvas gives pixels, the session
works, the canvas takes the result. Each editor's plugin brings its window, its canvas and its event loop."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from velatura import strings
from velatura.app_dirs import places
from velatura.client.client import Finished, GivenStyle
from velatura.client.launch import terminal_command
from velatura.client.saved_results import HistoryEntry, SavedItem
from velatura.editor import ui_state
from velatura.editor.background import Failed, Steps, Thread, as_velatura_error
from velatura.editor.event_loop import Loop
from velatura.editor.placement import note_of
from velatura.editor.report import report
from velatura.editor.results_controller import styles_of
from velatura.editor.session import Session
from velatura.editor.style_regions import Place
from velatura.editor.ui_state import Style
from velatura.errors import (
    DaemonCannotStart,
    DaemonLost,
    DaemonNotRunning,
    NothingToRestyle,
    RegionElsewhere,
    VelaturaError,
)
from velatura.pixels import Picture
from velatura.protocol.messages import Preview, Progress
from velatura.settings import StyleSettings

LOOK_EVERY = 500  # ms between looks at what would be restyled, while the window is open
TURN_PATIENCE = 400  # ms after the last turn of a knob before a restyle in work is asked for anew
ASK_PATIENCE = 400  # ms after the last change before it is asked how long a restyle would take
STYLES_KEPT = 8  # decoded pictures
_NOTHING_SEEN = object()  # no key of a target, not even that of none


class Target(Protocol):
    """What is restyled: a layer, where, and the selection as it was."""

    @property
    def layer(self) -> str:
        """A name for the daemon: a newer job for the same layer takes the older one's place."""

    @property
    def name(self) -> str:
        """The layer's, for people."""

    @property
    def document_name(self) -> str: ...


class Content(Protocol):
    """A target's pixels, and the selection over them."""

    @property
    def picture(self) -> Picture: ...
    @property
    def mask(self) -> Picture | None: ...
    @property
    def place(self) -> Place:
        """Where it lay on the canvas when it was read."""


class Canvas(Protocol):
    """The editor's side. Its long work is generators that yield every few milliseconds."""

    def current_target(self) -> Any:
        """Raises NothingToRestyle with what to do."""

    def current_key(self) -> object:
        """Changes when what would be restyled does; cheap to ask."""

    def describe(self, target: Any) -> str:
        """What the window says will be restyled."""

    def size(self, target: Any) -> tuple[int, int]:
        """Of what would be read, in pixels."""

    def thumbnail(self, target: Any, side: int) -> Any:
        """The target as it is, small, as the window shows pictures: something to look at before the first preview."""

    def read(self, target: Any) -> Generator[None, None, Any]:
        """Returns the target's Content; the layer is not touched."""

    def insert(self, target: Any, picture: Picture, left: int, top: int, name: str) -> Generator[None, None, bool]:
        """A new layer above the target, in one undo step. left, top: where the picture's box lies in what was read.
        Returns False where a new picture took it. Raises LayerGone."""

    def open_as_picture(self, picture: Picture, name: str) -> Generator[None, None, None]:
        """A result as a picture of its own, where the one it was for has gone."""

    def version(self) -> str: ...


class Window(Protocol):
    """What the desk says to the editor's window."""

    def is_shown(self) -> bool: ...
    def settings(self) -> StyleSettings: ...
    def chosen(self) -> list[Style]: ...
    def preview_side(self) -> int:
        """Pixels that the larger side of a preview has."""

    def show_target(self, sentence: str) -> None: ...
    def show_before(self, thumbnail: Any) -> None: ...
    def forget_regions(self) -> None:
        """They are of another picture: every style goes everywhere again."""

    def show_estimate(self, sentence: str) -> None:
        """How long it would take; '' where that is not known."""

    def show_kept(self, sentence: str) -> None:
        """What of earlier restyles is kept, with a button that leads there; '' where nothing is."""

    def take_over(self, recent: list[Style], styles: list[Style], settings: StyleSettings) -> None:
        """Set the knobs, and choose these styles."""

    def be_busy(self) -> None: ...
    def be_idle(self) -> None: ...
    def show_progress(self, progress: Progress) -> None: ...
    def show_preview(self, preview: Preview) -> None: ...
    def say(self, sentence: str) -> None: ...
    def say_error(self, error: VelaturaError, *, command: bool, document: bool) -> None:
        """command, document: offer to copy the daemon's command, to open the result as a picture of its own."""


@dataclass
class RestyleTask:
    """One restyle from the first click to the layer."""

    target: Target
    styles: list[Style]
    settings: StyleSettings
    title: str  # of the layer
    document: str  # its name: when the pixels are read it may be closed already
    began: float = field(default_factory=time.monotonic)
    content: Content | None = None
    pictures: list[GivenStyle] = field(default_factory=list)
    job: str = ""
    over: bool = False  # cancelled, failed or done
    done: Finished | None = None

    @property
    def name(self) -> str:
        return strings.result_name([style.name for style in self.styles], self.settings)


class RestyleController:
    """Keeps errands, and the window up to date with the latest of them."""

    def __init__(self, program: str, loop: Loop, canvas: Canvas, read_style: Callable[[str], Picture]) -> None:
        """program: 'krita', 'gimp'. read_style: a file's picture with its hash known; called on threads."""
        self.program, self.canvas, self.read_style = program, canvas, read_style
        self.places = places()
        self.remembered = ui_state.load(self.places, program)
        self.session = Session(program, loop, self)
        self.steps, self.thread = Steps(loop), Thread(loop)
        self.window: Window | None = None
        self.errands: dict[str, RestyleTask] = {}  # by job
        self.current: RestyleTask | None = None
        self.homeless: RestyleTask | None = None  # its result has lost its layer, and may be opened as a picture
        self.history: list[str] = []  # what the window said, for a report
        self.last_error: VelaturaError | None = None
        self._style_pictures: dict[tuple[str, int], Picture] = {}
        self._turned = loop.timer(self._ask_anew)
        self._asking = loop.timer(self._ask_estimate)
        self._seen_target: object = _NOTHING_SEEN
        self._looking = loop.timer(self.look_at_target)

    # --- what an editor's desk adds --------------------------------------------------------------------
    def open_window(self) -> None:
        """Show the window, a new one where there is none; without one nothing more can be said."""

    def open_results(self) -> None:
        """Show what is kept, and the history."""

    def to_clipboard(self, text: str) -> None:
        raise NotImplementedError

    def inserted(self, errand: RestyleTask, sentence: str) -> None:
        """The result stands in the document."""

    @property
    def is_busy(self) -> bool:
        return self.current is not None and not self.current.over

    # --- before an errand ------------------------------------------------------------------------------
    def keep_looking(self) -> None:
        """While the window is shown, it says what would be restyled."""
        self._looking.start(LOOK_EVERY)
        self.look_at_target()
        self.session.glance()

    def forget_target(self) -> None:
        """A new window has not been told yet."""
        self._seen_target = _NOTHING_SEEN

    def look_at_target(self) -> None:
        """Bring the window's line and picture of it up to date."""
        if self.window is None or not self.window.is_shown():
            self._looking.stop()
            return
        key = self.canvas.current_key()
        if self.is_busy or key == self._seen_target:
            return
        self._seen_target = key
        try:
            target = self.canvas.current_target()
            self.window.show_target(self.canvas.describe(target))
            self.window.show_before(self.canvas.thumbnail(target, self.window.preview_side()))
            self._asking.start(ASK_PATIENCE)
        except VelaturaError as error:
            self.window.show_target(error.sentence)
            self.window.show_estimate("")

    def _ask_estimate(self) -> None:
        """How long a restyle would take, while nothing else is on."""
        self._asking.stop()
        if self.window is None or not self.window.is_shown() or self.is_busy:
            return
        try:
            self.session.estimate(*self.canvas.size(self.canvas.current_target()), self.window.settings())
        except VelaturaError:
            self.window.show_estimate("")

    def estimated(self, sentence: str) -> None:
        if self.window is not None:
            self.window.show_estimate(sentence)

    # --- an errand, in the order of its stages ---------------------------------------------------------
    def start(self) -> None:
        """The window's button."""
        assert self.window is not None
        self.begin(self.window.chosen(), self.window.settings())

    def begin(self, styles: list[Style], settings: StyleSettings) -> None:
        try:
            if not styles:
                raise NothingToRestyle(strings.NO_STYLE_CHOSEN)
            target: Target = self.canvas.current_target()
            errand = RestyleTask(target, styles, settings, target.name, target.document_name)
        except Exception as error:
            self.show_error(as_velatura_error(error))
            return
        self._retire(self.current, errand)
        self.current = errand
        self.remembered.used(styles, settings)
        kept = ui_state.UiState(settings, styles, list(self.remembered.recent))
        self.thread.run(lambda: ui_state.save(self.places, self.program, kept), _nothing, self.show_error)
        if self.window is not None:
            self.window.be_busy()
        self.say(strings.READING)
        self.steps.run(
            self.canvas.read(errand.target),
            lambda content: self._has_read(errand, content),
            lambda error: self._fail(errand, error),
        )

    def _retire(self, old: RestyleTask | None, new: RestyleTask) -> None:
        """A newer restyle of the same layer takes the older one's place from the click on: a cancel of the newer leaves
        none."""
        if old is None or old.over or old.done is not None:
            return
        if not old.job:
            old.over = True  # it was still being read
        elif old.target.layer == new.target.layer:
            old.over = True
            self.session.cancel(old.job)

    def _has_read(self, errand: RestyleTask, content: Content) -> None:
        errand.content = content
        self._decode(
            content,
            errand.styles,
            lambda pictures: self._send(errand, pictures),
            lambda error: self._fail(errand, error),
        )

    def _decode(
        self, content: Content, styles: list[Style], then: Callable[[list[GivenStyle]], object], failed: Failed
    ) -> None:
        """On a thread: hashes of what was read, pictures of the styles, their regions. then: gets what is given for
        each."""
        known, keys = dict(self._style_pictures), [_key(style) for style in styles]

        def hash_and_decode() -> tuple[dict[tuple[str, int], Picture], list[Picture | None]]:
            for picture in (content.picture, content.mask):  # joins and hashes
                _ = picture.ref if picture is not None else None
            regions = [style.region_over(content.place) for style in styles]
            for region in regions:
                _ = region.ref if region is not None else None
            return {key: known.get(key) or self.read_style(key[0]) for key in keys}, regions

        def keep(decoded: tuple[dict[tuple[str, int], Picture], list[Picture | None]]) -> None:
            pictures, regions = decoded
            self._style_pictures = dict([*self._style_pictures.items(), *pictures.items()][-STYLES_KEPT:])
            then(
                [
                    GivenStyle(pictures[key], style.share, region, style.name, style.path)
                    for key, style, region in zip(keys, styles, regions, strict=True)
                ]
            )

        self.thread.run(hash_and_decode, keep, failed)

    def _send(self, errand: RestyleTask, pictures: list[GivenStyle]) -> None:
        errand.pictures = pictures
        if not errand.over:
            self._ask(errand, adjust=False)

    def _ask(self, errand: RestyleTask, *, adjust: bool) -> None:
        content = errand.content
        assert content is not None
        try:
            errand.job = self.session.restyle(
                content.picture,
                errand.pictures,
                errand.settings,
                mask=content.mask,
                layer=errand.target.layer,
                adjust=adjust,
                title=errand.title,
                note=note_of(content.place, errand.document),
            )
        except Exception as error:
            self._fail(errand, as_velatura_error(error))
            return
        self.errands[errand.job] = errand

    def finished(self, job: str, done: Finished) -> None:
        errand = self.errands.pop(job, None)
        if errand is None or errand.over or errand.job != job:
            self.session.received(done)
            return  # cancelled, or asked anew with other knobs, while it was on its way
        errand.done = done
        if errand is self.current:
            self.say(strings.INSERTING)
        work = self.canvas.insert(errand.target, done.picture, done.result.left, done.result.top, errand.name)
        self.steps.run(work, lambda beside: self._inserted(errand, beside), lambda error: self._fail(errand, error))

    def _inserted(self, errand: RestyleTask, beside_source: bool) -> None:
        errand.over = True
        assert errand.done is not None
        self.session.received(errand.done)
        sentence = strings.DONE.format(seconds=time.monotonic() - errand.began, name=errand.name)
        if not beside_source:
            sentence = strings.DONE_PICTURE
        self._end(errand, " ".join([sentence, *map(str, errand.done.result.notes)]))
        self.inserted(errand, sentence)

    def open_as_picture(self) -> None:
        """A result whose layer has gone."""
        errand = self.homeless
        if errand is not None and errand.done is not None:
            done = errand.done

            def opened(_: object) -> None:
                self.session.received(done)
                self.session.glance()
                self.say(strings.DONE_PICTURE)

            self.steps.run(self.canvas.open_as_picture(done.picture, errand.name), opened, self.show_error)

    # --- what can come between -------------------------------------------------------------------------
    def cancel(self) -> None:
        errand = self.current
        if errand is None or errand.over or errand.done is not None:
            return  # nothing to stop, or the layer is being made already
        errand.over = True
        if errand.job:
            self.session.cancel(errand.job)
        self._end(errand, strings.CANCELLED)

    def cancelled(self, job: str, replaced_by: str) -> None:
        errand = self.errands.pop(job, None)
        if errand is None or errand.over or errand.job != job:
            return  # asked anew with other knobs: the work goes on
        errand.over = True
        self._end(errand, strings.REPLACED if replaced_by else strings.CANCELLED)

    def turn(self) -> None:
        """A knob was turned: a restyle in work goes on with it; else it is asked how long one would take."""
        if self.current is not None and self.current.job and not self.current.over and self.current.done is None:
            self._turned.start(TURN_PATIENCE)
        else:
            self._asking.start(ASK_PATIENCE)

    def _ask_anew(self) -> None:
        self._turned.stop()
        errand = self.current
        if errand is None or errand.over or errand.done is not None or self.window is None:
            return
        settings, styles = self.window.settings(), self.window.chosen()
        if not styles or (settings, styles) == (errand.settings, errand.styles):
            return
        assert errand.content is not None
        # Until the styles can be read, what is in work stays what it is.
        self._decode(
            errand.content,
            styles,
            lambda pictures: self._send_anew(errand, styles, settings, pictures),
            self.show_error,
        )

    def _send_anew(
        self, errand: RestyleTask, styles: list[Style], settings: StyleSettings, pictures: list[GivenStyle]
    ) -> None:
        if errand.over or errand.done is not None:
            return  # the knob came too late
        if self.window is not None and (settings, styles) != (self.window.settings(), self.window.chosen()):
            return  # turned further meanwhile: that is asked next
        errand.settings, errand.styles, errand.pictures = settings, styles, pictures
        self.remembered.used(styles, settings)
        self._ask(errand, adjust=True)  # the work goes on from the picture in hand

    def failed(self, job: str, error: VelaturaError) -> None:
        errand = self.errands.pop(job, None)
        if errand is not None and errand.job == job:
            self._fail(errand, error)
        elif errand is None and not job:
            self.show_error(error)

    def _fail(self, errand: RestyleTask, error: VelaturaError) -> None:
        if errand.over:
            return  # it was cancelled
        errand.over = True
        if errand.done is not None:
            self.homeless = errand
        self._end(errand, "")
        self.show_error(error, document=errand.done is not None)
        if errand.job and isinstance(error, DaemonLost) and self.window is not None:
            self.window.show_kept(strings.KEPT_OF_IT)
        else:
            self.session.glance()  # it may have failed for want of memory or room, and can be gone on with

    # --- what is kept ----------------------------------------------------------------------------------
    def connected(self) -> None:
        self.session.glance()

    def kept(self, items: list[SavedItem]) -> None:
        waiting = [item for item in items if item.job not in self.errands]
        if self.window is not None:
            self.window.show_kept(strings.kept(len(waiting)))

    def past(self, lines: list[HistoryEntry]) -> None:
        """The results' window asks for them, by a session of its own."""

    def use_again(self, line: HistoryEntry) -> None:
        """The knobs and styles of a past restyle, into the window."""
        self.open_window()
        if self.window is not None:
            styles, sentence = styles_of(line)
            self.window.take_over(list(self.remembered.recent), styles, line.settings)
            self.say(sentence)

    # --- telling ---------------------------------------------------------------------------------------
    def said(self, job: str, sentence: str) -> None:
        if self._is_current(job):
            self.say(sentence)

    def progressed(self, job: str, progress: Progress) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_progress(progress)

    def previewed(self, job: str, preview: Preview) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_preview(preview)

    def _is_current(self, job: str) -> bool:
        return self.current is not None and self.current.job == job and not self.current.over

    def _end(self, errand: RestyleTask, sentence: str) -> None:
        if errand is self.current and self.window is not None:
            self.window.be_idle()
            self._asking.start(ASK_PATIENCE)
        if errand is self.current and sentence:
            self.say(sentence)

    def say(self, sentence: str) -> None:
        self.history.append(sentence)
        if self.window is not None:
            self.window.say(sentence)

    def show_error(self, error: VelaturaError, *, document: bool = False) -> None:
        self.last_error = error
        self.history.append(f"{error.code}: {error.sentence}")
        if self.window is None or not self.window.is_shown():
            self.open_window()
        if self.window is not None:
            if isinstance(error, RegionElsewhere):
                self.window.forget_regions()
            to_start = isinstance(error, (DaemonNotRunning, DaemonCannotStart))
            self.window.say_error(error, command=to_start, document=document)

    def copy_report(self) -> None:
        self.to_clipboard(report(self.places, self.canvas.version(), self.last_error, self.history))
        self.say(strings.COPIED)

    def copy_command(self) -> None:
        self.to_clipboard(terminal_command(self.places))
        self.say(strings.COPIED)

    def close(self) -> None:
        """The editor closes: the daemon is told, and drops what is in work."""
        for timer in (self._turned, self._looking, self._asking):
            timer.stop()
        self.session.close()


def _key(style: Style) -> tuple[str, int]:
    """Names a style's file as it is now."""
    try:
        return style.path, Path(style.path).stat().st_mtime_ns
    except OSError:
        return style.path, 0


def _nothing(_: object) -> None:
    pass

"""Where it comes together: the window asks, the canvas gives pixels, the session works, the canvas takes the result."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from pathlib import Path

from pastiche import remembered, words
from pastiche.client import Finished
from pastiche.errors import DaemonCannotStart, DaemonNotRunning, NothingToRestyle, PasticheError
from pastiche.launch import terminal_command
from pastiche.paths import places
from pastiche.pixels import LARGEST_STYLE_SIDE, Picture
from pastiche.remembered import Style
from pastiche.report import report
from pastiche.settings import StyleSettings

from . import canvas
from .background import Steps, Thread, as_pastiche_error
from .qt import QApplication, QObject, QTimer
from .session import Session
from .styles import read_picture
from .window import Window

PROGRAM = "krita"
LOOK_EVERY = 500  # ms between looks at which layer is active, while the window is open
TURN_PATIENCE = 400  # ms after the last turn of a knob before a restyle in work is asked for anew
ACTIVATE_AFTER = 200  # ms; Krita itself makes a new layer the active one, a little later
STYLES_KEPT = 8  # decoded pictures


@dataclass
class Errand:
    """One restyle from the first click to the layer."""

    target: canvas.Target
    styles: list[Style]
    settings: StyleSettings
    began: float = field(default_factory=time.monotonic)
    content: canvas.Content | None = None
    pictures: list[tuple[Picture, float]] = field(default_factory=list)
    job: str = ""
    over: bool = False  # cancelled, failed or done
    done: Finished | None = None

    @property
    def name(self) -> str:
        return words.result_name([style.name for style in self.styles], self.settings)


class Desk(QObject):
    """Keeps errands, and the window up to date with the latest of them."""

    def __init__(self) -> None:
        super().__init__()
        self.places = places()
        self.remembered = remembered.load(self.places, PROGRAM)
        self.session = Session(PROGRAM, self)
        self.steps, self.thread = Steps(self), Thread(self)
        self.window: Window | None = None
        self.errands: dict[str, Errand] = {}  # by job
        self.current: Errand | None = None
        self.kept: Errand | None = None  # its result has lost its layer, and may be opened as a document
        self.history: list[str] = []  # what the window said, for a report
        self.last_error: PasticheError | None = None
        self._earlier: dict[str, set[str]] = {}  # source layer → layers that came of it
        self._style_pictures: dict[tuple[str, int], Picture] = {}
        self._seen_target: object = None
        self._looking = _timer(self, LOOK_EVERY, self.look_at_target)
        self._turned = _timer(self, TURN_PATIENCE, self._ask_anew)
        self._turned.setSingleShot(True)
        for signal, do in ((self.session.said, self._said), (self.session.progressed, self._progressed),
                           (self.session.previewed, self._previewed), (self.session.finished, self._finished),
                           (self.session.failed, self._job_failed), (self.session.cancelled, self._cancelled)):  # fmt: skip
            signal.connect(do)

    # --- the two commands ------------------------------------------------------------------------------
    def open_window(self) -> None:
        beside = canvas.main_window()
        if beside is None:
            return  # Krita is closing
        if self.window is None:
            self.window = Window(self.places, lambda: canvas.style_sources(LARGEST_STYLE_SIDE), beside)
            self.window.destroyed.connect(self._lose_window)
            self.window.set_up(self.remembered)
            if self.current is not None and not self.current.over:
                self.window.be_busy()
            for signal, do in ((self.window.start_asked, self.start), (self.window.cancel_asked, self.cancel),
                               (self.window.changed, self._turn), (self.window.report_asked, self.copy_report),
                               (self.window.command_asked, self.copy_command),
                               (self.window.document_asked, self.open_as_document),
                               (self.window.shown, self.look_at_target)):  # fmt: skip
                signal.connect(do)
        self.window.show()
        self.window.raise_()
        self.window.activateWindow()
        self._looking.start()
        self.look_at_target()

    def _lose_window(self) -> None:
        """Krita's window has closed and taken ours with it; what is in work goes on until Krita itself closes."""
        self.window = None

    def restyle_again(self) -> None:
        """With what was set the last time, without the window."""
        chosen = self.window.gallery.chosen() if self.window is not None and self.window.isVisible() else []
        settings = self.window.settings() if chosen and self.window is not None else self.remembered.settings
        styles = chosen or self.remembered.styles
        if not styles:
            self.open_window()
            self._say(words.NO_LAST)
            return
        self.begin(styles, settings)

    def start(self) -> None:
        """The window's button."""
        assert self.window is not None
        self.begin(self.window.gallery.chosen(), self.window.settings())

    # --- an errand, in the order of its stages ---------------------------------------------------------
    def begin(self, styles: list[Style], settings: StyleSettings) -> None:
        try:
            if not styles:
                raise NothingToRestyle(words.NO_STYLE_CHOSEN)
            errand = Errand(canvas.current_target(), styles, settings)
        except Exception as error:
            self._show_error(as_pastiche_error(error))
            return
        if self.current is not None and not self.current.job:
            self.current.over = True  # it was still being read
        self.current = errand
        self.remembered.used(styles, settings)
        kept = remembered.Remembered(settings, styles, list(self.remembered.recent))
        self.thread.run(lambda: remembered.save(self.places, PROGRAM, kept), _nothing, self._show_error)
        if self.window is not None:
            self.window.be_busy()
        self._say(words.READING)
        self.steps.run(canvas.read(errand.target), lambda content: self._has_read(errand, content),
                       lambda error: self._fail(errand, error))  # fmt: skip

    def _has_read(self, errand: Errand, content: canvas.Content) -> None:
        errand.content = content
        known = dict(self._style_pictures)

        def hash_and_decode() -> dict[tuple[str, int], Picture]:
            for picture in (content.picture, content.mask):  # joins and hashes
                _ = picture.ref if picture is not None else None
            return {key: known.get(key) or read_picture(key[0]) for key in map(_key, errand.styles)}

        self.thread.run(hash_and_decode, lambda pictures: self._send(errand, pictures),
                        lambda error: self._fail(errand, error))  # fmt: skip

    def _send(self, errand: Errand, pictures: dict[tuple[str, int], Picture]) -> None:
        self._style_pictures = dict([*self._style_pictures.items(), *pictures.items()][-STYLES_KEPT:])
        errand.pictures = [(pictures[_key(style)], style.share) for style in errand.styles]
        if not errand.over and errand.done is None:
            self._ask(errand, adjust=bool(errand.job))  # asked before: the work goes on from the picture in hand

    def _ask(self, errand: Errand, *, adjust: bool) -> None:
        content = errand.content
        assert content is not None
        try:
            errand.job = self.session.restyle(content.picture, errand.pictures, errand.settings, mask=content.mask,
                                              layer=errand.target.layer, adjust=adjust)  # fmt: skip
        except Exception as error:
            self._fail(errand, as_pastiche_error(error))
            return
        self.errands[errand.job] = errand

    def _finished(self, job: str, done: Finished) -> None:
        errand = self.errands.pop(job, None)
        if errand is None or errand.over or errand.job != job:
            return  # cancelled, or asked anew with other knobs, while it was on its way
        errand.done = done
        if errand is self.current:
            self._say(words.INSERTING)
        source = errand.target.layer
        result = done.result
        work = canvas.insert(errand.target, done.picture, result.left, result.top, errand.name, self._earlier.get(source, set()))  # fmt: skip
        self.steps.run(work, lambda layer: self._inserted(errand, layer), lambda error: self._fail(errand, error))

    def _inserted(self, errand: Errand, layer: str) -> None:
        errand.over = True
        self._earlier.setdefault(errand.target.layer, set()).add(layer)
        QTimer.singleShot(ACTIVATE_AFTER, lambda: canvas.activate(errand.target))
        assert errand.done is not None
        sentence = words.DONE.format(seconds=time.monotonic() - errand.began, name=errand.name)
        self._end(errand, " ".join([sentence, *map(str, errand.done.result.notes)]))
        if self.window is None or not self.window.isVisible():
            canvas.say(sentence)

    # --- what can come between -------------------------------------------------------------------------
    def cancel(self) -> None:
        errand = self.current
        if errand is None or errand.over or errand.done is not None:
            return  # nothing to stop, or the layer is being made already
        errand.over = True
        if errand.job:
            self.session.cancel(errand.job)
        self._end(errand, words.CANCELLED)

    def _cancelled(self, job: str, replaced_by: str) -> None:
        errand = self.errands.pop(job, None)
        if errand is not None and not errand.over and errand.job == job and not replaced_by:
            errand.over = True
            self._end(errand, words.CANCELLED)

    def _turn(self) -> None:
        """A knob was turned: a restyle in work goes on with it."""
        if self.current is not None and self.current.job and not self.current.over and self.current.done is None:
            self._turned.start()

    def _ask_anew(self) -> None:
        errand = self.current
        if errand is None or errand.over or errand.done is not None or self.window is None:
            return
        settings, styles = self.window.settings(), self.window.gallery.chosen()
        if not styles or (settings, styles) == (errand.settings, errand.styles):
            return
        errand.settings, errand.styles = settings, styles
        self.remembered.used(styles, settings)
        assert errand.content is not None
        self._has_read(errand, errand.content)

    def _job_failed(self, job: str, error: PasticheError) -> None:
        errand = self.errands.pop(job, None)
        if errand is not None and errand.job == job:
            self._fail(errand, error)
        elif errand is None and not job:
            self._show_error(error)

    def _fail(self, errand: Errand, error: PasticheError) -> None:
        if errand.over:
            return  # it was cancelled
        errand.over = True
        if errand.done is not None:
            self.kept = errand
        self._end(errand, "")
        self._show_error(error, document=errand.done is not None)

    def open_as_document(self) -> None:
        """A result whose layer has gone."""
        errand = self.kept
        if errand is None or errand.done is None:
            return
        self.steps.run(canvas.open_as_document(errand.done.picture, errand.name),
                       lambda _: self._end(errand, words.DONE_DOCUMENT), self._show_error)  # fmt: skip

    # --- telling ---------------------------------------------------------------------------------------
    def _said(self, job: str, sentence: str) -> None:
        if self._is_current(job):
            self._say(sentence)

    def _progressed(self, job: str, progress: object) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_progress(progress)

    def _previewed(self, job: str, preview: object) -> None:
        if self._is_current(job) and self.window is not None:
            self.window.show_preview(preview)

    def _is_current(self, job: str) -> bool:
        return self.current is not None and self.current.job == job and not self.current.over

    def _end(self, errand: Errand, sentence: str) -> None:
        if errand is self.current and self.window is not None:
            self.window.be_idle()
        if errand is self.current and sentence:
            self._say(sentence)

    def _say(self, sentence: str) -> None:
        self.history.append(sentence)
        if self.window is not None:
            self.window.say(sentence)

    def _show_error(self, error: PasticheError, *, document: bool = False) -> None:
        self.last_error = error
        self.history.append(f"{error.code}: {error.sentence}")
        if self.window is None or not self.window.isVisible():
            self.open_window()
        if self.window is None:
            return
        to_start = isinstance(error, (DaemonNotRunning, DaemonCannotStart))
        self.window.say_error(error, command=to_start, document=document)

    def copy_report(self) -> None:
        text = report(self.places, f"Krita {canvas.version()}", self.last_error, self.history)
        QApplication.clipboard().setText(text)
        self._say(words.COPIED)

    def copy_command(self) -> None:
        QApplication.clipboard().setText(terminal_command(self.places))
        self._say(words.COPIED)

    # --- which layer -----------------------------------------------------------------------------------
    def look_at_target(self) -> None:
        """Keep the window's line about what would be restyled up to date."""
        if self.window is None or not self.window.isVisible():
            self._looking.stop()
            return
        key = canvas.current_key()
        busy = self.current is not None and not self.current.over
        if busy or key == self._seen_target:
            return
        self._seen_target = key
        try:
            target = canvas.current_target()
            self.window.show_target(canvas.describe(target))
            self.window.preview.set_before(canvas.thumbnail(target, max(self.window.preview.width(), 400)))
        except PasticheError as error:
            self.window.show_target(error.sentence)

    def close(self) -> None:
        """Krita closes: the daemon is told, and drops what is in work."""
        self._looking.stop()
        self.session.close()


def _key(style: Style) -> tuple[str, int]:
    """Names a style's file as it is now."""
    try:
        return style.path, Path(style.path).stat().st_mtime_ns
    except OSError:
        return style.path, 0


def _timer(parent: QObject, milliseconds: int, do: object) -> QTimer:
    timer = QTimer(parent)
    timer.setInterval(milliseconds)
    timer.timeout.connect(do)
    return timer


def _nothing(_: object) -> None:
    pass

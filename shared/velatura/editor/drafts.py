"""Quick drafts in the preview: half a second after a setting, a style or the layer has changed.

A draft restyles the layer at the size of the preview. If the user zooms in, a second one restyles the visible part at
its true size, with the scale and the targets of the whole layer. The next change replaces a draft, and the daemon
continues from the last one of the layer, so that most of them take a second. They are never inserted or saved.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from velatura.client.events import Finished, GivenStyle
from velatura.editor.background import Steps
from velatura.editor.event_loop import Loop
from velatura.editor.interfaces import Canvas, Content, Window
from velatura.editor.live import SETS
from velatura.editor.session import Session
from velatura.editor.style_loader import StyleLoader
from velatura.editor.ui_state import Style
from velatura.editor.window_place import Box
from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Preview
from velatura.settings import StyleSettings

DELAY = 500  # ms between the last change and a draft
DETAIL_DELAY = 200  # ms between the last zoom or pan and the draft of the visible part
SETTLE_DELAY = 3000  # ms without a change after which drafts that followed the canvas are made anew
MAX_FOLLOWED = 3  # changes of the layer that drafts follow before that: each adds a step, so marks grow stronger
MAX_SIDE = 512  # pixels: drafts are optimised up to this size
MIN_SIDE = 256  # pixels: a smaller draft has coarser strokes than the picture will have
MAX_DETAIL = 1_000_000  # pixels of a visible part; a draft of so many takes several seconds without a GPU
LAYER = "preview {layer}"  # the daemon's name for the drafts of a layer, apart from its restyles


class Owner(Protocol):
    """The controller that the drafts belong to."""

    session: Session
    steps: Steps
    style_loader: StyleLoader
    canvas: Canvas
    window: Window | None
    message_log: list[str]

    @property
    def is_busy(self) -> bool:
        """Whether a restyle is running."""

    def chosen_target(self) -> Any:
        """Return what would be restyled. Raises NothingToRestyle."""

    def chosen_target_key(self) -> object:
        """Return a value that changes whenever the chosen target does."""


@dataclass
class _Request:
    """A draft, from reading the layer to its result.

    part: of the layer, in its pixels; None: all of it. anew: it does not continue from the last one. key: of the
    content that is read for it. made_of: everything that the draft depends on, once that is known.
    """

    target: Any
    styles: list[Style]
    settings: StyleSettings
    part: Box | None
    anew: bool = False
    key: object = None
    made_of: tuple[Any, ...] | None = None


class Drafts:
    """Makes the drafts for the preview of a window. Its errors are not shown: a preview is nobody's work."""

    def __init__(self, owner: Owner, loop: Loop) -> None:
        self._owner = owner
        self._timer, self._detail_timer = loop.timer(self._start), loop.timer(self._start_detail)
        self._settle_timer = loop.timer(self._settle)
        self._followed = 0  # changes of the layer since the last draft that was made anew
        self.enabled = True
        self._request: _Request | None = None  # the latest one
        self._job = ""  # its job, while it is running
        self._done: tuple[Any, ...] | None = None  # what the finished draft in the preview was made of
        self._last_content: object = None  # of the last draft that was sent
        self._whole: tuple[object, Content] | None = None  # the content in its own pixels as it was read last, its key
        self._reading: set[object] = set()  # keys of the contents that are being read

    @property
    def running(self) -> bool:
        """Whether a draft is being made."""
        return self._request is not None

    # --- requests ----------------------------------------------------------------------------------------
    def request(self, delay: int = DELAY) -> None:
        """Make a draft after so many ms, unless there is another request before."""
        self._settle_timer.stop()
        if self.enabled:
            self._timer.start(max(1, delay))

    def request_detail(self) -> None:
        """Make a draft of the visible part, after a zoom or a pan."""
        if self.enabled:
            self._detail_timer.start(DETAIL_DELAY)

    def stop(self) -> None:
        """Stop what is running or about to start, for example since a restyle begins."""
        for timer in (self._timer, self._detail_timer, self._settle_timer):
            timer.stop()
        self._abandon()

    def enable(self, enabled: bool) -> None:
        """Switch drafts on or off."""
        self.enabled = enabled
        if enabled:
            self.request(0)
        else:
            self.stop()

    def forget(self) -> None:
        """Forget what the preview shows, since it shows something else now."""
        self._done, self._last_content, self._followed = None, None, 0
        self._whole = None  # up to 4 bytes for each pixel of a large layer

    def _abandon(self) -> None:
        job, self._job, self._request = self._job, "", None
        if job:
            self._owner.session.cancel(job)
        if self._owner.window is not None:
            self._owner.window.show_drafting(False)

    # --- the stages of a draft, in their order --------------------------------------------------------------
    def _start(self) -> None:
        self._timer.stop()
        self._begin(None)

    def _settle(self) -> None:
        if not self.running:  # otherwise the timer comes again
            self._settle_timer.stop()
            self._begin(None, anew=True)

    def _start_detail(self) -> None:
        self._detail_timer.stop()
        window, running = self._owner.window, self._request
        if window is None or self._done is None or (running is not None and running.part is None):
            return  # the draft of the whole comes first, and this one after it
        part = window.detail_wanted()
        if running is not None and running.part == part:
            return
        if part is not None and part.width * part.height <= MAX_DETAIL and self._owner.session.can_restyle_parts:
            self._begin(part)

    def _begin(self, part: Box | None, *, anew: bool = False) -> None:
        window = self._owner.window
        if not self.enabled or window is None or not window.is_shown() or self._owner.is_busy:
            return
        styles, settings = window.chosen_styles(), _draft_settings(window.settings())
        self._abandon()
        if not styles or settings is None:
            return
        try:
            target = self._owner.chosen_target()
        except VelaturaError:
            return  # the window says so already
        side = None if part is not None else min(MAX_SIDE, max(MIN_SIDE, window.preview_side()))
        # A content in its own pixels is kept, for the next part. A reduced one is read again: that takes less time than
        # to find out whether any pixel has changed.
        samples = tuple(self._owner.canvas.sample(rows) for rows in range(SETS)) if side is None else (None,)
        key = object() if None in samples else (self._owner.chosen_target_key(), samples)
        request = self._request = _Request(target, styles, settings, part, anew, key)
        window.show_drafting(True)
        if self._whole is not None and self._whole[0] == key:
            self._load_styles(request, self._whole[1])
        elif key not in self._reading:
            self._reading.add(key)
            self._owner.steps.run(
                self._owner.canvas.read_shown(target, side),
                lambda content: self._on_read(key, side, content),
                lambda error: self._on_not_read(key, error),
            )

    def _on_read(self, key: object, side: int | None, content: Content) -> None:
        self._reading.discard(key)
        if side is None:
            self._whole = key, content
        if self._request is not None and self._request.key == key:
            self._load_styles(self._request, content)

    def _on_not_read(self, key: object, error: VelaturaError) -> None:
        self._reading.discard(key)
        if self._request is not None and self._request.key == key:
            self.on_failed(error)

    def _load_styles(self, request: _Request, content: Content) -> None:
        self._owner.style_loader.load(
            content,
            request.styles,
            lambda pictures: self._on_loaded(request, content, pictures),
            lambda error: self._fail(request, error),
        )

    def _on_loaded(self, request: _Request, content: Content, pictures: list[GivenStyle]) -> None:
        window = self._owner.window
        if request is not self._request or window is None:
            return
        if request.part is not None:
            if not _is_inside(request.part, content.picture):  # the layer has become smaller meanwhile
                self._end()
                return
            window.show_detail(request.part, _crop(content.picture, request.part), None)
        else:
            window.show_content(content.picture, (content.place.width, content.place.height))
            window.show_target(self._owner.canvas.describe(request.target))
            mask = content.mask.ref if content.mask is not None else None
            request.made_of = (content.picture.ref, mask, tuple(request.styles), request.settings)
            if request.made_of == self._done and not request.anew:
                self._end()  # nothing that the draft depends on has changed
                return
            was_followed = self._last_content not in (None, content.picture.ref)
            self._followed = 0 if request.anew else self._followed + was_followed
            self._last_content = content.picture.ref
        try:
            self._job = self._owner.session.restyle(
                content.picture,
                pictures,
                request.settings,
                mask=content.mask,
                layer=LAYER.format(layer=request.target.layer),
                adjust=not request.anew,
                expected=False,
                remember=False,
                **_options(request.part),
            )
        except VelaturaError as error:
            self._fail(request, error)

    def owns(self, job: str) -> bool:
        """Return whether this is the running draft."""
        return bool(job) and job == self._job

    def on_preview(self, preview: Preview) -> None:
        """Show the state of the running draft."""
        if self._request is not None and self._request.part is None and self._owner.window is not None:
            self._done = None  # the preview shows something unfinished
            self._owner.window.show_preview(preview)

    def on_finished(self, done: Finished) -> None:
        """Show the running draft, which is finished."""
        self._owner.session.acknowledge(done)
        window, request = self._owner.window, self._request
        if request is not None and window is not None:
            if request.part is None:
                self._done = request.made_of
                window.show_draft(done.picture)
            else:
                window.show_detail(request.part, None, done.picture)
        self._end()

    def on_failed(self, error: VelaturaError) -> None:
        """The running draft has failed. The error is only logged."""
        self._owner.message_log.append(f"draft: {error.code}: {error.sentence}")
        self.on_ended()

    def on_ended(self) -> None:
        """The running draft was cancelled or has failed."""
        if self._request is not None and self._request.part is None:
            self._done = None
        self._end()

    def _fail(self, request: _Request, error: VelaturaError) -> None:
        if request is self._request:
            self.on_failed(error)

    def _end(self) -> None:
        was_whole = self._request is not None and self._request.part is None
        self._job, self._request = "", None
        if self._owner.window is not None:
            self._owner.window.show_drafting(False)
        if was_whole and self._done is not None:
            self._detail_timer.start(1)
            if self._followed >= MAX_FOLLOWED:
                self._settle_timer.start(SETTLE_DELAY)


def _draft_settings(settings: StyleSettings) -> StyleSettings | None:
    """The settings of a draft, or None if a draft would say nothing about the result."""
    if settings.quality == "paper":
        return None  # one scale from noise: at another size it gives another picture
    start = "content" if settings.start == "last" else settings.start
    return replace(settings, quality="draft", iterations=0, start=start, composite=False)


def _options(part: Box | None) -> dict[str, Any]:
    return {} if part is None else {"view": (part.left, part.top, part.width, part.height)}


def _is_inside(part: Box, picture: Picture) -> bool:
    return part.left + part.width <= picture.width and part.top + part.height <= picture.height


def _crop(picture: Picture, part: Box) -> Picture:
    size = picture.format.bytes_per_pixel
    row, data = picture.width * size, memoryview(picture.data)
    rows = [data[(part.top + y) * row + part.left * size :][: part.width * size] for y in range(part.height)]
    return Picture(part.width, part.height, picture.format, b"".join(rows))

"""The state of an animation that is restyled in an editor, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from velatura.client.events import Finished
from velatura.editor.frames import FOLLOWED, followed
from velatura.editor.interfaces import Content
from velatura.editor.placement import Placed
from velatura.editor.recipe import Recipe
from velatura.editor.restyle_task import NOTHING, RestyleTask
from velatura.errors import VelaturaError
from velatura.pixels import Picture
from velatura.protocol.messages import Progress

# Results that the daemon keeps for a film that is in no document yet, in case the editor crashes. It refuses new jobs
# once it keeps 1024 of all its clients.
MAX_UNACKNOWLEDGED = 200


class Film(Protocol):
    """The frames of a target as they were at the start, and the results so far. Each frame is named by its time.

    All frames are read at the same place, so that they have the same size.
    """

    composite: bool
    """Whether results have to be whole frames, with the selection blended in."""

    def read(self, frame: int) -> Generator[None, None, Content | None]:
        """Return the Content of a frame; None if it has no pixels. Raises NothingToRestyle."""

    def thumbnail(self, side: int) -> Any:
        """Return the frame that was read last as a small picture in the format that the window shows.

        Raises NothingToRestyle.
        """

    def size(self) -> tuple[int, int]:
        """Return the width and height in pixels of every frame."""

    def write(self, frame: int, picture: Picture, left: int, top: int) -> Generator[None, None, None]:
        """Keep the result of a frame. left, top: its position in the content."""

    def repeat(self, frame: int, like: int) -> Generator[None, None, None]:
        """Give a frame the result of an earlier one, whose content is the same."""

    def insert(self, recipe: Recipe) -> Generator[None, None, Placed]:
        """Insert the results into the document. Frames without one are empty there. Raises LayerGone."""

    def close(self) -> None:
        """Forget everything that was kept."""


# A frame and its result of the same size, as later frames are sent with them.
Pair = tuple[Picture, Picture]


@dataclass
class FilmTask(RestyleTask):
    """A restyle of several frames, each with a job of its own.

    It is always doing one thing: waiting for the daemon (then `job` is set), or something on the canvas. `content` is
    that of the frame at `number`.

    frames: the times of the frames to restyle, in their order. number: how many of them are done or were empty. done:
    those whose result is in the film. writing: the job whose result is being written there. stopping: whether no other
    frame is begun. inserting: whether what is done is being inserted. is_outdated: whether the window has other
    settings or styles by now. error: why it stopped early, if it was not cancelled.
    """

    frames: list[int] = field(default_factory=list)
    film: Film | None = None
    number: int = 0
    done: list[int] = field(default_factory=list)
    writing: str = ""
    stopping: bool = False
    inserting: bool = False
    is_outdated: bool = False
    error: VelaturaError | None = None
    results: list[Finished] = field(default_factory=list)  # not acknowledged yet, without their pictures
    pairs: dict[int, Pair] = field(default_factory=dict)  # of the first frame and the latest ones, by time
    first_with: dict[object, int] = field(default_factory=dict)  # the first frame with each content
    frames_began_at: float = 0.0

    @property
    def frame(self) -> int | None:
        """The frame that is next; None after the last one."""
        return self.frames[self.number] if self.number < len(self.frames) else None

    @property
    def has_results(self) -> bool:
        """Whether anything is left of it if it stops now."""
        return bool(self.done or self.writing)

    def keep(self, frame: int, content: Picture, done: Finished) -> None:
        """The result of a frame is written. Forgets the pairs that no later frame follows."""
        self.first_with.setdefault(content.ref, frame)
        self.pairs[frame] = content, whole(content, done.picture, done.result.left, done.result.top)
        self._add_done(frame)

    def keep_repeated(self, frame: int, like: int) -> None:
        """A frame has the result of an earlier one, which is written."""
        if like in self.pairs:
            self.pairs[frame] = self.pairs[like]
        self._add_done(frame)

    def _add_done(self, frame: int) -> None:
        self.done.append(frame)
        needed = {self.done[0], *self.done[-max(FOLLOWED) :]}
        self.pairs = {one: pair for one, pair in self.pairs.items() if one in needed}

    def acknowledge_later(self, done: Finished) -> Finished | None:
        """Remember a result that is in the film. Returns the oldest one if too many are remembered, to acknowledge."""
        self.results.append(replace(done, picture=NOTHING, mask=None))  # the picture is in the film
        return self.results.pop(0) if len(self.results) > MAX_UNACKNOWLEDGED else None

    def previous(self) -> list[Pair]:
        """The earlier frames that the next one follows: the nearest first, and the very first one."""
        return [self.pairs[frame] for frame in followed(self.done) if frame in self.pairs]

    def overall(self, progress: Progress) -> Progress:
        """The progress of all frames, from that of the running one."""
        count = len(self.frames)
        left = progress.seconds_left
        if self.number:
            per_frame = (time.monotonic() - self.frames_began_at) / (self.number + progress.done)
            left = per_frame * (count - self.number - progress.done)
        elif left >= 0 and progress.done < 1:
            left += (count - 1) * left / (1 - progress.done)
        return replace(progress, done=(self.number + progress.done) / count, seconds_left=left)


def whole(content: Picture, result: Picture, left: int, top: int) -> Picture:
    """The result with the content around it, if a selection has made it smaller. left, top: its position."""
    if (result.width, result.height) == (content.width, content.height) or result.format != content.format:
        return result
    size = content.format.bytes_per_pixel
    pixels, rows = bytearray(content.data), memoryview(result.data).cast("B")
    length = result.width * size
    for y in range(result.height):
        start = ((top + y) * content.width + left) * size
        pixels[start : start + length] = rows[y * length : (y + 1) * length]
    return Picture(content.width, content.height, content.format, pixels)

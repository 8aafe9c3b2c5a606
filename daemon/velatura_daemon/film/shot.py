"""A shot whose frames are being restyled: what is read, what the daemon has, and what the next frame follows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from velatura.pixels import Picture
from velatura_daemon.film.recipe import FrameRequest

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture


@dataclass(eq=False)
class Shot:
    """A shot in flight. missing: its first frame that is not finished. following: the next frame to read. known: where
    reading continues after the shot's first frame. window: (content, result, mask) of the finished frames that others
    follow, by their number. prepared: frames that are read and not submitted yet; running: the one that the daemon has;
    is_fetched: whether it is the result of an earlier run, which is only fetched. refusals: how often the daemon was
    too busy to accept it."""

    frames: range
    missing: int
    following: int
    known: int
    reader: Iterator[LoadedPicture]
    window: dict[int, tuple[Picture, Picture, Picture | None]] = field(default_factory=dict)
    reading: Future[FrameRequest] | None = None
    prepared: deque[FrameRequest] = field(default_factory=deque)
    running: FrameRequest | None = None
    is_fetched: bool = False
    job: str = ""
    done: float = 0.0
    refusals: int = 0

    @property
    def is_over(self) -> bool:
        return (
            self.following >= self.frames.stop and self.reading is None and self.running is None and not self.prepared
        )

    def take_next(self) -> int:
        """The number of the next frame to read; moves on."""
        number = self.following
        self.following = max(number + 1, self.known)
        return number

    def put_back(self) -> None:
        """The running frame is submitted again."""
        if self.running is not None:
            self.prepared.appendleft(self.running)
            self.running, self.job = None, ""

    @property
    def frames_held(self) -> int:
        """How many frames are in memory for it; a result counts as one."""
        waiting = (self.reading is not None) + (self.running is not None) + len(self.prepared)
        return 2 * len(self.window) + waiting

"""What frames come from: a film, numbered pictures, or an animated picture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from velatura.errors import UsageError
from velatura.i18n import lazy_text
from velatura.settings import StyleSettings
from velatura_daemon.film.timing import FrameRange, Timing
from velatura_daemon.terminal.options import RestyleOptions
from velatura_daemon.user_paths import exists, is_folder, shown, unreadable

if TYPE_CHECKING:  # importing these loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture
    from velatura_daemon.imaging.files.raster import Array

# Pictures that may be animations; others are films, which FFmpeg recognises by their content.
ANIMATION_SUFFIXES = (".gif", ".png", ".apng", ".webp")
FRAME_PATTERN = re.compile(r"#+")  # in a name such as frame_####.png


@dataclass(frozen=True)
class Reading:
    """How frames are read: as photos of a restyle with these options. max_megapixels: what the daemon accepts."""

    settings: StyleSettings
    options: RestyleOptions
    max_megapixels: float


@dataclass(frozen=True)
class ScannedFrame:
    """start: when the frame is shown, in ticks of the source's unit. ticks: for how long; 0 if the source does not say.
    small: of `scenes.small_grey`. name: of its file, if it has one."""

    start: int
    ticks: int
    small: Array
    name: str = ""


@dataclass
class Facts:
    """What a scan finds out. size: width and height of a frame, upright. depth: bytes of a sample. has_alpha: whether a
    frame has transparency. is_mixed: whether frames have different pixel formats. seekable: whether frames can be found
    by their start. skipped: how many frames come before the range; -1 if they were not counted. offset: seconds in the
    source's time at which the result begins. notes: sentences for the user."""

    unit: Fraction
    size: tuple[int, int] = (0, 0)
    depth: int = 1
    has_alpha: bool = False
    is_mixed: bool = False
    seekable: bool = True
    skipped: int = 0
    offset: Fraction = Fraction(0)
    notes: tuple[str, ...] = ()


class Source(Protocol):
    """path: what the user gave. files: that the frames are read from."""

    path: Path
    files: list[Path]

    def scan(self, part: FrameRange) -> Iterator[ScannedFrame]:
        """Read all frames of a range once. `facts` is complete afterwards."""

    @property
    def facts(self) -> Facts: ...

    def frames(self, timing: Timing, facts: Facts, first: int, reading: Reading) -> Iterator[LoadedPicture]:
        """Read the frames of a scanned range, from the frame `first` on, which is counted from 0. One at a time is in
        memory."""


def open_source(path: Path, rate: Fraction | None, used: Sequence[Path] = ()) -> Source:
    """Return the source of what the user gave. rate: frames per second of numbered frames. used: paintings and masks,
    which are no frames. Raises UsageError, NotAPicture."""
    from velatura_daemon.film.animation import Animation, is_animation
    from velatura_daemon.film.numbered import NumberedFrames

    if is_folder(path):
        return NumberedFrames.in_folder(path, rate, used)
    if FRAME_PATTERN.search(path.name) and not exists(path):
        return NumberedFrames.matching(path, rate)
    try:
        path.stat()
    except OSError as error:
        raise unreadable(path, error) from error
    if rate is not None:
        raise UsageError(
            lazy_text("--rate is for numbered frames; {name} has a timing of its own. Leave it out.", name=path.name)
        )
    if path.suffix.lower() in ANIMATION_SUFFIXES:
        if not is_animation(path):
            raise single_picture(path)
        return Animation(path)
    from velatura_daemon.film.video import VideoFile

    return VideoFile(path)


def single_picture(path: Path) -> UsageError:
    """The error for a picture that does not move."""
    pattern = f"frame_####{path.suffix}"
    return UsageError(
        lazy_text(
            "{name} is a single picture. 'velatura restyle' restyles it; a film takes a folder or a pattern such as "
            "{pattern}.",
            name=path.name,
            pattern=pattern,
        )
    )


def several_numbers(pattern: Path) -> UsageError:
    """The error for a pattern with more than one number."""
    return UsageError(
        lazy_text("The name {name} has several numbers. Use a single row of #.", name=shown(Path(pattern.name)))
    )


def file_note(path: Path, sentence: str) -> str:
    """A note about a file, with its name."""
    return lazy_text("{name}: {sentence}", name=shown(Path(path.name)), sentence=sentence)

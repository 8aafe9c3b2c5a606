"""Animated GIF, APNG and WebP pictures, which Pillow reads."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.errors import NotAPicture
from velatura.i18n import lazy_plural, lazy_text
from velatura_daemon.film.sources import Facts, Reading, ScannedFrame
from velatura_daemon.film.timing import FrameRange, Timing

if TYPE_CHECKING:  # importing these loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture

KINDS = ("GIF", "PNG", "WEBP")
MILLISECOND = Fraction(1, 1000)
# What browsers show a frame of a GIF for whose duration is 0.
DEFAULT_MILLISECONDS = 100


def is_animation(path: Path) -> bool:
    """Whether a file has several frames. Raises NotAPicture, UsageError."""
    with _opened(path) as image:
        return bool(getattr(image, "is_animated", False))


class Animation:
    """An animated picture, whose frames are read from the first one on: most are stored as changes of the one
    before."""

    def __init__(self, path: Path) -> None:
        self.path, self.files = path, [path]
        self._facts = Facts(MILLISECOND)

    @property
    def facts(self) -> Facts:
        return self._facts

    def scan(self, part: FrameRange) -> Iterator[ScannedFrame]:
        import numpy as np

        from velatura_daemon.film.scenes import small_grey

        facts = self._facts
        facts.skipped, start, offset = 0, 0, None
        notes: tuple[str, ...] = ()
        count = frames = 0
        try:
            for image in _images(self.path):
                count += 1
                frames = getattr(image, "n_frames", 1) - bool(image.info.get("default_image"))
                milliseconds = duration_of(image)
                if part.is_after(count, start * MILLISECOND):
                    break
                if part.is_before(count, start * MILLISECOND):
                    facts.skipped += 1
                else:
                    offset = start if offset is None else offset
                    pixels = np.asarray(image.convert("RGBA"))
                    facts.size = image.size
                    facts.has_alpha |= bool((pixels[..., 3] < 255).any())
                    yield ScannedFrame(start - offset, milliseconds, small_grey(pixels))
                start += milliseconds
            if frames > count and not part.is_after(count + 1, start * MILLISECOND):
                notes = (
                    lazy_text(
                        "{name} has {frames} frames, of which the first {count} are restyled. Convert it to a film or "
                        "to numbered frames to restyle all of them.",
                        name=self.path.name,
                        frames=frames,
                        count=count,
                    ),
                )
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            if not facts.size[0]:
                raise _damaged(self.path, error) from error
            notes = (
                lazy_plural(
                    "{name} is truncated: {count} frame can be read.",
                    "{name} is truncated: {count} frames can be read.",
                    count,
                    name=self.path.name,
                ),
            )
        facts.notes = notes

    def frames(self, timing: Timing, facts: Facts, first: int, reading: Reading) -> Iterator[LoadedPicture]:
        import numpy as np

        from velatura_daemon.film.reading import loaded
        from velatura_daemon.imaging.files.raster import Raster

        for number, image in zip(range(facts.skipped + len(timing)), _images(self.path), strict=False):
            if number >= facts.skipped + first:
                pixels = np.array(image.convert("RGBA" if facts.has_alpha else "RGB"))
                yield loaded(Raster(pixels), reading)


def duration_of(image: Any) -> int:
    """How long the frame that an image is at is shown, in milliseconds."""
    return round(float(image.info.get("duration") or 0)) or DEFAULT_MILLISECONDS


def loops_of(path: Path) -> int:
    """How often an animation is shown; 0: without end."""
    with _opened(path) as image:
        loops = image.info.get("loop", 0 if image.format != "GIF" else 1)
        return loops + 1 if image.format == "GIF" and "loop" in image.info and loops else int(loops)


def _images(path: Path) -> Iterator[Any]:
    """The image at each of its frames in turn, up to MAX_PAGES. Raises what Pillow raises for a damaged one.

    An APNG may have a picture before its frames, for viewers that show no animations; Pillow counts it as a frame.
    """
    from velatura_daemon.imaging.files.limits import MAX_PAGES

    with _opened(path) as image:
        size = image.size
        for number in range(bool(image.info.get("default_image")), min(getattr(image, "n_frames", 1), MAX_PAGES)):
            image.seek(number)
            image.load()
            if image.size != size:
                raise OSError("a frame is larger than the first one")  # not translated: becomes a note
            yield image


def _opened(path: Path) -> Any:
    from PIL import Image

    from velatura_daemon.imaging.files.decode import reporting_read_errors
    from velatura_daemon.imaging.files.structure import check

    with reporting_read_errors(path), path.open("rb") as file:
        check(file)
    try:
        return Image.open(path, formats=KINDS)
    except (OSError, SyntaxError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> NotAPicture:
    return NotAPicture(
        lazy_text(
            "{name} is damaged and cannot be read ({reason}). Copy or download it again.",
            name=path.name,
            reason=" ".join(str(error).split())[:120],
        )
    )

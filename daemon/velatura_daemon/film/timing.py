"""When the frames of a film are shown, and ranges of them as users type them."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from velatura.errors import UsageError
from velatura.i18n import lazy_text

DEFAULT_RATE = Fraction(24)  # frames per second of numbered frames: the rate of cinema, and Krita's default


@dataclass(frozen=True)
class Timing:
    """unit: seconds of one tick. starts: when each frame is shown, in ticks, increasing. end: of the last one."""

    unit: Fraction
    starts: Sequence[int]
    end: int

    def __len__(self) -> int:
        return len(self.starts)

    def ticks(self, frame: int) -> int:
        """How long a frame is shown."""
        following = self.starts[frame + 1] if frame + 1 < len(self.starts) else self.end
        return following - self.starts[frame]

    @property
    def seconds(self) -> Fraction:
        """From the first frame to the end of the last."""
        return (self.end - self.starts[0]) * self.unit

    @property
    def rate(self) -> Fraction:
        """Frames per second, on average."""
        return len(self) / self.seconds if self.end > self.starts[0] else DEFAULT_RATE

    @property
    def is_constant(self) -> bool:
        """Whether every frame is shown equally long, but for rounding to ticks; the last one may differ."""
        lengths = {self.ticks(frame) for frame in range(len(self) - 1)}
        return not lengths or max(lengths) - min(lengths) <= 1


def constant_timing(count: int, rate: Fraction) -> Timing:
    """Frames that are all shown equally long."""
    return Timing(1 / rate, range(count), count)


@dataclass(frozen=True)
class Place:
    """A place in a film as it was typed: a frame, counted from 1, or a time in seconds."""

    frame: int | None = None
    seconds: Fraction | None = None


@dataclass(frozen=True)
class FrameRange:
    """first, last: both are included; None: the film's own."""

    first: Place | None = None
    last: Place | None = None

    def is_before(self, frame: int, seconds: Fraction) -> bool:
        """Whether a frame is before the range. frame: from 1. seconds: when it is shown, from the film's start."""
        place = self.first
        if place is None:
            return False
        if place.frame is not None:
            return frame < place.frame
        return place.seconds is not None and seconds < place.seconds

    def is_after(self, frame: int, seconds: Fraction) -> bool:
        """Whether a frame is after the range. A frame that begins at the range's last moment is after it."""
        place = self.last
        if place is None:
            return False
        if place.frame is not None:
            return frame > place.frame
        return place.seconds is not None and seconds >= place.seconds

    @property
    def start_seconds(self) -> Fraction:
        """The time before which nothing is needed; 0 unless the range begins at a time."""
        if self.first is not None and self.first.seconds is not None:
            return self.first.seconds
        return Fraction(0)


MAX_TYPED = 40  # characters of a place or a rate: computing with thousands of digits takes minutes
_TIME = re.compile(r"(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d+)?)(s?)")


def place_from(text: str, option: str) -> Place:
    """Read a value of --from or --to. Raises UsageError."""
    match = _TIME.fullmatch(text.strip()[:MAX_TYPED])
    if len(text) > MAX_TYPED or match is None:
        raise UsageError(
            lazy_text(
                "{option} {value} is neither a frame nor a time. Give a frame such as 48, or a time such as 2.5s, "
                "1:30 or 0:01:30.5.",
                option=option,
                value=text[:MAX_TYPED],
            )
        )
    hours, minutes, seconds, unit = match.groups()
    if minutes is None and not unit and "." not in seconds:
        if int(seconds) < 1:
            raise UsageError(lazy_text("{option} {value}: frames are counted from 1.", option=option, value=text))
        return Place(frame=int(seconds))
    return Place(seconds=3600 * Fraction(hours or 0) + 60 * Fraction(minutes or 0) + Fraction(seconds))


def range_from(first: str | None, last: str | None) -> FrameRange:
    """Read the values of --from and --to. Raises UsageError."""
    return FrameRange(
        place_from(first, "--from") if first is not None else None,
        place_from(last, "--to") if last is not None else None,
    )


def frame_at(timing: Timing, seconds: Fraction) -> int:
    """The first frame that begins at this time or later, from the film's start."""
    return bisect_left(timing.starts, seconds / timing.unit)


def rounded_rate(rate: Fraction) -> Fraction:
    """A rate as films have it: FFmpeg's fractions have 32 bits."""
    return rate.limit_denominator(1001 * 1000)

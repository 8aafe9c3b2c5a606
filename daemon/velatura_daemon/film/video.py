"""Films, read with PyAV: their frames, found again by their time stamps."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.errors import NotAPicture, UsageError
from velatura.i18n import Text, lazy_plural, lazy_text
from velatura_daemon.film.extra import pyav
from velatura_daemon.film.frame_pixels import alpha_of, film_facts, has_alpha, notes_on, raster_of, thumbnail
from velatura_daemon.film.sources import Facts, Reading, ScannedFrame, single_picture
from velatura_daemon.film.timing import DEFAULT_RATE, FrameRange, Timing

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files import LoadedPicture

ENDS_EARLY_SECONDS = 1.0  # that are missing at the end of a film before it counts as truncated


class VideoFile:
    """A film."""

    def __init__(self, path: Path) -> None:
        """Raises UsageError, NotAPicture."""
        self.path, self.files = path, [path]
        with opened(path) as container:
            stream = video_stream(container, path)
            if container.format.name == "image2" or container.format.name.endswith("_pipe"):
                raise single_picture(path)
            self._facts = Facts(stream.time_base or 1 / DEFAULT_RATE)

    @property
    def facts(self) -> Facts:
        return self._facts

    def scan(self, part: FrameRange) -> Iterator[ScannedFrame]:
        from velatura_daemon.film.scenes import small_grey

        facts, start = self._facts, part.start_seconds
        with opened(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            decoder = Decoder(container, stream)
            zero = start_of(stream)
            rate = stream.average_rate or DEFAULT_RATE
            facts.skipped, facts.seekable, before = 0, stream.time_base is not None, None
            by_times = facts.seekable and start > 0 and (part.last is None or part.last.frame is None)
            if by_times and self._can_begin_at(start):
                container.seek(int((start + zero) / stream.time_base), stream=stream)
                facts.skipped = -1
            count, stopped, end = max(facts.skipped, 0), False, 0
            numbered = 0  # frames of the range
            least, most = 255, 0  # opacity
            for frame in decoder.frames():
                count += 1
                if frame.pts is None or (before is not None and frame.pts <= before):
                    facts.seekable = False
                seconds = (frame.pts or 0) * facts.unit - zero if facts.seekable else (count - 1) / rate
                before = frame.pts
                if part.is_after(count, seconds):
                    stopped = True
                    break
                if part.is_before(count, seconds):
                    facts.skipped += facts.skipped >= 0
                    continue
                if numbered == 0:
                    self._describe(frame, container, facts, seconds, is_part=part.first is not None)
                    coded = frame.width, frame.height
                elif (frame.width, frame.height) != coded:
                    raise self._other_size(coded, frame, count)
                numbered += 1
                if has_alpha(frame):
                    alpha = alpha_of(frame)
                    least, most = min(least, int(alpha.min())), max(most, int(alpha.max()))
                ticks = frame.duration or round(1 / rate / facts.unit)
                end = (frame.pts or 0) + ticks
                yield ScannedFrame(frame.pts or 0, ticks, small_grey(thumbnail(frame)))
            facts.has_alpha = least < 255 and most > 0
            if numbered == 0 and count == 0:
                raise NotAPicture(
                    lazy_text(
                        "No frame of {name} can be read: it is damaged, or truncated at its start. Copy or download it "
                        "again.",
                        name=self.path.name,
                    )
                )
            if not stopped:
                facts.notes += self._missing_at_the_end(container, stream, decoder, end, zero)
            if not facts.seekable:
                if facts.skipped < 0:
                    raise UsageError(
                        lazy_text(
                            "The times in {name} are not in order, so a part cannot start at a time. Give a frame, "
                            "such as --from 48.",
                            name=self.path.name,
                        )
                    )
                facts.unit = 1 / rate
                facts.offset = facts.offset if part.first is not None else zero

    def count_before(self, start: int) -> int:
        """How many frames are shown before a time, in ticks. Decodes the film up to there."""
        with opened(self.path) as container:
            stream = video_stream(container, self.path)
            stream.thread_type = "AUTO"
            frames = Decoder(container, stream).frames()
            return sum(1 for _ in itertools.takewhile(lambda frame: frame.pts is None or frame.pts < start, frames))

    def _can_begin_at(self, start: Fraction) -> bool:
        """Whether seeking finds a frame at this time or before. In some files it ends somewhere else."""
        with opened(self.path) as container:
            stream = video_stream(container, self.path)
            zero = start_of(stream)
            container.seek(int((start + zero) / stream.time_base), stream=stream)
            frame = next(Decoder(container, stream).frames(), None)
            return frame is not None and frame.pts is not None and frame.pts * stream.time_base - zero <= start

    def _other_size(self, coded: tuple[int, int], frame: Any, number: int) -> UsageError:
        return UsageError(
            lazy_text(
                "{name} is {width} × {height} pixels, and from frame {number} on {other_width} × {other_height}. All "
                "frames of a film have the same size: give a part with --from and --to, or convert it first.",
                name=self.path.name,
                width=coded[0],
                height=coded[1],
                number=number,
                other_width=frame.width,
                other_height=frame.height,
            )
        )

    def _describe(self, frame: Any, container: Any, facts: Facts, seconds: Fraction, *, is_part: bool) -> None:
        """Note the film's properties, of the first frame of the range."""
        film = film_facts(frame)
        upright = film.rotation % 180 == 0
        facts.size = (frame.width, frame.height) if upright else (frame.height, frame.width)
        zero = start_of(frame_stream := video_stream(container, self.path))
        begins = Fraction(container.start_time or 0, 1_000_000)
        facts.offset = seconds + zero if is_part or frame_stream.start_time is None else begins
        facts.notes = tuple(notes_on(self.path.name, film))
        if frame_stream.metadata.get("alpha_mode") == "1" and not has_alpha(frame):  # FFmpeg's own decoder of VP8, VP9
            facts.notes += (
                lazy_text(
                    "The transparency of {name} cannot be read, so its frames are restyled without it. Convert it to "
                    "numbered frames first to keep it.",
                    name=self.path.name,
                ),
            )

    def _missing_at_the_end(
        self, container: Any, stream: Any, decoder: Decoder, end: int, zero: Fraction
    ) -> tuple[str, ...]:
        """A sentence if the film is damaged or ends early. end: of its last frame, in ticks; 0: of none."""
        notes = []
        lasts = Fraction(stream.duration) * stream.time_base if stream.duration else Fraction(0)
        if not lasts and container.duration:
            lasts = Fraction(container.duration, 1_000_000)
        reached = max(Fraction(0), end * stream.time_base - zero) if self._facts.seekable else Fraction(0)
        if lasts and lasts - reached > ENDS_EARLY_SECONDS and self._facts.seekable:
            notes.append(
                lazy_text(
                    "{name} is truncated: it ends after {reached:.1f} of {lasts:.1f} seconds. The frames that can be "
                    "read are restyled.",
                    name=self.path.name,
                    reached=float(reached),
                    lasts=float(lasts),
                )
            )
        elif decoder.damaged:
            notes.append(damage_note(self.path.name, decoder.damaged))
        return tuple(notes)

    def frames(self, timing: Timing, facts: Facts, first: int, reading: Reading) -> Iterator[LoadedPicture]:
        from velatura_daemon.film.reading import loaded

        number = first
        for frame in self._found(timing, facts, first):
            yield loaded(raster_of(frame, alpha=facts.has_alpha), reading)
            number += 1
        if number < len(timing):
            raise NotAPicture(
                lazy_text(
                    "Frame {number} of {name} could not be read a second time. The file may have changed; run the "
                    "command again.",
                    number=number + 1,
                    name=self.path.name,
                )
            )

    def _found(self, timing: Timing, facts: Facts, first: int) -> Iterator[Any]:
        """The frames from `first` on: after a key frame before it, or if that fails, counted from the start."""
        found = first
        for by_time in [True, False] if facts.seekable else [False]:
            with opened(self.path) as container:
                stream = video_stream(container, self.path)
                if by_time:
                    container.seek(timing.starts[found], stream=stream)
                for number, frame in enumerate(Decoder(container, stream).frames(), -facts.skipped):
                    if facts.seekable:
                        wanted = frame.pts == timing.starts[found]
                        if frame.pts is not None and frame.pts > timing.starts[found]:
                            break  # it was lost on the way
                    else:
                        wanted = number == found
                    if wanted:
                        yield frame
                        found += 1
                        if found == len(timing):
                            return


class Decoder:
    """Decodes a stream as far as it can be. damaged: packets that could not be decoded."""

    def __init__(self, container: Any, stream: Any) -> None:
        self._container, self._stream, self.damaged = container, stream, 0

    def frames(self) -> Iterator[Any]:
        av = pyav()
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except av.error.FFmpegError:  # of a truncated file; what the decoder holds is still to come
                self.damaged += 1
                packet = None
            try:
                yield from packet.decode() if packet is not None else self._rest()
            except av.error.FFmpegError:
                self.damaged += 1
            if packet is None:
                return

    def _rest(self) -> Any:
        try:
            return self._stream.codec_context.decode(None)
        except pyav().error.EOFError:  # it was flushed at the end of the file
            return ()


def damage_note(name: str, count: int) -> Text:
    """What is said of a film, some packets of which cannot be used. count: of these."""
    return lazy_plural(
        "{name} is damaged: {count} part of it could not be decoded. The frames that can be read are restyled.",
        "{name} is damaged: {count} parts of it could not be decoded. The frames that can be read are restyled.",
        count,
        name=name,
    )


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a film for reading. Raises UsageError, NotAPicture."""
    from velatura_daemon.imaging.files.decode import reporting_read_errors

    av = pyav()
    with reporting_read_errors(path), path.open("rb"):
        pass
    try:
        container = av.open(str(path.absolute()))
    except (av.error.FFmpegError, ValueError, UnicodeError) as error:
        raise NotAPicture(
            lazy_text(
                "{name} cannot be read as a film ({reason}). If it is one, it is damaged or truncated: copy or "
                "download it again.",
                name=path.name,
                reason=str(getattr(error, "strerror", None) or error)[:120],
            )
        ) from error
    with container:
        yield container


def video_stream(container: Any, path: Path) -> Any:
    """The film's stream of frames; a cover picture is none. Raises UsageError."""
    cover = getattr(pyav().stream.Disposition, "attached_pic", 0)
    stream = next((stream for stream in container.streams.video if not stream.disposition & cover), None)
    if stream is not None:
        return stream
    only_sound = len(container.streams.audio) > 0
    raise UsageError(
        lazy_text("{name} has sound, but no video. Give a film file.", name=path.name)
        if only_sound
        else lazy_text("{name} has no video. Give a film file.", name=path.name)
    )


def start_of(stream: Any) -> Fraction:
    """When the stream's first frame is shown, in seconds."""
    return Fraction(stream.start_time or 0) * (stream.time_base or 1)

"""Writes films with PyAV: the restyled frames at their times, with the source's sound, colour tags and metadata."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from velatura.errors import UsageError, VelaturaError
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura_daemon.film.extra import pyav
from velatura_daemon.film.frame_pixels import BT_601, BT_709, FULL, LIMITED, Colours, film_facts
from velatura_daemon.film.plan import Plan
from velatura_daemon.film.sinks import CLIPPED_NOTE, FILM_BYTES_PER_PIXEL, SinkOptions, check_file
from velatura_daemon.film.sources import Source
from velatura_daemon.film.timing import rounded_rate
from velatura_daemon.film.video import Decoder, VideoFile, damage_note, opened, video_stream
from velatura_daemon.user_paths import real_path, shown, unwritable

if TYPE_CHECKING:  # importing it loads NumPy, which help pages do not need
    from velatura_daemon.imaging.files.raster import Array

FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}
# The encoders by preference: FFmpeg's libraries may be built without x264, which is under the GPL. Quality is set so
# that strokes stay sharp: x264's default is crf 23, and 18 counts as visually lossless (FFmpeg's H.264 guide).
H264 = (("libx264", {"crf": "16", "preset": "medium"}), ("libopenh264", {"b": "20M"}), ("mpeg4", {"qscale": "2"}))
VP9 = (("libvpx-vp9", {"crf": "20", "b": "0", "row-mt": "1", "cpu-used": "4"}), ("libaom-av1", {"crf": "20"}))
ENCODERS = {"webm": VP9}
LONGEST_GAP = 10  # seconds between two packets of sound
MOST_ODD = 32  # packets that a single damaged time may concern: a .ts file has one for several
KINDS_COPIED = ("audio", "subtitle")


class FilmSink:
    """A film file."""

    def __init__(self, output: Path) -> None:
        self.output = output
        self._format = FORMATS[output.suffix.lower()]

    def check(self, source: Source, plan: Plan | None, options: SinkOptions) -> None:
        """Also raises UsageError if the file cannot have the film's sound."""
        av = pyav()
        check_file(self.output, options.force)
        if any(real_path(file) == real_path(self.output) for file in source.files):
            raise UsageError(
                lazy_text("{path} is the film itself. Give another name with --out.", path=shown(self.output))
            )
        _encoder(self._format)
        if not isinstance(source, VideoFile) or not options.sound:
            return
        with opened(source.path) as container, av.open(os.devnull, "w", format=self._format) as probe:
            for stream in container.streams.audio:
                if _codec_name(stream) not in probe.supported_codecs:
                    raise UsageError(
                        lazy_text(
                            "A {suffix} file cannot contain the sound of {name} ({codec}), which is copied as it is. "
                            "Write a .mkv file, or leave the sound out with --no-sound.",
                            suffix=self.output.suffix,
                            name=source.path.name,
                            codec=_codec_name(stream),
                        )
                    )

    def size_estimate(self, source: Source, plan: Plan, pixels: int) -> float:
        sound = 0.0
        if isinstance(source, VideoFile):
            with opened(source.path) as container:
                lasts = (container.duration or 0) / 1e6
                share = min(1.0, float(plan.timing.seconds) / lasts) if lasts else 1.0
                sound = sum((stream.bit_rate or 0) / 8 for stream in container.streams.audio) * lasts * share
        return len(plan) * pixels * FILM_BYTES_PER_PIXEL + sound

    def write(
        self, source: Source, plan: Plan, frames: Sequence[Picture], options: SinkOptions, wrote: Callable[[int], None]
    ) -> list[str]:
        self.check(source, plan, options)
        target = real_path(self.output)
        part = target.with_name(f".{target.name[:60]}.{secrets.token_hex(4)}.part")
        try:
            notes = self._write(part, source, plan, frames, options, wrote)
            with part.open("rb+") as file:
                os.fsync(file.fileno())
            check_file(self.output, options.force)  # it may have been created meanwhile
            part.replace(target)
        except OSError as error:  # FFmpeg's errors of the system are OSErrors too
            raise unwritable(self.output, error) from error
        except pyav().error.FFmpegError as error:
            raise VelaturaError(
                lazy_text(
                    "{path} could not be written ({reason}). Try another kind of file, such as .mkv.",
                    path=shown(self.output),
                    reason=str(error)[:120],
                )
            ) from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
        return notes

    def _write(
        self,
        part: Path,
        source: Source,
        plan: Plan,
        frames: Sequence[Picture],
        options: SinkOptions,
        wrote: Callable[[int], None],
    ) -> list[str]:
        from velatura_daemon.imaging.files import has_highlights

        av = pyav()
        with contextlib.ExitStack() as stack:
            original = stack.enter_context(opened(source.path)) if isinstance(source, VideoFile) else None
            more = {"movflags": "+faststart"} if self._format in ("mp4", "mov") else {}
            container = stack.enter_context(av.open(str(part), "w", format=self._format, options=more))
            writer: _FrameWriter | None = None
            copier = _Copier(original, container, plan, options, source.path.name)
            notes = copier.notes
            for number, picture in enumerate(frames):
                if writer is None:
                    writer = _FrameWriter(container, self._format, source, plan, picture)
                    notes += writer.notes
                    copier.add_streams()
                    _add_metadata(container, original, options, plan)
                start = plan.timing.starts[number] - writer.first
                copier.copy_until(start * plan.timing.unit)
                if CLIPPED_NOTE not in notes and has_highlights(picture):
                    notes.append(CLIPPED_NOTE)
                writer.write(picture, start, plan.timing.ticks(number))
                wrote(number + 1)
            assert writer is not None
            writer.finish()
            end = plan.timing.seconds + (plan.timing.starts[0] - writer.first) * plan.timing.unit
            copier.copy_until(end if options.is_cut else None)
            if copier.damaged:
                notes.append(damage_note(source.path.name, copier.damaged))
        return notes


class _FrameWriter:
    """Encodes frames. first: the tick at which the result begins. notes: what could not be kept."""

    def __init__(self, container: Any, form: str, source: Source, plan: Plan, picture: Picture) -> None:
        self.notes: list[str] = []
        timing = plan.timing
        colours, aspect, subsampled = _looks(source, picture)
        name, encoder_options = _encoder(form)
        has_times = isinstance(source, VideoFile) and plan.facts.seekable
        self.first = round(plan.facts.offset / timing.unit) if has_times else timing.starts[0]
        self._container, self._colours = container, colours
        self._stream = stream = container.add_stream(name, rate=rounded_rate(timing.rate), options=encoder_options)
        width, height = picture.width, picture.height
        if form != "webm" and subsampled and (width % 2 or height % 2):
            width, height = width + width % 2, height + height % 2
            self.notes.append(
                lazy_text(
                    "Films of this kind have an even width and height: {old_width} × {old_height} became {width} × "
                    "{height}, and the last row or column is repeated. Write a .webm file to keep the size.",
                    old_width=picture.width,
                    old_height=picture.height,
                    width=width,
                    height=height,
                )
            )
        self._size = stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p" if subsampled or name == "mpeg4" else "yuv444p"
        context = stream.codec_context
        # Ticks of the source, so that every frame has its very time.
        stream.time_base = context.time_base = timing.unit
        context.color_primaries, context.color_trc = colours.primaries, colours.transfer
        context.colorspace, context.color_range = colours.tagged_matrix, FULL if colours.is_full else LIMITED
        if aspect != 1:
            context.sample_aspect_ratio = aspect
        self._reformatter = pyav().video.reformatter.VideoReformatter()

    def write(self, picture: Picture, start: int, ticks: int) -> None:
        av, colours = pyav(), self._colours
        frame = av.VideoFrame.from_ndarray(_padded(_rgb(picture), *self._size), "rgb24")
        frame = self._reformatter.reformat(
            frame,
            format=self._stream.pix_fmt,
            src_colorspace=colours.matrix,
            dst_colorspace=colours.matrix,
            src_color_range=FULL,
            dst_color_range=FULL if colours.is_full else LIMITED,
            interpolation=av.video.reformatter.Interpolation.BICUBIC,
        )
        frame.colorspace, frame.color_range = colours.tagged_matrix, FULL if colours.is_full else LIMITED
        frame.color_primaries, frame.color_trc = colours.primaries, colours.transfer
        frame.pts, frame.duration, frame.time_base = start, ticks, self._stream.codec_context.time_base
        self._container.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._container.mux(self._stream.encode(None))


class _Copier:
    """Copies sound and subtitles as they are. notes: what was left out."""

    def __init__(self, original: Any, container: Any, plan: Plan, options: SinkOptions, name: str) -> None:
        self.notes: list[str] = []
        self.damaged = 0
        self._original, self._container, self._plan = original, container, plan
        self._name, self._sound = name, options.sound
        self._copies: dict[int, Any] = {}
        self._packets: Iterator[Any] = iter(())
        self._held: Any = None
        # In recordings that were joined, times begin anew: what comes then is moved behind what came before.
        self._moved = self._reached = Fraction(0)
        self._latest: dict[int, Fraction] = {}  # of each stream: when its last packet began

    def add_streams(self) -> None:
        """After the stream of frames, which comes first in a film."""
        if self._original is None:
            return
        for stream in self._original.streams:
            if stream.type not in KINDS_COPIED or (stream.type == "audio" and not self._sound):
                continue
            try:
                if _codec_name(stream) not in self._container.supported_codecs:
                    raise ValueError(_codec_name(stream))
                copy = self._container.add_stream_from_template(stream)
            except (ValueError, pyav().error.FFmpegError):
                self.notes.append(
                    lazy_text(
                        "A stream of {name} was left out, since this kind of file cannot contain it ({kind}, "
                        "{codec}). Write a .mkv file to keep it.",
                        name=self._name,
                        kind=stream.type,
                        codec=_codec_name(stream),
                    )
                )
                continue
            with contextlib.suppress(Exception):
                copy.metadata.update(stream.metadata)
            self._copies[stream.index] = copy
        if self._copies:
            start = self._plan.facts.offset
            if self._plan.facts.seekable and start > Fraction(self._original.start_time or 0, 1_000_000):
                self._original.seek(int(start * 1_000_000))
            packets = self._original.demux([self._original.streams[index] for index in self._copies])
            self._packets = self._usable(packets)

    def copy_until(self, seconds: Fraction | None) -> None:
        """Copy the packets that begin before a time of the result; None: all that are left."""
        while True:
            if self._held is None:
                self._held = next(self._packets, None)
            packet = self._held
            if packet is None:
                return
            offset = self._plan.facts.offset - self._moved
            begins = packet.pts * packet.time_base - offset
            if seconds is not None and begins >= seconds:
                return
            self._held = None
            if begins + (packet.duration or 0) * packet.time_base <= 0 and self._plan.facts.offset > 0:
                continue  # before the range
            shift = round(offset / packet.time_base)
            packet.pts -= shift
            packet.dts = packet.dts - shift if packet.dts is not None else packet.pts
            packet.stream = self._copies[packet.stream.index]
            try:
                self._container.mux(packet)
            except (pyav().error.InvalidDataError, pyav().error.PatchWelcomeError):
                self.damaged += 1  # some formats' packets are read on the way, such as AAC of a .ts file

    def _usable(self, packets: Iterator[Any]) -> Iterator[Any]:
        """The packets whose times can be relied on. Sound goes on without leaps, except where recordings were joined:
        a few packets that are elsewhere than those before and after them are damaged."""
        odd: dict[int, list[Any]] = {}  # of each stream: packets that do not follow those before them
        for packet in _readable(packets):
            index = packet.stream.index
            expected = self._latest.get(index, _begins(packet) + self._moved) - self._moved
            if packet.stream.type != "audio" and _begins(packet) < expected:
                self.damaged += 1
            elif packet.stream.type != "audio" or _follows(packet, expected):
                self.damaged += len(odd.pop(index, ()))
                yield self._moved_behind(packet)
            elif index in odd and _follows(packet, _begins(odd[index][-1])):
                odd[index].append(packet)
                if len(odd[index]) == MOST_ODD:
                    yield from map(self._moved_behind, odd.pop(index))
            else:
                before = odd.pop(index, [])
                if before and _begins(packet) > _begins(before[-1]):  # sound that comes in short pieces
                    yield from map(self._moved_behind, before)
                else:
                    self.damaged += len(before)
                odd[index] = [packet]
        for rest in odd.values():
            if _begins(rest[0]) + self._moved - self._plan.facts.offset < self._plan.timing.seconds:
                yield from map(self._moved_behind, rest)
            else:  # nothing else lasts as long
                self.damaged += len(rest)

    def _moved_behind(self, packet: Any) -> Any:
        """Note when a packet begins: if that is before the last one of its stream, times begin anew."""
        index, began = packet.stream.index, _begins(packet)
        if began + self._moved < self._latest.get(index, began + self._moved):
            self._moved = self._reached - began
        self._latest[index] = began + self._moved
        if packet.stream.type == "audio":
            self._reached = max(self._reached, began + self._moved + (packet.duration or 0) * packet.time_base)
        return packet


def _readable(packets: Iterator[Any]) -> Iterator[Any]:
    """The packets that have a time and content, until the film ends or is truncated."""
    with contextlib.suppress(pyav().error.FFmpegError):
        for packet in packets:
            if packet.pts is not None and packet.size > 0:  # the last one is empty
                yield packet


def _begins(packet: Any) -> Fraction:
    """When a packet begins, in seconds of its file."""
    begins: Fraction = (packet.pts if packet.dts is None else packet.dts) * packet.time_base
    return begins


def _follows(packet: Any, began: Fraction) -> bool:
    """Whether a packet follows one of its stream that began at this time."""
    return 0 <= _begins(packet) - began <= LONGEST_GAP


def _looks(source: Source, picture: Picture) -> tuple[Colours, Fraction, bool]:
    """The colour tags, the pixel aspect, and whether colour gets fewer samples than brightness."""
    matrix = BT_709 if picture.height >= 720 else BT_601
    if not isinstance(source, VideoFile):
        # Players take small films without tags for BT.601, large ones for BT.709: these are tagged.
        return Colours(BT_709, BT_709, matrix, matrix), Fraction(1), True
    with opened(source.path) as container:
        stream = video_stream(container, source.path)
        film = film_facts(next(Decoder(container, stream).frames()))
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        if film.rotation % 180:
            aspect = 1 / aspect
        colours = film.colours
        if colours.is_hdr or colours.matrix not in (BT_709, BT_601, 4, 7, 9):
            colours = Colours(BT_709, BT_709, BT_709, BT_709)
        return colours, aspect, film.subsampled or film.colours.is_hdr


def _encoder(form: str) -> tuple[str, dict[str, str]]:
    """The first encoder that this build of FFmpeg has. Raises UsageError."""
    av = pyav()
    for name, options in ENCODERS.get(form, H264):
        with contextlib.suppress(av.error.FFmpegError, ValueError):
            av.codec.Codec(name, "w")
            return name, dict(options)
    raise UsageError(
        lazy_text(
            "This build of FFmpeg cannot write {format} films. Write numbered frames, such as frame_####.png.",
            format=form,
        )
    )


def _codec_name(stream: Any) -> str:
    context = stream.codec_context
    return str(context.codec.canonical_name if hasattr(context.codec, "canonical_name") else context.name)


def _add_metadata(container: Any, original: Any, options: SinkOptions, plan: Plan) -> None:
    if options.strip_metadata:
        return
    if original is not None:
        container.metadata.update(original.metadata)
        whole = plan.facts.skipped == 0
        with contextlib.suppress(Exception):
            if whole and original.chapters():
                container.set_chapters(original.chapters())
    if options.description:
        container.metadata["comment"] = options.description


def _rgb(picture: Picture) -> Array:
    """The pixels (H, W, 3) as u8 sRGB; what is transparent becomes white."""
    from velatura_daemon.imaging.files import to_display_rgb
    from velatura_daemon.imaging.files.raster import from_picture

    return from_picture(to_display_rgb(picture)).pixels


def _padded(pixels: Array, width: int, height: int) -> Array:
    import numpy as np

    below, right = height - pixels.shape[0], width - pixels.shape[1]
    return np.ascontiguousarray(np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge"))

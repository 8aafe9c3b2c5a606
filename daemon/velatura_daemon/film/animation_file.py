"""Writes animated GIF, APNG and WebP pictures frame by frame, so that a long one takes no more memory than a short
one: Pillow's own writers of GIF and APNG keep all frames."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image

from velatura.atomic import write_atomically, write_users_file
from velatura.errors import PictureTooLarge, UsageError
from velatura.i18n import lazy_text
from velatura.pixels import Picture
from velatura_daemon.film.animation import MILLISECOND, Animation, loops_of
from velatura_daemon.film.plan import Plan
from velatura_daemon.film.sinks import ANIMATION_BYTES_PER_PIXEL, CLIPPED_NOTE, SinkOptions, check_file
from velatura_daemon.film.sources import Source
from velatura_daemon.imaging.files import has_highlights, png, to_display_rgb
from velatura_daemon.imaging.files.metadata import Metadata
from velatura_daemon.imaging.files.metadata.tags import SOFTWARE_NAME
from velatura_daemon.imaging.files.raster import Array, Raster, from_picture, to_picture, to_sample
from velatura_daemon.imaging.files.resize import fitted_size
from velatura_daemon.user_paths import real_path, shown, unwritable

COLOURS = 255  # of a GIF's palette; one more is for transparency
PALETTE_FRAMES = 16  # that the palette of a GIF is chosen from
WEBP_QUALITY = 90  # of 100
MOST_TICKS = 65_535  # that a frame of a GIF or an APNG is shown: 16 bits
HUNDREDTH = Fraction(1, 100)  # of a second: the tick of a GIF
FEWEST_TICKS = 2  # of a frame of a GIF that browsers show as long as it says; fewer become 10
LONGEST_SIDE = 16_383  # of a WebP; GIF has 65,535

TimedFrames = Iterator[tuple[Picture, int]]  # with milliseconds; in a GIF, hundredths of a second


class AnimationSink:
    """An animated picture."""

    def __init__(self, output: Path) -> None:
        self.output = output

    def check(self, source: Source, plan: Plan | None, options: SinkOptions) -> None:
        check_file(self.output, options.force)
        if any(real_path(file) == real_path(self.output) for file in source.files):
            raise UsageError(
                lazy_text("{path} is the animation itself. Give another name with --out.", path=shown(self.output))
            )
        if plan is not None and max(fitted_size(*plan.facts.size, options.size)) > LONGEST_SIDE:
            raise PictureTooLarge(
                lazy_text(
                    "Animated pictures have up to {most} pixels per side. Write a film, or give a smaller --size.",
                    most=LONGEST_SIDE,
                )
            )

    def size_estimate(self, source: Source, plan: Plan, pixels: int) -> float:
        per_pixel = 3.0 if self.output.suffix.lower() in (".png", ".apng") else ANIMATION_BYTES_PER_PIXEL
        return len(plan) * pixels * per_pixel

    def write(
        self, source: Source, plan: Plan, frames: Sequence[Picture], options: SinkOptions, wrote: Callable[[int], None]
    ) -> list[str]:
        self.check(source, plan, options)
        loops = loops_of(source.path) if isinstance(source, Animation) else 0
        suffix = self.output.suffix.lower()
        durations = durations_of(plan, HUNDREDTH if suffix == ".gif" else MILLISECOND)
        notes: list[str] = []

        def timed() -> TimedFrames:
            for number, picture in enumerate(frames):
                if not notes and has_highlights(picture):
                    notes.append(CLIPPED_NOTE)
                yield _uniform(picture, plan.facts.has_alpha) if plan.facts.is_mixed else picture, durations[number]
                wrote(number + 1)

        def write(file: IO[bytes]) -> None:
            if suffix == ".gif":
                write_gif(file, timed(), _evenly_chosen(frames), loops)
            elif suffix == ".webp":
                write_webp(file, timed(), loops)
            else:
                write_apng(file, timed(), len(plan), loops, "" if options.strip_metadata else options.description)

        try:
            if options.force:
                write_users_file(self.output, write)
            else:
                write_atomically(self.output, write, overwrite=False)
        except OSError as error:
            check_file(self.output, options.force)  # it may have been created meanwhile
            raise unwritable(self.output, error) from error
        if suffix != ".gif":
            return notes
        notes.append(
            lazy_text("A GIF has {count} colours; write a .webp or .apng file to keep all of them.", count=COLOURS)
        )
        if min(durations) < FEWEST_TICKS:
            notes.append(
                lazy_text(
                    "Browsers show the frames of a GIF that are shorter than 1/50 second for 1/10 second, so it is "
                    "slower there than {name}. Write a .webp or .apng file to keep its pace.",
                    name=source.path.name,
                )
            )
        return notes


def durations_of(plan: Plan, tick: Fraction) -> list[int]:
    """How long each frame is shown, in ticks. Rounding does not add up: each ends at its own time. tick: in seconds."""
    timing = plan.timing
    ends = [*timing.starts[1:], timing.end]
    unit, first = timing.unit / tick, timing.starts[0]
    moments = [0, *(round((end - first) * unit) for end in ends)]
    return [max(1, after - before) for before, after in itertools.pairwise(moments)]


def _evenly_chosen(frames: Sequence[Picture]) -> list[Picture]:
    return [frames[number] for number in range(0, len(frames), max(1, len(frames) // PALETTE_FRAMES))]


def _eight_bits(picture: Picture) -> Array:
    """(H, W, 3 or 4), u8 sRGB."""
    raster = from_picture(picture)
    if not raster.has_alpha:
        return from_picture(to_display_rgb(picture)).pixels
    colours = to_picture(Raster(raster.pixels[..., :-1], raster.curve, raster.profile))
    return np.dstack([from_picture(to_display_rgb(colours)).pixels, to_sample(raster.pixels[..., -1:], "u8")])


def _uniform(picture: Picture, has_alpha: bool) -> Picture:
    """The format that all frames of an animation get if theirs differ: 8 bits, sRGB."""
    pixels = _eight_bits(picture)
    if has_alpha and pixels.shape[2] == 3:
        pixels = np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)])
    return to_picture(Raster(pixels))


# --- GIF ----------------------------------------------------------------------------------------------------------
def write_gif(file: IO[bytes], frames: TimedFrames, samples: list[Picture], loops: int) -> None:
    """One palette for all frames, without dithering: palettes and patterns that change from frame to frame would
    flicker. samples: frames that the palette is chosen from. loops: how often it is shown; 0: without end."""
    palette = _palette(samples)
    table = bytes(palette.getpalette() or b"").ljust(768, b"\0")[:768]
    first = True
    for picture, hundredths in frames:
        pixels = _eight_bits(picture)
        if first:
            file.write(b"GIF89a" + struct.pack("<HHBBB", picture.width, picture.height, 0xF7, 0, 0) + table)
            if loops != 1:
                again = min(max(0, loops - 1), 65_535) if loops else 0
                file.write(b"\x21\xff\x0bNETSCAPE2.0\x03\x01" + struct.pack("<H", again) + b"\0")
            first = False
        image = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
        indices = np.array(image.quantize(palette=palette, dither=Image.Dither.NONE))
        clear = pixels.shape[2] == 4
        if clear:
            indices[pixels[..., 3] < 128] = COLOURS
        # Disposal 2 clears the frame before the next: otherwise what is transparent would show it.
        file.write(
            b"\x21\xf9\x04" + struct.pack("<BHBB", 0x09 if clear else 0x04, min(hundredths, MOST_TICKS), COLOURS, 0)
        )
        file.write(b"\x2c" + struct.pack("<HHHHB", 0, 0, picture.width, picture.height, 0) + _lzw(indices))
    file.write(b"\x3b")


def _palette(samples: list[Picture]) -> Image.Image:
    step = max(1, sum(sample.width * sample.height for sample in samples) // 1_000_000)
    pixels = np.concatenate([_eight_bits(sample)[..., :3].reshape(-1, 3)[::step] for sample in samples])
    return Image.fromarray(pixels[None]).quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)


def _lzw(indices: Array) -> bytes:
    """The compressed indices, as Pillow writes them in a GIF of one picture, with 8 bits each."""
    image = Image.fromarray(indices)  # grey: its palette has 256 entries in order
    file = BytesIO()
    image.save(file, "GIF", optimize=False, interlace=0)
    data = file.getvalue()
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    while data[at] != 0x2C:  # extensions
        at += 2
        while data[at]:
            at += 1 + data[at]
        at += 1
    at += 10 + (3 << ((data[at + 9] & 7) + 1) if data[at + 9] & 0x80 else 0)
    return data[at:-1]


# --- APNG ---------------------------------------------------------------------------------------------------------
def write_apng(file: IO[bytes], frames: TimedFrames, count: int, loops: int, description: str) -> None:
    """8 or 16 bits, with transparency (PNG, third edition)."""
    sequence = itertools.count()
    for number, (picture, milliseconds) in enumerate(frames):
        raster = from_picture(picture)
        is_kept = raster.pixels.dtype.kind == "u"
        pixels, profile = (raster.pixels, raster.profile) if is_kept else (_eight_bits(picture), b"")
        text = (description, SOFTWARE_NAME) if number == 0 and description else ("", "")
        chunks = list(_chunks(png.encode(pixels, profile, *text, Metadata())))
        control = struct.pack(
            ">IIIIIHHBB", next(sequence), picture.width, picture.height, 0, 0, min(milliseconds, MOST_TICKS),
            1000, 0, 0,
        )  # fmt: skip
        if number == 0:
            file.write(png.START)
            for name, content in chunks:
                if name in (b"IDAT", b"IEND"):
                    continue
                _write_chunk(file, name, content)
                if name == b"IHDR":
                    _write_chunk(file, b"acTL", struct.pack(">II", count, loops))
        _write_chunk(file, b"fcTL", control)
        for name, content in chunks:
            if name == b"IDAT" and number == 0:
                _write_chunk(file, b"IDAT", content)
            elif name == b"IDAT":
                _write_chunk(file, b"fdAT", struct.pack(">I", next(sequence)) + content)
    _write_chunk(file, b"IEND", b"")


def _chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(png.START)
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += 12 + length


def _write_chunk(file: IO[bytes], name: bytes, content: bytes) -> None:
    file.write(struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content)))


# --- WebP ---------------------------------------------------------------------------------------------------------
def write_webp(file: IO[bytes], frames: TimedFrames, loops: int) -> None:
    """An extended file (RFC 9649) of whole frames, each as Pillow encodes it alone. file: seekable."""
    file.write(b"RIFF\0\0\0\0WEBP")
    for number, (picture, milliseconds) in enumerate(frames):
        pixels = _eight_bits(picture)
        if number == 0:
            flags = 0x02 | (0x10 if pixels.shape[2] == 4 else 0)  # animation, alpha
            size = _three_bytes(picture.width - 1) + _three_bytes(picture.height - 1)
            _write_riff(file, b"VP8X", bytes([flags, 0, 0, 0]) + size)
            _write_riff(file, b"ANIM", struct.pack("<IH", 0, min(loops, 65_535)))
        still = BytesIO()
        Image.fromarray(np.ascontiguousarray(pixels)).save(still, "WEBP", quality=WEBP_QUALITY)
        place = _three_bytes(0) * 2 + _three_bytes(picture.width - 1) + _three_bytes(picture.height - 1)
        shown_for = _three_bytes(min(milliseconds, 0xFFFFFF))
        _write_riff(file, b"ANMF", place + shown_for + b"\x02" + _frame_data(still.getvalue()))  # 2: do not blend
    end = file.tell()
    file.seek(4)
    file.write(struct.pack("<I", end - 8))
    file.seek(end)


def _frame_data(still: bytes) -> bytes:
    """The chunks of a WebP file that hold its pixels."""
    data, at = b"", 12
    while at + 8 <= len(still):
        name, length = still[at : at + 4], struct.unpack_from("<I", still, at + 4)[0]
        end = at + 8 + length + length % 2
        data += still[at:end] if name in (b"ALPH", b"VP8 ", b"VP8L") else b""
        at = end
    return data


def _write_riff(file: IO[bytes], name: bytes, content: bytes) -> None:
    file.write(name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2))


def _three_bytes(value: int) -> bytes:
    return value.to_bytes(3, "little")

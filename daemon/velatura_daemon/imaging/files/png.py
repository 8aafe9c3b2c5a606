"""PNG through libpng, because Pillow stops at 8 bits for colour; and the chunks that libpng's wrapper does not
provide."""

from __future__ import annotations

import io
import logging
import struct
import zlib
from dataclasses import replace
from typing import BinaryIO

import imagecodecs
import numpy as np

from velatura.errors import NotAPicture
from velatura.i18n import lazy_text, sentences
from velatura_daemon.imaging.files import pillow
from velatura_daemon.imaging.files.exif import orientation_of
from velatura_daemon.imaging.files.limits import MAX_CHUNKS, MAX_PROFILE_BYTES, SHORT_IDAT_BYTES
from velatura_daemon.imaging.files.metadata import Metadata
from velatura_daemon.imaging.files.metadata.containers import INCHES_PER_METRE, XMP_KEYWORD
from velatura_daemon.imaging.files.metadata.tags import PNG_AUTHOR, PNG_COPYRIGHT, PNG_DESCRIPTION, PNG_SOFTWARE
from velatura_daemon.imaging.files.metadata.write import exif_of, xmp_of
from velatura_daemon.imaging.files.options import Pages, ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import Array, Raster, oriented, oriented_size
from velatura_daemon.imaging.files.salvage import png_raw_bytes, salvaged_png_pixels, truncated_note
from velatura_daemon.imaging.files.structure import ADVICE, too_many

# Without a handler, libpng's warnings about unusual files would reach the terminal.
logging.getLogger("imagecodecs").addHandler(logging.NullHandler())

START = b"\x89PNG\r\n\x1a\n"
SIGNATURE = len(START)
HEADER_END = SIGNATURE + 12 + 13  # IHDR chunk: length, name, 13 bytes of content, checksum
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # per pixel, by colour type
SHORT_CHUNKS = lazy_text("It has more than {limit:,} short chunks of pixels, which is the limit.")
OTHER_CHUNKS = lazy_text("It has more than {limit:,} chunks besides its pixels, which is the limit.")
NEEDED = (b"PLTE", b"tRNS", b"IDAT", b"IEND")  # by libpng, after the header; the others are read here
METADATA_BYTES = 1 << 20
# The chunks that are read here, and how long they may be; longer ones are ignored.
USED = {b"iCCP": MAX_PROFILE_BYTES, b"eXIf": METADATA_BYTES, b"cICP": 4, b"sRGB": 1, b"gAMA": 4, b"cHRM": 32}


def decode(file: BinaryIO, check_size: SizeCheck, options: ReadOptions) -> Raster:
    """Decode at the depth of the file; palettes, transparent colours and 1, 2 and 4 bits become 8-bit channels. Raises
    NotAPicture, and what check_size raises."""
    header = file.read(HEADER_END)
    if len(header) < HEADER_END:
        raise NotAPicture(lazy_text("The file is truncated. Copy or download it again."))
    width, height, bits, colour, interlaced = struct.unpack_from(">IIBBxxB", header, SIGNATURE + 8)
    needed, extras, frames = _parts(file, width * height * bits * SAMPLES.get(colour, 4) // 8 + height)
    orientation = orientation_of(extras.get(b"eXIf", b""))
    pages = Pages(frames, "frames")
    if pages.index_of(options.page) > 0:
        file.seek(0)
        frame = pillow.decode(file, check_size, options)  # which composes the frames, with 8 bits
        return _with_colour_space(replace(frame, profile=b""), extras)
    check_size(*oriented_size(width, height, orientation))
    notes: tuple[str, ...] = ()
    data = bytearray(header)
    if options.salvage and _ends_early(file, needed):
        raw_bytes = png_raw_bytes(width, height, bits * SAMPLES.get(colour, 4), bool(interlaced))
        salvaged, missing = _salvaged(file, needed, raw_bytes)
        data += salvaged
        filled = "transparent" if colour in (4, 6) else "black"
        notes = (truncated_note(missing, filled),) if missing else ()
    else:
        for start, length in needed:
            file.seek(start)
            data += file.read(length)
    pixels = imagecodecs.png_decode(data)
    pixels = pixels.reshape(height, width, -1)
    return _with_colour_space(Raster(oriented(pixels, orientation), pages=pages, notes=notes), extras)


def _with_colour_space(raster: Raster, extras: dict[bytes, bytes]) -> Raster:
    """Apply the chunk that describes the colours best: cICP, then iCCP, sRGB, gAMA with cHRM (PNG, third edition, 4.3).
    A damaged one counts as missing."""
    from velatura_daemon.imaging.files import colour_codes

    codes = extras.get(b"cICP", b"")
    if len(codes) == 4 and codes[2] == 0 and codes[3] == 1:  # RGB, full range: other values are not allowed in a PNG
        return colour_codes.with_codes(raster, codes[0], codes[1])
    profile = _profile(extras.get(b"iCCP", b""))
    if profile:
        return replace(raster, profile=profile)
    gamma, places = extras.get(b"gAMA", b""), extras.get(b"cHRM", b"")
    if b"sRGB" in extras or len(gamma) != 4:
        return raster
    primaries = None
    if len(places) == 32 and all(values := [value / 100_000 for value in struct.unpack(">8I", places)]):
        primaries = colour_codes.Primaries(*zip(values[::2], values[1::2], strict=True))
    return colour_codes.with_gamma(raster, int.from_bytes(gamma, "big"), primaries)


def _parts(file: BinaryIO, raw_bytes: int) -> tuple[list[tuple[int, int]], dict[bytes, bytes], int]:
    """Find the chunks after the header. Returns where libpng's are (start, length), the contents of the others that
    are used, and the number of frames. raw_bytes: of the uncompressed pixels. Raises NotAPicture for too many
    chunks."""
    length, at = file.seek(0, io.SEEK_END), HEADER_END
    needed: list[tuple[int, int]] = []
    extras: dict[bytes, bytes] = {}
    others = pieces = packed = frames = 0
    is_animated = False
    while at < length:
        file.seek(at)
        head = file.read(8)
        size, name = struct.unpack(">I4s", head) if len(head) == 8 else (0, b"IEND")
        if name in (b"IDAT", b"fdAT"):  # fdAT: of an animation's other pictures, which are not read
            pieces, packed = pieces + 1, packed + size * (name == b"IDAT")
            if pieces > MAX_CHUNKS + length // SHORT_IDAT_BYTES:
                raise too_many(SHORT_CHUNKS, MAX_CHUNKS)
            if packed > 2 * raw_bytes + METADATA_BYTES:
                excess = lazy_text("It has far more data than its {bytes:,} bytes of pixels need.", bytes=raw_bytes)
                raise NotAPicture(sentences(excess, ADVICE))
        else:
            others += 1
            if others > MAX_CHUNKS:
                raise too_many(OTHER_CHUNKS, MAX_CHUNKS)
        is_animated |= name == b"acTL" and pieces == 0  # after the first pixels, readers ignore it
        frames += name == b"fcTL" or (name == b"IDAT" and frames == 0)  # the first may not be part of the animation
        if name in NEEDED:
            needed.append((at, 12 + size))
        elif size <= USED.get(name, -1):
            extras.setdefault(name, file.read(size))
        if name == b"IEND":
            break
        at += 12 + size
    return needed, extras, max(1, frames) if is_animated else 1


def _ends_early(file: BinaryIO, needed: list[tuple[int, int]]) -> bool:
    """Whether the last chunk is not IEND, or not complete."""
    length = file.seek(0, io.SEEK_END)
    if not needed or sum(needed[-1]) > length:
        return True
    file.seek(needed[-1][0] + 4)
    return file.read(4) != b"IEND"


def _salvaged(file: BinaryIO, needed: list[tuple[int, int]], raw_bytes: int) -> tuple[bytes, float]:
    """Return the chunks after the header for all of a truncated picture, and what fraction of it is missing."""
    others, pieces = b"", []
    for start, length in needed:
        file.seek(start)
        chunk = file.read(length)
        if chunk[4:8] == b"IDAT":
            pieces.append(chunk[8 : length - 4])
        elif len(chunk) == length and chunk[4:8] != b"IEND":
            others += chunk
    pixels, missing = salvaged_png_pixels(pieces, raw_bytes)
    return others + _chunk(b"IDAT", pixels) + _chunk(b"IEND", b""), missing


def encode(pixels: Array, profile: bytes, description: str, software: str, metadata: Metadata) -> bytes:
    """pixels: (H, W, C), u8 or u16. profile: an ICC profile, or empty. metadata: of the photo."""
    plain = imagecodecs.png_encode(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    extras = [_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))] if profile else []
    if metadata.dpi is not None:
        per_metre = (round(dpi / INCHES_PER_METRE) for dpi in metadata.dpi)
        extras.append(_chunk(b"pHYs", struct.pack(">IIB", *per_metre, 1)))
    if metadata != Metadata():
        extras.append(_chunk(b"eXIf", exif_of(metadata, "", "")))
    texts = {PNG_DESCRIPTION: description, PNG_SOFTWARE: software, PNG_AUTHOR: metadata.artist}
    texts |= {PNG_COPYRIGHT: metadata.copyright, XMP_KEYWORD: xmp_of(metadata).decode()}
    extras += [_text_chunk(keyword, text) for keyword, text in texts.items() if text]
    return b"".join([plain[:HEADER_END], *extras, plain[HEADER_END:]])


def _profile(content: bytes | memoryview) -> bytes:
    """Return the ICC profile in an iCCP chunk (name, 0, method, deflated profile). Returns b"" if it is damaged or
    longer than MAX_PROFILE_BYTES."""
    packed = bytes(content).partition(b"\0")[2][1:]
    try:
        profile = zlib.decompressobj().decompress(packed, MAX_PROFILE_BYTES + 1)
    except zlib.error:
        return b""
    return profile if len(profile) <= MAX_PROFILE_BYTES else b""


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _text_chunk(keyword: str, text: str) -> bytes:
    if text.isascii() and keyword != XMP_KEYWORD:
        return _chunk(b"tEXt", f"{keyword}\0{text}".encode())
    return _chunk(b"iTXt", f"{keyword}\0\0\0\0\0{text}".encode())

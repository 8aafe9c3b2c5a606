"""Cheap walks over the structure of a picture file, before a decoder reads it. Decoders keep every block they meet, and
many spend microseconds on each, so a file of a million empty blocks would take minutes or gigabytes.

A walk ends silently where a file is truncated or malformed: the decoder reports that. All raise NotAPicture for a file
beyond the limits.
"""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO, NamedTuple

from velatura.errors import NotAPicture
from velatura.i18n import Text, lazy_text, sentences
from velatura_daemon.imaging.files.limits import (
    MAX_BMP_HEADER,
    MAX_BOXES,
    MAX_CHUNKS,
    MAX_COMMENTS_PPM,
    MAX_COUNTED_BLOCKS,
    MAX_EXIF_HEADERS,
    MAX_GIF_BLOCKS,
    MAX_METADATA_BYTES,
    MAX_PAGES,
    MAX_PPM_HEADER,
    MAX_RESOURCES,
    MAX_SCANS,
    MAX_SEGMENTS,
    MAX_SEGMENTS_JPEG,
    MAX_TAGS,
    RLE_BYTES_PER_PIXEL,
    SHARED_TAG_BYTES,
)

ADVICE = lazy_text("Open it in a painting program and save it again.")
EXIF_HEADER, MULTI_PICTURE_HEADER = b"Exif\0\0", b"MPF\0"
PIECE = 1 << 20  # bytes that are searched at a time
# Tags of which tifffile loads all numbers: offsets and lengths of strips or tiles, and those with a few numbers.
NUMBER_TAGS = (273, 279, 324, 325, 258, 277, 282, 283, 330, 338, 339, 513, 514, 530, 33628, 50838)
NEW_SUBFILE_TYPE, SMALLER_OR_MASK = 254, 1 | 4
# Bytes of a value, by its type in TIFF 6.0 and BigTIFF.
TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
JPEG_MARKER, JPEG_SCAN, JPEG_END = 0xFF, 0xDA, 0xD9
BMP_RUN_LENGTHS = (1, 2)  # compressions: 8 and 4 bits per pixel
JPEG_WITHOUT_LENGTH = (0x01, *range(0xD0, 0xDA))  # TEM, restart markers, start and end of the image


def too_many(sentence: Text, limit: int) -> NotAPicture:
    """sentence: which has {limit}."""
    return NotAPicture(sentences(sentence.format(limit=limit), ADVICE))


def check(file: BinaryIO) -> None:
    """Check a file of any format that Pillow reads, and rewind it. A PNG is checked while its chunks are read."""
    walk = _walk_for(file)
    if walk is not None:
        walk(file)
    file.seek(0)


def is_checked(file: BinaryIO) -> bool:
    """Whether the first bytes are those of a format that `check` knows."""
    return _walk_for(file) is not None


def _walk_for(file: BinaryIO) -> Callable[[BinaryIO], None] | None:
    file.seek(0)
    start = file.read(16)
    return next((walk for pattern, walk in WALKS if re.match(pattern, start, re.DOTALL)), None)


def check_tiff(file: BinaryIO) -> None:
    """Check the first directory of a TIFF."""
    order, big, at = _tiff_header(file)
    if order:
        _check_directory(file, order, big, at)


class Directory(NamedTuple):
    """A directory of a TIFF: where it is in the file, and whether it is a page, and not a thumbnail or a mask."""

    at: int
    is_page: bool


def tiff_directories(file: BinaryIO) -> list[Directory]:
    """Return the directories of a TIFF. The first one always counts as a page. Those after MAX_PAGES, or after
    MAX_COUNTED_BLOCKS entries, are not read."""
    order, big, at = _tiff_header(file)
    length, entries = file.seek(0, io.SEEK_END), 0
    found: dict[int, Directory] = {}  # by place, which may repeat in a damaged file
    while order and 0 < at < length and at not in found and len(found) < MAX_PAGES:
        file.seek(at)
        tags = _number(file, order, 8 if big else 2)
        entries += tags
        if tags > MAX_TAGS or entries > MAX_COUNTED_BLOCKS:
            break
        kinds = [value for tag, _, _, value in _entries(file, order, big, tags) if tag == NEW_SUBFILE_TYPE]
        found[at] = Directory(at, not found or not any(kind & SMALLER_OR_MASK for kind in kinds))
        file.seek(at + (8 + tags * 20 if big else 2 + tags * 12))
        at = _number(file, order, 8 if big else 4)
    return list(found.values())


def check_tiff_directories(file: BinaryIO, directories: Iterable[Directory]) -> None:
    """Check the directories that a decoder is going to read."""
    order, big, _ = _tiff_header(file)
    for directory in directories:
        _check_directory(file, order, big, directory.at)


def _tiff_header(file: BinaryIO) -> tuple[str, bool, int]:
    """Return the byte order of a TIFF as in `struct`, '' if the file is too short; whether it is a BigTIFF; and where
    its first directory is."""
    file.seek(0)
    start = file.read(16)
    order = "<" if start[:2] == b"II" else ">"
    try:
        big = struct.unpack_from(order + "H", start, 2)[0] == 43
        return order, big, struct.unpack_from(order + ("Q" if big else "I"), start, 8 if big else 4)[0]
    except struct.error:
        return "", False, 0


def _check_directory(file: BinaryIO, order: str, big: bool, at: int) -> None:
    length = file.seek(0, io.SEEK_END)
    file.seek(min(at, length))
    tags = _number(file, order, 8 if big else 2)
    if tags > MAX_TAGS:
        raise too_many(lazy_text("It has more than {limit:,} entries in its directory, which is the limit."), MAX_TAGS)
    numbers = value_bytes = 0
    for tag, kind, count, place in _entries(file, order, big, tags):
        size = count * TIFF_SIZES.get(kind, 0)
        if place + size > length:
            continue  # no decoder reads it
        numbers += count if tag in NUMBER_TAGS else 0
        value_bytes += size
        if numbers > 2 * MAX_SEGMENTS:  # an offset and a length for each
            raise too_many(lazy_text("It has more than {limit:,} strips or tiles, which is the limit."), MAX_SEGMENTS)
        if value_bytes > length + SHARED_TAG_BYTES:
            raise NotAPicture(sentences(lazy_text("Its tags have more bytes than the file."), ADVICE))


def _entries(file: BinaryIO, order: str, big: bool, tags: int) -> Iterator[tuple[int, int, int, int]]:
    """Yield (tag, type, count, value or its place) of a directory whose entries start here."""
    entry = struct.Struct(order + ("HHQQ" if big else "HHII"))
    data = file.read(tags * entry.size)
    yield from entry.iter_unpack(data[: len(data) // entry.size * entry.size])


def _number(file: BinaryIO, order: str, size: int) -> int:
    return int.from_bytes(file.read(size), "little" if order == "<" else "big")


def check_exif(data: bytes) -> None:
    """Check EXIF data, or another directory in the form of a TIFF: decoders read all of its values."""
    headers = 0
    while data.startswith(EXIF_HEADER, headers * len(EXIF_HEADER)):
        headers += 1
        if headers > MAX_EXIF_HEADERS:
            raise too_many(lazy_text("It has more than {limit:,} EXIF headers, which is the limit."), MAX_EXIF_HEADERS)
    check_tiff(io.BytesIO(data[headers * len(EXIF_HEADER) :]))


def check_jpeg(file: BinaryIO) -> None:
    """Check the segments before the pixels as decoders find them: they skip any bytes between two segments."""
    file.seek(2)
    steps = metadata = 0
    before = b""
    exif: list[bytes] = []  # decoders join its segments
    while byte := file.read(1):
        steps += 1
        if steps > 2 * MAX_SEGMENTS_JPEG:  # a marker has two bytes
            raise too_many(
                lazy_text("It has more than {limit:,} segments before its pixels, which is the limit."),
                MAX_SEGMENTS_JPEG,
            )
        is_marker, before = before == b"\xff" and byte not in b"\0\xff", byte
        if not is_marker or byte[0] in JPEG_WITHOUT_LENGTH:
            continue
        if byte[0] == JPEG_SCAN:
            break
        size = max(0, int.from_bytes(file.read(2), "big") - 2)
        metadata += size
        if metadata > MAX_METADATA_BYTES:
            raise _too_much_metadata()
        content = file.read(min(size, 6)) if byte in (b"\xe1", b"\xe2") else b""
        if content == EXIF_HEADER:
            exif.append(file.read(size - 6))
        elif content.startswith(MULTI_PICTURE_HEADER):
            check_exif(content[4:] + file.read(size - len(content)))
        else:
            file.seek(size - len(content), io.SEEK_CUR)
    check_exif(b"".join(exif))
    _check_scans(file)


def _check_scans(file: BinaryIO) -> None:
    """Count the scans from here to the end of the picture. In compressed data, 0xFF is followed by 0 or a restart
    marker."""
    scans, before = 0, b""
    while piece := file.read(PIECE):
        text = before + piece
        end = text.find(bytes([JPEG_MARKER, JPEG_END]))
        scans += text.count(bytes([JPEG_MARKER, JPEG_SCAN]), 0, end if end >= 0 else len(text))
        if scans > MAX_SCANS:
            raise too_many(lazy_text("It has more than {limit:,} scans, which is the limit."), MAX_SCANS)
        if end >= 0:
            return
        before = text[-1:]


def check_gif(file: BinaryIO) -> None:
    """Count the blocks before the first picture."""
    for pictures, blocks in _gif_blocks(file):
        if pictures:
            return
        if blocks > MAX_GIF_BLOCKS:
            raise too_many(
                lazy_text("It has more than {limit:,} blocks before its first picture, which is the limit."),
                MAX_GIF_BLOCKS,
            )


def count_gif_frames(file: BinaryIO) -> int:
    """Count the pictures, as far as MAX_COUNTED_BLOCKS and MAX_PAGES allow."""
    frames = 0
    for pictures, blocks in _gif_blocks(file):
        frames = pictures
        if blocks > MAX_COUNTED_BLOCKS or frames >= MAX_PAGES:
            break
    return frames


def _gif_blocks(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Walk over the blocks of a GIF; yields how many pictures and blocks there were so far."""
    file.seek(10)
    _skip_palette(file, file.read(3), 0)
    pictures = blocks = 0
    while (byte := file.read(1)) not in (b"", b";"):
        blocks += 1
        pictures += byte == b","
        yield pictures, blocks
        if byte == b"!":
            file.seek(1, io.SEEK_CUR)
        elif byte == b",":
            _skip_palette(file, file.read(9), 8)
            file.seek(1, io.SEEK_CUR)  # bits of a code
        else:
            continue
        while (size := file.read(1)) not in (b"", b"\0"):
            file.seek(size[0], io.SEEK_CUR)
            blocks += 1
            yield pictures, blocks


def _skip_palette(file: BinaryIO, head: bytes, at: int) -> None:
    if len(head) > at and head[at] & 128:
        file.seek(3 << ((head[at] & 7) + 1), io.SEEK_CUR)


def check_psd(file: BinaryIO) -> None:
    length = file.seek(0, io.SEEK_END)
    file.seek(26)
    colours = int.from_bytes(file.read(4), "big")
    file.seek(colours, io.SEEK_CUR)
    end = int.from_bytes(file.read(4), "big") + file.tell()
    if max(colours, min(end, length) - 34) > MAX_METADATA_BYTES:
        raise _too_much_metadata()
    resources = 0
    while file.tell() < min(end, length):
        resources += 1
        if resources > MAX_RESOURCES:
            raise too_many(lazy_text("It has more than {limit:,} resources, which is the limit."), MAX_RESOURCES)
        head = file.read(7)  # signature, number, length of the name
        name = head[6] if len(head) == 7 else 0
        file.seek(name + (name + 1) % 2, io.SEEK_CUR)
        size = int.from_bytes(file.read(4), "big")
        file.seek(size + size % 2, io.SEEK_CUR)


def check_webp(file: BinaryIO) -> None:
    def content_of(head: bytes) -> int:
        size = int.from_bytes(head[4:8], "little")
        if head[:4] == b"EXIF":
            if size > MAX_METADATA_BYTES:
                raise _too_much_metadata()
            check_exif(file.read(size))
            return size % 2
        return _padded(size)

    too_much = lazy_text("It has more than {limit:,} chunks, which is the limit.")
    _count(file, 12, content_of, MAX_CHUNKS, too_much)


def check_jpeg2000(file: BinaryIO) -> None:
    """Count the boxes, and those inside the header's box, before the pixels."""

    def content_of(head: bytes) -> int | None:
        size, kind = int.from_bytes(head[:4], "big"), head[4:8]
        if kind == b"jp2h":
            return 0  # its boxes follow
        if kind == b"jp2c" or size == 0:
            return None
        if size == 1:
            return max(8, int.from_bytes(file.read(8), "big") - 8) - 8
        return max(8, size) - 8

    too_much = lazy_text("It has more than {limit:,} boxes before its pixels, which is the limit.")
    _count(file, 0, content_of, MAX_BOXES, too_much)


def check_ppm(file: BinaryIO) -> None:
    """Check that the size and the maximum come early, since Pillow reads comments byte by byte; and that pixels written
    as text have few comments, for each of which it copies a megabyte."""
    file.seek(0)
    start = file.read(MAX_PPM_HEADER)
    words = 2 if start[1:2] in b"14" else 3  # a bitmap has no maximum
    if len(start) == MAX_PPM_HEADER and not re.match(rb"P.(?:(?:\s|#[^\r\n]*[\r\n])+[^\s#]+){%d}\s" % words, start):
        raise too_many(lazy_text("Its header has more than {limit:,} bytes, which is the limit."), MAX_PPM_HEADER)
    comments, piece = 0, start if start[1:2] in b"123" else b""
    while piece:
        comments += piece.count(b"#")
        if comments > MAX_COMMENTS_PPM:
            raise too_many(lazy_text("It has more than {limit:,} comments, which is the limit."), MAX_COMMENTS_PPM)
        piece = file.read(PIECE)


def check_bmp(file: BinaryIO) -> None:
    """Check the length of run-length encoded pixels: a run may be empty, and Pillow decodes them in Python."""
    length = file.seek(0, io.SEEK_END)
    file.seek(0)
    header = file.read(34)
    at = 14 if header[:2] == b"BM" else 0
    if len(header) < 34 or header[at] < 40:  # OS/2 1.x, which has no compression
        return
    width, height, compression = struct.unpack_from("<ii4xI", header, at + 4)
    pixels = abs(width * height)
    if compression in BMP_RUN_LENGTHS and length > RLE_BYTES_PER_PIXEL * pixels + MAX_BMP_HEADER:
        excess = lazy_text(
            "It has far more data than its {width} × {height} pixels need.", width=width, height=abs(height)
        )
        raise NotAPicture(sentences(excess, ADVICE))


def _count(file: BinaryIO, start: int, content_of: Callable[[bytes], int | None], limit: int, sentence: Text) -> None:
    """Count blocks with heads of 8 bytes. content_of: the bytes after a head; None: the last block. sentence: of
    `too_many`."""
    file.seek(start)
    blocks = 0
    while len(head := file.read(8)) == 8:
        blocks += 1
        if blocks > limit:
            raise too_many(sentence, limit)
        size = content_of(head)
        if size is None:
            return
        file.seek(min(size, 1 << 62), io.SEEK_CUR)


def _padded(size: int) -> int:
    return size + size % 2


def _too_much_metadata() -> NotAPicture:
    return too_many(lazy_text("It has more than {limit} MB of metadata, which is the limit."), MAX_METADATA_BYTES >> 20)


WALKS: tuple[tuple[bytes, Callable[[BinaryIO], None]], ...] = (
    (rb"\xff\xd8", check_jpeg),
    (rb"(II\*\0|MM\0\*|II\+\0|MM\0\+)", check_tiff),
    (rb"GIF8", check_gif),
    (rb"8BPS", check_psd),
    (rb"RIFF....WEBP", check_webp),
    (rb"\0\0\0\x0cjP  ", check_jpeg2000),
    (rb"P[0-7fFy]", check_ppm),
    (rb"BM|[\x28\x34\x38\x40\x6c\x7c]\0\0\0", check_bmp),  # with a file header, or from the size of the next one on
)

"""Where the metadata is in PNG, JPEG, TIFF, WebP and PSD files. Walks over their blocks, without a decoder; they end
where a file is truncated or malformed."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import BinaryIO

from velatura_daemon.imaging.files.decode import TIFF_STARTS
from velatura_daemon.imaging.files.limits import (
    MAX_CHUNKS,
    MAX_METADATA_VALUE,
    MAX_RESOURCES,
    MAX_SEGMENTS_JPEG,
    SHORT_IDAT_BYTES,
)
from velatura_daemon.imaging.files.metadata.iptc import records_in
from velatura_daemon.imaging.files.metadata.texts import attempt, clean
from velatura_daemon.imaging.files.structure import EXIF_HEADER

XMP_HEADER, RESOURCES_HEADER = b"http://ns.adobe.com/xap/1.0/\0", b"Photoshop 3.0\0"
XMP_KEYWORD = "XML:com.adobe.xmp"
PNG_KEYWORDS = ("Author", "Copyright", "Description", "Software", XMP_KEYWORD)  # not translated: PNG's keywords
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
INCHES_PER_METRE = 0.0254
PSD_RESOLUTION, PSD_IPTC, PSD_EXIF, PSD_XMP = PSD_METADATA = 1005, 1028, 1058, 1060  # numbers of resources
JFIF_DPI = {1: 1.0, 2: 2.54}  # by its unit: per inch, per centimetre


@dataclass
class Blocks:
    """exif: a file with EXIF data; of a TIFF, the file itself. xmp, iptc: packets, b'' if there are none. dpi: of the
    format itself. texts: of a PNG, by keyword, of PNG_KEYWORDS."""

    exif: BinaryIO | None = None
    xmp: bytes = b""
    iptc: bytes = b""
    dpi: tuple[float, float] | None = None
    texts: dict[str, str] = field(default_factory=dict)


def blocks_of(file: BinaryIO) -> Blocks:
    """Find the metadata of a file; of other formats none. Raises struct.error."""
    start = file.read(16)
    if start.startswith(PNG_SIGNATURE):
        return _of_png(file)
    if start.startswith(b"\xff\xd8"):
        return _of_jpeg(file)
    if start.startswith(TIFF_STARTS):
        return Blocks(exif=file)
    if start[:4] == b"RIFF" and start[8:12] == b"WEBP":
        return _of_webp(file)
    if start.startswith(b"8BPS"):
        return _of_psd(file)
    return Blocks()


def _of_png(file: BinaryIO) -> Blocks:
    blocks = Blocks()
    for name, content in _png_chunks(file):
        if name == b"eXIf":
            blocks.exif = blocks.exif or io.BytesIO(content)
        elif name == b"pHYs" and len(content) == 9:
            x, y, unit = struct.unpack(">IIB", content)
            blocks.dpi = (x * INCHES_PER_METRE, y * INCHES_PER_METRE) if unit == 1 else None
        elif name in (b"tEXt", b"iTXt"):
            keyword = content.partition(b"\0")[0].decode("latin-1")
            if keyword in PNG_KEYWORDS and keyword not in blocks.texts:  # each is unpacked once at most
                text = attempt(partial(_png_text, name, content), b"")
                blocks.texts[keyword] = clean(text)
                blocks.xmp = text if keyword == XMP_KEYWORD else blocks.xmp
    return blocks


def _png_chunks(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and content of each chunk with metadata, of at most MAX_METADATA_VALUE bytes."""
    length, at = file.seek(0, io.SEEK_END), len(PNG_SIGNATURE)
    for _ in range(MAX_CHUNKS + length // SHORT_IDAT_BYTES):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8 or head[4:] == b"IEND":
            return
        size = int.from_bytes(head[:4], "big")
        if head[4:] in (b"eXIf", b"pHYs", b"tEXt", b"iTXt") and size <= MAX_METADATA_VALUE:
            yield head[4:], file.read(size)
        at += 12 + size


def _png_text(name: bytes, content: bytes) -> bytes:
    """Return the text in UTF-8. iTXt has two bytes and two texts before its own. Raises zlib.error."""
    text = content.partition(b"\0")[2]
    if name == b"tEXt":
        return text.decode("latin-1").encode()
    is_packed, text = text[:1] == b"\1", text[2:].split(b"\0", 2)[-1]
    return zlib.decompressobj().decompress(text, MAX_METADATA_VALUE) if is_packed else text


def _of_jpeg(file: BinaryIO) -> Blocks:
    blocks = Blocks()
    file.seek(2)
    for _ in range(MAX_SEGMENTS_JPEG):
        head = file.read(4)
        if len(head) < 4 or head[0] != 0xFF or not 0xC0 <= head[1] <= 0xFE or head[1] == 0xDA:
            break
        content = file.read(max(0, int.from_bytes(head[2:], "big") - 2))
        if head[1] == 0xE0 and content.startswith(b"JFIF\0") and len(content) >= 12:
            unit, x, y = struct.unpack_from(">BHH", content, 7)
            blocks.dpi = (x * JFIF_DPI[unit], y * JFIF_DPI[unit]) if unit in JFIF_DPI else None
        elif head[1] == 0xE1 and content.startswith(EXIF_HEADER):
            blocks.exif = blocks.exif or io.BytesIO(content[len(EXIF_HEADER) :])
        elif head[1] == 0xE1 and content.startswith(XMP_HEADER):
            blocks.xmp = blocks.xmp or content[len(XMP_HEADER) :]
        elif head[1] == 0xED and content.startswith(RESOURCES_HEADER):
            blocks.iptc = blocks.iptc or attempt(partial(records_in, content), b"")
    return blocks


def _of_webp(file: BinaryIO) -> Blocks:
    blocks = Blocks()
    file.seek(12)
    for _ in range(MAX_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            break
        size = int.from_bytes(head[4:], "little")
        end = file.tell() + size + size % 2
        if head[:4] == b"EXIF" and size <= MAX_METADATA_VALUE:
            blocks.exif = blocks.exif or io.BytesIO(file.read(size).removeprefix(EXIF_HEADER))
        elif head[:4] == b"XMP " and size <= MAX_METADATA_VALUE:
            blocks.xmp = blocks.xmp or file.read(size)
        file.seek(end)
    return blocks


def _of_psd(file: BinaryIO) -> Blocks:
    """Adobe Photoshop File Formats Specification, "Image Resources Section"."""
    blocks = Blocks()
    file.seek(26)  # behind the header
    file.seek(int.from_bytes(file.read(4), "big"), io.SEEK_CUR)
    size = int.from_bytes(file.read(4), "big")
    end = file.tell() + size
    for _ in range(MAX_RESOURCES):
        signature, number, name = struct.unpack(">4sHB", file.read(7))
        file.seek(name + (name + 1) % 2, io.SEEK_CUR)
        size = int.from_bytes(file.read(4), "big")
        after = file.tell() + size + size % 2
        if signature != b"8BIM" or after > end:
            break
        content = file.read(size) if number in PSD_METADATA and size <= MAX_METADATA_VALUE else b""
        if number == PSD_RESOLUTION and len(content) == 16:
            x, y = struct.unpack(">I4xI4x", content)
            blocks.dpi = x / 65536, y / 65536
        elif number == PSD_IPTC:
            blocks.iptc = content
        elif number == PSD_EXIF:
            blocks.exif = io.BytesIO(content)
        elif number == PSD_XMP:
            blocks.xmp = content
        if after == end:
            break
        file.seek(after)
    return blocks

"""The small picture of a preset: checked before an editor decodes it, and drawn if a preset has none."""

from __future__ import annotations

import colorsys
import hashlib
import struct
import zlib

SIDE = 96  # pixels of a thumbnail that we make
MAX_BYTES = 64 << 10
MAX_SIDE = 512  # pixels: a decoder allocates what the header says, so a small file could ask for gigabytes
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">8sI4sII")  # signature, length of the first chunk, its type, width, height


def is_thumbnail(data: bytes) -> bool:
    """Whether these bytes start as a PNG file does, and are small enough to be decoded without care."""
    if not _HEADER.size <= len(data) <= MAX_BYTES:
        return False
    signature, length, kind, width, height = _HEADER.unpack_from(data)
    is_png = (signature, length, kind) == (_SIGNATURE, 13, b"IHDR")
    return is_png and 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE


def plain_thumbnail(name: str) -> bytes:
    """A PNG for a preset without a picture: a soft gradient in a colour that belongs to the name."""
    digest = hashlib.sha256(name.encode("utf-8", "replace")).digest()
    hue = digest[0] / 256
    rows = []
    for y in range(SIDE):
        down = y / (SIDE - 1)
        pixel = bytes(round(255 * part) for part in colorsys.hls_to_rgb(hue, 0.72 - 0.30 * down, 0.32))
        rows.append(b"\0" + pixel * SIDE)  # each row starts with its filter: none
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0)  # 8 bits, RGB
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 9)), (b"IEND", b""))
    return _SIGNATURE + b"".join(map(_chunk, *zip(*chunks, strict=True)))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

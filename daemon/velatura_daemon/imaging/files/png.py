"""PNG through libpng, because Pillow stops at 8 bits for colour; and the chunks that libpng's wrapper does not
provide."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import imagecodecs
import numpy as np

from velatura.errors import NotAPicture
from velatura_daemon.imaging.files.decode import SizeCheck
from velatura_daemon.imaging.files.exif import orientation_of
from velatura_daemon.imaging.files.raster import Array, Raster, oriented, oriented_size

SIGNATURE = 8  # bytes
HEADER_END = SIGNATURE + 12 + 13  # IHDR chunk: length, name, 13 bytes of content, checksum
MAX_PROFILE_BYTES = 4 << 20  # bytes, decompressed; the protocol does not carry longer ones


def decode(data: bytes, check_size: SizeCheck) -> Raster:
    """Decode at the depth of the file; palettes, transparent colours and 1, 2 and 4 bits become 8-bit channels. Raises
    NotAPicture, and what check_size raises."""
    if len(data) < HEADER_END:
        raise NotAPicture("The file is truncated. Copy or download it again.")
    width, height = struct.unpack_from(">II", data, SIGNATURE + 8)
    extras = {name: content for name, content in chunks(data) if name in (b"iCCP", b"eXIf")}
    orientation = orientation_of(extras.get(b"eXIf", b""))
    check_size(*oriented_size(width, height, orientation))
    pixels = imagecodecs.png_decode(data)
    pixels = pixels.reshape(height, width, -1)
    return Raster(oriented(pixels, orientation), profile=_profile(extras.get(b"iCCP", b"")))


def encode(pixels: Array, profile: bytes, description: str, software: str) -> bytes:
    """pixels: (H, W, C), u8 or u16. profile: an ICC profile, or empty."""
    plain = imagecodecs.png_encode(np.ascontiguousarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels))
    extras = [_chunk(b"iCCP", b"ICC profile\0\0" + zlib.compress(profile))] if profile else []
    extras += [_text_chunk("Description", description), _text_chunk("Software", software)]
    return b"".join([plain[:HEADER_END], *extras, plain[HEADER_END:]])


def chunks(data: bytes) -> Iterator[tuple[bytes, bytes | memoryview]]:
    """Yield (name, content) of each complete chunk."""
    view, at = memoryview(data), SIGNATURE
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if at + 12 + length > len(data):
            return
        yield name, view[at + 8 : at + 8 + length]
        at += 12 + length


def texts(data: bytes) -> dict[str, str]:
    """Return the tEXt and iTXt chunks by keyword. Compressed ones are skipped."""
    by_keyword = {}
    for name, content in chunks(data):
        if name in (b"tEXt", b"iTXt"):
            keyword, _, text = bytes(content).partition(b"\0")
            if name == b"tEXt":
                by_keyword[keyword.decode("latin-1")] = text.decode("latin-1")
            elif text[:1] == b"\0":
                by_keyword[keyword.decode("latin-1")] = text[2:].split(b"\0", 2)[-1].decode("utf-8", "replace")
    return by_keyword


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
    if text.isascii():
        return _chunk(b"tEXt", f"{keyword}\0{text}".encode())
    return _chunk(b"iTXt", f"{keyword}\0\0\0\0\0{text}".encode())

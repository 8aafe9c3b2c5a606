"""Small picture files that decompress, or claim to decompress, to very large ones."""

from __future__ import annotations

import io
import lzma
import struct
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import imagecodecs
from PIL import Image

SIDE = 5000  # pixels; 25 megapixels of grey take 25 MB
LONG = 100_000_000  # bytes


@cache
def saved(kind: str, side: int = SIDE) -> bytes:
    """Return a black picture, which compresses to almost nothing."""
    out = io.BytesIO()
    Image.new("L", (side, side)).save(out, kind)
    return out.getvalue()


@cache
def deflated() -> bytes:
    return zlib.compress(bytes(LONG), 1)


def tiff(compression: int, data: bytes, width: int = 16, height: int = 16, **changed: int) -> bytes:
    """Build a TIFF with one page of one strip or one tile. changed: other tags by number, such as t322 for
    TileWidth."""
    tags = {256: width, 257: height, 258: 8, 259: compression, 262: 1, 273: 0, 277: 1, 278: height, 279: len(data)}
    tags.update({int(name[1:]): value for name, value in changed.items()})
    if 322 in tags:
        tags[324], tags[325] = tags.pop(273), tags.pop(279)
        del tags[278]
    tags[324 if 322 in tags else 273] = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def png(width: int, height: int, content: bytes | None = None, *extras: tuple[bytes, bytes]) -> bytes:
    """Build an 8-bit grey PNG."""
    parts = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)), *extras]
    parts += [(b"IDAT", content or zlib.compress(bytes((width + 1) * height))), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def ico() -> bytes:
    inner = saved("PNG")
    return struct.pack("<HHHBBBBHHII", 0, 1, 1, 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def icns() -> bytes:
    inner = saved("PNG")
    return b"icns" + struct.pack(">I", 16 + len(inner)) + b"ic07" + struct.pack(">I", 8 + len(inner)) + inner


def inner_size_differs(kind: str, box: bytes, skipped: int) -> bytes:
    """A JPEG 2000 or AVIF whose header says 16 × 16, around a larger stream."""
    data = saved(kind)
    at = data.index(box) + 4 + skipped
    return data[:at] + struct.pack(">II", 16, 16) + data[at + 8 :]


def webp() -> bytes:
    small, large = bytes((15).to_bytes(3, "little")) * 2, saved("WEBP")[12:]
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + small + large
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif() -> bytes:
    data = bytearray(saved("GIF"))
    data[6:10] = struct.pack("<HH", 16, 16)  # the screen; the frame is far larger
    return bytes(data)


def jpeg2000_box() -> bytes:
    """A box that claims to have a terabyte."""
    data = saved("JPEG2000", 16)
    at = data.index(b"ihdr") - 4
    return data[:at] + struct.pack(">I4sQ", 1, b"ihdr", 1 << 40) + data[at + 8 :]


BOMBS: dict[str, Callable[[], bytes]] = {
    "png, sides of 2^31": lambda: png(2**31 - 1, 2**31 - 1, b"x"),
    "png, profile without end": lambda: png(16, 16, None, (b"iCCP", b"p\0\0" + deflated())),
    "png, text without end": lambda: png(
        16, 16, None, (b"zTXt", b"a\0\0" + deflated()), (b"iTXt", b"a\0\1\0\0\0" + deflated())
    ),
    "png, pixels without end": lambda: png(16, 16, deflated()),
    "ico with a large png": ico,
    "icns with a large png": icns,
    "gif, a frame beyond its screen": gif,
    "webp, a picture beyond its canvas": webp,
    "jpeg 2000, a stream beyond its header": lambda: inner_size_differs("JPEG2000", b"ihdr", 0),
    "jpeg 2000, a box of a terabyte": jpeg2000_box,
    "avif, a stream beyond its header": lambda: inner_size_differs("AVIF", b"ispe", 4),
    "psd, sides of 300,000": lambda: b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 300000, 300000, 8, 3) + bytes(14),
    "ppm, sides of 99,999": lambda: b"P6 99999 99999 255\n" + bytes(100),
    "tiff, sides of 2^31": lambda: tiff(8, deflated(), 2**31, 2**31),
    "tiff, 65,535 samples a pixel": lambda: tiff(1, bytes(256), t277=65535),
    "tiff, a tile of 20,000 pixels a side": lambda: tiff(8, deflated(), t322=20000, t323=20000),
    "tiff, a tag of 2^28 values": lambda: tiff(1, bytes(256)).replace(
        struct.pack("<HHI", 279, 4, 1), struct.pack("<HHI", 279, 4, 2**28)
    ),
    "tiff, deflate without end": lambda: tiff(8, deflated()),
    "tiff, lzma without end": lambda: tiff(34925, lzma.compress(bytes(LONG), preset=0)),
    "tiff, zstandard without end": lambda: tiff(50000, bytes(imagecodecs.zstd_encode(bytes(LONG)))),
    "tiff, lzw without end": lambda: tiff(5, bytes(imagecodecs.lzw_encode(bytes(LONG)))),
    "tiff, packbits without end": lambda: tiff(32773, b"\x81\0" * 1_000_000),
    "tiff, a strip that is a large jpeg": lambda: tiff(7, saved("JPEG")),
    "tiff, a strip that is a large png": lambda: tiff(34933, saved("PNG")),
    "tiff, a strip that is a large jpeg 2000": lambda: tiff(34712, saved("JPEG2000")),
    "tiff, a strip that is a large webp": lambda: tiff(50001, saved("WEBP")),
}


def write_all(folder: Path) -> dict[str, Path]:
    """Write the files; returns their paths by description. Formats that this Pillow cannot write are left out."""
    paths = {}
    for number, (name, make) in enumerate(BOMBS.items()):
        try:
            data = make()
        except (KeyError, OSError, ValueError):
            continue
        paths[name] = folder / f"{number:02}"
        paths[name].write_bytes(data)
    return paths

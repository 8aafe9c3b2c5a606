"""The reader of picture files, with all formats that it opens. The input is a file."""

from __future__ import annotations

import contextlib
import io
import random
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from PIL import Image

from tests.fuzz.mutate import bytewise
from velatura.errors import OutOfMemory, VelaturaError
from velatura_daemon.imaging.files import archive, isolated, pillow, png, psd, read_metadata, read_picture, tiff

# Readers are loaded when a file needs them. Here all are loaded at once, with Pillow's formats, to be instrumented.
assert archive and pillow and png and psd and tiff
Image.init()

MAX_BYTES = 16384

MEGAPIXELS = 0.25
SALVAGED_HERE = (b"\x89PNG", b"II*\0", b"MM\0*")  # and JPEG, whose other decoding is in a process too
PILLOW_FORMATS = (
    "JPEG",
    "WEBP",
    "GIF",
    "BMP",
    "PPM",
    "TGA",
    "ICO",
    "JPEG2000",
    "PCX",
    "SGI",
    "DDS",
    "TIFF",
    "ICNS",
    "MPO",
    "XBM",
    "DIB",
    "QOI",
    "EPS",
)

_folder = tempfile.TemporaryDirectory(prefix="vel-fuzz-")
_file = Path(_folder.name) / "picture"


def seeds() -> Iterator[bytes]:
    pixels = np.random.default_rng(1).integers(0, 255, (12, 10, 4), np.uint8)
    for channels in (1, 3, 4):
        for dtype in (np.uint8, np.uint16):
            yield imagecodecs.png_encode(
                np.squeeze(pixels[..., :channels].astype(dtype) * (257 if dtype is np.uint16 else 1))
            )
    yield _png(8, 6, 3, 1, [(b"PLTE", bytes(range(48)) * 16), (b"tRNS", b"\0\x80")])
    yield _png(8, 6, 2, 8, [(b"eXIf", _exif(6)), (b"iCCP", b"p\0\0" + zlib.compress(imagecodecs.cms_profile("srgb")))])
    for kind in PILLOW_FORMATS:
        for mode in ("RGB", "L", "1", "P", "CMYK", "RGBA", "I;16", "F"):
            with contextlib.suppress(Exception):
                yield _by_pillow(Image.fromarray(pixels).resize((16, 16)), kind, mode)
    for photometric, planes in (("rgb", 3), ("minisblack", 1), ("miniswhite", 1), ("separated", 4)):
        for dtype in (np.uint8, np.uint16, np.float16, np.float32, np.float64):
            for more in (
                {},
                {"compression": "adobe_deflate", "predictor": True},
                {"tile": (16, 16)},
                {"compression": "lzw"},
            ):
                with contextlib.suppress(Exception):
                    yield _tiff(np.squeeze(pixels[..., :planes]).astype(dtype), photometric, more)
    yield b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 6, 8, 8, 3) + bytes(12) + b"\0\0" + bytes(6 * 8 * 3)
    yield b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 6, 8, 16, 3) + bytes(12) + b"\0\0" + bytes(6 * 8 * 6)
    yield _png(8, 6, 2, 16, [(b"cICP", b"\x09\x10\0\1"), (b"gAMA", struct.pack(">I", 100_000))])
    yield _document(_png(8, 6, 6, 8, []))
    frames = [Image.new("RGB", (9, 7), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "PNG", "WEBP", "TIFF"):
        out = io.BytesIO()
        frames[0].save(out, kind, save_all=True, append_images=frames[1:])
        yield out.getvalue()


def mutate(data: bytes, source: random.Random) -> bytes:
    """Change the file; usually correct PNG's checksums, so that the damage gets past them."""
    changed = bytewise(data, source, MAX_BYTES)
    return _with_checksums(changed) if source.random() < 0.8 else changed


def run_one(data: bytes) -> None:
    """A picture within the limit, or an error message; never OutOfMemory, because the limit is far below the memory.
    The formats that are decoded in a process of their own are left out: starting it takes longer than everything
    else."""
    if isolated.kind_of(data[:128]):
        return
    _file.write_bytes(data)
    read_metadata(_file)  # never raises
    for page, salvage in ((None, False), (2, False), (None, bytes(data[:4]) in SALVAGED_HERE)):
        _read_one(page, salvage)


def _read_one(page: int | None, salvage: bool) -> None:
    pillow.isolates_libtiff = False  # starting a process for each input takes too long
    try:
        picture = read_picture(
            _file, max_megapixels=MEGAPIXELS, page=page, salvage=salvage, compress_highlights=True
        ).picture
    except VelaturaError as error:
        assert not isinstance(error, OutOfMemory), error.sentence
        assert len(error.sentence) < 1000, f"a sentence of {len(error.sentence)} characters"
        return
    finally:
        pillow.isolates_libtiff = True
    assert picture.width * picture.height <= MEGAPIXELS * 1e6, (
        f"{picture.width} × {picture.height} pixels were accepted"
    )


def _by_pillow(image: Image.Image, kind: str, mode: str) -> bytes:
    out = io.BytesIO()
    image.convert(mode).save(out, kind)
    return out.getvalue()


def _tiff(pixels: np.ndarray, photometric: str, more: dict) -> bytes:
    out = io.BytesIO()
    tifffile.imwrite(out, pixels, photometric=photometric, **more)
    return out.getvalue()


def _document(png_data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archived:
        archived.writestr("mimetype", "image/openraster")
        archived.writestr("mergedimage.png", png_data)
    return out.getvalue()


def _exif(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()[6:]


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _png(width: int, height: int, colour: int, depth: int, extras: list[tuple[bytes, bytes]]) -> bytes:
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = b"\0" + bytes((width * channels * depth + 7) // 8)
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = [(b"IHDR", header), *extras, (b"IDAT", zlib.compress(row * height)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*part) for part in parts)


def _with_checksums(data: bytes) -> bytes:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        return data
    fixed, at = bytearray(data), 8
    while at + 12 <= len(fixed):
        (length,) = struct.unpack_from(">I", fixed, at)
        if at + 12 + length > len(fixed):
            break
        struct.pack_into(">I", fixed, at + 8 + length, zlib.crc32(fixed[at + 4 : at + 8 + length]))
        at += 12 + length
    return bytes(fixed)

"""Arrays, pictures and picture files for the tests of reading and writing."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from velatura.pixels import CHANNELS, Picture, PixelFormat
from velatura_daemon.imaging.files import read_picture

Array = np.ndarray[Any, np.dtype[Any]]

DTYPES: dict[str, Any] = {"u8": np.uint8, "u16": np.uint16, "f16": np.float16, "f32": np.float32}
SRGB = imagecodecs.cms_profile("srgb")
ADOBE = imagecodecs.cms_profile("adobergb")
GREY = imagecodecs.cms_profile("gray", gamma=2.2)


def noise(shape: tuple[int, ...], sample: str = "u8", seed: int = 0) -> Array:
    """Return random samples, 0 to the sample type's maximum."""
    values = np.random.default_rng(seed).random(shape)
    top = {"u8": 255, "u16": 65535}.get(sample)
    return (values * top).round().astype(DTYPES[sample]) if top else values.astype(DTYPES[sample])


def gradient(height: int, width: int, channels: int, sample: str = "u8") -> Array:
    """Return a smooth picture, which JPEG and WebP preserve."""
    x, y = np.meshgrid(np.linspace(0.1, 0.9, width), np.linspace(0.2, 0.8, height))
    values = np.stack([x, y, (x + y) / 2, np.ones_like(x)][:channels], axis=2)
    top = {"u8": 255, "u16": 65535}.get(sample, 1)
    return (values * top).astype(DTYPES[sample])


def picture(pixels: Array, channels: str | None = None, curve: str = "srgb", profile: bytes = b"") -> Picture:
    height, width, count = pixels.shape
    names = {1: "GRAY", 2: "GRAYA", 3: "RGB", 4: "RGBA"}
    sample = {np.dtype(d): s for s, d in DTYPES.items()}[pixels.dtype]
    return Picture(width, height, PixelFormat(channels or names[count], sample, curve, profile), pixels.tobytes())


def array(pic: Picture) -> Array:
    dtype = DTYPES[pic.format.sample]
    return np.frombuffer(pic.data, dtype).reshape(pic.height, pic.width, CHANNELS[pic.format.channels])


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def save(path: Path, pixels: Array, **options: Any) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


def read(path: Path, **options: Any) -> Picture:
    return read_picture(path, **options).picture


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def raw_png(width: int, height: int, depth: int, colour: int, rows: list[bytes], *extras: tuple[bytes, bytes]) -> bytes:
    """Build a PNG file from its rows of bytes. extras: more chunks, as (name, content)."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    content = zlib.compress(b"".join(b"\0" + row for row in rows))
    parts = [(b"IHDR", header), *extras, (b"IDAT", content), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)

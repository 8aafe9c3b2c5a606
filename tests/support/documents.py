"""Photoshop documents, made by hand: Pillow cannot write them."""

from __future__ import annotations

import struct
from collections.abc import Mapping

import imagecodecs
import numpy as np

from tests.support.picture_files import Array

GREY, RGB, CMYK, LAB = 1, 3, 4, 9  # modes


def psd(
    pixels: Array,
    mode: int = RGB,
    layers: int = 0,
    runs: bool = False,
    profile: bytes = b"",
    compression: int | None = None,
    metadata: Mapping[int, bytes] | None = None,
) -> bytes:
    """pixels: (H, W, C), u16 or f32. layers: their number, negative if the channel after the colours is alpha.
    metadata: image resources by number."""
    height, width, channels = pixels.shape
    stored = np.ascontiguousarray(np.moveaxis(pixels, 2, 0)).astype(pixels.dtype.newbyteorder(">"))
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, channels, height, width, pixels.dtype.itemsize * 8, mode)
    contents = {**(metadata or {}), **({1039: profile} if profile else {})}
    resources = b"".join(
        struct.pack(">4sHHI", b"8BIM", number, 0, len(content)) + content + bytes(len(content) % 2)
        for number, content in contents.items()
    )
    info = struct.pack(">Ih", 2, layers) if layers else b""
    data = stored.tobytes()
    if runs:
        rows = [imagecodecs.packbits_encode(row.tobytes()) for plane in stored for row in plane]
        data = struct.pack(f">{len(rows)}H", *map(len, rows)) + b"".join(rows)
    kind = struct.pack(">H", int(runs) if compression is None else compression)
    return b"".join(
        [header, bytes(4), struct.pack(">I", len(resources)), resources, struct.pack(">I", len(info)), info, kind, data]
    )

"""The pictures of a job for the session with another daemon: memory-mapped blobs, and thumbnails made without torch."""

from __future__ import annotations

import errno
import io
import mmap
import os
from typing import Any

from velatura.protocol import messages as p
from velatura_daemon.jobs.spec import PictureFile

THUMBNAIL_SIDE = 128  # pixels, the same as a worker's thumbnails
THUMBNAIL_QUALITY = 82  # of JPEG
# Pillow's mode and raw mode by the channels of a `PictureRef`, for 8-bit samples.
MODES = {"GRAY": ("L", "L"), "RGB": ("RGB", "RGB"), "RGBA": ("RGBA", "RGBA"), "BGRA": ("RGBA", "BGRA")}


def map_blobs(item: PictureFile) -> dict[bytes, memoryview]:
    """Map a picture's file and read its colour profile. Returns the blobs by their hashes. Raises OSError, also if the
    file was truncated."""
    with item.file.open("rb") as file:
        if os.fstat(file.fileno()).st_size != item.picture.length:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(item.file))
        blobs = {item.picture.blob: memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))}
    if item.profile_path is not None:
        blobs[item.picture.profile] = memoryview(item.profile_path.read_bytes())
    return blobs


def thumbnail_of_preview(preview: p.Preview | None) -> bytes:
    """Return a JPEG, or empty bytes without a preview."""
    return b"" if preview is None else _jpeg("RGB", (preview.width, preview.height), preview.data)


def thumbnail_of_style(item: PictureFile) -> bytes:
    """Return a JPEG, or empty bytes if the samples are not 8-bit: Pillow cannot read those from raw bytes."""
    ref = item.picture
    if ref.format.sample != "u8" or ref.format.channels not in MODES:
        return b""
    mode, raw = MODES[ref.format.channels]
    try:
        return _jpeg(mode, (ref.width, ref.height), map_blobs(item)[ref.blob], raw)
    except OSError:
        return b""


def _jpeg(mode: str, size: tuple[int, int], data: Any, raw: str = "") -> bytes:
    from PIL import Image

    image = Image.frombuffer(mode, size, data, "raw", raw or mode, 0, 1)
    image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    packed = io.BytesIO()
    image.convert("RGB").save(packed, "JPEG", quality=THUMBNAIL_QUALITY)
    return packed.getvalue()

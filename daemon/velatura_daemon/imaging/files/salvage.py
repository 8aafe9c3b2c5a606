"""What a truncated file still has of its picture: JPEG and PNG. TIFF is in `tiff`, other formats in `codec_process`."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image, ImageChops

from velatura.i18n import Text, lazy_text

END_OF_JPEG = b"\xff\xd9"


def _noise(seed: int) -> bytes:
    return bytes(random.Random(seed).randrange(255) for _ in range(64))  # no 0xFF, which starts a marker


# Data that may follow a truncated JPEG: different from the first bits on, and with each marker that a decoder may be
# waiting for, as those between restart intervals.
FILLERS = (
    b"\x2a" + _noise(1),
    b"\x55" + _noise(2),
    b"\xca" + _noise(3),
    b"".join(bytes([0xFF, marker]) + _noise(marker) for marker in range(0xD0, 0xD8)),
)
LACKS_DETAIL = lazy_text("The file is truncated: the picture lacks detail or colour.")
MISSING = {
    "grey": lazy_text("The file is truncated: {percent} % of the picture is missing, and grey."),
    "black": lazy_text("The file is truncated: {percent} % of the picture is missing, and black."),
    "transparent": lazy_text("The file is truncated: {percent} % of the picture is missing, and transparent."),
    "empty": lazy_text("The file is truncated: {percent} % of the picture is missing, and black or transparent."),
}
RESTARTS = tuple(bytes([marker]) for marker in range(0xD0, 0xD8))
FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, sequential and progressive, which libjpeg decodes
INTERLACED_PASSES = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1))


def truncated_note(missing: float, filled: str) -> Text:
    """missing: the fraction of the picture that is not there, 0 to 1. filled: what it looks like, one of MISSING."""
    return MISSING[filled].format(percent=math.ceil(100 * missing))


@dataclass(frozen=True)
class SalvagedJpeg:
    """A JPEG that has no end. note: what is missing of it; '' if only the mark of the end is."""

    image: Image.Image
    note: str


def salvaged_jpeg(data: bytes, load: Callable[[bytes], Image.Image]) -> SalvagedJpeg:
    """Decode a JPEG whose end is missing. It is complete if it makes no difference what follows its data: libjpeg
    would read it as pixels. load: decodes the bytes of a file."""
    data = data.removesuffix(END_OF_JPEG[:1])  # half of the mark
    image = load(data + END_OF_JPEG)
    if not _has_all_scans(data):
        return SalvagedJpeg(image, LACKS_DETAIL)
    boxes = (ImageChops.difference(image, load(data + filler + END_OF_JPEG)).getbbox() for filler in FILLERS)
    tops = [box[1] for box in boxes if box]
    if not tops:
        return SalvagedJpeg(image, "")
    if image.info.get("progressive"):  # which comes in layers of detail, and not from top to bottom
        return SalvagedJpeg(image, LACKS_DETAIL)
    return SalvagedJpeg(image, truncated_note(1 - min(tops) / image.height, "grey"))


def _has_all_scans(data: bytes) -> bool:
    """Whether every bit of every coefficient is in one of the scans that begin in a JPEG (ITU-T T.81, B.2.3)."""
    missing: set[tuple[int, int]] | None = None  # (component, coefficient)
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        marker, length = data[at + 1 : at + 2], int.from_bytes(data[at + 2 : at + 4], "big")
        content = data[at + 4 : at + 2 + length]
        if marker in (b"", b"\0", b"\xff", *RESTARTS):  # in or between the data of a scan
            at += 1 if marker == b"\xff" else 2
            continue
        if marker[0] in FRAMES and missing is None and len(content) > 5:
            missing = {(part, number) for part in content[6::3] for number in range(64)}
        elif marker == b"\xda" and missing is not None and len(content) == length - 2 > 4 and not content[-1] & 15:
            missing -= {(part, n) for part in content[1:-3:2] for n in range(content[-3], content[-2] + 1)}
        at += 2 + length
    return missing is not None and not missing


def salvaged_png_pixels(pieces: list[bytes], raw_bytes: int) -> tuple[bytes, float]:
    """Return the IDAT data of a whole picture from the contents of what IDAT chunks there are, and what fraction is
    missing; it is filled with zeros. raw_bytes: of the uncompressed picture."""
    inflater, raw = zlib.decompressobj(), bytearray()
    try:
        for piece in pieces:
            raw += inflater.decompress(piece, max(1, raw_bytes - len(raw)))
    except zlib.error:
        pass
    missing = max(0, raw_bytes - len(raw))
    raw += bytes(missing)
    return zlib.compress(memoryview(raw)[:raw_bytes], 1), missing / raw_bytes


def png_raw_bytes(width: int, height: int, pixel_bits: int, interlaced: bool) -> int:
    """Return the bytes of a PNG's uncompressed rows, each with the byte of its filter."""
    passes = INTERLACED_PASSES if interlaced else ((0, 0, 1, 1),)
    total = 0
    for top, left, down, right in passes:
        rows, columns = -((top - height) // down), -((left - width) // right)
        total += rows * (1 + (columns * pixel_bits + 7) // 8) if rows > 0 and columns > 0 else 0
    return total

"""Valid small pictures with many blocks of one kind, on which decoders spend microseconds each."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from tests.support.bombs import chunk, png, tiff


def saved(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (16, 16)).save(out, kind, **options)
    return out.getvalue()


def jpeg_segments(count: int) -> bytes:
    data = saved("JPEG")
    return data[:2] + b"\xff\xfe\0\2" * count + data[2:]


def jpeg_padding(count: int) -> bytes:
    data = saved("JPEG")
    return data[:2] + b"\xff" * count + data[2:]


def jpeg_stray_bytes(count: int) -> bytes:
    """Bytes between two segments, which decoders skip."""
    data = saved("JPEG")
    return data[:20] + bytes(count) + data[20:]


def jpeg_segments_after_a_stray_byte(count: int) -> bytes:
    data = saved("JPEG")
    return data[:20] + b"\0" + b"\xff\xfe\0\2" * count + data[20:]


def jpeg_scans(count: int) -> bytes:
    """A progressive picture whose last scan is repeated."""
    data = saved("JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def gif_comments(count: int) -> bytes:
    data = saved("GIF")
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 128 else 0)
    return data[:at] + b"!\xfe" + b"\1a" * count + b"\0" + data[at:]


def gif_extensions(count: int) -> bytes:
    data = saved("GIF")
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 128 else 0)
    return data[:at] + b"!\xfe\0" * count + data[at:]


def psd_resources(count: int) -> bytes:
    resources = (b"8BIM" + struct.pack(">HBBI", 1000, 0, 0, 0)) * count
    header = b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 16, 16, 8, 3)
    return header + bytes(4) + struct.pack(">I", len(resources)) + resources + bytes(6) + bytes(16 * 16 * 3)


def webp_chunks(count: int) -> bytes:
    extended = b"VP8X" + struct.pack("<I", 10) + bytes(4) + (15).to_bytes(3, "little") * 2
    body = b"WEBP" + extended + saved("WEBP")[12:] + b"abcd\0\0\0\0" * count
    return b"RIFF" + struct.pack("<I", len(body)) + body


def png_chunks(count: int) -> bytes:
    return png(16, 16, None, *[(b"tEXt", b"a\0b")] * count)


def png_frames(count: int) -> bytes:
    """An animation whose second picture is in chunks of 4096 bytes, as ffmpeg writes them."""
    data = png(16, 16)
    return data[:-12] + chunk(b"fdAT", bytes(4096)) * count + data[-12:]


def png_pieces(count: int) -> bytes:
    data = png(16, 16)
    return data[:33] + chunk(b"IDAT", b"") * count + data[33:]


def jpeg2000_boxes(count: int) -> bytes:
    data = saved("JPEG2000")
    return data[:32] + struct.pack(">I4s", 8, b"free") * count + data[32:]  # after the signature and the file type


def ppm_comment(count: int) -> bytes:
    return b"P6\n#" + b"x" * count + b"\n16 16 255\n" + bytes(16 * 16 * 3)


def ppm_comments(count: int) -> bytes:
    """Among pixels that are written as text."""
    return b"P3\n16 16 255\n" + b"#\n" * count + b"1 " * (16 * 16 * 3)


def bmp_empty_runs(count: int) -> bytes:
    """Run-length encoded, with moves by 0 pixels."""
    runs = b"\0\2\0\0" * count + b"\x10\1\0\0" * 16 + b"\0\1"
    sizes = struct.pack("<IiiHHIIiiII", 40, 16, 16, 1, 8, 1, len(runs), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(runs), 0, 0, 1078) + sizes + bytes(1024) + runs


def exif_shared_values(count: int) -> bytes:
    """A directory with tags whose values are all in the same place."""
    at, text = 8 + 2 + 12 * count + 4, 20_000
    tags = b"".join(struct.pack("<HHII", 40_000 + number, 7, text, at) for number in range(count))
    return b"II*\0" + struct.pack("<IH", 8, count) + tags + bytes(4) + bytes(text)


def jpeg_exif(count: int) -> bytes:
    data, exif = saved("JPEG"), exif_shared_values(count)
    pieces = [b"Exif\0\0" + exif[at : at + 60_000] for at in range(0, len(exif), 60_000)]
    return data[:2] + b"".join(b"\xff\xe1" + struct.pack(">H", 2 + len(p)) + p for p in pieces) + data[2:]


def jpeg_exif_headers(count: int) -> bytes:
    data, headers = saved("JPEG"), b"Exif\0\0" * count
    return data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(headers)) + headers + data[2:]


def jpeg_pictures(count: int) -> bytes:
    """The directory of a file with several pictures."""
    data, content = saved("JPEG"), b"MPF\0" + exif_shared_values(count)
    return data[:2] + b"\xff\xe2" + struct.pack(">H", 2 + len(content)) + content + data[2:]


def webp_exif(count: int) -> bytes:
    exif = exif_shared_values(count)
    extended = b"VP8X" + struct.pack("<IB3x", 10, 8) + (15).to_bytes(3, "little") * 2
    body = b"WEBP" + extended + saved("WEBP")[12:] + b"EXIF" + struct.pack("<I", len(exif)) + exif
    return b"RIFF" + struct.pack("<I", len(body)) + body


def tiff_shared_values(count: int) -> bytes:
    """A directory with the same description again and again."""
    at, text = 8 + 2 + 12 * (9 + count) + 4, 20_000
    tags = {256: 16, 257: 16, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: 16, 279: 256}
    entries = [(tag, 4, 1, value) for tag, value in tags.items()] + [(270, 2, text, at)] * count
    listed = b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + listed + bytes(4) + bytes(text)


def tiff_directories(count: int) -> bytes:
    """Empty directories after the picture's."""
    data = bytearray(tiff(1, bytes(256)))
    (tags,) = struct.unpack_from("<H", data, 8)
    end = len(data)
    struct.pack_into("<I", data, 10 + 12 * tags, end)
    chain = (struct.pack("<HI", 0, end + 6 * number if number < count else 0) for number in range(1, count + 1))
    return bytes(data) + b"".join(chain)


def tiff_strips(count: int) -> bytes:
    """A picture 4 pixels wide, with a strip for each row, all in the same place."""
    at = 8 + 2 + 12 * 9 + 4
    tags = {256: 4, 257: count, 258: 8, 259: 1, 262: 1, 273: at, 277: 1, 278: 1, 279: at + 4 * count}
    entries = b"".join(
        struct.pack("<HHII", tag, 4, count if tag in (273, 279) else 1, value) for tag, value in sorted(tags.items())
    )
    starts, lengths = np.full(count, at + 8 * count, "<u4"), np.full(count, 4, "<u4")
    return (
        b"II*\0"
        + struct.pack("<IH", 8, len(tags))
        + entries
        + bytes(4)
        + starts.tobytes()
        + lengths.tobytes()
        + bytes(4)
    )


# The maker, a number of blocks that is accepted, one that is refused, and what the sentence says. None: any number is
# accepted, because the blocks are not read.
MANY: dict[str, tuple[Callable[[int], bytes], int, int | None, str]] = {
    "jpeg, segments": (jpeg_segments, 9000, 1_000_000, "segments"),
    "jpeg, padding": (jpeg_padding, 9000, 3_000_000, "segments"),
    "jpeg, stray bytes": (jpeg_stray_bytes, 9000, 3_000_000, "segments"),
    "jpeg, segments after a stray byte": (jpeg_segments_after_a_stray_byte, 9000, 1_000_000, "segments"),
    "jpeg, scans": (jpeg_scans, 80, 200, "scans"),
    "gif, blocks of a comment": (gif_comments, 40_000, 3_000_000, "blocks before its first picture"),
    "gif, empty comments": (gif_extensions, 40_000, 1_000_000, "blocks before its first picture"),
    "psd, resources": (psd_resources, 9000, 1_000_000, "resources"),
    "webp, chunks": (webp_chunks, 9000, 1_000_000, "chunks"),
    "png, chunks": (png_chunks, 9000, 100_000, "chunks"),
    "png, pieces of an animation": (png_frames, 12_000, None, ""),
    "png, empty pieces of pixels": (png_pieces, 9000, 1_000_000, "chunks"),
    "jpeg 2000, boxes": (jpeg2000_boxes, 900, 1_000_000, "boxes"),
    "ppm, bytes of a comment": (ppm_comment, 3000, 3_000_000, "header"),
    "ppm, comments": (ppm_comments, 900, 300_000, "comments"),
    "bmp, empty runs": (bmp_empty_runs, 100, 1_000_000, "more data than its 16 × 16 pixels"),
    "tiff, values in one place": (tiff_shared_values, 2, 4000, "more bytes than the file"),
    "jpeg, exif values in one place": (jpeg_exif, 300, 4000, "more bytes than the file"),
    "jpeg, exif headers": (jpeg_exif_headers, 2, 9000, "EXIF headers"),
    "jpeg, values of a multi-picture directory": (jpeg_pictures, 300, 3000, "more bytes than the file"),
    "webp, exif values in one place": (webp_exif, 300, 4000, "more bytes than the file"),
    "tiff, directories": (tiff_directories, 1_000_000, None, ""),
    "tiff, strips": (tiff_strips, 20_000, 500_000, "strips"),
}

"""Krita's documents (KRA) and OpenRaster: ZIP archives with the merged picture as a PNG, which is read."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import BinaryIO

from velatura.errors import NotAPicture
from velatura.i18n import lazy_text
from velatura_daemon.imaging.files import png
from velatura_daemon.imaging.files.limits import MAX_ENTRIES, MAX_METADATA_BYTES
from velatura_daemon.imaging.files.options import ReadOptions, SizeCheck
from velatura_daemon.imaging.files.raster import Raster
from velatura_daemon.imaging.files.structure import too_many

KRITA, OPENRASTER = "KRA", "ORA"
KINDS = {b"application/x-krita": KRITA, b"image/openraster": OPENRASTER}
DAMAGED = {
    KRITA: lazy_text("The Krita document is damaged or truncated. Copy it again."),
    OPENRASTER: lazy_text("The OpenRaster document is damaged or truncated. Copy it again."),
}
WITHOUT_PICTURE = {
    KRITA: lazy_text("The Krita document has no merged picture. Open it, and export a PNG or TIFF."),
    OPENRASTER: lazy_text("The OpenRaster document has no merged picture. Open it, and export a PNG or TIFF."),
}
MERGED = "mergedimage.png"
END_OF_ARCHIVE, LONGEST_END = b"PK\5\6", 22 + 65_535


def kind_of(start: bytes) -> str:
    """Return what an archive is by its first entry, which is not compressed and has to be `mimetype`."""
    if not start.startswith(b"PK\3\4") or start[30:38] != b"mimetype":
        return ""
    return next((name for mime, name in KINDS.items() if start[38:].startswith(mime)), "")


def decode(file: BinaryIO, check_size: SizeCheck, options: ReadOptions, kind: str) -> Raster:
    """Decode the merged picture. Raises UsageError, NotAPicture, and what check_size raises."""
    _check_entries(file)
    try:
        with zipfile.ZipFile(file) as archive, archive.open(MERGED) as entry:
            header = entry.read(png.HEADER_END)
            if len(header) == png.HEADER_END and header.startswith(png.START):
                width, height, bits, colour = struct.unpack_from(">IIBB", header, png.SIGNATURE + 8)
                check_size(width, height)  # before its bytes, of which it may have far more than the archive
                limit = MAX_METADATA_BYTES + 2 * (width * height * bits * png.SAMPLES.get(colour, 4) // 8 + height)
                data = header + entry.read(limit)
                return png.decode(io.BytesIO(data), check_size, options)
    except KeyError:
        pass
    except (zipfile.BadZipFile, EOFError) as error:
        raise NotAPicture(DAMAGED[kind]) from error
    raise NotAPicture(WITHOUT_PICTURE[kind])


def _check_entries(file: BinaryIO) -> None:
    """Check how many entries the archive has, all of which `zipfile` reads."""
    length = file.seek(0, io.SEEK_END)
    file.seek(max(0, length - LONGEST_END))
    data = file.read()
    at = data.rfind(END_OF_ARCHIVE)
    entries, size = struct.unpack_from("<HI", data, at + 10) if 0 <= at <= len(data) - 22 else (0, 0)
    if entries > MAX_ENTRIES or size > MAX_METADATA_BYTES:
        raise too_many(lazy_text("It has more than {limit:,} files inside, which is the limit."), MAX_ENTRIES)
    file.seek(0)

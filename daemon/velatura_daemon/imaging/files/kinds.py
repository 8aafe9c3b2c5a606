"""Recognising files that Velatura cannot read, by their first bytes, to say what they are and what to do."""

from __future__ import annotations

import re
from typing import BinaryIO

from velatura.errors import NotAPicture
from velatura.i18n import lazy_text

START_BYTES = 4096  # in which the mark of a format is
RAW = lazy_text("This is a camera's raw file ({format}). Develop it in a raw converter, and save a TIFF or JPEG.")

# (pattern, sentence). The first match counts. Marks are from the formats' specifications and from file(1)'s list.
KNOWN: tuple[tuple[bytes, str], ...] = (
    (rb"II\*\0.{4}CR\x02", RAW.format(format="CR2")),
    (rb".{4}ftypcrx ", RAW.format(format="CR3")),
    (rb"FUJIFILMCCD-RAW", RAW.format(format="RAF")),
    (rb"II(RO|RS)|MMOR", RAW.format(format="ORF")),
    (rb"IIU\0", RAW.format(format="RW2")),
    (rb"\0MRM", RAW.format(format="MRW")),
    (rb"FOVb", RAW.format(format="X3F")),
    (rb"%PDF-", lazy_text("This is a PDF document. Export it as PNG or TIFF in a PDF viewer or painting program.")),
    (rb"%!PS|\xc5\xd0\xd3\xc6",
     lazy_text("This is a PostScript file. Export it as PNG or TIFF in a painting program.")),
    (rb"gimp xcf", lazy_text("This is a GIMP picture (XCF). Export it as PNG or TIFF in GIMP, or restyle it there.")),
    (rb"8BPB", lazy_text("This is a large Photoshop document (PSB). Export it as PNG or TIFF in Photoshop or Krita.")),
    (rb"#\?(RADIANCE|RGBE)", lazy_text("This is a Radiance HDR picture. Convert it to EXR, or to a float TIFF.")),
    (rb"II\xbc", lazy_text("This is a JPEG XR picture. Convert it to PNG or TIFF.")),
    (rb"\0\0\x01\0", lazy_text("This is an icon (ICO). Export it as PNG or TIFF.")),
    (rb"icns", lazy_text("This is a macOS icon (ICNS). Export it as PNG or TIFF.")),
    (rb"SIMPLE  =", lazy_text("This is a FITS file. Convert it to a float TIFF.")),
    (rb".{128}DICM", lazy_text("This is a DICOM file. Export it as PNG or TIFF in its viewer.")),
    (rb"AT&TFORM", lazy_text("This is a DjVu document. Export it as PNG or TIFF.")),
    (rb"\xabKTX", lazy_text("This is a KTX texture. Convert it to PNG.")),
    (rb"qoif", lazy_text("This is a QOI picture of a kind that Velatura cannot read. Convert it to PNG.")),
    (rb".{4}ftyp(isom|iso[2-9]|mp4|M4V|avc1|3gp|qt  )|\x1aE\xdf\xa3|RIFF.{4}AVI ",
     lazy_text("This is a video. Save a frame, or use 'velatura film'.")),
    (rb"\s*(<svg|<(\?xml|!--|!DOCTYPE svg).*<svg)", lazy_text("This is an SVG drawing. Export it as PNG or TIFF.")),
    (rb"(?i)\s*(<!doctype html|<html)", lazy_text("This is a web page, not a picture. Download the picture itself.")),
    (rb"PK\x03\x04", lazy_text("This is a ZIP archive. Unpack it, and use a picture inside it.")),
    (rb"\x1f\x8b|BZh|\xfd7zXZ|7z\xbc\xaf|Rar!", lazy_text("This is a compressed archive. Unpack it first.")),
)  # fmt: skip


def check_known(file: BinaryIO) -> None:
    """Raise NotAPicture with what the file is, if it is of a known kind that Velatura cannot read. Rewinds the file."""
    file.seek(0)
    start = file.read(START_BYTES)
    file.seek(0)
    for pattern, sentence in KNOWN:
        if re.match(pattern, start, re.DOTALL):
            raise NotAPicture(sentence)

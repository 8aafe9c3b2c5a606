"""Writing a result's metadata as EXIF data, which PNG, JPEG and WebP files contain, and as tags of a TIFF."""

from __future__ import annotations

import struct

from velatura_daemon.imaging.files.metadata import directory as d
from velatura_daemon.imaging.files.metadata import tags as t
from velatura_daemon.imaging.files.metadata import xmp
from velatura_daemon.imaging.files.metadata.model import Metadata, Value
from velatura_daemon.imaging.files.metadata.texts import Texts


def exif_of(metadata: Metadata, description: str, software: str) -> bytes:
    """Return EXIF data, without the header that JPEG has before it; b'' if there is nothing to write. description: of
    the result."""
    tags = _first_tags(metadata, description, software)
    exposure = exposure_tags(metadata)
    if exposure:
        tags[t.EXIF] = d.Tag(d.LONG, struct.pack("<I", 0))
        tags[t.EXIF] = d.Tag(d.LONG, struct.pack("<I", len(d.HEADER) + len(d.encoded_tags(tags, len(d.HEADER)))))
    first = d.HEADER + d.encoded_tags(tags, len(d.HEADER)) if tags else b""
    return first + d.encoded_tags(exposure, len(first)) if exposure else first


def xmp_of(metadata: Metadata) -> bytes:
    """Return an XMP packet; b'' if there is nothing to write. The photo's description is only there: the place in EXIF
    data is that of the result's description."""
    return xmp.write(Texts(metadata.description, metadata.artist, metadata.copyright))


def exposure_tags(metadata: Metadata) -> dict[int, d.Tag]:
    """Return the tags of the EXIF directory; none if it would be empty."""
    tags = {tag: _tag(t.EXPOSURE_TAGS[tag], value) for tag, value in metadata.camera if tag in t.EXPOSURE_TAGS}
    return {**tags, t.EXIF_VERSION: d.Tag(d.UNDEFINED, b"0232")} if tags else {}


def text_tags(metadata: Metadata) -> dict[int, bytes]:
    """Return the texts of the first directory in UTF-8: the camera, the artist and the copyright."""
    texts = {tag: value for tag, value in metadata.camera if tag in t.CAMERA_TAGS and isinstance(value, str)}
    texts |= {t.ARTIST: metadata.artist, t.COPYRIGHT: metadata.copyright}
    return {tag: text.encode() for tag, text in texts.items() if text}


def _first_tags(metadata: Metadata, description: str, software: str) -> dict[int, d.Tag]:
    texts = {t.DESCRIPTION: description.encode(), t.SOFTWARE: software.encode(), **text_tags(metadata)}
    tags = {tag: d.Tag(d.ASCII, text + b"\0") for tag, text in texts.items() if text}
    if metadata != Metadata():
        tags[t.ORIENTATION] = _tag(d.SHORT, (1,))
    if metadata.dpi is not None:
        for tag, dpi in zip((t.X_RESOLUTION, t.Y_RESOLUTION), metadata.dpi, strict=True):
            tags[tag] = _tag(d.RATIONAL, (round(dpi * 1000), 1000) if dpi % 1 else (int(dpi), 1))
        tags[t.RESOLUTION_UNIT] = _tag(d.SHORT, (t.INCH,))
    return tags


def _tag(kind: int, value: Value) -> d.Tag:
    if isinstance(value, str):
        return d.Tag(d.ASCII, value.encode() + b"\0")
    return d.Tag(kind, struct.pack(f"<{len(value)}{d.NUMBERS[kind]}", *value))

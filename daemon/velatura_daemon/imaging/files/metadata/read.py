"""Reading what a result keeps of a photo's metadata."""

from __future__ import annotations

import io
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from velatura_daemon.imaging.files import isolated
from velatura_daemon.imaging.files.limits import MAX_NUMBERS
from velatura_daemon.imaging.files.metadata import directory as d
from velatura_daemon.imaging.files.metadata import tags as t
from velatura_daemon.imaging.files.metadata import xmp
from velatura_daemon.imaging.files.metadata.containers import Blocks, blocks_of
from velatura_daemon.imaging.files.metadata.iptc import iptc_texts
from velatura_daemon.imaging.files.metadata.model import Metadata, Value
from velatura_daemon.imaging.files.metadata.texts import Texts, attempt, clean, cut
from velatura_daemon.imaging.files.structure import EXIF_HEADER


def read_metadata(path: Path) -> Metadata:
    """Read what a result keeps from a PNG, JPEG, TIFF, WebP, PSD, HEIC, AVIF or JPEG XL file. Never raises: metadata
    that is damaged, too long or of another format is left out."""
    try:
        with path.open("rb") as file:
            kind = isolated.kind_of(file.read(isolated.BRAND_BYTES))
            file.seek(0)
            return _metadata(_isolated_blocks(kind, path) if kind else blocks_of(file))
    except Exception:  # whatever is wrong with it, the picture is worth more
        return Metadata()


def read_description(path: Path) -> str:
    """Return the description that write_picture stored in a file, or '' if it has none. Raises OSError."""
    with path.open("rb") as file:
        blocks = attempt(lambda: blocks_of(file), Blocks())
        no_tags: dict[int, d.Tag] = {}
        tags = attempt(lambda: _exif_tags(blocks.exif), no_tags)
        return blocks.texts.get(t.PNG_DESCRIPTION) or _text(tags.get(t.DESCRIPTION))


def _isolated_blocks(kind: str, path: Path) -> Blocks:
    exif, packet = isolated.metadata(kind, path)
    return Blocks(io.BytesIO(exif.removeprefix(EXIF_HEADER)) if exif else None, packet)


def _metadata(blocks: Blocks) -> Metadata:
    no_tags: dict[int, d.Tag] = {}
    tags = attempt(lambda: _exif_tags(blocks.exif), no_tags)
    packet = blocks.xmp or (tags[t.XMP].raw if t.XMP in tags else b"")
    records = blocks.iptc or (tags[t.IPTC].raw if t.IPTC in tags else b"")
    from_xmp = attempt(lambda: xmp.read(packet), Texts())
    from_iptc = attempt(lambda: iptc_texts(records), Texts())
    from_png = blocks.texts
    own = t.SOFTWARE_NAME in (_text(tags.get(t.SOFTWARE)), from_png.get(t.PNG_SOFTWARE))
    described = "" if own else from_png.get(t.PNG_DESCRIPTION, "") or _text(tags.get(t.DESCRIPTION))
    camera = {tag: value for tag, kind in t.KEPT.items() if (value := _value(tags.get(tag), kind))}
    dpi = _valid_dpi(blocks.dpi) or attempt(lambda: _dpi(tags), None)
    is_on_its_side = t.ORIENTATION in tags and tags[t.ORIENTATION].numbers[:1] in ((5,), (6,), (7,), (8,))
    if dpi is not None and is_on_its_side:
        dpi = dpi[1], dpi[0]
    return Metadata(
        dpi,
        cut(from_xmp.description or from_iptc.description or described),
        cut(_text(tags.get(t.ARTIST)) or from_xmp.artist or from_iptc.artist or from_png.get(t.PNG_AUTHOR, "")),
        cut(
            _text(tags.get(t.COPYRIGHT))
            or from_xmp.copyright
            or from_iptc.copyright
            or from_png.get(t.PNG_COPYRIGHT, "")
        ),
        tuple(sorted(camera.items())),
    )


def _exif_tags(exif: BinaryIO | None) -> dict[int, d.Tag]:
    """Return the tags of the first directory and of the EXIF directory. Some programs mix them up."""
    if exif is None:
        return {}
    layout, at = d.first_directory(exif)
    tags = d.read_tags(exif, layout, at, {*t.READ, t.XMP, t.IPTC})
    if t.EXIF in tags and (numbers := tags[t.EXIF].numbers):
        tags = {**attempt(lambda: d.read_tags(exif, layout, numbers[0], t.KEPT), {}), **tags}
    return tags


def _value(tag: d.Tag | None, kind: int) -> Value:
    """Return a value as this type; '' if it has another one that cannot be converted."""
    if tag is None:
        return ""
    if kind == d.ASCII:
        return cut(_text(tag))
    numbers = tag.numbers
    fractions = (d.RATIONAL, d.SRATIONAL)
    if not 0 < len(numbers) <= MAX_NUMBERS or (kind in fractions) != (tag.kind in fractions):
        return ""
    try:
        struct.pack(f"<{len(numbers)}{d.NUMBERS[kind]}", *numbers)
    except struct.error:
        return ""
    return numbers


def _text(tag: d.Tag | None) -> str:
    return clean(tag.raw.split(b"\0")[0]) if tag is not None and tag.kind in d.TEXTS else ""


def _dpi(tags: Mapping[int, d.Tag]) -> tuple[float, float] | None:
    unit = tags[t.RESOLUTION_UNIT].numbers[0] if t.RESOLUTION_UNIT in tags else t.INCH
    if unit not in t.DPI_PER_UNIT:
        return None
    (x, per_x), (y, per_y) = tags[t.X_RESOLUTION].numbers, tags[t.Y_RESOLUTION].numbers
    return _valid_dpi((x / per_x * t.DPI_PER_UNIT[unit], y / per_y * t.DPI_PER_UNIT[unit]))


def _valid_dpi(dpi: tuple[float, float] | None) -> tuple[float, float] | None:
    """Return whole numbers if they differ only by the rounding of a PNG, which has pixels per metre."""
    if dpi is None or not all(1 <= value <= t.MAX_DPI for value in dpi):
        return None
    x, y = (float(round(value)) if abs(value - round(value)) < 0.02 else value for value in dpi)
    return x, y

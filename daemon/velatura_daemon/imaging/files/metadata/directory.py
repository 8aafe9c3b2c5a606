"""Reading and writing directories of TIFF tags, which is what EXIF data is too."""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from velatura_daemon.imaging.files.limits import MAX_METADATA_VALUE, MAX_TAGS
from velatura_daemon.imaging.files.structure import TIFF_SIZES

BYTE, ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SLONG, SRATIONAL, LONG8, UTF8 = 1, 2, 3, 4, 5, 7, 9, 10, 16, 129
TEXTS = (BYTE, ASCII, UNDEFINED, UTF8)
# Of one number in `struct`; a fraction has two.
NUMBERS = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "I", SLONG: "i", SRATIONAL: "i", LONG8: "Q"}
SIZES = {**TIFF_SIZES, UTF8: 1}
HEADER = b"II*\0\x08\0\0\0"  # little-endian; the first directory follows


@dataclass(frozen=True)
class Layout:
    """How a file writes its numbers. order: '<' or '>', as in `struct`. big: a BigTIFF."""

    order: str
    big: bool

    @property
    def count(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "H"))

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, count, and the value or where it is."""
        return struct.Struct(self.order + ("HHQ8s" if self.big else "HHI4s"))

    @property
    def offset(self) -> struct.Struct:
        return struct.Struct(self.order + ("Q" if self.big else "I"))


@dataclass(frozen=True)
class Tag:
    """The value of a tag. kind: its type. raw: as in the file, in the order of `layout`."""

    kind: int
    raw: bytes
    layout: Layout = Layout("<", False)

    @property
    def numbers(self) -> tuple[int, ...]:
        """The integers, or the numerators and denominators; none for another type."""
        letter = NUMBERS.get(self.kind)
        if letter is None:
            return ()
        return struct.unpack(f"{self.layout.order}{len(self.raw) // struct.calcsize('=' + letter)}{letter}", self.raw)


def first_directory(file: BinaryIO) -> tuple[Layout, int]:
    """Return the layout of a TIFF or of EXIF data, and where its first directory is. Raises ValueError and
    struct.error."""
    file.seek(0)
    start = file.read(16)
    if start[:2] not in (b"II", b"MM"):
        raise ValueError("not a TIFF")
    order = "<" if start[:2] == b"II" else ">"
    layout = Layout(order, struct.unpack_from(order + "H", start, 2)[0] == 43)
    (at,) = layout.offset.unpack_from(start, 8 if layout.big else 4)
    return layout, at


def read_tags(file: BinaryIO, layout: Layout, at: int, wanted: Collection[int]) -> dict[int, Tag]:
    """Read the wanted tags of a directory. Values that are missing or have more than MAX_METADATA_VALUE bytes are left
    out. Raises struct.error."""
    file.seek(at)
    (count,) = layout.count.unpack(file.read(layout.count.size))
    if count > MAX_TAGS:
        return {}
    data = file.read(count * layout.entry.size)
    found: dict[int, Tag] = {}
    for tag, kind, length, value in layout.entry.iter_unpack(
        data[: len(data) // layout.entry.size * layout.entry.size]
    ):
        size = length * SIZES.get(kind, 0)
        if tag not in wanted or tag in found or not 0 < size <= MAX_METADATA_VALUE:
            continue
        raw = value[:size]
        if size > len(value):
            file.seek(layout.offset.unpack(value)[0])
            raw = file.read(size)
        if len(raw) == size:
            found[tag] = Tag(kind, raw, layout)
    return found


def encoded_tags(tags: Mapping[int, Tag], at: int, layout: Layout = Layout("<", False)) -> bytes:
    """Return a directory with its values, for the position `at` in the file. tags: in the order of `layout`."""
    entries, values = b"", b""
    values_at = at + layout.count.size + len(tags) * layout.entry.size + layout.offset.size
    for number, tag in sorted(tags.items()):
        value = tag.raw
        if len(value) > layout.offset.size:
            value = layout.offset.pack(values_at + len(values))
            values += tag.raw + bytes(len(tag.raw) % 2)
        entries += layout.entry.pack(number, tag.kind, len(tag.raw) // SIZES[tag.kind], value)
    return layout.count.pack(len(tags)) + entries + layout.offset.pack(0) + values


def add_directory(file: BinaryIO, tag: int, tags: Mapping[int, Tag]) -> None:
    """Append a directory to a little-endian TIFF, and the first directory anew with an entry for it. Raises
    struct.error."""
    layout, at = first_directory(file)
    file.seek(at)
    (count,) = layout.count.unpack(file.read(layout.count.size))
    entries = [file.read(layout.entry.size) for _ in range(count)]
    end = file.seek(0, io.SEEK_END)
    end += file.write(bytes(end % 2))
    added = encoded_tags(tags, end, layout)
    kind = LONG8 if layout.big else LONG
    entries.append(layout.entry.pack(tag, kind, 1, layout.offset.pack(end)))
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    file.write(added + layout.count.pack(count + 1) + b"".join(entries) + layout.offset.pack(0))
    file.seek(8 if layout.big else 4)
    file.write(layout.offset.pack(end + len(added)))

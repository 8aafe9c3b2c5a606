"""Artist, copyright and description in IPTC records, which older photo programs write."""

from __future__ import annotations

import struct

from velatura_daemon.imaging.files.metadata.texts import Texts, clean

RESOURCE = b"8BIM\x04\x04"  # of Photoshop: IPTC records
BYLINE, COPYRIGHT, CAPTION = 80, 116, 120  # of the second record
MAX_RECORDS = 1000


def records_in(resources: bytes) -> bytes:
    """Return the IPTC records among Photoshop's resources; b'' if there are none."""
    at = resources.find(RESOURCE)
    if at < 0 or at + 7 > len(resources):
        return b""
    name = resources[at + 6]
    at += 7 + name + (name + 1) % 2
    (size,) = struct.unpack_from(">I", resources, at)
    return resources[at + 4 : at + 4 + size]


def iptc_texts(records: bytes) -> Texts:
    """Read the texts of IPTC records. Raises struct.error."""
    found: dict[int, list[str]] = {}
    at = 0
    for _ in range(MAX_RECORDS):
        if at + 5 > len(records) or records[at] != 0x1C:
            break
        record, number, size = struct.unpack_from(">BBH", records, at + 1)
        if record == 2:
            found.setdefault(number, []).append(clean(records[at + 5 : at + 5 + size]))
        at += 5 + size
    return Texts(*("; ".join(found.get(number, ())) for number in (CAPTION, BYLINE, COPYRIGHT)))

"""The orientation in EXIF data."""

from __future__ import annotations

from PIL import Image

from velatura_daemon.imaging.files.structure import check_exif

ORIENTATION = 0x0112


def orientation_of(exif: bytes | Image.Exif) -> int:
    """Return the orientation, 1 to 8. Damaged EXIF data does not make the pixels unreadable: it counts as 1,
    upright."""
    try:
        if not isinstance(exif, Image.Exif):
            raw, exif = exif, Image.Exif()
            check_exif(raw)
            exif.load(raw)
        return valid_orientation(exif.get(ORIENTATION))
    except Exception:
        return 1


def valid_orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1

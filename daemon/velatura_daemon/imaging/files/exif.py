"""The two EXIF entries that matter here: which way is up, and what the picture is."""

from __future__ import annotations

from PIL import Image

ORIENTATION, DESCRIPTION, SOFTWARE = 0x0112, 0x010E, 0x0131


def orientation_of(exif: bytes | memoryview | Image.Exif) -> int:
    """1 to 8. Broken EXIF is no reason to refuse the pixels: 1, upright."""
    try:
        if not isinstance(exif, Image.Exif):
            raw, exif = bytes(exif), Image.Exif()
            exif.load(raw)
        return valid_orientation(exif.get(ORIENTATION))
    except Exception:
        return 1


def valid_orientation(value: object) -> int:
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def exif_with(description: str, software: str) -> Image.Exif:
    exif = Image.Exif()
    # As bytes: Pillow would replace all that is not ASCII.
    exif[DESCRIPTION], exif[SOFTWARE] = description.encode(), software.encode()
    return exif


def description_of(exif: Image.Exif) -> str:
    # Pillow reads strings as Latin-1; they are UTF-8 where they are not ASCII.
    return str(exif.get(DESCRIPTION, "")).encode("latin-1", "replace").decode("utf-8", "replace")

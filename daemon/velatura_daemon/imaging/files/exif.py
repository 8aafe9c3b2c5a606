"""The EXIF entries that Velatura uses: orientation, description, software."""

from __future__ import annotations

from PIL import Image

ORIENTATION, DESCRIPTION, SOFTWARE = 0x0112, 0x010E, 0x0131


def orientation_of(exif: bytes | memoryview | Image.Exif) -> int:
    """Return the orientation, 1 to 8. Damaged EXIF data does not make the pixels unreadable: it counts as 1,
    upright."""
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
    # As bytes: Pillow would replace every character that is not ASCII.
    exif[DESCRIPTION], exif[SOFTWARE] = description.encode(), software.encode()
    return exif


def description_of(exif: Image.Exif) -> str:
    # Pillow decodes strings as Latin-1; those that are not ASCII are UTF-8.
    return str(exif.get(DESCRIPTION, "")).encode("latin-1", "replace").decode("utf-8", "replace")

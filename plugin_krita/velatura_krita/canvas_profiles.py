"""The ICC profiles of Krita's colour spaces, so that the daemon can convert colours instead of Krita.

Krita's Python interface only gives the names of profiles. It exports a profile with a picture, though, and names the
profile of a picture that it opens: both are done here with a hidden document of one pixel.
"""

from __future__ import annotations

import contextlib
import struct
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from krita import InfoObject, Krita

HIDDEN_DOCUMENT = "Velatura's colour conversion"  # not translated: the name of documents that are never shown

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_EXPORT = {"alpha": True, "compression": 1, "forceSRGB": False, "indexed": False, "saveSRGBProfile": True}
_profiles: dict[str, bytes] = {}  # by name; empty if Krita does not export it


def profile_named(name: str) -> bytes:
    """The bytes of an RGB profile; empty if Krita does not export it. The first call for a profile takes 100 ms."""
    if name not in _profiles:
        _profiles[name] = _export(name)
    return _profiles[name]


def name_of(profile: bytes) -> str:
    """Krita's name of a profile, which Krita knows from now on; empty if it cannot be used."""
    for name, known in _profiles.items():
        if known == profile:
            return name
    name = _import(profile)
    if name:
        _profiles[name] = profile
    return name


def _export(name: str) -> bytes:
    with _png_file() as path, _without_questions():
        document = Krita.instance().createDocument(1, 1, HIDDEN_DOCUMENT, "RGBA", "U8", name, 72.0)
        options = InfoObject()
        for key, value in _EXPORT.items():
            options.setProperty(key, value)
        document.setBatchmode(True)
        is_written = document.colorProfile() == name and document.exportImage(str(path), options)
        _close(document)
        return profile_in_png(path.read_bytes()) if is_written else b""


def _import(profile: bytes) -> str:
    with _png_file() as path, _without_questions():
        path.write_bytes(png_with_profile(profile))
        document = Krita.instance().openDocument(str(path))
        if document is None:
            return ""
        document.setName(HIDDEN_DOCUMENT)
        name = str(document.colorProfile())
        _close(document)
        return name


def _close(document: Any) -> None:
    document.setModified(False)
    document.close()


@contextlib.contextmanager
def _png_file() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="velatura-") as folder:
        yield Path(folder) / "profile.png"


@contextlib.contextmanager
def _without_questions() -> Iterator[None]:
    before = Krita.instance().batchmode()
    Krita.instance().setBatchmode(True)
    try:
        yield
    finally:
        Krita.instance().setBatchmode(before)


def profile_in_png(data: bytes) -> bytes:
    """The profile that is embedded in a PNG file; empty if there is none."""
    position = len(_SIGNATURE)
    while position + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        if kind == b"iCCP":
            body = data[position + 8 : position + 8 + length]
            return zlib.decompress(body[body.index(b"\0") + 2 :])  # after the name and the method of compression
        position += 12 + length
    return b""


def png_with_profile(profile: bytes) -> bytes:
    """A PNG file of one RGB pixel with this profile."""
    header = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    chunks = (
        (b"IHDR", header),
        (b"iCCP", b"profile\0\0" + zlib.compress(profile)),
        (b"IDAT", zlib.compress(bytes(4))),
        (b"IEND", b""),
    )
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )

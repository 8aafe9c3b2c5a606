"""Texts of metadata: of any length, encoding and content when they are read, and plain ones when they are written."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from velatura_daemon.imaging.files.limits import MAX_TEXT_BYTES

T = TypeVar("T")

CONTROLS = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")  # XML has no place for them


@dataclass(frozen=True)
class Texts:
    """What XMP and IPTC say of a picture; '' if they do not say it."""

    description: str = ""
    artist: str = ""
    copyright: str = ""


def clean(text: bytes | str) -> str:
    """Return a text without control characters and spaces at its ends. Bytes are UTF-8, or else Latin-1."""
    if isinstance(text, bytes):
        text = _decoded(text)
    return CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _decoded(text: bytes) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("latin-1")


def cut(text: str) -> str:
    """Return the beginning of a text, of at most MAX_TEXT_BYTES in UTF-8."""
    return text.encode()[:MAX_TEXT_BYTES].decode(errors="ignore")


def attempt(read: Callable[[], T], otherwise: T) -> T:
    """Return what `read` returns. If it raises anything, that metadata is damaged and left out."""
    try:
        return read()
    except Exception:
        return otherwise

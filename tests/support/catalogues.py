"""Catalogues for tests."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo


def write_catalogue(locale: Path, code: str, messages: Mapping[str, str]) -> Path:
    """Write the compiled catalogue of a language. locale: the folder of all of them. Returns its file."""
    catalogue = Catalog(locale=code, domain="velatura", charset="utf-8")
    for message, translation in messages.items():
        catalogue.add(message, translation)
    written = io.BytesIO()
    write_mo(written, catalogue)
    file = locale / code / "LC_MESSAGES" / "velatura.mo"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(written.getvalue())
    return file

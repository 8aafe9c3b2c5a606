"""A small catalogue for the tests of `velatura.i18n`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from velatura.i18n import catalogue, use_language

Messages = Mapping[str | tuple[str, str], str | tuple[str, ...]]
Speak = Callable[..., str]


@pytest.fixture
def speak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Use a language with these messages. A key of two texts is a singular and a plural; `numbers`: the decimal
    separator and that of thousands."""
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path)

    def speak(messages: Messages, code: str = "de", numbers: tuple[str, str] = (",", ".")) -> str:
        made = Catalog(locale=code, domain="velatura", charset="utf-8", fuzzy=False)
        for message, translation in messages.items():
            made.add(message, translation)
        for sign, translation in zip(".,", numbers, strict=True):
            made.add(sign, translation, context="number")
        folder = tmp_path / code / "LC_MESSAGES"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "velatura.mo").open("wb") as file:
            write_mo(file, made)
        return use_language(code)

    yield speak
    monkeypatch.undo()
    use_language("en")

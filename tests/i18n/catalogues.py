"""The catalogues as translators edit them, for the tests."""

from __future__ import annotations

import importlib.util
import json
import re
import string
from functools import cache
from pathlib import Path
from types import ModuleType

from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

TREE = Path(__file__).parents[2]
LOCALE = TREE / "shared" / "velatura" / "locale"
# Per language, the texts that are the same there as in English: names, abbreviations, international words.
SAME_AS_ENGLISH = Path(__file__).with_name("same_as_english.json")
_PERCENT = re.compile(r"%\([a-z_]+\)[a-z]|%[sdr]")
_COMMAND = re.compile(r"'velatura [^']*'|--[a-z][a-z-]+")


def languages() -> list[str]:
    return sorted(file.parents[1].name for file in LOCALE.glob("*/LC_MESSAGES/velatura.po"))


@cache
def catalogue(code: str) -> Catalog:
    with (LOCALE / code / "LC_MESSAGES" / "velatura.po").open("rb") as file:
        return read_po(file, locale=code, domain="velatura")


def messages(code: str) -> list[Message]:
    """All texts of a language; without the header."""
    return [message for message in catalogue(code) if message.id]


def sources(message: Message) -> tuple[str, ...]:
    """The English text, or singular and plural."""
    return message.id if isinstance(message.id, tuple) else (message.id,)


def translations(message: Message) -> tuple[str, ...]:
    """The translation, or all its plural forms."""
    return tuple(message.string) if isinstance(message.string, (tuple, list)) else (message.string or "",)


def placeholders(text: str, is_ours: bool) -> set[str]:
    """The names in braces with their formats; in texts of click, Python's %-placeholders too."""
    try:
        names = {f"{{{name}:{spec}}}" for _, name, spec, _ in string.Formatter().parse(text) if name is not None}
    except ValueError:
        names = {"not a format"}
    return names if is_ours else names | set(_PERCENT.findall(text))


def commands(text: str) -> set[str]:
    """Commands and options that a text quotes: they are typed as they are in every language."""
    return set(_COMMAND.findall(text))


def is_ours(message: Message) -> bool:
    """Whether the text is in our code, not only in click's."""
    return any(not place.startswith("click/") for place, _ in message.locations)


def same_as_english(code: str) -> set[str]:
    listed: dict[str, list[str]] = json.loads(SAME_AS_ENGLISH.read_text(encoding="utf-8"))
    return {*listed["*"], *listed.get(code, [])}


def translations_command() -> ModuleType:
    """The module behind `make translations`."""
    spec = importlib.util.spec_from_file_location("translations", TREE / ".ci" / "translations.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module

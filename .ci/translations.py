"""Extract the texts from the code, merge them into the catalogues, and compile those; `make translations` runs this.

`python .ci/translations.py LANGUAGE` adds a language. Lines of the code are not recorded and dates are left out, so
that a catalogue changes only where a text does.
"""

from __future__ import annotations

import datetime
import inspect
import sys
from pathlib import Path

import click
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

TREE = Path(__file__).parents[1]
LOCALE = TREE / "shared" / "velatura" / "locale"
DOMAIN = "velatura"
SOURCES = ("shared", "daemon", "plugin_krita", "plugin_gimp")
# Function → the arguments that are extracted: (1, 2) are singular and plural, 1c is a context.
KEYWORDS = {"_": None, "lazy_text": None, "ngettext": (1, 2), "lazy_plural": (1, 2), "pgettext": ((1, "c"), 2)}
REQUIRED = "required"  # click looks it up by a variable, for "--style PAINTING  [required]"
MARK = "Translators:"  # begins a comment that is copied to the catalogue
HEADER = """\
# Velatura in {language}.
# Copyright (C) 2026 The Velatura authors
# This file has the licence of Velatura: MIT.
#
# Machine-made, and not yet read by a native speaker: please improve it. docs/translating.md says how."""
# Languages whose newest rules (CLDR) have a form of its own for a million and more, as in "un millón de": no count here
# is as large.
PLURALS = {"es": "(n != 1)", "fr": "(n > 1)", "pt_BR": "(n > 1)"}
WIDTH = 100
NO_DATE = datetime.datetime(2026, 1, 1, tzinfo=datetime.timezone.utc)  # the same catalogue compiles to the same bytes
LEFT_OUT = ('"POT-Creation-', '"PO-Revision-', '"Last-Translator', '"Language-Team', '"Report-Msgid', '"Generated-By')


def main() -> None:
    source = extract()
    added = [code for code in sys.argv[1:] if not catalogue_file(code).exists()]
    for code in added:
        catalogue_file(code).parent.mkdir(parents=True, exist_ok=True)
    for code in sorted({*languages(), *added}):
        catalogue = merged(source, code)
        save(catalogue, catalogue_file(code))
        catalogue.creation_date = catalogue.revision_date = NO_DATE
        with catalogue_file(code).with_suffix(".mo").open("wb") as file:
            write_mo(file, catalogue)
        missing = [message for message in catalogue if message.id and not is_translated(message.string)]
        print(f"{code}: {len(catalogue) - len(missing)} of {len(catalogue)} texts translated")
    save(source, LOCALE / f"{DOMAIN}.pot")


def languages() -> list[str]:
    return [file.parents[1].name for file in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")]


def catalogue_file(code: str) -> Path:
    return LOCALE / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def extract() -> Catalog:
    """All texts of the code, and those of click, which prints some lines of the command line itself."""
    catalogue = Catalog(project="Velatura", copyright_holder="The Velatura authors", charset="utf-8", fuzzy=False)
    catalogue.header_comment = HEADER.format(language="English")
    folders = [(TREE / name, name) for name in SOURCES]
    for folder, name in [*folders, (Path(inspect.getfile(click)).parent, "click")]:
        found = extract_from_dir(
            folder, [("**.py", "python")], keywords=KEYWORDS, comment_tags=[MARK], strip_comment_tags=True
        )
        for file, _, message, comments, context in found:
            place = f"{name}/{file}"
            catalogue.add(message, locations=[(place, 1)], auto_comments=comments, context=context)
    catalogue.add(REQUIRED, locations=[("click/core.py", 1)])
    for message in catalogue:
        message.locations = sorted(set(message.locations))
        if message.id:  # the names in braces are str.format's, and a % is no placeholder, except in click's texts
            message.flags.discard("python-brace-format")
    return catalogue


def merged(source: Catalog, code: str) -> Catalog:
    """The catalogue of a language with the present texts of the code. Texts that are gone are dropped."""
    file = catalogue_file(code)
    if file.exists():
        with file.open("rb") as opened:
            catalogue = read_po(opened, locale=code, domain=DOMAIN)
    else:
        catalogue = Catalog(locale=code, domain=DOMAIN, charset="utf-8", fuzzy=False)
    catalogue.project = "Velatura"
    if code in PLURALS:
        catalogue._num_plurals, catalogue._plural_expr = 2, PLURALS[code]  # Babel has no other way to set them
    catalogue.update(source, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    language = Locale.parse(code).english_name
    catalogue.header_comment = HEADER.format(language=language)
    return catalogue


def is_translated(string: str | tuple[str, ...]) -> bool:
    return all(string) if isinstance(string, tuple) else bool(string)


def save(catalogue: Catalog, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as opened:
        write_po(opened, catalogue, width=WIDTH, sort_output=False, include_lineno=False, ignore_obsolete=True)
    lines = file.read_text(encoding="utf-8").split("\n")
    file.write_text("\n".join(line for line in lines if not line.startswith(LEFT_OUT)), encoding="utf-8")


if __name__ == "__main__":
    main()

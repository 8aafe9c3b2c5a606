"""The catalogues are complete, fit the code, and can be formatted."""

from __future__ import annotations

import gettext
import io

import pytest
from babel.messages.mofile import write_mo

from tests.i18n.catalogues import (
    LOCALE,
    catalogue,
    commands,
    is_ours,
    languages,
    messages,
    placeholders,
    same_as_english,
    sources,
    translations,
    translations_command,
)
from tests.support.literals import untranslated

PROMISED = {"de", "es", "fr", "ja", "pt_BR", "zh_CN"}


def test_every_text_that_people_read_is_marked_for_translation():
    assert [str(literal) for literal in untranslated()] == []


def test_the_promised_languages_are_there():
    assert set(languages()) >= PROMISED


def test_the_template_has_the_texts_of_the_code():
    extracted = {(message.context, sources(message)) for message in translations_command().extract() if message.id}
    with (LOCALE / "velatura.pot").open("rb") as file:
        template = translations_command().read_po(file)
    in_template = {(message.context, sources(message)) for message in template if message.id}
    assert extracted == in_template, "run 'make translations'"


@pytest.mark.parametrize("code", languages())
def test_a_catalogue_has_exactly_the_texts_of_the_template(code):
    with (LOCALE / "velatura.pot").open("rb") as file:
        template = translations_command().read_po(file)
    wanted = {(message.context, sources(message)) for message in template if message.id}
    assert {(message.context, sources(message)) for message in messages(code)} == wanted, "run 'make translations'"


@pytest.mark.parametrize("code", languages())
def test_the_compiled_catalogue_is_that_of_the_source(code):
    written = io.BytesIO()
    write_mo(written, catalogue(code))
    written.seek(0)
    with (LOCALE / code / "LC_MESSAGES" / "velatura.mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)._catalog
    expected = gettext.GNUTranslations(written)._catalog
    assert {**compiled, "": ""} == {**expected, "": ""}, "run 'make translations'"  # '' is the header, with dates


@pytest.mark.parametrize("code", languages())
def test_every_text_is_translated(code):
    missing = [sources(message)[0] for message in messages(code) if not all(translations(message))]
    assert missing == []


@pytest.mark.parametrize("code", languages())
def test_a_text_equal_to_the_english_one_is_listed_as_such(code):
    listed = same_as_english(code)
    equal = {sources(message)[0] for message in messages(code) if sources(message)[0] in translations(message)}
    assert equal - listed == set()


@pytest.mark.parametrize("code", languages())
def test_a_translation_has_the_placeholders_of_its_source(code):
    wrong = []
    for message in messages(code):
        ours = is_ours(message)
        named = [placeholders(source, ours) for source in sources(message)]
        all_names, in_every_form = set.union(*named), set.intersection(*named)
        if len(named) > 1:
            in_every_form -= {"{count:}"}  # a form for one may write its number out: 'one picture'
        wrong += [
            f"{sources(message)[0]!r}: {translation!r}"
            for translation in translations(message)
            if not in_every_form <= placeholders(translation, ours) <= all_names
        ]
    assert wrong == []


@pytest.mark.parametrize("code", languages())
def test_commands_and_options_stay_as_they_are_typed(code):
    wrong = []
    for message in messages(code):
        wanted = set().union(*map(commands, sources(message)))
        wrong += [
            f"{sources(message)[0]!r}: {translation!r}"
            for translation in translations(message)
            if not wanted <= {*commands(translation), *(name for name in wanted if name.strip("'") in translation)}
        ]
    assert wrong == []


@pytest.mark.parametrize("code", languages())
def test_a_translation_keeps_the_space_around_its_source(code):
    wrong = []
    for message in messages(code):
        if message.context == "number":
            continue  # French separates thousands with a space
        for source, translation in zip(sources(message), translations(message), strict=False):
            ends = (source[:1].isspace(), source[-1:].isspace(), source.count("\n") == 0)
            if ends != (translation[:1].isspace(), translation[-1:].isspace(), translation.count("\n") == 0):
                wrong.append(f"{source!r}: {translation!r}")
    assert wrong == []

"""Which language the environment asks for, and which catalogue that is."""

from __future__ import annotations

import pytest

from velatura.i18n import available_languages, current_language, language_of_environment, translated, use_language
from velatura.i18n import lazy_text as text
from velatura.i18n.language import best_match

CATALOGUES = ("de", "es", "fr", "ja", "pt_BR", "zh_CN")


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ("de", "de"),
        ("de_AT.UTF-8", "de"),
        ("de_DE@euro", "de"),
        ("de-CH", "de"),
        ("DE", "de"),
        ("pt_BR", "pt_BR"),
        ("pt-br", "pt_BR"),
        ("pt", "pt_BR"),
        ("pt_PT.UTF-8", "pt_BR"),
        ("zh_CN.GB18030", "zh_CN"),
        ("zh_Hans", "zh_CN"),
        ("zh_Hans_CN", "zh_CN"),
        ("zh-Hans-SG", "zh_CN"),
        ("zh", "zh_CN"),
        ("zh_TW", "en"),
        ("zh_Hant_HK", "en"),
        ("es_419", "es"),
        ("en_GB", "en"),
        ("C", "en"),
        ("it_IT", "en"),
        ("", "en"),
    ],
)
def test_a_region_without_a_catalogue_gets_that_of_its_language(wanted, code):
    assert best_match([wanted], CATALOGUES) == code


@pytest.mark.parametrize(
    ("wanted", "code"),
    [(["it", "fr_CA", "de"], "fr"), (["zh_TW", "ja"], "ja"), (["it", "en", "de"], "en"), ([], "en"), (["it"], "en")],
)
def test_the_first_wanted_language_with_a_catalogue_counts(wanted, code):
    assert best_match(wanted, CATALOGUES) == code


def test_a_catalogue_of_the_region_is_preferred():
    assert best_match(["zh_TW"], (*CATALOGUES, "zh_TW")) == "zh_TW"
    assert best_match(["pt_PT"], (*CATALOGUES, "pt")) in ("pt", "pt_BR")


@pytest.mark.parametrize(
    ("environment", "languages"),
    [
        ({}, ()),
        ({"LANG": "de_DE.UTF-8"}, ("de_DE",)),
        ({"LANG": "de_DE", "LC_MESSAGES": "fr_FR"}, ("fr_FR",)),
        ({"LANG": "de_DE", "LC_MESSAGES": "fr_FR", "LC_ALL": "es_ES"}, ("es_ES",)),
        ({"LANG": "de_DE", "LC_ALL": ""}, ("de_DE",)),
        ({"LANG": "de_DE", "LANGUAGE": "pt_BR:es"}, ("pt_BR", "es", "de_DE")),
        ({"LANG": "de_DE", "LC_ALL": "C"}, ()),
        ({"LANG": "de_DE", "LC_ALL": "C.UTF-8", "LANGUAGE": "de"}, ()),
        ({"LANG": "POSIX", "LANGUAGE": "de"}, ()),
        ({"LANGUAGE": "de"}, ()),
    ],
)
def test_the_variables_count_as_for_gettext(environment, languages, monkeypatch):
    monkeypatch.setattr("sys.platform", "linux")
    assert language_of_environment(environment) == languages


def test_the_language_of_the_environment_is_used_first(speak, monkeypatch):
    speak({"One.": "Eins."})
    monkeypatch.setattr("velatura.i18n.catalogue._InUse.language", "")
    monkeypatch.setenv("LC_ALL", "de_CH.UTF-8")
    assert translated(text("One.")) == "Eins."
    assert current_language() == "de"


def test_the_languages_with_a_catalogue_are_listed(speak):
    speak({"One.": "Eins."})
    speak({"One.": "一。"}, code="zh_CN")
    assert available_languages() == ["de", "zh_CN"]


def test_a_language_without_a_catalogue_is_english(speak):
    speak({"One.": "Eins."})
    assert use_language("it") == "en"
    assert translated(text("One.")) == "One."


MAGIC = b"\xde\x12\x04\x95"  # the first bytes of a catalogue


@pytest.mark.parametrize("content", [b"", b"no catalogue", MAGIC + bytes(3), MAGIC + b"\xff" * 60])
def test_a_damaged_catalogue_leaves_english(speak, tmp_path, content):
    speak({"One.": "Eins."}, code="de")
    (tmp_path / "fr" / "LC_MESSAGES").mkdir(parents=True)
    (tmp_path / "fr" / "LC_MESSAGES" / "velatura.mo").write_bytes(content)
    use_language("fr")
    assert translated(text("One.")) == "One."

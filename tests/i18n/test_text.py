"""English sentences that can be translated later."""

from __future__ import annotations

import copy
import pickle
from pathlib import Path

import pytest

from velatura.errors import DaemonLost, error_from, visible_text
from velatura.i18n import Text, _, lazy_list, lazy_plural, lazy_text, limited, ngettext, sentences, translated

SIZE = lazy_text("The file {file} has {count} bytes.", file="a.png", count=3)


def test_a_lazy_text_is_its_english_sentence():
    assert SIZE == "The file a.png has 3 bytes."
    assert f"{SIZE}" == "The file a.png has 3 bytes."
    assert translated(SIZE) == "The file a.png has 3 bytes."


def test_a_lazy_text_is_translated_when_it_is_shown(speak):
    speak({"The file {file} has {count} bytes.": "Die Datei {file} hat {count} Byte."})
    assert translated(SIZE) == "Die Datei a.png hat 3 Byte."
    assert SIZE == "The file a.png has 3 bytes."


def test_a_constant_with_names_in_braces_is_filled_in_later(speak):
    speak({"No style is called {name}.": "Kein Stil heißt {name}."})
    constant = lazy_text("No style is called {name}.")
    assert translated(constant.format(name="Mosaic")) == "Kein Stil heißt Mosaic."


def test_texts_within_a_text_are_translated(speak):
    speak({"Because {why}.": "Weil {why}.", "it rains": "es regnet"})
    assert translated(lazy_text("Because {why}.", why=lazy_text("it rains"))) == "Weil es regnet."


def test_a_translation_in_the_same_words_counts_for_the_texts_within_it(speak):
    speak({"{first} {second}": "{first} {second}", "One.": "Eins.", "Two.": "Zwei."})
    assert translated(sentences(lazy_text("One."), "", lazy_text("Two."))) == "Eins. Zwei."


def test_a_text_without_a_translation_stays_english(speak):
    speak({"another": "eine andere"})
    assert translated(SIZE) == SIZE


@pytest.mark.parametrize("translation", ["{other} ist nicht da", "{file.name}", "{count", "{count:q}", "{}", "{0}"])
def test_a_translation_that_does_not_fit_leaves_the_english_sentence(speak, translation):
    speak({"The file {file} has {count} bytes.": translation})
    assert translated(SIZE) == SIZE


def test_a_count_selects_the_form(speak):
    speak({("{count} file", "{count} files"): ("{count} Datei", "{count} Dateien")})
    assert [translated(lazy_plural("{count} file", "{count} files", count)) for count in (1, 2)] == [
        "1 Datei",
        "2 Dateien",
    ]
    assert [str(lazy_plural("{count} file", "{count} files", count)) for count in (1, 2)] == ["1 file", "2 files"]


def test_a_language_may_have_more_forms_than_english(speak):
    speak({("{count} file", "{count} files"): ("{count} файл", "{count} файла", "{count} файлов")}, code="ru")
    shown = [translated(lazy_plural("{count} file", "{count} files", count)) for count in (21, 2, 5)]
    assert shown == ["21 файл", "2 файла", "5 файлов"]


def test_what_a_window_shows_is_translated_at_once(speak):
    speak(
        {
            "Cancel {what}": "{what} abbrechen",
            "the job": "den Auftrag",
            ("{count} job", "{count} jobs"): ("a", "b {count}"),
        }
    )
    assert _("Cancel {what}").format(what=lazy_text("the job")) == "den Auftrag abbrechen"
    assert ngettext("{count} job", "{count} jobs", 3) == "b 3"


def test_the_empty_text_is_not_the_header_of_the_catalogue(speak):
    speak({"One.": "Eins."})
    assert (_(""), translated(lazy_text("")), translated(sentences())) == ("", "", "")


def test_the_items_of_a_list_are_translated(speak):
    speak({"{first}, {second}": "{first}、{second}", "red": "rot"})
    assert translated(lazy_list([lazy_text("red"), "x", "y"])) == "rot、x、y"


def test_a_list_of_hundreds_of_names_can_be_translated(speak):
    speak({"{first}, {second}": "{first}; {second}"})
    names = [str(number) for number in range(1000)]
    assert translated(lazy_list(names)) == "; ".join(names)


def test_a_text_survives_copying_and_pickling():
    for same in (copy.deepcopy(SIZE), pickle.loads(pickle.dumps(SIZE))):
        assert isinstance(same, Text)
        assert (str(same), same.message, same.values) == (str(SIZE), SIZE.message, SIZE.values)


def test_a_sentence_is_cut_only_if_it_is_too_long():
    assert limited(SIZE, 100) is SIZE
    assert limited(SIZE, 8) == "The file"


def test_names_in_an_error_are_made_visible_in_every_language(speak):
    speak({"{path} is damaged.": "{path} ist beschädigt."})
    error = error_from(DaemonLost.code, lazy_text("{path} is damaged.", path=Path("a\nb\u202e")))
    assert error.sentence == "a\\nb\\u202e is damaged."
    assert error.local_sentence == "a\\nb\\u202e ist beschädigt."


def test_names_in_a_text_within_a_text_are_made_visible(speak):
    speak({"Because {why}.": "Weil {why}.", "{name} is there": "{name} da ist"})
    text = lazy_text("Because {why}.", why=lazy_text("{name} is there", name="\x1b[31m"))
    assert translated(visible_text(text)) == "Weil \\x1b[31m da ist."


def test_a_window_shows_english_if_a_translation_does_not_fit_the_values(speak):
    speak({"{count} of {all}": "{zahl} von {alle", "Done: {name}": "Fertig: {nam}"})
    assert _("Done: {name}").format(name="Sky") == "Done: Sky"
    assert _("{count} of {all}").format(count=1, all=2) == "1 of 2"

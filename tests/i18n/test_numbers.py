"""Numbers, sizes, times and dates as a language writes them."""

from __future__ import annotations

import time

import pytest

from velatura import strings
from velatura.i18n import _, lazy_text, translated
from velatura.i18n.numbers import number
from velatura.settings import StyleSettings, translated_specs

CASES = [
    (1234.5, ",.1f", "1.234,5"),
    (0.5, ".2f", "0,50"),
    (-2.5, "g", "-2,5"),
    (1000, "", "1000"),
    (1e6, ",.0f", "1.000.000"),
]


@pytest.mark.parametrize(("value", "spec", "shown"), CASES)
def test_numbers_have_the_separators_of_the_language(speak, value, spec, shown):
    speak({})
    assert number(value, spec) == shown


def test_a_separator_may_be_a_space(speak):
    speak({}, code="fr", numbers=(",", "\u202f"))
    assert number(1234567.25, ",.2f") == "1\u202f234\u202f567,25"


@pytest.mark.parametrize(("value", "spec", "shown"), CASES)
def test_in_english_numbers_are_those_of_format(value, spec, shown):
    assert number(value, spec) == format(value, spec)


def test_a_number_in_a_sentence_has_the_separators_of_the_language(speak):
    speak({"{size:.1f} GB in {file}": "{size:.1f} GB in {file}"})
    assert translated(lazy_text("{size:.1f} GB in {file}", size=2.5, file="a.b")) == "2,5 GB in a.b"
    assert _("{size:.1f} GB in {file}").format(size=2.5, file="a.b") == "2,5 GB in a.b"


def test_a_yes_or_no_is_no_number(speak):
    speak({"{flag}": "{flag}"})
    assert translated(lazy_text("{flag}", flag=True)) == "True"


# --- the functions of velatura.strings ----------------------------------------------------------------------
def test_sizes_percentages_and_settings_are_written_by_the_language(speak):
    speak({"{names} {strength:g} %": "{names} {strength:g} %", "Stroke size": "Strichgröße"})
    assert strings.data_size(2_600_000_000) == "2,6 GB"
    assert strings.zoom_percent(0.042) == "4,2 %"
    assert strings.setting_value(StyleSettings(stroke_size=1.5), "stroke_size") == "Strichgröße 1,5 ×"
    assert strings.result_name(["Mosaic"], StyleSettings(strength=62.5)) == "Mosaic 62,5 %"


def test_a_language_orders_a_date(speak):
    speak(
        {"{day} {month} {year}": "{year}-{number:02}-{day:02}", "today {hour}:{minute:02}": "heute {hour}:{minute:02}"}
    )
    at = time.mktime((2026, 3, 3, 9, 5, 0, 0, 0, -1))
    assert strings.short_date(at, at + 7 * 86400) == "2026-03-03"
    assert strings.short_date(at, at) == "heute 9:05"


def test_in_english_dates_are_as_before():
    at = time.mktime((2026, 3, 3, 9, 5, 0, 0, 0, -1))
    assert strings.short_date(at, at + 7 * 86400) == "3 Mar 2026"
    assert strings.short_date(at, at + 86400) == "yesterday 9:05"


def test_the_summary_of_settings_keeps_the_capitals_of_a_language(speak):
    speak(
        {
            "Keep colours": "Farben behalten",
            "{setting}: {choice}": "{setting}: {choice}",
            "{first}, {second}": "{first}; {second}",
        }
    )
    settings = StyleSettings(quality="draft", keep_colours="palette", iterations=4)
    assert strings.settings_summary(settings) == "Draft; Farben behalten: Palette; Iterations 4"


def test_every_choice_of_a_window_has_a_name_that_can_be_translated():
    specs = translated_specs()
    shown = {value for name in (*strings.MAIN_SETTINGS, *strings.MORE_SETTINGS) for value, __ in specs[name].choices}
    assert shown <= set(strings.CHOICE_NAMES)


def test_sample_paintings_are_shown_in_the_language_and_stored_in_english(speak):
    speak({"Night swirls": "Nächtliche Wirbel"})
    assert strings.shown_style(strings.style_name("night_swirls")) == "Nächtliche Wirbel"
    assert strings.style_name("night_swirls") == "Night swirls"
    assert strings.shown_style("My own") == "My own"


def test_our_presets_are_shown_in_the_language_and_those_of_users_as_they_are(speak):
    speak({"Portrait": "Porträt"})
    assert strings.shown_preset("Portrait", ours=True) == "Porträt"
    assert strings.shown_preset("Portrait", ours=False) == "Portrait"

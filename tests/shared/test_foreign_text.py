"""Text of others, made visible: what a terminal obeys is escaped, and what people read stays."""

from __future__ import annotations

import json
import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.hostile_names import IN_TEXTS, READABLE
from velatura.foreign_text import json_text, visible

ANY_TEXT = st.text(st.characters(codec=None, categories=None))  # with halves of surrogate pairs
BIDI_CONTROLS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
MARKS = "\u061c\u200e\u200f"  # the bidi controls that have the class of a letter
NOT_SHOWN = {"Cc", "Cs", "Zl", "Zp"}


def is_obeyed(character: str) -> bool:
    """By Unicode's own tables, those of the Python that runs the test."""
    return (
        unicodedata.category(character) in NOT_SHOWN
        or unicodedata.bidirectional(character) in BIDI_CONTROLS
        or character in MARKS
    )


@given(ANY_TEXT)
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = visible(text)
    assert not [c for c in shown if is_obeyed(c)]
    shown.encode()  # raises for half of a surrogate pair
    assert visible(shown) == shown


# JSON joins a first half and a second half to one character; file names only have second halves.
@given(ANY_TEXT.map(lambda text: re.sub("[\ud800-\udbff]", "", text)))
def test_json_is_safe_to_print_and_returns_the_same_text(text):
    for indent in (None, 1):
        printed = json_text({text: [text]}, indent)
        assert not [c for c in printed.replace("\n", "") if is_obeyed(c)]
        assert json.loads(printed) == {text: [text]}


@given(ANY_TEXT.map(lambda text: re.sub("[\ud800-\udbff]", "", text)))
def test_json_for_an_encoding_that_lacks_characters_is_valid_and_returns_the_same_text(text):
    """A terminal's own escapes, such as \\U0001f600, are no JSON."""
    printed = json_text(text, encoding="cp1252").encode("cp1252", "backslashreplace").decode("cp1252")
    assert not [c for c in printed if is_obeyed(c)]
    assert json.loads(printed) == text


@given(st.text(st.characters(exclude_categories=["C", "Zl", "Zp"])))
def test_letters_marks_signs_and_spaces_of_all_languages_stay(text):
    assert visible(text) == text


@pytest.mark.parametrize("text", [READABLE, "", "a b", "C:\\new\\x1b", "[/old]", "\U0001fae8", "\ue0b0", "\u0600١"])
def test_text_that_people_read_stays(text):
    assert visible(text) == text
    assert json.loads(json_text(text)) == text


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_file_names_of_different_bytes_stay_different(one, other):
    def with_backslashes(name: bytes) -> bool:
        return b"\\" in name

    if one != other and not with_backslashes(one) and not with_backslashes(other):
        assert visible(os.fsdecode(one)) != visible(os.fsdecode(other))


def test_all_of_a_hostile_name_is_on_one_line_with_its_readable_part():
    shown = visible(IN_TEXTS)
    assert READABLE in shown
    assert "\n" not in shown and r"\x1b]0;owned\x07" in shown and r"\u202e" in shown
    assert re.search(r"\\r\\n2026-01-01", shown)

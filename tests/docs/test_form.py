"""Pages have one sentence per line and short paragraphs, so that they, and their changes, read well."""

from __future__ import annotations

import re

import pytest

from tests.support.markdown import PAGE_NAMES, ROOT, prose

LONGEST_LINE = 200  # characters, of sentences; tables may be wider
MOST_SENTENCES = 5  # in a paragraph
CODE = re.compile(r"`[^`]*`")
ABBREVIATED = re.compile(r"\b(?:[A-Z]|e\.g|i\.e|etc|vs|Dr|St|pp?|eqs?|figs?|no)\.")  # L. A. Gatys, eq. 3
# An end of a sentence, and the beginning of the next one. After ▸ or within quotes, a name may have a full stop.
END = re.compile(r"(?<![.\s…])[.!?][)\"'*]*\s+(?=[*(\[\"'`]*[A-Z0-9`*\[])")


def sentence_ends(line: str) -> int:
    """How many sentences end within a line, before its own end."""
    plain = CODE.sub("`code`", line)
    plain = re.sub(r"^\s*(?:\d+\.|[-*])\s+", "", plain)
    return len(END.findall(ABBREVIATED.sub("x", plain)))


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_a_page_has_one_sentence_per_line(name: str):
    lines = [line for paragraph in prose(ROOT / name) for line in paragraph]
    assert not [f"{name}, line {number}: {line}" for number, line in lines if sentence_ends(line)]


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_no_line_of_a_page_is_long(name: str):
    lines = [line for paragraph in prose(ROOT / name) for line in paragraph]
    assert not [f"{name}, line {number}: {len(line)}" for number, line in lines if len(line) > LONGEST_LINE]


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_no_paragraph_of_a_page_is_long(name: str):
    paragraphs = [paragraph for paragraph in prose(ROOT / name) if len(paragraph) > MOST_SENTENCES]
    assert not [f"{name}, line {paragraph[0][0]}: {len(paragraph)} sentences" for paragraph in paragraphs]


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("One sentence.", 0),
        ("1. Open it. Then close it.", 1),
        ("It is fast (see below). *Draft* is faster! `best` is not.", 2),
        ("By L. A. Gatys and others, in `a. B`, version 2.4 of 2015.", 0),
        ("**Filter ▸ Velatura ▸ Restyle…** opens the window.", 0),
    ],
)
def test_sentences_are_counted(line: str, ends: int):
    assert sentence_ends(line) == ends

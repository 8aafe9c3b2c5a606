"""The plugin's docker and windows have room for languages that need longer texts than English."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TREE = HERE.parents[1]
LONGER = (
    1.35  # about what German needs; W3C, "Text size in translation", has 1.3 for long texts and more for short ones
)
SCREEN = (1366, 768)  # pixels, of a small laptop


@pytest.fixture
def shown(run, qt):
    """Shows them with texts so many times as long as in English. Returns their sizes and what is cut off."""
    script = str(HERE / "inside/longer_texts.py")
    return lambda factor: json.loads(run(script, qt, str(TREE), str(factor)).splitlines()[-1])


def test_no_text_is_cut_off(shown):
    longer = shown(LONGER)
    assert longer["docker"] == longer["window"] == longer["results"] == []


def test_a_docker_needs_no_more_width_than_in_english(shown):
    assert shown(LONGER)["docker's width"] == shown(1)["docker's width"]


def test_the_window_fits_on_a_small_screen(shown):
    width, height = shown(LONGER)["window's size"]
    assert width <= SCREEN[0] and height <= SCREEN[1]

"""The commands in the pages exist as they are written. test_examples.py runs some of them."""

from __future__ import annotations

import re

import pytest

from tests.support.documented_commands import commands, known_options, make_targets, problem
from tests.support.markdown import PAGE_NAMES, PAGES, ROOT, code_spans

RAYS_OPTIONS = {"--dashboard-host", "--object-store-memory", "--block"}


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_command_of_a_page_exists_with_these_options_and_values(name: str):
    problems = {str(one): problem(one) for one in commands(ROOT / name)}
    assert not {place: why for place, why in problems.items() if why}


def test_every_option_in_a_sentence_is_one_of_a_command():
    known = known_options() | RAYS_OPTIONS
    spans = [span for page in PAGES for span in code_spans(page) if re.match(r"--\w", span.text)]
    assert len(spans) > 100
    assert not [str(span) for span in spans if re.split(r"[ =|]", span.text)[0] not in known]


@pytest.mark.parametrize("name", PAGE_NAMES)
def test_every_make_target_of_a_page_exists(name: str):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert not [str(one) for one in make_targets(ROOT / name) if one.text not in targets]


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("velatura paint photo.jpg", "no command paint"),
        ("velatura daemon start|halt", "no command halt"),
        ("$ velatura restyle photo.jpg --stile painting.jpg", "No such option"),
        (".venv/bin/velatura restyle photo.jpg --size huge", "not a valid integer"),
        ("velatura restyle photo.jpg --quality fine", "fine is none of"),
        ("velatura restyle photo.jpg --strength 400 -o a.jpg", "'400.0'"),
        ("velatura compare PHOTO --style PAINTING --strength 25,500", "'500.0'"),
        ("velatura restyle    # needs a photo", "Missing argument"),
        ("velatura history use 3", "Missing argument"),
        ("velatura weights use a.pth --input tensorflow", "tensorflow"),
        ("VELATURA_HOME=/tmp velatura daemon start --executor kubernetes", "kubernetes"),
    ],
)
def test_a_wrong_command_is_found(line: str, why: str, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n    {line}\n", encoding="utf-8")
    (found,) = commands(page)
    assert why in problem(found)


@pytest.mark.parametrize(
    "line",
    [
        "velatura batch PICTURES... --style PAINTING [--out DIR] [--recursive] [any setting of velatura restyle]",
        "velatura presets show NAME|FILE         every setting of one",
        "velatura daemon start [--help]   start in the background",
        "velatura restyle - --style painting.jpg -o - < photo.jpg > result.png",
    ],
)
def test_a_line_that_shows_how_a_command_is_used_is_accepted(line: str, tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n    {line}\n", encoding="utf-8")
    (found,) = commands(page)
    assert problem(found) == ""

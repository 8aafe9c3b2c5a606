"""Names that no file can have, wherever a name is given: one line with the reason, and no traceback."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.support.command_line import QUICK
from velatura_daemon.batch.frames import frames_for
from velatura_daemon.cli.commands import cli

LONG = "x" * 300 + ".png"
DEEP = "/".join(["d" * 200] * 25) + "/a.png"
TOO_LONG, CIRCLE = "longer than the file system allows", "links lead in a circle"
NO_FOLDER, IS_FOLDER = "is a file, not a folder", "is a folder"

STYLE = ("--style", "painting.png")
RESTYLE = ("restyle", "photo.png", *STYLE, *QUICK)


@pytest.fixture
def odd(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (files / "loop.png").symlink_to("loop.png")
    (files / "folder.png").mkdir()
    (files / "in").mkdir()
    Image.open(files / "photo.png").save(files / "in" / "photo.png")
    monkeypatch.chdir(files)
    return files


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("restyle", LONG, *STYLE), TOO_LONG),
        (("restyle", DEEP, *STYLE), TOO_LONG),
        (("restyle", "loop.png", *STYLE), CIRCLE),
        (("restyle", "photo.png/a.png", *STYLE), NO_FOLDER),
        (("restyle", "folder.png", *STYLE), IS_FOLDER),
        (("restyle", "photo.png", "--style", LONG), TOO_LONG),
        (("restyle", "photo.png", "--style", "loop.png", "--part", "loop.png", "mask.png"), CIRCLE),
        (("restyle", "photo.png", "--region", "loop.png", "painting.png"), CIRCLE),
        ((*RESTYLE, "--mask", LONG), TOO_LONG),
        ((*RESTYLE, "--mask", "photo.png/a.png"), NO_FOLDER),
        ((*RESTYLE, "-o", LONG), TOO_LONG),
        ((*RESTYLE, "-o", DEEP), TOO_LONG),
        ((*RESTYLE, "-o", "loop.png", "--force"), CIRCLE),
        ((*RESTYLE, "-o", "loop.png/a.png"), CIRCLE),
        ((*RESTYLE, "-o", "photo.png/a.png"), NO_FOLDER),
        ((*RESTYLE, "-o", "folder.png", "--force"), IS_FOLDER),
        (("batch", LONG, *STYLE), TOO_LONG),
        (("batch", "loop.png", *STYLE), CIRCLE),
        (("batch", "in", "--style", "loop.png"), CIRCLE),
        (("batch", "in", *STYLE, "--out", LONG), TOO_LONG),
        (("batch", "in", *STYLE, "--out", "loop.png"), CIRCLE),
        (("batch", "in", *STYLE, "--out", "photo.png"), NO_FOLDER),
        (("explain", "photo.png", *STYLE, "--pictures", "photo.png/a"), NO_FOLDER),
        (("demo", "-o", "photo.png"), NO_FOLDER),
    ],
)
def test_an_impossible_name_costs_one_line_with_the_reason(run, odd, arguments, expected):
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert re.fullmatch(rf"velatura: .*{expected}.*\n", done.stderr), done.stderr
    assert len(done.stderr) < 500


def test_a_link_in_a_circle_in_a_batch_costs_only_its_own_picture(run, odd):
    (odd / "in" / "loop.png").symlink_to("loop.png")
    done = run("batch", "in", *STYLE, *QUICK)
    assert done.returncode == 1
    assert CIRCLE in done.stderr
    assert (odd / "in-in-painting" / "photo.png").exists()


@pytest.mark.parametrize("stem", ["x" * 251, "é" * 125 + "x", "海" * 83 + "xx", "new\nline"])
def test_the_longest_and_oddest_names_work_without_an_output_name(run, odd, stem):
    (odd / "photo.png").rename(odd / f"{stem}.png")
    assert run("restyle", f"{stem}.png", *STYLE, *QUICK).returncode == 0
    (result,) = odd.glob("*-in-painting.png")
    assert Image.open(result).size == (32, 24)


def test_results_of_the_longest_names_have_different_names_that_files_can_have(tmp_path):
    photos = [tmp_path / f"{'x' * 251}.{ending}" for ending in ("bmp", "gif", "jp2", "tga", "png")]
    names = [frame.output.name for frame in frames_for(photos, tmp_path / "out")]
    assert len({name.casefold() for name in names}) == 5
    assert max(len(name) for name in names) <= 255


@pytest.mark.parametrize(
    "words",
    [
        ("batch", "", "--style", "s.png"),
        ("batch", "a.png", "--style", "s.png", "--out", ""),
        ("compare", "", "--style", "s.png"),
        ("restyle", "a.png", "--style", "s.png", "-o", ""),
        ("restyle", "a.png", "--style", "s.png", "--save-steps", ""),
        ("demo", "-o", ""),
    ],
    ids=" ".join,
)
def test_an_empty_name_is_not_the_current_folder(words):
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 2
    assert "it is empty" in done.output

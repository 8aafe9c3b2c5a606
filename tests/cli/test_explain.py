"""`velatura explain`, run as a user does, with one or two steps per picture."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command_line import Run
from velatura.figures.explain import figures
from velatura_daemon.imaging.contact_sheet import GAP, LABEL_HEIGHT

WIDTH, HEIGHT = 32, 24


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Create a folder with a photo and a painting."""
    noise = np.random.default_rng(3)
    Image.fromarray(noise.integers(0, 256, (48, 64, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(noise.integers(0, 256, (40, 20, 3), np.uint8)).save(tmp_path / "painting.png")
    return tmp_path


def explained(run: Run, files: Path, *more: object) -> subprocess.CompletedProcess[str]:
    return run(
        "explain", files / "photo.png", "--style", files / "painting.png", "--size", WIDTH, "--iterations", 1, *more
    )


def test_the_sheet_has_every_figure_and_each_is_written_to_a_folder_on_request(run, files):
    done = explained(run, files, "--pictures", files / "figures", "--json")
    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["name"] for line in lines if line["event"] == "item"] == [figure.name for figure in figures()]
    last = lines[-1]
    assert (last["event"], last["figures"]) == ("result", len(figures()))
    sheet = Image.open(last["output"])
    assert Path(last["output"]) == files / "photo-explained.png"
    # Seven rows of six: content, style, five of the table; three of them with labels above.
    assert sheet.size == (6 * (WIDTH + GAP) + GAP, 7 * (HEIGHT + GAP) + GAP + 3 * LABEL_HEIGHT)
    pictures = {path.stem: Image.open(path).size for path in (files / "figures").iterdir()}
    assert pictures == {figure.name: (WIDTH, HEIGHT) for figure in figures()}
    assert json.loads(run("history", "--json").stdout) == []  # thirty figures would push the user's restyles out of it


@pytest.mark.parametrize(
    ("arguments", "code", "expected"),
    [
        (["nothere.png", "--style", "painting.png"], 2, "nothere.png"),
        (["photo.png"], 2, "--style"),
        (["photo.png", "--style", "nothere.png"], 2, "nothere.png"),
        (["photo.png", "--style", "painting.png", "-o", "photo.png"], 2, "--force"),
        (["photo.png", "--style", "painting.png", "--pictures", "photo.png"], 2, "folder"),
        (["photo.png", "--style", "painting.png", "--size", "7"], 2, "--size"),
        (["photo.png", "--style", "painting.png", "--device", "cuda:9"], 1, "cuda:9"),
    ],
)
def test_each_kind_of_bad_input_has_its_own_message(run, files, arguments, code, expected):
    arguments = [str(files / word) if word.endswith(".png") else word for word in arguments]
    done = run("explain", "--iterations", 1, *arguments)
    assert done.returncode == code, done.stderr
    assert re.search(expected, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_with_json_a_failure_is_printed_as_a_line(run, files):
    done = run("explain", files / "nothere.png", "--style", files / "painting.png", "--json")
    assert json.loads(done.stdout.splitlines()[-1])["event"] == "failed"

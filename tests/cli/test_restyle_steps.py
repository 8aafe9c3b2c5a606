"""`velatura restyle --save-steps`: numbered pictures of the painting coming to be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import picture
from tests.support.command_line import restyled
from velatura.settings import StyleSettings
from velatura_daemon.terminal.step_files import StepFiles

ADAM = ("--optimiser", "adam", "--iterations", 12)  # every step moves


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


@pytest.fixture
def photo(files: Path) -> Path:
    """A photo large enough for two scales."""
    noise = np.random.default_rng(5)
    Image.fromarray(noise.integers(0, 256, (150, 200, 3), np.uint8)).save(files / "photo.png")
    return files


def test_steps_are_numbered_have_the_results_size_and_end_with_the_result(run, photo):
    steps = photo / "steps"
    _, lines = restyled(run, photo, "-o", photo / "out.png", "--save-steps", steps, "--every", 2, *ADAM)
    names = sorted(path.name for path in steps.iterdir())
    assert names == [f"step_{number:04d}.png" for number in range(1, len(names) + 1)]
    assert len(names) >= 3
    announced = next(line["sentence"] for line in lines if line["event"] == "note")
    assert announced.startswith(f"Up to {len(names)} steps of 200 × 150 pixels")
    assert {Image.open(steps / name).size for name in names} == {(200, 150)}
    assert np.array_equal(pixels(steps / names[-1]), pixels(photo / "out.png"))
    assert len({pixels(steps / name).tobytes() for name in names}) >= 3


def test_the_result_is_the_same_with_and_without_steps(run, photo):
    restyled(run, photo, "-o", photo / "with.png", "--save-steps", photo / "steps", "--every", 1)
    restyled(run, photo, "-o", photo / "without.png")
    assert np.array_equal(pixels(photo / "with.png"), pixels(photo / "without.png"))


def test_earlier_steps_are_replaced_only_with_force_and_then_all_of_them(run, files):
    steps = files / "steps"
    steps.mkdir()
    (steps / "step_0099.png").write_bytes(b"earlier")
    (steps / "notes.txt").write_text("mine")
    arguments = ("restyle", files / "photo.png", "--style", files / "painting.png", "--quality", "draft")
    refused = run(*arguments, "-o", files / "out.png", "--save-steps", steps)
    assert refused.returncode == 2
    assert "step_0099.png" in refused.stderr and "--force" in refused.stderr
    assert (steps / "step_0099.png").read_bytes() == b"earlier"
    restyled(run, files, "-o", files / "out.png", "--save-steps", steps, "--force")
    assert not (steps / "step_0099.png").exists()
    assert (steps / "notes.txt").read_text() == "mine"


class Notes:
    """A display that records the notes."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def note(self, sentence: str) -> None:
        self.sentences.append(sentence)


def test_a_step_that_cannot_be_written_is_reported_once_and_later_ones_are_left_out(tmp_path):
    display, steps = Notes(), StepFiles(tmp_path / "steps", 1, force=False)
    steps.begin(32, 24, StyleSettings())
    steps.write(picture(), display)
    (tmp_path / "steps" / "step_0002.png").mkdir()
    for _ in range(3):
        steps.write(picture(), display)
    assert len(display.sentences) == 1
    assert "No more steps are written; the restyle continues" in display.sentences[0]
    assert not (tmp_path / "steps" / "step_0003.png").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--save-steps", "{files}/steps", "--every", "0"), "--every is 0. It takes 1 to 10000"),
        (("--save-steps", "{files}/steps", "--every", "10001"), "1 to 10000"),
        (("--every", "5"), "--every is for --save-steps"),
        (("--save-steps", "{files}/steps", "--every", "1", "--iterations", "20000"), "up to 9999 are possible"),
        (("--save-steps", "{files}/photo.png"), "photo.png is a file, not a folder"),
        (("--save-steps", "{files}/photo.png/steps"), "photo.png is a file, not a folder"),
        (("--save-steps", "{files}/steps", "--every", "1", "--iterations", "20000", "--estimate"), "up to 9999"),
        (("--save-steps", "{files}/steps", "--style", "{files}/nothere.png"), "nothere.png"),
    ],
)
def test_what_is_wrong_is_said_before_the_restyle(run, files, arguments, expected):
    words = [word.format(files=files) for word in arguments]
    done = run("restyle", files / "photo.png", "--style", files / "painting.png", "-o", files / "out.png", *words)
    assert done.returncode in (1, 2)
    assert expected in done.stderr, done.stderr
    assert "Traceback" not in done.stderr
    assert not (files / "out.png").exists() and not (files / "steps").exists()


def test_an_estimate_refuses_earlier_steps_and_makes_no_folder(run, files):
    steps = files / "steps"
    arguments = ("restyle", files / "photo.png", "--style", files / "painting.png", "--save-steps", steps, "--estimate")
    assert run(*arguments).returncode == 0
    assert not steps.exists()
    steps.mkdir()
    (steps / "step_0001.png").write_bytes(b"earlier")
    refused = run(*arguments)
    assert (refused.returncode, "--force" in refused.stderr) == (2, True)
    assert run(*arguments, "--force").returncode == 0
    assert (steps / "step_0001.png").read_bytes() == b"earlier"


def test_a_stopped_restyle_says_where_its_steps_are(warm, files):
    env = {**os.environ, "VELATURA_HOME": str(warm.home), "OMP_NUM_THREADS": "1"}
    words = ("restyle", files / "photo.png", "--style", files / "painting.png", "--save-steps", files / "steps")
    slow = ("--every", "1", "--iterations", "9000", "--optimiser", "adam", "-o", files / "out.png", "--json")
    command = [sys.executable, "-m", "velatura_daemon", *map(str, (*words, *slow))]
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "progress" and (files / "steps" / "step_0002.png").exists():
            break
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=400)
    assert (process.returncode, err) == (130, f"Stopped. The steps so far are in {files / 'steps'}.\n")
    assert Image.open(files / "steps" / "step_0001.png").size == (32, 24)


@pytest.mark.parametrize("role", ["photo", "style", "output"])
def test_a_photo_painting_or_result_with_the_name_of_a_step_is_refused(run, files, role):
    names = {"photo": files / "photo.png", "style": files / "painting.png", "output": files / "out.png"}
    named = names[role] = files / "step_0002.png"
    if role != "output":
        (files / "photo.png").rename(named)
    words = ("restyle", names["photo"], "--style", names["style"], "-o", names["output"])
    refused = run(*words, "--save-steps", files, "--force")
    assert refused.returncode == 2
    assert "step_0002.png has the name of a step" in refused.stderr
    assert named.exists() == (role != "output")

"""`velatura film` with a daemon: order, going on mid-film, masks, bounded memory."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Daemon, wait_for_end
from tests.film.films import HEIGHT, WIDTH, difference, frames_of, pan, write_film
from velatura_daemon.film.work import work_folder

QUICK = ("--quality", "draft", "--iterations", "2")
SLOW = ("--quality", "draft", "--iterations", "30", "--optimiser", "adam")
ENDLESS = ("--quality", "draft", "--iterations", "200", "--optimiser", "adam")  # nobody waits for its end

Start = Callable[..., "subprocess.Popen[str]"]
Film = Callable[..., "list[dict]"]


@pytest.fixture(scope="module")
def start(warm: Daemon) -> Start:
    """Return a function that starts `velatura film FILM …` in the module's home folder."""

    def call(film: Path, *more: object) -> subprocess.Popen[str]:
        env = {**os.environ, "VELATURA_HOME": str(warm.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
        painting = film.parent / "painting.png"
        if not painting.exists():
            noise = np.random.default_rng(9).integers(0, 256, (40, 40, 3), np.uint8)
            Image.fromarray(noise).save(painting)
        arguments = ("film", film, "--style", painting, *more)
        command = [sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
        return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    return call


@pytest.fixture(scope="module")
def restyle(start: Start) -> Film:
    """Return a function that restyles a film and returns its JSON lines; the last is the result."""

    def call(film: Path, *more: object, code: int = 0) -> list[dict]:
        process = start(film, "--json", *(more or QUICK))
        out, err = process.communicate(timeout=400)
        assert process.returncode == code, out + err
        return [json.loads(line) for line in out.splitlines()]

    return call


def lines_until(process: subprocess.Popen[str], event: str) -> Iterator[dict]:
    """Yield the JSON lines of a running film up to this event."""
    assert process.stdout is not None
    for text in process.stdout:
        line = json.loads(text)
        yield line
        if line["event"] == event:
            return
    raise AssertionError(f"it ended before {event}: {process.communicate()[1]}")


def made(lines: list[dict]) -> list[int]:
    return [line["frame"] for line in lines if line["event"] == "made"]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two shots of three frames."""
    return write_film(tmp_path / "film.mp4", [*pan(1, 3), *pan(12, 3)], sound="aac")


@pytest.fixture
def shots(tmp_path: Path) -> Path:
    """The frames of one shot, in files."""
    (tmp_path / "shots").mkdir()
    for number, frame in enumerate(pan(1, 4), 1):
        Image.fromarray(frame).save(tmp_path / "shots" / f"frame_{number:04}.png")
    return tmp_path / "shots"


def pixels_of(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(file)) for file in sorted(folder.glob("*.png"))]


def test_a_film_is_restyled_shot_by_shot(film, restyle):
    lines = restyle(film, *QUICK)
    assert next(line for line in lines if line["event"] == "started")["shots"] == 2
    order = made(lines)
    assert sorted(order) == [1, 2, 3, 4, 5, 6]
    assert [n for n in order if n <= 3] == [1, 2, 3] and [n for n in order if n > 3] == [4, 5, 6]
    result = film.with_name("film-in-painting.mp4")
    assert lines[-1]["output"] == str(result)
    assert len(frames_of(result)[0]) == 6
    assert not work_folder(result).exists()


def test_a_film_that_was_killed_continues_and_gives_the_same_frames(shots, start, restyle):
    restyle(shots, *SLOW, "-o", shots.with_name("whole"))
    process = start(shots, "--json", *SLOW)
    list(lines_until(process, "made"))
    process.kill()
    wait_for_end(process.pid)
    process.communicate()
    lines = restyle(shots, *SLOW)
    started = next(line for line in lines if line["event"] == "started")
    assert 1 <= started["already"] < 4
    assert len(made(lines)) == 4 - started["already"]
    for one, other in zip(
        pixels_of(shots.with_name("whole")), pixels_of(shots.with_name("shots-in-painting")), strict=True
    ):
        assert np.array_equal(one, other)


def test_ctrl_c_says_how_many_frames_are_done_and_where(shots, start):
    process = start(shots, "--json", *ENDLESS)
    list(lines_until(process, "made"))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=400)
    folder = work_folder(shots.with_name("shots-in-painting"))
    assert process.returncode == 130
    assert "of 4 frames" in err and str(folder) in err and "Run the same command again to continue." in err


def test_other_settings_do_not_delete_finished_frames(shots, start, restyle):
    process = start(shots, "--json", *SLOW)
    list(lines_until(process, "made"))
    process.kill()
    process.communicate()
    lines = restyle(shots, *SLOW, "--strength", "20", code=2)
    assert lines[-1]["code"] == "file_exists"


def test_a_frame_that_is_like_the_one_before_is_copied(shots, restyle):
    shutil.copy(shots / "frame_0002.png", shots / "frame_0003.png")
    lines = restyle(shots, *QUICK)
    results = pixels_of(shots.with_name("shots-in-painting"))
    assert np.array_equal(results[1], results[2])
    assert len([line for line in lines if line["event"] == "submitted"]) == 3


def test_masks_per_frame_leave_the_rest_as_it_is(shots, restyle):
    masks = shots.with_name("masks")
    masks.mkdir()
    for number in range(1, 5):
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[:, : 8 * (number - 1)] = 255  # the first one is black
        Image.fromarray(mask).save(masks / f"mask_{number}.png")
    restyle(shots, *QUICK, "--masks", masks)
    before, after = pixels_of(shots), pixels_of(shots.with_name("shots-in-painting"))
    assert np.array_equal(before[0], after[0])
    assert np.array_equal(before[3][:, 28:], after[3][:, 28:])
    assert difference(before[3][:, :20], after[3][:, :20]) > 1


def test_too_few_masks_are_told_before_the_work(shots, restyle):
    masks = shots.with_name("masks")
    masks.mkdir()
    Image.new("L", (WIDTH, HEIGHT), 255).save(masks / "1.png")
    lines = restyle(shots, *QUICK, "--masks", masks, code=2)
    assert "There are 1 masks" in lines[-1]["sentence"] and "4 frames" in lines[-1]["sentence"]


def test_a_missing_frame_is_told_before_the_work(shots, restyle):
    (shots / "frame_0002.png").unlink()
    lines = restyle(shots, *QUICK, code=2)
    assert "Frame 2 is missing" in lines[-1]["sentence"]


def test_a_film_is_scaled(film, restyle):
    restyle(film, *QUICK, "--size", "32", "--to", "2")
    assert frames_of(film.with_name("film-in-painting.mp4"))[0][0].shape[:2] == (24, 32)


def test_without_steadiness_frames_stand_alone(shots, restyle):
    lines = restyle(shots, *QUICK, "--steadiness", "0")
    assert sorted(made(lines)) == [1, 2, 3, 4]


def test_an_estimate_leaves_no_file(shots, start):
    before = sorted(shots.parent.iterdir())
    process = start(shots, *QUICK, "--estimate")
    out, err = process.communicate(timeout=400)
    assert process.returncode in (0, 1), err  # 1: this device was not measured yet
    assert "4 frames of 64 × 48 pixels in 1 shots" in out or process.returncode == 1
    after = [path for path in sorted(shots.parent.iterdir()) if path.name != "painting.png"]
    assert after == before

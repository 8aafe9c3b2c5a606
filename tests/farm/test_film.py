"""`velatura film` with a daemon that runs its jobs on a Ray cluster."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Daemon
from tests.support.moving import texture


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Two shots of two frames, in files."""
    folder = tmp_path / "shots"
    folder.mkdir()
    moved = [(seed, 1.5 * step) for seed in (1, 50) for step in range(2)]
    for number, (seed, right) in enumerate(moved, 1):
        Image.fromarray((texture(seed, right) * 255).astype(np.uint8)).save(folder / f"{number:04}.png")
    Image.fromarray((texture(90) * 255).astype(np.uint8)).save(tmp_path / "painting.png")
    return folder


def start(daemon: Daemon, film: Path, output: str, *more: object) -> subprocess.Popen[str]:
    """Start the command with this daemon, which has to run already."""
    with daemon.client() as client:
        client.wait_until_ready()
    arguments = (film, "--style", film.parent / "painting.png", "-o", film.parent / output, "--json", *more)
    command = [sys.executable, "-m", "velatura_daemon", "film", *map(str, arguments), "--quality", "draft"]
    env = {**os.environ, "VELATURA_HOME": str(daemon.home)}
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True)


def lines(process: subprocess.Popen[str]) -> Iterator[dict]:
    assert process.stdout is not None
    return map(json.loads, process.stdout)


def frames(folder: Path) -> list[np.ndarray]:
    return [np.asarray(Image.open(file)) for file in sorted(folder.glob("*.png"))]


def test_shots_are_restyled_on_both_nodes_at_a_time(farm, film):
    process = start(farm, film, "endless", "--iterations", "20000")
    at_work: set[str] = set()
    for line in lines(process):
        if line["event"] == "progress":
            at_work.add(line["job"])  # of a frame that is never finished
        if len(at_work) == 2:
            break
    process.send_signal(signal.SIGINT)
    process.communicate()
    assert len(at_work) == 2


def test_a_film_is_the_same_as_one_made_here(farm, daemon, film):
    for one, output in ((farm, "there"), (daemon, "here")):
        *_, last = lines(start(one, film, output, "--iterations", "6"))
        assert (last["event"], last["made"], last["shots"]) == ("result", 4, 2), last
    there, here = frames(film.parent / "there"), frames(film.parent / "here")
    assert len(there) == 4
    assert all(np.array_equal(*pair) for pair in zip(there, here, strict=True))

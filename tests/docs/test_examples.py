"""The examples of the pages to start from run as they are written, on small pictures and with one daemon."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Daemon
from tests.support.documented_commands import commands
from tests.support.markdown import PAGES, ROOT, code_blocks

pytestmark = [
    pytest.mark.skipif(os.name == "nt", reason="the examples are lines for a POSIX shell"),
    pytest.mark.timeout(600),  # forty commands, each with a Python of its own
]

# What makes a command quick.
QUICKER = {
    "restyle": "--iterations 4",
    "batch": "--iterations 4",
    "compare": "--iterations 4",
    "film": "--iterations 4",
    "demo": "--size 64",
    "explain": "--size 16 --iterations 1",
}
# These change or ask for what is outside the test's folder: the editors' folders; tests/plugins covers them.
NOT_RUN = ("install",)

Shell = Callable[[str], "subprocess.CompletedProcess[str]"]


@pytest.fixture
def shell(warm: Daemon, tmp_path: Path) -> Shell:
    """Returns a function that runs a line of a page in a folder with the files that the pages name."""
    noise = np.random.default_rng(7)
    for name in ("photo.jpg", "other.jpg", "painting.jpg", "waves.jpg", "photos/a.jpg", "photos/b.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(noise.integers(0, 256, (24, 32, 3), np.uint8)).save(tmp_path / name)
    for name in ("mask.png", "painting-mask.png"):
        Image.fromarray(np.repeat(np.uint8([0, 255]), 16)[None].repeat(24, 0)).save(tmp_path / name)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "velatura"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m velatura_daemon "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "VELATURA_HOME": str(warm.home), "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    env["PATH"] = f"{program.parent}{os.pathsep}{env['PATH']}"

    def run(line: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["/bin/sh", "-c", line], cwd=tmp_path, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done

    return run


def lines(page: str) -> list[str]:
    """The commands in the blocks of a page that are run, in order."""
    found = [one for one in commands(ROOT / "docs" / page) if one.where.kind != "span" and one.words[0] not in NOT_RUN]
    return [f"{one.where.text} {QUICKER.get(one.words[0], '')}" for one in found]


def write_film(path: Path) -> None:
    av = pytest.importorskip("av")
    pytest.importorskip("cv2")
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 24, "yuv420p"
        for number in range(4):
            frame = np.full((24, 32, 3), 40 * number, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        film.mux(stream.encode())


def test_the_commands_of_getting_started_run_as_they_are_written(shell: Shell, tmp_path: Path):
    ran = [shell(line) for line in lines("getting-started.md")]
    assert len(ran) >= 6
    assert (tmp_path / "photo-in-painting.jpg").exists()


def test_the_commands_of_the_command_line_run_as_they_are_written(shell: Shell, tmp_path: Path):
    write_film(tmp_path / "walk.mp4")
    ran = [shell(line) for line in lines("command-line.md")]
    assert len(ran) >= 30
    for name in ("photo-in-painting.jpg", "photos-in-painting/a.jpg", "walk-in-painting.mp4", "photo-explained.png"):
        assert (tmp_path / name).exists()


@pytest.mark.parametrize(
    "page", [page for page in PAGES if any("velatura_daemon" in b.text for b in code_blocks(page))]
)
def test_the_python_examples_run_as_they_are_written(page: Path, shell: Shell, tmp_path: Path):
    examples = [
        block.text for block in code_blocks(page) if re.search("^from velatura_daemon", block.text, re.MULTILINE)
    ]
    assert examples
    for number, example in enumerate(examples):
        (tmp_path / f"example{number}.py").write_text(example, encoding="utf-8")
        shell(f"{sys.executable} example{number}.py")


def test_a_wrong_command_fails(shell: Shell):
    with pytest.raises(AssertionError, match="No such option"):
        shell("velatura restyle photo.jpg --stile painting.jpg")

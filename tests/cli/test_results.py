"""Saved results on the command line: after a daemon was killed, in the history, and deleting everything."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import Daemon, wait_for_end

# LONG takes some seconds, or a minute on a slow and busy machine.
PATIENCE = 400  # seconds
pytestmark = pytest.mark.timeout(PATIENCE + 20)
LONG = ("--quality", "draft", "--iterations", "200", "--optimiser", "adam")


class Home:
    """A user's home folder with a photo and a painting."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.daemon = folder, Daemon(folder / "velatura")
        self.env = {**os.environ, "VELATURA_HOME": str(self.daemon.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}

    def draw(self) -> None:
        noise = np.random.default_rng(3)
        for name, size in (("photo.png", (36, 48, 3)), ("painting.png", (40, 40, 3))):
            Image.fromarray(noise.integers(0, 256, size, np.uint8)).save(self.folder / name)

    def start(self, *arguments: object, file_bytes: int = -1) -> subprocess.Popen[str]:
        """file_bytes: the largest file that the process may write; -1: no limit."""
        command = [sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
        return subprocess.Popen(
            command,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes)),
        )

    def run(self, *arguments: object, code: int = 0, input: str = "") -> str:
        process = self.start(*arguments)
        out, err = process.communicate(input, timeout=PATIENCE)
        assert process.returncode == code, out + err
        return out + err if code else out

    def restyle(self, *more: object) -> subprocess.Popen[str]:
        return self.start("restyle", self.folder / "photo.png", "--style", self.folder / "painting.png", *more)

    def saved(self) -> list[dict]:
        return json.loads(self.run("results", "list", "--json"))


@pytest.fixture(scope="module")
def homes() -> Iterator[list[Home]]:
    """The home folder after a daemon was killed during a restyle, and a copy of it."""
    import tempfile

    one, other = (Home(Path(tempfile.mkdtemp(prefix="vel-"))) for _ in range(2))
    one.draw()
    one.run("daemon", "start", "--keep-seconds", "0.2")
    pid = json.loads(one.run("daemon", "status", "--json"))["pid"]
    restyle = one.restyle(*LONG)
    checkpoints = one.daemon.dirs.state / "checkpoints"
    while not list(checkpoints.glob("*.record")):
        assert restyle.poll() is None, restyle.communicate()
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    _, one.output = restyle.communicate(timeout=400)  # type: ignore[attr-defined]
    wait_for_end(pid)
    shutil.rmtree(other.folder)
    shutil.copytree(one.folder, other.folder, ignore=shutil.ignore_patterns("run"))
    yield [one, other]
    for home in (one, other):
        home.daemon.stop()
        shutil.rmtree(home.folder, ignore_errors=True)


def test_after_the_daemon_was_killed_the_list_shows_the_saved_progress(homes):
    assert "'velatura results list'" in homes[0].output
    (item,) = homes[0].saved()
    assert not item["finished"]
    assert 0 < item["done"] < 1
    assert item["title"] == "photo.png"
    assert item["styles"] == [{"name": "Painting", "path": str(homes[0].folder / "painting.png"), "share": 1.0}]
    assert "stopped at" in homes[0].run("results", "list")


def test_an_interrupted_restyle_is_finished_and_written_to_its_output_file(homes):
    home = homes[0]
    out = home.run("results", "save", "--json")
    last = json.loads(out.splitlines()[-1])
    assert Path(last["output"]) == home.folder / "photo-in-painting.png"
    assert Image.open(last["output"]).size == (48, 36)
    assert last["started_from"] == "last"
    assert home.saved() == []
    (line,) = json.loads(home.run("history", "--json"))
    assert line["settings"]["iterations"] == 200
    assert "There are no saved results" in home.run("results", "save", code=2)


def test_as_it_is_writes_without_finishing_and_a_failed_write_loses_nothing(homes):
    home = homes[1]
    (item,) = home.saved()
    saving = home.start("results", "save", item["id"][:6], "--as-it-is", "-o", home.folder / "out.png", file_bytes=2000)
    _, errors = saving.communicate(timeout=400)
    assert saving.returncode == 1, errors
    assert not (home.folder / "out.png").exists()
    (item,) = home.saved()
    assert item["finished"]
    home.run("results", "save", item["id"][:6], "-o", home.folder / "out.png")
    assert Image.open(home.folder / "out.png").size == (48, 36)
    assert home.saved() == []


def test_a_history_entry_can_be_used_again_unless_its_painting_is_missing(homes):
    home = homes[0]
    done = home.restyle("--quality", "draft", "--iterations", "4", "--strength", "70", "-o", home.folder / "quick.png")
    assert done.wait(timeout=400) == 0
    lines = json.loads(home.run("history", "--json"))
    assert [line["settings"]["strength"] for line in lines] == [70, 50]
    assert "Painting 70 %, Draft, Iterations 4" in home.run("history")
    shutil.copy(home.folder / "photo.png", home.folder / "another.png")
    last = json.loads(
        home.run("history", "use", lines[0]["number"], home.folder / "another.png", "--json").splitlines()[-1]
    )
    assert Path(last["output"]) == home.folder / "another-in-painting.png"
    assert last["settings"]["strength"] == 70
    (home.folder / "painting.png").rename(home.folder / "moved.png")
    assert "is no longer at" in home.run("history", "use", lines[0]["number"], home.folder / "another.png", code=2)
    assert "has no entry 99" in home.run("history", "use", "99", home.folder / "another.png", code=2)


def test_a_result_is_deleted_by_its_id(homes):
    home = homes[1]
    with home.daemon.client("another program") as client:
        client.acknowledge_manually()
        from tests.conftest import QUICK, picture

        client.restyle_and_wait(picture(), [(picture(seed=1), 1.0)], QUICK, title="theirs")
    (item,) = home.saved()
    assert "Give the ID" in home.run("results", "drop", code=2)
    assert "Deleted: 1 of 1" in home.run("results", "drop", item["id"][:8])
    assert home.saved() == []


def test_forget_deletes_everything_but_logs_and_weights_with_and_without_a_daemon(homes):
    home = homes[0]
    state = home.daemon.dirs.state
    home.run("forget", code=1, input="n\n")
    assert json.loads(home.run("history", "--json")) != []
    assert "Deleted" in home.run("forget", "--yes")
    assert json.loads(home.run("history", "--json")) == []
    assert list((state / "spool").iterdir()) == []
    home.run("daemon", "stop")
    (state / "spool").mkdir(exist_ok=True)
    (state / "spool" / "left").write_bytes(b"x")
    (state / "history.sqlite.damaged").write_bytes(b"x")
    output = home.run("forget", "--yes")
    assert str(home.daemon.dirs.weights) in output
    left = {path.name for path in state.iterdir()}
    assert "daemon.log" in left
    assert not left & {"spool", "results", "checkpoints"}
    assert not [name for name in left if name.startswith("history")]

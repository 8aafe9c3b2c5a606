"""What is kept, from the command line: a daemon that is killed midway, a history that is used again, all of it
wiped."""

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

LONG = (
    "--quality",
    "draft",
    "--iterations",
    "1000",
    "--optimiser",
    "adam",
)  # seconds: longer than until it is first kept


class Home:
    """A person's home, with a photo and a painting in it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.daemon = folder, Daemon(folder / "velatura")
        self.env = {**os.environ, "VELATURA_HOME": str(self.daemon.home), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}

    def draw(self) -> None:
        noise = np.random.default_rng(3)
        for name, size in (("photo.png", (36, 48, 3)), ("painting.png", (40, 40, 3))):
            Image.fromarray(noise.integers(0, 256, size, np.uint8)).save(self.folder / name)

    def start(self, *words: object, file_bytes: int = -1) -> subprocess.Popen[str]:
        """file_bytes: the largest file that it may write; -1: any."""
        command = [sys.executable, "-m", "velatura_daemon", *map(str, words)]
        return subprocess.Popen(
            command,
            env=self.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes)),
        )

    def run(self, *words: object, code: int = 0, said: str = "") -> str:
        one = self.start(*words)
        out, err = one.communicate(said, timeout=120)
        assert one.returncode == code, out + err
        return out + err if code else out

    def restyle(self, *more: object) -> subprocess.Popen[str]:
        return self.start("restyle", self.folder / "photo.png", "--style", self.folder / "painting.png", *more)

    def kept(self) -> list[dict]:
        return json.loads(self.run("results", "list", "--json"))


@pytest.fixture(scope="module")
def homes() -> Iterator[list[Home]]:
    """After a daemon was killed midway through a restyle: twice the same, by a copy."""
    import tempfile

    one, other = (Home(Path(tempfile.mkdtemp(prefix="vel-"))) for _ in range(2))
    one.draw()
    restyle = one.restyle(*LONG)
    works = one.daemon.places.state / "works"
    while not list(works.glob("*.kept")):
        assert restyle.poll() is None, restyle.communicate()
        time.sleep(0.05)
    pid = json.loads(one.run("daemon", "status", "--json"))["pid"]
    os.kill(pid, signal.SIGKILL)
    _, one.told = restyle.communicate(timeout=60)  # type: ignore[attr-defined]
    wait_for_end(pid)
    shutil.rmtree(other.folder)
    shutil.copytree(one.folder, other.folder, ignore=shutil.ignore_patterns("run"))
    yield [one, other]
    for home in (one, other):
        home.daemon.stop()
        shutil.rmtree(home.folder, ignore_errors=True)


def test_a_restyle_whose_daemon_was_killed_says_where_it_is_and_the_list_shows_how_far(homes):
    assert "'velatura results list'" in homes[0].told
    (item,) = homes[0].kept()
    assert not item["finished"]
    assert 0 < item["done"] < 1
    assert item["title"] == "photo.png"
    assert item["styles"] == [{"name": "Painting", "path": str(homes[0].folder / "painting.png"), "share": 1.0}]
    assert "stopped at" in homes[0].run("results", "list")


def test_what_was_stopped_is_finished_and_written_where_it_was_to_go(homes):
    home = homes[0]
    out = home.run("results", "save", "--json")
    last = json.loads(out.splitlines()[-1])
    assert Path(last["output"]) == home.folder / "photo-in-painting.png"
    assert Image.open(last["output"]).size == (48, 36)
    assert last["started_from"] == "last"
    assert home.kept() == []
    (line,) = json.loads(home.run("history", "--json"))
    assert line["settings"]["iterations"] == 1000
    assert "No result is kept" in home.run("results", "save", code=2)


def test_as_it_is_it_is_written_at_once_and_a_write_that_fails_loses_nothing(homes):
    home = homes[1]
    (item,) = home.kept()
    saving = home.start("results", "save", item["id"][:6], "--as-it-is", "-o", home.folder / "out.png", file_bytes=2000)
    _, said = saving.communicate(timeout=60)
    assert saving.returncode == 1, said
    assert not (home.folder / "out.png").exists()
    (item,) = home.kept()
    assert item["finished"]
    home.run("results", "save", item["id"][:6], "-o", home.folder / "out.png")
    assert Image.open(home.folder / "out.png").size == (48, 36)
    assert home.kept() == []


def test_the_history_is_used_again_and_says_where_a_painting_has_gone(homes):
    home = homes[0]
    done = home.restyle("--quality", "draft", "--iterations", "4", "--strength", "70", "-o", home.folder / "quick.png")
    assert done.wait(timeout=60) == 0
    lines = json.loads(home.run("history", "--json"))
    assert [line["settings"]["strength"] for line in lines] == [70, 50]
    assert "Painting 70 %, draft, iterations 4" in home.run("history")
    shutil.copy(home.folder / "photo.png", home.folder / "another.png")
    last = json.loads(
        home.run("history", "use", lines[0]["number"], home.folder / "another.png", "--json").splitlines()[-1]
    )
    assert Path(last["output"]) == home.folder / "another-in-painting.png"
    assert last["settings"]["strength"] == 70
    (home.folder / "painting.png").rename(home.folder / "moved.png")
    assert "is not at" in home.run("history", "use", lines[0]["number"], home.folder / "another.png", code=2)
    assert "has no line 99" in home.run("history", "use", "99", home.folder / "another.png", code=2)


def test_a_result_is_dropped_by_its_id(homes):
    home = homes[1]
    with home.daemon.client("another program") as client:
        client.acknowledge_manually()
        from tests.conftest import QUICK, picture

        client.restyle_and_wait(picture(), [(picture(seed=1), 1.0)], QUICK, title="theirs")
    (item,) = home.kept()
    assert "Say which" in home.run("results", "drop", code=2)
    assert "Forgotten: 1 of 1" in home.run("results", "drop", item["id"][:8])
    assert home.kept() == []


def test_forgotten_is_everything_but_logs_and_weights_with_a_daemon_and_without(homes):
    home = homes[0]
    state = home.daemon.places.state
    home.run("forget", code=1, said="n\n")
    assert json.loads(home.run("history", "--json")) != []
    assert "Wiped" in home.run("forget", "--yes")
    assert json.loads(home.run("history", "--json")) == []
    assert list((state / "spool").iterdir()) == []
    home.run("daemon", "stop")
    (state / "spool").mkdir(exist_ok=True)
    (state / "spool" / "left").write_bytes(b"x")
    (state / "history.sqlite.damaged").write_bytes(b"x")
    said = home.run("forget", "--yes")
    assert str(home.daemon.places.weights) in said
    left = {path.name for path in state.iterdir()}
    assert "daemon.log" in left
    assert not left & {"spool", "results", "works"}
    assert not [name for name in left if name.startswith("history")]

"""Parts of the plugin that need no screen: pixels under kritarunner, Krita's own importer, the window under both Qts."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.editors.conftest import velatura
from tests.editors.krita_session import KritaSession
from tests.editors.place import Place
from tests.editors.session import CLONE

HERE = Path(__file__).parent
PLUGIN_PATH = [str(CLONE / "shared"), str(CLONE / "plugin_krita"), str(HERE / "inside")]


def run_in(place: Place, home: Path, *argv: str) -> str:
    """A program in the place without a screen; what it printed."""
    session = KritaSession(place, home)
    (home / "run").mkdir(mode=0o700, exist_ok=True)
    env = {**session.environment(), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": ":".join(PLUGIN_PATH)}
    command = place.command(argv, env, shared=[home, CLONE])
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_pixels_come_back_the_same_in_every_colour_space(place, home):
    """Read as float sRGB, and inserted again: only rounding is lost, and the source is untouched."""
    run_in(place, home, "kritarunner", "-s", "pixels", "-f", "round_trips", str(home / "out.json"))
    results = json.loads((home / "out.json").read_text())
    assert "error" not in results, results.get("error")
    assert len(results) >= 10
    for name, said in results.items():
        assert said["untouched"], name
        assert said["space"], name
        assert said["difference"] <= said["allowed"], (name, said)


def test_kritas_own_importer_takes_the_zip(place, home):
    velatura(home, "install", "krita", "--zip", str(home / "velatura.zip"))
    run_in(
        place,
        home,
        "kritarunner",
        "-s",
        "importing",
        "-f",
        "take",
        str(home / "velatura.zip"),
        str(home / "resources"),
        str(home / "out.json"),
    )
    said = json.loads((home / "out.json").read_text())
    assert "error" not in said, said.get("error")
    there = home / "resources"
    assert (there / "pykrita/velatura_krita/__init__.py").is_file()
    assert (there / "pykrita/velatura_krita/carried/lib/velatura/protocol/messages.py").is_file()
    assert (there / "pykrita/velatura_krita.desktop").is_file()
    assert (there / "actions/velatura_krita.action").is_file()


@pytest.mark.parametrize("qt", ["PyQt5", "PyQt6"])
def test_the_window_works_with_both_qts(place, home, qt):
    shutil.copytree(HERE / "inside", home / "inside")
    said = json.loads(run_in(place, home, "python3", str(HERE / "inside" / "window_alone.py"), qt).splitlines()[-1])
    assert said["settings"]["strength"] == 73
    assert said["settings"]["quality"] == "best"
    assert said["started"] == 1
    assert said["error shown"]
    assert said["size"][0] < 1400

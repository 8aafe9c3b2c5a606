"""Tests of the previews without an editor: both Qts, GTK with and without cairo, and sharp screens."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.editors.gimp_session import GimpOnScreen
from tests.editors.krita_session import run_in
from tests.editors.session import CLONE, HERE, ON_A_SCREEN

COMPARED = {"before": [255] * 4, "split": [255, 255, 0, 0], "after": [0] * 4}  # the red of a red picture


@pytest.fixture
def home(tmp_path: Path) -> Path:
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1600, 3), np.uint8)  # every pixel differs from the next
    Image.fromarray(noise).save(tmp_path / "full.png")
    (tmp_path / "run").mkdir(mode=0o700)
    return tmp_path


@pytest.mark.parametrize("factor", ["1", "2"])
@pytest.mark.parametrize("qt", ["PyQt5", "PyQt6"])
def test_kritas_preview_is_sharp_compares_and_fits_a_narrow_docker(editor_root, home, qt, factor):
    script = str(HERE / "inside/preview_qt.py")
    output = run_in(editor_root, home, "python3", script, qt, str(home / "full.png"), QT_SCALE_FACTOR=factor)
    assert json.loads(output.splitlines()[-1]) == {
        "factor": int(factor),
        "detail": [int(factor)] * 2,  # pixels of the content per pixel of Qt
        "differing at 1:1": 0,
        "nothing more wanted": True,
        **COMPARED,
        "width": 200,
        "all in 200 px": True,
        "without a name or a tooltip": [],
        "without focus": [],
    }


@pytest.mark.parametrize(("factor", "cairo"), [("1", "with cairo"), ("1", "without cairo"), ("2", "with cairo")])
def test_gimps_preview_is_sharp_compares_and_fits_a_narrow_column(editor_root, home, factor, cairo):
    session = GimpOnScreen(editor_root, home, variables={"GDK_SCALE": factor})
    argv = ["python3", str(HERE / "inside/preview_gtk.py"), str(home / "full.png"), str(home / "seen.json"), cairo]
    env = {**session.environment(), "PYTHONPATH": f"{CLONE / 'shared'}:{CLONE / 'plugin_gimp'}"}
    command = editor_root.command(["sh", "-c", ON_A_SCREEN, "sh", *argv], env, shared=[home, CLONE])
    done = subprocess.run(command, timeout=120)
    assert done.returncode == 0, session.log()
    seen = json.loads((home / "seen.json").read_text())
    assert seen.pop("least width") <= 200
    assert seen == {
        "cairo": cairo == "with cairo",
        "factor": int(factor),
        "detail": [int(factor)] * 2,  # pixels of the content per pixel of GTK
        "same size": True,
        "differing rows at 1:1": 0,
        "nothing more wanted": True,
        **COMPARED,
        "without a name or a tooltip": [],
    }

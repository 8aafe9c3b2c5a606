"""Tests of the Krita plugin without a screen: pixels under kritarunner, Krita's importer, the window with both Qts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.editors.krita_session import run_in
from tests.editors.user_home import velatura

HERE = Path(__file__).parent


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def round_trips(editor_root, tmp_path_factory):
    """Layers that were read and inserted again, by their colour space."""
    home = tmp_path_factory.mktemp("home")
    run_in(editor_root, home, "kritarunner", "-s", "pixels", "-f", "round_trips", str(home / "out.json"))
    results = json.loads((home / "out.json").read_text())
    assert "error" not in results, results.get("error")
    return results


def test_pixels_come_back_the_same_in_every_colour_space(round_trips):
    """Reading and inserting again only loses rounding, and leaves the source unchanged."""
    assert len(round_trips) >= 10
    for name, result in round_trips.items():
        assert result["untouched"], name
        assert result["space"], name
        assert result["difference"] <= result["allowed"], (name, result)


def test_rgb_pixels_are_sent_as_they_are_and_others_as_floats(round_trips):
    """Krita's own conversion takes seconds for a large layer, and floats take four times the memory of bytes."""
    formats = {name: (*result["format"], result["has_profile"]) for name, result in round_trips.items()}
    own = {
        "RGBA U8": ("BGRA", "u8", "srgb", False),
        "RGBA U16": ("BGRA", "u16", "linear", False),
        "RGBA F16": ("RGBA", "f16", "linear", False),
        "RGBA F32": ("RGBA", "f32", "linear", False),
        "RGBA U8 ClayRGB-elle-V2-g22.icc": ("BGRA", "u8", "srgb", True),
        "RGBA U16 Rec2020-elle-V4-g10.icc": ("BGRA", "u16", "srgb", True),
        "RGBA F32 Rec2020-elle-V4-g10.icc": ("RGBA", "f32", "srgb", True),
    }
    assert formats == {**dict.fromkeys(round_trips, ("RGBA", "f32", "srgb", False)), **own}


def test_a_saved_results_profile_is_known_to_a_krita_that_has_not_seen_it(round_trips):
    spaces = {name: " ".join(result["space_after_restart"]) for name, result in round_trips.items()}
    assert {name: space for name, space in spaces.items() if round_trips[name]["has_profile"]} == {
        name: name for name, result in round_trips.items() if result["has_profile"]
    }


def test_kritas_own_importer_accepts_the_zip(editor_root, home):
    velatura(home, "install", "krita", "--zip", str(home / "velatura.zip"))
    run_in(
        editor_root,
        home,
        "kritarunner",
        "-s",
        "importing",
        "-f",
        "import_zip",
        str(home / "velatura.zip"),
        str(home / "resources"),
        str(home / "out.json"),
    )
    result = json.loads((home / "out.json").read_text())
    assert "error" not in result, result.get("error")
    there = home / "resources"
    assert (there / "pykrita/velatura_krita/__init__.py").is_file()
    assert (there / "pykrita/velatura_krita/carried/lib/velatura/protocol/codec.py").is_file()
    assert (there / "pykrita/velatura_krita.desktop").is_file()
    assert (there / "actions/velatura_krita.action").is_file()


@pytest.mark.parametrize("qt", ["PyQt5", "PyQt6"])
def test_the_window_works_with_both_qts(editor_root, home, qt):
    shutil.copytree(HERE / "inside", home / "inside")
    result = json.loads(
        run_in(editor_root, home, "python3", str(HERE / "inside" / "window_alone.py"), qt).splitlines()[-1]
    )
    assert result["settings"]["strength"] == 73
    assert result["settings"]["quality"] == "best"
    assert result["started"] == 1
    assert result["error shown"]
    assert result["size"][0] < 1400


@pytest.mark.parametrize("qt", ["PyQt5", "PyQt6"])
def test_the_window_in_use(editor_root, home, qt):
    """Everything that needs no document: keys, wheel, messages, themes, small screens, layered files."""
    themes = [f"/{path.relative_to(editor_root.root)}" for path in editor_root.root.glob("usr/share/**/*.colors")]
    assert len(themes) >= 4
    seen = json.loads(
        run_in(
            editor_root, home, "python3", str(HERE / "inside" / "window_in_use.py"), qt, str(home), *themes
        ).splitlines()[-1]
    )
    assert seen == {
        "enter starts": 0,
        "wheel without focus changes": False,
        "start while busy": "Start over",
        "escape while busy": [1, True],
        "preview after cancel is the one before": True,
        "start while idle": "Restyle",
        "buttons of an error": [True, True],
        "buttons of a mistake": [False, False],
        "reset": True,
        "shares": ["100 %", "50 %"],
        "without a name": [],
        "without a tooltip": [],
        "labels that show a text as HTML": [],
        "a tag in a tooltip": "<qt>&lt;img src=&#x27;/dev/zero&#x27;&gt;<br>b</qt>",
        "unreadable": [],
        "smallest size": seen["smallest size"],
        "fits": True,
        "x.kra": 8,
        "x.ora": 8,
    }
    width, height = seen["smallest size"]
    assert width <= 683 - 16 and height <= 384 - 56, "1366 × 768 at 200 %, with a title bar"

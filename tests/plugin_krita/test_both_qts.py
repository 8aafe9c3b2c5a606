"""The plugin works with PyQt5, which Krita 5 uses, and with PyQt6, which Krita 6 uses."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
TREE = HERE.parents[1]
PLUGIN = TREE / "plugin_krita/velatura_krita"
IN_WINDOWS = TREE / "tests/editors/inside"


def test_the_whole_plugin_runs_in_a_stub_of_krita(run, qt):
    """Menus, docker, windows, mouse and keys in the preview, pixels in and out; no exception in any slot or event."""
    seen = json.loads(run(str(HERE / "inside/whole_plugin.py"), qt, str(TREE)).splitlines()[-1])
    assert seen["errors"] == []
    assert seen["binding"] == qt
    assert seen["menus"] == 17
    assert seen["window"] and seen["results window"] and seen["docker"]
    assert seen["preview"] == [200, 100, 50]
    assert seen["read"] == ["BGRA", [128, 128, 0, 255]]
    assert seen["shown"] == [16, 12, [0, 128, 128, 255]]
    assert seen["inserted"] == ["Photo restyled", [1, 2, 3, 255], ["transparencymask"]]
    assert seen["figure"] == [3, 2, 1, 255, 6, 5, 4, 255]
    assert seen["opened"] == ["picture", "as a picture", "figures"]


def test_the_frames_of_an_animated_layer_become_an_animated_layer(run, qt):
    seen = json.loads(run(str(HERE / "inside/animation.py"), qt, str(TREE)).splitlines()[-1])
    assert seen["frames"] == [[0, 3, 4, 9], 5, "Walk · 8 × 6 px · 4 frames"]
    assert seen["scrubs"]
    assert seen["size"] == [8, 6]
    assert seen["read"] == [[128, 128, 0, 255], [0, 0, 255, 255], [255, 0, 0, 255]]
    assert seen["thumbnail"] == 4
    styled, empty = [9, 9, 3, 255], [0, 0, 0, 0]
    assert seen["result"] == ["Walk restyled", [0, 3, 4, 9], [[9, 9, 0, 255], styled, styled, empty], True]
    assert seen["time"] == 6
    assert seen["documents"] == 1
    assert seen["alone"] == [False, ["Alone"], 3]
    assert seen["nothing offered"] == [False, "this"]
    assert seen["chosen"] == ["range", 5, 9, 30.0]
    assert seen["narrow width"] <= 210, "a docker is as narrow as 220 pixels"


def test_what_goes_wrong_is_a_sentence_and_nothing_stays_behind(run, qt, tmp_path):
    """Empty layers, damaged and deleted styles, and windows that are closed while something runs for them."""
    seen = json.loads(run(str(HERE / "inside/mishaps.py"), qt, str(TREE), str(tmp_path)).splitlines()[-1])
    assert seen["errors"] == []
    assert "Empty" in seen["empty region"]
    assert seen["regions"] == seen["region"] == ["A && B"]
    assert seen["sources"] == ["picture ▸ A && B"]
    assert seen["sliver"] == [1, 10]
    assert "damaged.kra" in seen["damaged style"]
    assert seen["menu"][0] == "Remove from favourites" and len(seen["menu"]) == 3
    assert seen["results busy"] is False
    assert seen["explaining"] == [True, []]


def test_the_daemon_is_set_up_from_the_window_and_the_docker(run, qt):
    """Both show the same, closing the window leaves the set-up running, and the real ones take their places."""
    seen = json.loads(run(str(HERE / "inside/setup_in_windows.py"), qt, str(TREE)).splitlines()[-1])
    assert seen["errors"] == []
    text, detail, buttons, in_docker = seen["offer"]
    assert text == in_docker and buttons == ["Set up Velatura"] == seen["default"]
    assert "about 3.1 GB to download, about 5.9 GB of disk space" in detail
    assert seen["docker width"] <= 220
    width, height = seen["window size"]
    assert width <= 683 - 16 and height <= 384 - 56, "1366 × 768 at 200 %, with a title bar"
    assert seen["failed"] == ["The package index cannot be reached.", ["Copy log", "Try again"], True]
    step = "Step 2 of 4: Installing PyTorch…"
    assert seen["running"] == [step, "1.0 GB of about 3.1 GB downloaded", ["Cancel"], 322, True]
    assert seen["after closing and opening"] == step
    assert seen["without a name"] == []
    assert seen["afterwards"] == [False, True]
    assert seen["removed meanwhile"] == [True, True]


def test_the_window_works_alone(run, qt):
    seen = json.loads(run(str(IN_WINDOWS / "window_alone.py"), qt).splitlines()[-1])
    assert seen["settings"]["strength"] == 73
    assert seen["started"] == 1
    assert seen["error shown"]


def test_the_window_in_use(run, qt, tmp_path):
    seen = json.loads(run(str(IN_WINDOWS / "window_in_use.py"), qt, str(tmp_path)).splitlines()[-1])
    assert seen["wheel without focus changes"] is False
    assert seen["escape while busy"] == [1, True]
    assert seen["without a name"] == seen["without a tooltip"] == seen["labels that show a text as HTML"] == []
    assert seen["fits"] is True
    assert seen["x.kra"] == seen["x.ora"] == 8


def test_pyqt6_is_used_when_pyqt5_cannot_be_imported(run, qt):
    if qt != "PyQt6":
        pytest.skip("one run is enough")
    refused = "import sys; sys.modules['PyQt5'] = None\nfrom velatura_krita import qt; print(qt.BINDING)"
    assert run("-c", refused).strip() == "PyQt6"


def test_the_pyqt_that_krita_has_loaded_is_used(run, qt):
    assert run("-c", f"import {qt}.QtCore\nfrom velatura_krita import qt; print(qt.BINDING)").strip() == qt


# --- names that only one of them has ---------------------------------------------------------------
MOVED_IN_EVENTS = {"pos", "x", "y", "globalPos", "globalX", "globalY"}  # to (global)position; codespell:ignore


def names_from_qt(tree: ast.AST) -> set[str]:
    """The names that a module takes from Qt, with all their parts, such as Qt.AlignmentFlag.AlignLeft."""
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module == "qt"
        for alias in node.names
    }
    dotted = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    # Calls and subscripts, such as QTimer().start, are no plain names.
    plain = {name for name in dotted if all(part.isidentifier() for part in name.split("."))}
    return imported | {name for name in plain if name.split(".")[0] in imported}


def moved_methods(tree: ast.AST) -> Iterator[str]:
    """The calls of methods that PyQt6 has under another name."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute):
            continue
        if node.attr == "exec_" or (ast.unparse(node.value) == "event" and node.attr in MOVED_IN_EVENTS):
            yield f"line {node.lineno}: {ast.unparse(node)}"


def test_every_name_of_qt_is_in_both(qt, run):
    """Enums have to be written with their full names, and classes taken from where both have them."""
    files = sorted(PLUGIN.glob("*.py"))
    names = set().union(*(names_from_qt(ast.parse(path.read_bytes())) for path in files))
    assert len(names) > 150
    assert json.loads(run(str(HERE / "inside/names.py"), qt, *sorted(names))) == []


def test_the_scan_finds_a_name_that_pyqt6_lacks(qt, run):
    if qt != "PyQt6":
        pytest.skip("PyQt5 has these")
    code = (
        "from .qt import QAction, QDesktopWidget, Qt\nQt.AlignLeft\nQt.MouseButton.MidButton\nQt.MouseButton.LeftButton"
    )
    names = names_from_qt(ast.parse(code))
    assert json.loads(run(str(HERE / "inside/names.py"), qt, *sorted(names))) == [
        "QDesktopWidget",
        "Qt.AlignLeft",
        "Qt.MouseButton.MidButton",
    ]


def test_no_method_is_called_that_pyqt6_has_under_another_name():
    found = [
        f"{path.name}, {each}"
        for path in sorted(PLUGIN.glob("*.py"))
        for each in moved_methods(ast.parse(path.read_bytes()))
    ]
    assert found == []
    assert list(moved_methods(ast.parse("event.pos()"))) and list(moved_methods(ast.parse("dialog.exec_()")))

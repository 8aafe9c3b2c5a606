"""What the editors' windows share: words for every knob, what they remember, what a report says."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura import strings
from velatura.app_dirs import app_dirs
from velatura.client import launch
from velatura.client.connection import DaemonConnection
from velatura.client.launch import Launcher
from velatura.editor import report, ui_state
from velatura.editor.ui_state import MAX_RECENT, Style, UiState
from velatura.errors import DaemonLost, DaemonNotRunning
from velatura.settings import StyleSettings, setting_specs


@pytest.fixture
def where(tmp_path):
    return app_dirs({"VELATURA_HOME": str(tmp_path)})


def test_every_knob_has_its_place_in_the_window_once():
    shown = [*strings.WINDOW_KNOBS, *strings.MORE_KNOBS]
    assert sorted(shown) == sorted(set(setting_specs()) - {"composite", *strings.FIGURE_KNOBS})


@pytest.mark.parametrize(
    ("seconds", "said"), [(-1, ""), (0.4, "a moment left"), (42.4, "42 s left"), (300, "5 min left")]
)
def test_time_left_is_said_as_people_do(seconds, said):
    assert strings.time_left(seconds) == said


def test_a_result_is_named_after_its_styles_and_strength():
    assert (
        strings.result_name(["Night swirls", "Mosaic"], StyleSettings(strength=62.5)) == "Night swirls + Mosaic 62.5 %"
    )
    assert strings.result_name(["Mosaic"], StyleSettings(quality="paper")) == "Mosaic"


def test_what_is_remembered_comes_back(where, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")
    one = UiState()
    one.record_use([Style(str(picture), "A", 0.5)], StyleSettings(strength=70))
    ui_state.save(where, "krita", one)
    assert ui_state.load(where, "krita") == UiState(
        StyleSettings(strength=70), [Style(str(picture), "A", 0.5)], [Style(str(picture), "A")]
    )


def test_the_gallery_keeps_the_latest_first_each_once():
    one = UiState()
    for number in [*range(40), 7]:
        one.record_use([Style(f"/{number}", str(number))], StyleSettings())
    assert [style.name for style in one.recent][:3] == ["7", "39", "38"]
    assert len(one.recent) == MAX_RECENT
    assert len({style.path for style in one.recent}) == MAX_RECENT


def test_a_picture_that_is_no_more_and_a_knob_of_another_version_are_left_out(where, tmp_path):
    where.config.mkdir(parents=True)
    path = where.config / "window-krita.json"
    path.write_text(
        json.dumps({"settings": {"strength": 30, "shine": 2, "seed": "x"}, "styles": [{"path": "/gone", "name": "g"}]})
    )
    path.chmod(0o600)
    assert ui_state.load(where, "krita") == UiState(StyleSettings(strength=30))


names = st.sampled_from(["settings", "styles", "recent", "path", "strength", "share"])
leaves = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@given(json_values)
def test_a_damaged_memory_is_an_empty_one_never_an_error(tmp_path_factory, value):
    where = app_dirs({"VELATURA_HOME": str(tmp_path_factory.mktemp("m"))})
    where.config.mkdir(parents=True)
    path = where.config / "window-krita.json"
    path.write_text(json.dumps(value))
    path.chmod(0o600)
    assert isinstance(ui_state.load(where, "krita"), UiState)


def test_a_report_has_what_a_maintainer_asks_for_and_not_the_homes_name(where, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    where.state.mkdir(parents=True)
    where.log_file.write_text(f"opened {tmp_path}/x\n")
    text = report.report(where, "Krita 5.2.9", DaemonLost("It went."), ["Reading the layer…"])
    for part in ("Krita 5.2.9", "daemon_lost: It went.", "Reading the layer…", "opened ~/x", "none recorded"):
        assert part in text
    assert str(tmp_path) not in text


def test_the_terminal_command_is_the_recorded_one(where):
    assert launch.terminal_command(where) == "velatura daemon start"
    launch.record_launcher(where, Launcher(("/my tools/python", "-m", "velatura_daemon", "daemon", "run"), "b"))
    assert launch.terminal_command(where) == "'/my tools/python' -m velatura_daemon daemon start"


@pytest.mark.parametrize("sandbox", ["FLATPAK_ID", "SNAP"])
def test_in_a_sandbox_no_daemon_is_started_and_the_command_is_said(where, monkeypatch, sandbox):
    monkeypatch.setenv(sandbox, "org.kde.krita")
    launch.record_launcher(where, Launcher(("/x/python", "-m", "velatura_daemon", "daemon", "run"), "b"))
    link = DaemonConnection(where, "krita", "id", start=True, launcher=None)
    with pytest.raises(DaemonNotRunning, match="/x/python -m velatura_daemon daemon start"):
        link.advance()

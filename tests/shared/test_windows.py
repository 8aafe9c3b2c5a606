"""What the editors' windows share: texts and settings, the saved state, and the bug report."""

from __future__ import annotations

import json
import os

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
from velatura.editor.window_place import Box
from velatura.errors import DaemonLost, DaemonNotRunning
from velatura.settings import StyleSettings, setting_specs


@pytest.fixture
def dirs(tmp_path):
    return app_dirs({"VELATURA_HOME": str(tmp_path)})


def test_every_setting_is_in_the_window_exactly_once():
    shown = [*strings.MAIN_SETTINGS, *strings.MORE_SETTINGS]
    assert sorted(shown) == sorted(
        set(setting_specs()) - {"composite", *strings.FIGURE_SETTINGS, *strings.FILM_SETTINGS}
    )


@pytest.mark.parametrize(
    ("seconds", "text"), [(-1, ""), (0.4, "a moment left"), (42.4, "42 s left"), (300, "5 min left")]
)
def test_the_remaining_time_is_shown_in_readable_units(seconds, text):
    assert strings.time_left(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [("draft", "Draft: fast preview"), ("lbfgs", "L-BFGS: fast preview"), ("off", "Off: fast preview")],
)
def test_a_choice_is_shown_capitalised_with_its_meaning(value, text):
    assert strings.choice_label(value, "fast preview") == text


def test_a_result_is_named_after_its_styles_and_strength():
    assert (
        strings.result_name(["Night swirls", "Mosaic"], StyleSettings(strength=62.5)) == "Night swirls + Mosaic 62.5 %"
    )
    assert strings.result_name(["Mosaic"], StyleSettings(quality="paper")) == "Mosaic"


def test_saved_state_is_loaded_again(dirs, tmp_path):
    picture = tmp_path / "a.png"
    picture.write_bytes(b"x")
    state = UiState()
    state.record_use([Style(str(picture), "A", 0.5)], StyleSettings(strength=70))
    state.removed, state.folder, state.windows = ["/b.png"], "/pictures", {"restyle": Box(1, 2, 3, 4)}
    state.favourites = [Style("/on a drive/that is away.png", "F")]
    state.folders, state.sample_order, state.names = ["/paintings"], ["/s.png"], {"/s.png": "Mine"}
    ui_state.save(dirs, "krita", state)
    assert ui_state.load(dirs, "krita") == UiState(
        StyleSettings(strength=70),
        [Style(str(picture), "A", 0.5)],
        [Style(str(picture), "A")],
        ["/b.png"],
        "/pictures",
        {"restyle": Box(1, 2, 3, 4)},
        [Style("/on a drive/that is away.png", "F")],
        ["/paintings"],
        ["/s.png"],
        {"/s.png": "Mine"},
    )


def test_the_gallery_lists_used_styles_once_each_new_ones_first():
    state = UiState()
    for number in [*range(40), 7]:
        state.record_use([Style(f"/{number}", str(number))], StyleSettings())
    assert [style.name for style in state.recent][:3] == ["7", "39", "38"]  # 7 had gone, so it is new again
    state.record_use([Style("/38", "38")], StyleSettings())
    assert [style.name for style in state.recent][:3] == ["7", "39", "38"]
    assert len(state.recent) == MAX_RECENT
    assert len({style.path for style in state.recent}) == MAX_RECENT


def test_missing_style_files_and_settings_of_other_versions_are_ignored(dirs, tmp_path):
    dirs.config.mkdir(parents=True)
    path = dirs.config / "window-krita.json"
    path.write_text(
        json.dumps({"settings": {"strength": 30, "shine": 2, "seed": "x"}, "styles": [{"path": "/gone", "name": "g"}]})
    )
    path.chmod(0o600)
    assert ui_state.load(dirs, "krita") == UiState(StyleSettings(strength=30))


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("{"), lambda path: path.chmod(0o666)])
def test_a_state_that_cannot_be_read_is_set_aside_and_not_overwritten(dirs, spoil):
    path = dirs.config / "window-krita.json"
    ui_state.save(dirs, "krita", UiState(folder="/a"))
    spoil(path)
    content = path.read_text()
    ui_state.save(dirs, "krita", UiState(folder="/b"))
    assert path.with_name("window-krita.json.damaged").read_text() == content
    assert ui_state.load(dirs, "krita").folder == "/b"


def test_a_linked_state_stays_a_link(dirs, tmp_path):
    path = dirs.config / "window-krita.json"
    ui_state.save(dirs, "krita", UiState(folder="/a"))
    path.rename(tmp_path / "dotfile")
    (tmp_path / "dotfile").chmod(0o644)
    path.symlink_to(tmp_path / "dotfile")
    state = ui_state.load(dirs, "krita")
    assert state.folder == "/a"
    state.folder = "/b"
    ui_state.save(dirs, "krita", state)
    assert path.is_symlink()
    assert ui_state.load(dirs, "krita").folder == "/b"


@pytest.mark.parametrize("error", [PermissionError, OSError, ValueError])
def test_a_style_in_a_place_that_cannot_be_looked_at_counts_as_gone(dirs, monkeypatch, error):
    ui_state.save(dirs, "krita", UiState(folder="/a", styles=[Style("/private/a.png", "A"), Style("x" * 5000, "X")]))

    def refuse(path, **_):
        raise error("no")

    monkeypatch.setattr(os, "stat", refuse)
    assert ui_state.load(dirs, "krita") == UiState(folder="/a")


def test_a_path_that_is_no_text_is_saved_and_loaded(dirs):
    ui_state.save(dirs, "gimp", UiState(folder="/pictures\udcff"))
    assert ui_state.load(dirs, "gimp").folder == "/pictures\udcff"


# --- several windows -----------------------------------------------------------------------------------
CHANGES = {
    "favourites": [Style("/f.png", "F")],
    "folders": ["/paintings"],
    "names": {"/s.png": "Mine"},
    "removed": ["/b.png"],
    "recent": [Style(__file__, "R")],
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_window_keeps_what_another_one_has_changed_meanwhile(dirs, name):
    ui_state.save(dirs, "gimp", UiState(folder="/at first"))
    one, other = ui_state.load(dirs, "gimp"), ui_state.load(dirs, "gimp")
    setattr(other, name, CHANGES[name])
    ui_state.save(dirs, "gimp", other.copy())
    one.folder = "/mine"
    for _ in range(2):
        ui_state.save(dirs, "gimp", one.copy())
    now = ui_state.load(dirs, "gimp")
    assert (getattr(now, name), now.folder) == (CHANGES[name], "/mine")
    assert getattr(one, name) != CHANGES[name]  # this window shows its own


def test_what_two_windows_have_changed_is_as_the_last_one_saved_it(dirs):
    one, other = ui_state.load(dirs, "gimp"), ui_state.load(dirs, "gimp")
    for state, folder in ((one, "/one"), (other, "/other"), (one, "/one")):
        state.folders = [folder]
        ui_state.save(dirs, "gimp", state)
    assert ui_state.load(dirs, "gimp").folders == ["/other"]  # the first one has not changed it again
    one.folders.append("/two")
    ui_state.save(dirs, "gimp", one)
    assert ui_state.load(dirs, "gimp").folders == ["/one", "/two"]


def test_threads_save_in_any_order_and_the_newest_copy_wins(dirs):
    state = ui_state.load(dirs, "krita")
    copies = []
    for number in range(4):
        state.folder = f"/{number}"
        copies.append(state.copy())
    for index in (2, 0, 3, 1):
        ui_state.save(dirs, "krita", copies[index])
    assert ui_state.load(dirs, "krita").folder == "/3"
    state.folder = "/last"
    ui_state.save(dirs, "krita", state)
    assert ui_state.load(dirs, "krita").folder == "/last"


def test_a_window_saves_all_it_has_if_the_file_is_gone_or_damaged(dirs):
    state = UiState(folder="/a", removed=["/b.png"])
    ui_state.save(dirs, "krita", state)
    path = dirs.config / "window-krita.json"
    for damage in (path.unlink, lambda: path.write_text("{"), lambda: path.write_text('{"removed": 5}')):
        damage()
        path.exists() and path.chmod(0o600)
        ui_state.save(dirs, "krita", state)
        assert ui_state.load(dirs, "krita") == state


names = st.sampled_from(
    [
        "settings",
        "styles",
        "recent",
        "path",
        "strength",
        "share",
        "removed",
        "folder",
        "windows",
        "favourites",
        "folders",
        "sample_order",
        "names",
    ]
)
leaves = st.none() | st.booleans() | st.floats() | st.text(max_size=5)
json_values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3)
)


@given(json_values)
def test_a_damaged_state_file_counts_as_empty_and_is_never_an_error(tmp_path_factory, value):
    dirs = app_dirs({"VELATURA_HOME": str(tmp_path_factory.mktemp("m"))})
    dirs.config.mkdir(parents=True)
    path = dirs.config / "window-krita.json"
    path.write_text(json.dumps(value))
    path.chmod(0o600)
    assert isinstance(ui_state.load(dirs, "krita"), UiState)


def test_a_report_has_what_a_maintainer_needs_but_not_the_home_folder(dirs, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    dirs.state.mkdir(parents=True)
    dirs.log_file.write_text(f"opened {tmp_path}/x\n")
    text = report.report(dirs, "Krita 5.2.9", DaemonLost("It went."), ["Reading the layer…"])
    for part in ("Krita 5.2.9", "daemon_lost: It went.", "Reading the layer…", "opened ~/x", "none recorded"):
        assert part in text
    assert str(tmp_path) not in text


def test_the_terminal_command_is_the_recorded_one(dirs):
    assert launch.terminal_command(dirs) == "velatura daemon start"
    launch.record_launcher(dirs, Launcher(("/my tools/python", "-m", "velatura_daemon", "daemon", "run"), "b"))
    assert launch.terminal_command(dirs) == "'/my tools/python' -m velatura_daemon daemon start"


@pytest.mark.parametrize("sandbox", ["FLATPAK_ID", "SNAP"])
def test_in_a_sandbox_no_daemon_is_started_and_the_error_gives_the_command(dirs, monkeypatch, sandbox, tmp_path):
    monkeypatch.setenv(sandbox, "org.kde.krita")
    monkeypatch.setenv("SNAP_USER_COMMON", str(tmp_path / "common"))
    monkeypatch.setenv("SNAP_REAL_HOME", str(tmp_path / "file"))  # no folder: as hidden from a Snap
    (tmp_path / "file").write_text("")
    launch.record_launcher(dirs, Launcher(("/x/python", "-m", "velatura_daemon", "daemon", "run"), "b"))
    connection = DaemonConnection(dirs, "krita", "id", start=True, launcher=None)
    with pytest.raises(DaemonNotRunning, match="/x/python -m velatura_daemon daemon start"):
        connection.advance()

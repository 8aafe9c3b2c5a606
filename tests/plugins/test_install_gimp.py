"""Installing and removing the GIMP plugin touches nothing else, and `velatura doctor` reports problems."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from velatura import strings
from velatura_daemon.cli.commands import cli
from velatura_daemon.plugins import gimp
from velatura_daemon.plugins.folders import PluginState

SCRIPT = Path(__file__).parents[2] / "plugin_gimp/velatura_gimp/velatura_gimp.py"


def run(*argv: str) -> str:
    return CliRunner().invoke(cli, argv, catch_exceptions=False).output


def home() -> gimp.GimpHome:
    return gimp.gimp_homes()[0]


def test_install_creates_an_executable_script_in_a_folder_of_the_same_name(user_home):
    output = run("install", "gimp")
    plugin = user_home / ".config/GIMP/3.0/plug-ins/velatura_gimp"
    assert str(plugin.parent) in output
    assert os.access(plugin / "velatura_gimp.py", os.X_OK)
    assert (plugin / "carried/lib/velatura/protocol/codec.py").is_file()
    assert (plugin / "carried/fallback/msgpack/COPYING").is_file()
    assert list((plugin / "carried/samples").glob("*.png"))
    assert list((plugin / "carried/lib/velatura/presets/ours").glob("*.velatura-preset"))
    assert (user_home / "velatura/config/launch.json").is_file()
    assert gimp.state_of(home()) == PluginState(True)


def test_uninstall_removes_the_plugin_and_nothing_else(user_home):
    other = user_home / ".config/GIMP/3.0/plug-ins/other/other.py"
    other.parent.mkdir(parents=True)
    other.write_text("")
    run("install", "gimp")
    assert "removed from" in run("install", "gimp", "--uninstall")
    assert [path for path in other.parents[1].rglob("*") if path.is_file()] == [other]
    assert "was not installed" in run("install", "gimp", "--uninstall")


def test_installing_again_replaces_the_older_plugin_completely(user_home):
    gimp.install(home())
    (home().plugin / "old.py").write_text("")
    gimp.install(home())
    assert not (home().plugin / "old.py").exists()


def test_an_installed_script_is_newer_than_the_one_that_gimp_has_cached(user_home):
    gimp.install(home())
    os.utime(home().script, (1, 1))
    gimp.install(home())
    assert home().script.stat().st_mtime > SCRIPT.stat().st_mtime


def with_stray_script(relative: str):
    def create(home: gimp.GimpHome) -> None:
        path = home.plugin.parent / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")

    return create


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda h: h.script.unlink(), "is missing"),
        (lambda h: h.script.chmod(0o644), "is not executable"),
        (lambda h: (h.plugin / "carried/build.txt").write_text("other"), "different version"),
        (lambda h: h.plugin.rename(h.plugin.with_name("velatura")), "is in the wrong place"),
        (with_stray_script("velatura_gimp.py"), "is in the wrong place"),
        (with_stray_script("velatura-main/velatura_gimp/velatura_gimp.py"), "is in the wrong place"),
    ],
)
def test_doctor_sees_a_missing_old_misnamed_or_not_executable_plugin(user_home, damage, sentence):
    gimp.install(home())
    damage(home())
    assert sentence in gimp.state_of(home()).problem
    output = run("doctor")
    assert sentence in output
    assert "Run 'velatura install gimp'" in output


def test_every_gimp_3_of_the_user_gets_the_plugin_and_no_gimp_2(user_home):
    folders = [
        ".config/GIMP/3.0",
        ".config/GIMP/3.2",
        ".var/app/org.gimp.GIMP/config/GIMP/3.0",
        "snap/gimp/current/.config/GIMP/3.0",
    ]
    for folder in (*folders, ".config/GIMP/2.10", ".config/GIMP/3.0.bak"):
        (user_home / folder).mkdir(parents=True)
    output = run("install", "gimp")
    assert "GIMP 2.10 is installed too, but Velatura requires GIMP 3" in output
    assert "GIMP 2.10 is installed too" in run("doctor")
    found = {
        str(path.parents[2].relative_to(user_home))
        for path in user_home.rglob("velatura_gimp.py")
        if "plug-ins" in path.parts
    }
    assert found == set(folders)


def test_a_copy_that_gimp_made_for_its_next_version_is_found_updated_and_removed(user_home):
    """GIMP 3.2 copies the plug-ins of 3.0 when it is started for the first time."""
    run("install", "gimp")
    older, newer = user_home / ".config/GIMP/3.0", user_home / ".config/GIMP/3.2"
    shutil.copytree(older, newer)
    (newer / "plug-ins/velatura_gimp/carried/build.txt").write_text("old")
    assert [each.config for each in gimp.gimp_homes()] == [newer, older]
    assert gimp.state_of(gimp.gimp_homes()[0]).problem
    run("install", "gimp")
    assert [gimp.state_of(each) for each in gimp.gimp_homes()] == [PluginState(True)] * 2
    run("install", "gimp", "--uninstall")
    assert not list(user_home.glob(".config/GIMP/*/plug-ins/velatura_gimp"))


def copied_by_gimp(older: Path, newer: Path) -> None:
    """As GIMP 3.2.6 does: five levels of folders, and no more."""
    for path in sorted(older.rglob("*")):
        relative = path.relative_to(older)
        if path.is_file() and len(relative.parts) <= 6:
            (newer / relative).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, newer / relative)


def files_in(plugin: Path) -> set[Path]:
    return {path.relative_to(plugin) for path in plugin.rglob("*") if path.is_file() and path.suffix != ".pyc"}


def load(plugin: Path) -> subprocess.CompletedProcess[str]:
    """Import from this copy of the plug-in what every command needs first."""
    program = "import velatura_gimp, velatura.strings; print(velatura.strings.__file__)"
    command = [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, {str(plugin.parent)!r}); {program}"]
    return subprocess.run(command, capture_output=True, text=True)


def test_a_copy_that_gimp_made_for_its_next_version_is_completed_when_it_is_loaded(user_home):
    run("install", "gimp")
    older, newer = (user_home / f".config/GIMP/{version}" for version in ("3.0", "3.2"))
    copied_by_gimp(older, newer)
    plugin = newer / "plug-ins/velatura_gimp"
    missing = files_in(older / "plug-ins/velatura_gimp") - files_in(plugin)
    assert Path("carried/lib/velatura/protocol/codec.py") in missing
    done = load(plugin)
    assert done.stdout.startswith(str(newer)), done.stderr
    assert files_in(plugin) == files_in(older / "plug-ins/velatura_gimp")


def test_a_copy_is_not_mixed_with_another_version_of_the_plugin(user_home):
    run("install", "gimp")
    older, newer = (user_home / f".config/GIMP/{version}" for version in ("3.0", "3.2"))
    copied_by_gimp(older, newer)
    before = files_in(newer)
    (older / "plug-ins/velatura_gimp/carried/build.txt").write_text("another")
    load(newer / "plug-ins/velatura_gimp")
    assert files_in(newer) == before


def test_a_flatpak_that_shares_the_plain_folder_gets_the_plugin_once(user_home):
    (user_home / ".config/GIMP/3.0").mkdir(parents=True)
    (user_home / ".var/app/org.gimp.GIMP/config").mkdir(parents=True)
    (user_home / ".var/app/org.gimp.GIMP/config/GIMP").symlink_to(user_home / ".config/GIMP")
    assert len(gimp.gimp_homes()) == 1


def test_gimps_environment_variable_and_the_folders_of_other_systems_are_known(tmp_path):
    (own,) = gimp.gimp_homes({"HOME": str(tmp_path), "GIMP3_DIRECTORY": str(tmp_path / "own")}, "linux")
    assert own.config == tmp_path / "own"
    (mac,) = gimp.gimp_homes({"HOME": str(tmp_path)}, "darwin")
    assert mac.config == tmp_path / "Library/Application Support/GIMP/3.0"
    (windows,) = gimp.gimp_homes({"APPDATA": str(tmp_path / "R")}, "win32")
    assert windows.config == tmp_path / "R/GIMP/3.0"


def test_without_gimp_3_the_script_reports_that_it_needs_it(tmp_path):
    """As in GIMP 2.10, whose Python has no Gimp 3."""
    (tmp_path / "gi.py").write_text(
        "def require_version(name, version): raise ValueError(f'Namespace {name} not available')\n"
    )
    done = subprocess.run(
        [sys.executable, str(SCRIPT)], env={"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "Velatura needs GIMP 3" in done.stderr
    assert "GIMP 2.10 is not supported" in done.stderr


def test_the_menu_texts_are_the_shared_ones():
    labels = SCRIPT.read_text(encoding="utf-8").replace("_", "")
    for text in (strings.RESTYLE, strings.RESTYLE_AGAIN, strings.EXPLAIN, strings.RESULTS, strings.HELP):
        assert f'"{text}"' in labels

"""Installing and removing the Krita plugin touches nothing else, and `velatura doctor` reports problems."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from velatura import strings
from velatura.errors import UsageError
from velatura_daemon.cli.commands import cli
from velatura_daemon.plugins import krita
from velatura_daemon.plugins.folders import PluginState

PLUGIN = Path(__file__).parents[2] / "plugin_krita"


def run(*argv: str) -> str:
    done = CliRunner().invoke(cli, argv, catch_exceptions=False)
    return done.output


def home() -> krita.KritaHome:
    return krita.krita_homes()[0]


def files_under(folder: Path) -> set[str]:
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()}


def test_install_copies_the_plugin_its_desktop_and_action_files_and_enables_it(user_home):
    output = run("install", "krita")
    assert str(home().resources) in output
    assert home().desktop.is_file()
    assert home().action.is_file()
    assert (home().plugin / "carried/lib/velatura/protocol/codec.py").is_file()
    assert (home().plugin / "carried/fallback/msgpack/fallback.py").is_file()
    assert (home().plugin / "carried/fallback/msgpack/COPYING").is_file()
    assert list((home().plugin / "carried/samples").glob("*.png"))
    assert list((home().plugin / "carried/lib/velatura/presets/ours").glob("*.velatura-preset"))
    assert home().config.read_text() == "[python]\nenable_velatura_krita=true\n"
    assert (user_home / "velatura/config/launch.json").is_file()
    assert krita.state_of(home()) == PluginState(True)


def test_the_carried_files_work_in_a_python_without_packages(user_home):
    krita.install(home())
    carried = home().plugin / "carried"
    code = (
        f"import sys; sys.path[:] = [{str(carried / 'lib')!r}, {str(carried / 'fallback')!r}] + [p for p in sys.path "
        "if 'site-packages' not in p];"
        "import velatura.client.client, velatura.client.transport as t, msgpack;"
        "print(t.transport_name(), msgpack.Packer.__module__, msgpack.unpackb(msgpack.packb({'a': b'x'})))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["PlainDealer", "msgpack.fallback", "{'a':", "b'x'}"], done.stderr


def test_uninstall_removes_the_plugin_and_nothing_else(user_home):
    home().config.parent.mkdir(parents=True)
    home().config.write_text("[General]\nx=1\n\n[python]\nenable_other=true\n")
    (home().resources / "pykrita/other").mkdir(parents=True)
    (home().resources / "pykrita/other/__init__.py").write_text("")
    before = files_under(home().resources)
    config = home().config.read_text()
    run("install", "krita")
    assert "enable_other=true" in home().config.read_text()
    assert "removed from" in run("install", "krita", "--uninstall")
    assert files_under(home().resources) == before
    assert home().config.read_text() == config
    assert "was not installed" in run("install", "krita", "--uninstall")


def test_installing_again_replaces_the_older_plugin_completely(user_home):
    krita.install(home())
    (home().plugin / "old.py").write_text("")
    krita.install(home())
    assert not (home().plugin / "old.py").exists()


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (lambda h: h.action.unlink(), "missing"),
        (lambda h: (h.plugin / "carried/build.txt").write_text("other"), "different version"),
        (lambda h: h.config.write_text("[python]\nenable_velatura_krita=false\n"), "disabled"),
    ],
)
def test_doctor_sees_a_missing_old_or_disabled_plugin(user_home, damage, sentence):
    krita.install(home())
    damage(home())
    assert sentence in krita.state_of(home()).problem
    output = run("doctor")
    assert sentence in output
    assert "Run 'velatura install krita'" in output


def test_the_zip_has_entries_for_its_folders_and_the_action_under_the_modules_name(user_home, tmp_path):
    run("install", "krita", "--zip", str(tmp_path / "p.zip"))
    names = zipfile.ZipFile(tmp_path / "p.zip").namelist()
    assert {"velatura_krita/", "velatura_krita.desktop", "actions/velatura_krita.action"} <= set(names)
    with pytest.raises(UsageError, match=r"\.zip"):
        krita.write_zip(tmp_path / "p.rar")


def test_every_krita_of_the_user_is_found(tmp_path):
    (tmp_path / ".var/app/org.kde.krita").mkdir(parents=True)
    (tmp_path / "snap/krita/current").mkdir(parents=True)
    own = tmp_path / "elsewhere"
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/kritarc").write_text(f"[General]\nResourceDirectory={own}\n")
    plain, flatpak, snap = krita.krita_homes({"HOME": str(tmp_path)}, "linux")
    assert plain.resources == own
    assert flatpak.resources == tmp_path / ".var/app/org.kde.krita/data/krita"
    assert snap.config == tmp_path / "snap/krita/current/.config/kritarc"
    (mac,) = krita.krita_homes({"HOME": str(tmp_path)}, "darwin")
    assert mac.resources == tmp_path / "Library/Application Support/krita"
    (windows,) = krita.krita_homes({"APPDATA": str(tmp_path / "R"), "LOCALAPPDATA": str(tmp_path / "L")}, "win32")
    assert (windows.resources, windows.config) == (tmp_path / "R/krita", tmp_path / "L/kritarc")


lines = st.lists(
    st.sampled_from(
        ["[python]", "[General]", "a=1", "enable_velatura_krita=false", "enable_x=true", "", "[python][sub]"]
    )
)


@given(lines)
def test_enabling_the_plugin_changes_its_own_line_and_no_other(config):
    before = "\n".join(config) + "\n"
    on = krita.with_enabled(before, "true")
    assert krita._enabled_value(on) == "true"
    off = krita.with_enabled(on, None)
    assert krita._enabled_value(off) is None
    ours = ("enable_velatura_krita", "[python]")
    others = [line for line in config if line and not line.startswith(ours)]
    assert [line for line in off.splitlines() if line and not line.startswith(ours)] == others


def test_the_menu_texts_are_the_shared_ones():
    action = (PLUGIN / "velatura_krita.action").read_text(encoding="utf-8")
    extension = (PLUGIN / "velatura_krita/extension.py").read_text(encoding="utf-8")
    for text in (strings.RESTYLE, strings.RESTYLE_AGAIN, strings.EXPLAIN, strings.RESULTS, strings.HELP):
        assert f"<text>{text}</text>" in action
        assert f'"{text}"' in extension

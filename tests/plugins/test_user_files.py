"""Installing and removing plugins leaves the user's files as they are: those that cannot be read, links, permissions,
owners."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.support.users import as_nobody, open_to_others
from velatura.app_dirs import app_dirs
from velatura.errors import DiskTrouble, VelaturaError
from velatura_daemon.cli.commands import cli
from velatura_daemon.plugins import gimp, krita
from velatura_daemon.plugins.bundle import plugin_sources
from velatura_daemon.plugins.folders import PluginState

CONFIG = "[General]\nx=1\n"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def run(*argv: str) -> str:
    return CliRunner().invoke(cli, argv, catch_exceptions=False).output


def home() -> krita.KritaHome:
    return krita.krita_homes()[0]


def everything_under(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def write_config(text: str = CONFIG) -> Path:
    path = home().config
    path.parent.mkdir(parents=True)
    path.write_text(text)
    return path


def given_to_nobody(user_home: Path) -> None:
    open_to_others(user_home)
    os.chown(user_home, 65534, 65534)


# --- a kritarc that cannot be read --------------------------------------------------------------------
@as_root
@pytest.mark.parametrize("mode", [0o000, 0o600])
def test_a_kritarc_that_cannot_be_read_stops_the_installation_and_nothing_changes(user_home, mode):
    config = write_config()
    os.chown(config, 65534 if mode == 0 else 0, 0)
    config.chmod(mode)
    os.chown(config.parent, 65534, 65534)
    given_to_nobody(user_home)
    before = everything_under(user_home)

    def install():
        result = CliRunner().invoke(cli, ["install", "krita"])
        return isinstance(result.exception, DiskTrouble) and str(config) in result.exception.sentence

    assert as_nobody(install) == b"True"
    assert everything_under(user_home) == before
    assert stat.S_IMODE(config.stat().st_mode) == mode


@as_root
@pytest.mark.parametrize("editor", ["krita", "gimp"])
def test_a_config_folder_that_cannot_be_read_is_an_error_message(user_home, editor):
    (user_home / ".config").mkdir(mode=0o700)
    given_to_nobody(user_home)
    caught = as_nobody(lambda: isinstance(CliRunner().invoke(cli, ["install", editor]).exception, VelaturaError))
    assert caught == b"True"


def test_a_kritarc_that_is_a_folder_stops_the_removal_before_anything_is_deleted(user_home):
    run("install", "krita")
    home_ = home()
    home_.config.unlink()
    home_.config.mkdir()
    with pytest.raises(DiskTrouble, match="nothing was changed"):
        krita.uninstall(home_)
    assert home_.plugin.is_dir()


def test_the_command_ends_with_an_error_code(user_home):
    home().config.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-m", "velatura_daemon", "install", "krita"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert not home_resources(user_home).exists()
    assert not app_dirs().launch_file.exists()


def home_resources(user_home: Path) -> Path:
    return user_home / ".local/share/krita"


# --- links, permissions and owners ---------------------------------------------------------------------
def test_a_linked_kritarc_stays_a_link_with_its_permissions(user_home):
    config = write_config()
    real = user_home / "dotfiles-kritarc"
    config.rename(real)
    real.chmod(0o640)
    config.symlink_to(real)
    run("install", "krita")
    assert config.is_symlink()
    assert "enable_velatura_krita=true" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
    run("install", "krita", "--uninstall")
    assert config.is_symlink()
    assert "velatura" not in real.read_text()


def linked(folder: Path, to: Path) -> None:
    """Move a folder, and leave a link in its place."""
    folder.rename(to)
    folder.symlink_to(to)


@pytest.mark.parametrize("plugin", [krita, gimp])
def test_a_linked_plugin_folder_stays_a_link_and_gets_the_new_plugin(user_home, plugin):
    (place, *_) = plugin.krita_homes() if plugin is krita else plugin.gimp_homes()
    plugin.install(place)
    linked(place.plugin, user_home / "moved")
    (user_home / "moved/old.py").write_text("")
    plugin.install(place)
    assert place.plugin.is_symlink()
    assert not (user_home / "moved/old.py").exists()
    assert plugin.state_of(place) == PluginState(True)
    assert plugin.uninstall(place)
    assert not place.plugin.is_symlink()
    assert (user_home / "moved/carried").is_dir()  # the link was removed, and nothing else
    assert not plugin.state_of(place).installed


@pytest.mark.parametrize("plugin", [krita, gimp])
def test_a_link_to_the_plugins_sources_is_not_written_through(user_home, plugin):
    (place, *_) = plugin.krita_homes() if plugin is krita else plugin.gimp_homes()
    sources = user_home / "clone"
    sources.mkdir()
    (sources / "work.py").write_text("not committed yet")
    place.plugin.parent.mkdir(parents=True)
    place.plugin.symlink_to(sources)
    before = everything_under(user_home)
    result = CliRunner().invoke(cli, ["install", plugin.EDITOR.lower()])
    assert isinstance(result.exception, DiskTrouble)
    assert "Remove the link" in result.exception.sentence
    assert everything_under(user_home) == before


def test_linked_desktop_and_action_files_stay_links(user_home):
    krita.install(home())
    for path in (home().desktop, home().action):
        path.rename(user_home / path.name)
        (user_home / path.name).write_text("old")
        (user_home / path.name).chmod(0o600)
        path.symlink_to(user_home / path.name)
    krita.install(home())
    for path in (home().desktop, home().action):
        assert path.is_symlink()
        # The installed .desktop file has the description in other languages after that.
        assert path.read_bytes().startswith((plugin_sources("plugin_krita") / path.name).read_bytes())
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_failed_installation_leaves_the_older_plugin(user_home, monkeypatch):
    krita.install(home())
    before = everything_under(home().resources)

    def fail(path, to):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", fail)
    with pytest.raises(DiskTrouble, match="No space left"):
        krita.install(home())
    assert everything_under(home().resources) == before


@as_root
def test_what_root_installs_again_for_a_user_still_belongs_to_the_user(user_home):
    krita.install(home())
    for path in (user_home, *user_home.rglob("*")):
        os.chown(path, 1234, 1234)
    krita.install(home())
    owned = [home().config, home().desktop, home().action, home().plugin, *home().plugin.rglob("*")]
    assert {path.stat().st_uid for path in owned} == {1234}


@pytest.mark.parametrize("editor", ["krita", "gimp"])
def test_without_a_umask_nothing_that_was_made_can_be_changed_by_others(user_home, editor):
    before = os.umask(0)
    try:
        run("install", editor)
    finally:
        os.umask(before)
    made = [path for path in user_home.rglob("*") if not path.is_symlink()]
    assert [str(path) for path in made if path.stat().st_mode & 0o022] == []
    assert stat.S_IMODE((user_home / "velatura/config/launch.json").stat().st_mode) == 0o600


def test_the_zip_is_written_through_a_link(user_home):
    (user_home / "real.zip").write_bytes(b"")
    (user_home / "real.zip").chmod(0o600)
    (user_home / "p.zip").symlink_to("real.zip")
    run("install", "krita", "--zip", str(user_home / "p.zip"))
    assert (user_home / "p.zip").is_symlink()
    assert (user_home / "real.zip").stat().st_size > 100_000
    assert stat.S_IMODE((user_home / "real.zip").stat().st_mode) == 0o600


# --- the text of kritarc -------------------------------------------------------------------------------
texts = st.text(
    st.sampled_from("ab=[]\n\r\t\x0b\x0c\x1c\x85\u2028é") | st.characters(blacklist_categories=["Cs"]), max_size=80
)


@given(texts, st.sampled_from(["", "[python]\n", "[python]\r\nenable_x=true\r\n", "[python]"]))
def test_every_other_byte_of_kritarc_stays(before, group):
    config = (before + "\n" if before else "") + group
    on = krita.with_enabled(config, "true")
    assert krita._enabled_value(on) == "true"
    start, _, rest = on.partition("enable_velatura_krita=true")
    assert config.startswith(start.removesuffix("[python]\n").removesuffix("[python]\r\n").rstrip("\r\n"))
    assert config.endswith(rest.lstrip("\r\n"))

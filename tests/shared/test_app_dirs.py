"""The folders on each system, and private files that nobody else may have written or read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from velatura.app_dirs import (
    app_dirs,
    make_private_folder,
    read_config_file,
    read_private_file,
    write_config_file,
    write_private_file,
)
from velatura.client.connection_file import ConnectionInfo, find, publish
from velatura.client.launch import Launcher, record_launcher, recorded_launcher
from velatura.client.locks import Lock
from velatura.errors import UnsafeConnectionFile


def test_one_variable_puts_everything_under_one_folder():
    dirs = app_dirs({"VELATURA_HOME": "/x"})
    assert {path.parts[1] for path in (dirs.config, dirs.state, dirs.cache, dirs.runtime)} == {"x"}


def test_linux_follows_the_xdg_folders():
    dirs = app_dirs({"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "relative"}, "linux")
    assert dirs.state == Path("/s/velatura")
    assert dirs.config == Path("/h/.config/velatura")


def test_a_sandboxed_editor_finds_the_connection_file_of_the_daemon_outside():
    outside = app_dirs({"HOME": "/h"}, "linux")
    flatpak = app_dirs({"HOME": "/h", "FLATPAK_ID": "org.kde.krita", "XDG_STATE_HOME": "/h/.var/app/x"}, "linux")
    snap = app_dirs({"HOME": "/h/snap/krita/1", "SNAP": "/snap/krita/1", "SNAP_REAL_HOME": "/h"}, "linux")
    assert outside.connection_file == flatpak.connection_file == snap.connection_file


def test_macos_and_windows_have_their_own_folders():
    mac = app_dirs({"HOME": "/Users/u"}, "darwin")
    windows = app_dirs({"APPDATA": "/r", "LOCALAPPDATA": "/l"}, "win32")
    assert mac.cache == Path("/Users/u/Library/Caches/Velatura")
    assert windows.connection_file == Path("/l/Velatura/State/connection.json")


def connection_of(dirs) -> ConnectionInfo:
    return ConnectionInfo(("ipc:///s",), b"k" * 32, 1, "build")


def test_the_connection_file_is_private_and_has_what_was_published(home):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    publish(dirs, connection_of(dirs))
    lock = Lock(dirs.lock_file)
    assert lock.acquire()
    assert find(dirs) == connection_of(dirs)
    assert stat.S_IMODE(dirs.connection_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(dirs.connection_file.parent.stat().st_mode) == 0o700
    lock.close()


def test_a_connection_file_left_by_a_crash_is_ignored(home):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    publish(dirs, connection_of(dirs))
    assert find(dirs) is None


def replace_by_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


@pytest.mark.parametrize(
    ("expose", "word"),
    [
        (replace_by_link, "link"),
        (lambda path: path.chmod(0o644), "others"),
        (lambda path: path.chmod(0o620), "others"),
        (lambda path: os.chown(path, 12345, -1), "another user"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "plain file"),
    ],
)
def test_a_file_that_others_could_have_written_or_read_is_refused(home, expose, word):
    path = home / "f" / "connection.json"
    write_private_file(path, b"{}")
    if word == "another user" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    expose(path)
    with pytest.raises(UnsafeConnectionFile, match=word):
        read_private_file(path)


def test_the_recorded_command_is_read_back(home):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    assert recorded_launcher(dirs) is None
    record_launcher(dirs, Launcher(("/opt/velatura", "daemon", "run"), "b1"))
    assert recorded_launcher(dirs) == Launcher(("/opt/velatura", "daemon", "run"), "b1")


def test_a_recorded_command_that_others_could_write_is_refused(home):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    record_launcher(dirs, Launcher(("/opt/velatura",), ""))
    dirs.launch_file.chmod(0o666)
    with pytest.raises(UnsafeConnectionFile):
        recorded_launcher(dirs)


def test_a_private_folder_makes_no_parent_that_others_can_change(tmp_path):
    before = os.umask(0)
    try:
        make_private_folder(tmp_path / ".config/velatura/presets")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in (".config", ".config/velatura")]
    assert modes == [0o755, 0o755]
    assert stat.S_IMODE((tmp_path / ".config/velatura/presets").stat().st_mode) == 0o700


def test_a_linked_config_file_is_read_and_stays_a_link(tmp_path):
    (tmp_path / "dotfiles").mkdir()
    (tmp_path / "dotfiles/real").write_bytes(b"old")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/link").symlink_to(tmp_path / "dotfiles/real")
    assert read_config_file(tmp_path / "config/link", 100) == b"old"
    write_config_file(tmp_path / "config/link", b"new")
    assert (tmp_path / "config/link").is_symlink()
    assert (tmp_path / "dotfiles/real").read_bytes() == b"new"


def test_a_config_file_that_others_can_write_is_not_read(tmp_path):
    write_config_file(tmp_path / "config/a", b"new")
    (tmp_path / "config/a").chmod(0o666)
    with pytest.raises(UnsafeConnectionFile):
        read_config_file(tmp_path / "config/a", 100)

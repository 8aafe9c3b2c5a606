"""Where things lie on each system, and files that nobody else may have written or read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from velatura.app_dirs import places, read_private_file, write_private_file
from velatura.client.connection_file import ConnectionInfo, find, publish
from velatura.client.launch import Launcher, clean_environment, record, recorded
from velatura.client.locks import Lock
from velatura.errors import UnsafeConnectionFile


def test_one_variable_puts_everything_under_one_folder():
    where = places({"VELATURA_HOME": "/x"})
    assert {path.parts[1] for path in (where.config, where.state, where.cache, where.runtime)} == {"x"}


def test_linux_follows_the_xdg_folders():
    where = places({"HOME": "/h", "XDG_STATE_HOME": "/s", "XDG_CONFIG_HOME": "relative"}, "linux")
    assert where.state == Path("/s/velatura")
    assert where.config == Path("/h/.config/velatura")


def test_a_sandboxed_editor_finds_the_connection_file_of_the_daemon_outside():
    outside = places({"HOME": "/h"}, "linux")
    flatpak = places({"HOME": "/h", "FLATPAK_ID": "org.kde.krita", "XDG_STATE_HOME": "/h/.var/app/x"}, "linux")
    snap = places({"HOME": "/h/snap/krita/1", "SNAP": "/snap/krita/1", "SNAP_REAL_HOME": "/h"}, "linux")
    assert outside.connection_file == flatpak.connection_file == snap.connection_file


def test_macos_and_windows_have_their_own_places():
    mac = places({"HOME": "/Users/u"}, "darwin")
    windows = places({"APPDATA": "/r", "LOCALAPPDATA": "/l"}, "win32")
    assert mac.cache == Path("/Users/u/Library/Caches/Velatura")
    assert windows.connection_file == Path("/l/Velatura/State/connection.json")


def connection_of(where) -> ConnectionInfo:
    return ConnectionInfo(("ipc:///s",), b"k" * 32, 1, "build")


def test_the_connection_file_is_private_and_says_what_was_published(home):
    where = places({"VELATURA_HOME": str(home)})
    publish(where, connection_of(where))
    lock = Lock(where.lock_file)
    assert lock.take()
    assert find(where) == connection_of(where)
    assert stat.S_IMODE(where.connection_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(where.connection_file.parent.stat().st_mode) == 0o700
    lock.close()


def test_a_connection_file_left_by_a_crash_is_not_believed(home):
    where = places({"VELATURA_HOME": str(home)})
    publish(where, connection_of(where))
    assert find(where) is None


def as_link(path: Path) -> None:
    path.rename(path.with_suffix(".real"))
    path.symlink_to(path.with_suffix(".real"))


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (as_link, "link"),
        (lambda path: path.chmod(0o644), "others"),
        (lambda path: path.chmod(0o620), "others"),
        (lambda path: os.chown(path, 12345, -1), "another user"),
        (lambda path: (path.unlink(), os.mkfifo(path, 0o600)), "plain file"),
    ],
)
def test_a_file_that_others_can_have_touched_is_refused(home, spoil, word):
    path = home / "f" / "connection.json"
    write_private_file(path, b"{}")
    if word == "another user" and os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    spoil(path)
    with pytest.raises(UnsafeConnectionFile, match=word):
        read_private_file(path)


def test_the_recorded_command_is_read_back(home):
    where = places({"VELATURA_HOME": str(home)})
    assert recorded(where) is None
    record(where, Launcher(("/opt/velatura", "daemon", "run"), "b1"))
    assert recorded(where) == Launcher(("/opt/velatura", "daemon", "run"), "b1")


def test_a_recorded_command_that_others_could_write_is_not_run(home):
    where = places({"VELATURA_HOME": str(home)})
    record(where, Launcher(("/opt/velatura",), ""))
    where.launch_file.chmod(0o666)
    with pytest.raises(UnsafeConnectionFile):
        recorded(where)


def test_the_daemon_does_not_see_the_editors_python():
    env = clean_environment({"PYTHONPATH": "x", "PYTHONHOME": "y", "LD_LIBRARY_PATH": "z", "HOME": "/h"})
    assert env == {"HOME": "/h"}

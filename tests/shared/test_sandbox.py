"""Editors in a Flatpak or Snap: what the plugin may do is read from the sandbox, and each obstacle has its command.

The last tests run a client in a real sandbox with Flatpak's redirections, made by bubblewrap as Flatpak makes its own.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_for_end
from velatura.app_dirs import AppDirs, app_dirs
from velatura.client.client import Client
from velatura.client.connection_file import ConnectionInfo, publish
from velatura.client.launch import Launcher, command_for, launch, record_launcher, terminal_command
from velatura.client.locks import Lock
from velatura.client.sandbox import FLATPAK, SNAP, Sandbox, find_sandbox
from velatura.errors import error_from
from velatura_daemon.build import build_id

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has none of these sandboxes")

TREE = Path(__file__).parents[2]

KRITA = """[Application]
name=org.kde.krita
runtime=runtime/org.freedesktop.Platform/x86_64/25.08

[Context]
shared=network;ipc;
sockets=x11;pulseaudio;
devices=dri;
filesystems=host;xdg-run/gvfs;

[Session Bus Policy]
com.canonical.AppMenu.Registrar=talk
"""  # as Flathub's manifest of Krita has it; GIMP's has the same
MAY_START = KRITA + "org.freedesktop.Flatpak=talk\n"
OFFLINE = KRITA.replace("network;", "")
BLIND = KRITA.replace("host;", "")


@pytest.fixture
def dirs(home: Path) -> AppDirs:
    return app_dirs({"HOME": str(home)}, "linux")


def sandbox_of(info: str, home: Path) -> Sandbox | None:
    (home / "info").write_text(info)
    return find_sandbox({"HOME": str(home)}, home / "info")


# --- what the sandbox permits -----------------------------------------------------------------------
def test_outside_of_sandboxes_none_is_found(home):
    assert find_sandbox({"HOME": str(home)}, home / "missing") is None
    assert find_sandbox({"HOME": str(home), "APPIMAGE": "/k.AppImage", "APPDIR": "/tmp/.m"}, home / "missing") is None


def test_flathubs_editors_reach_the_daemon_but_may_not_start_it(home):
    assert sandbox_of(KRITA, home) == Sandbox(FLATPAK, "org.kde.krita")


@pytest.mark.parametrize(
    ("info", "difference"),
    [(MAY_START, {"starts_outside": True}), (OFFLINE, {"has_network": False}), (BLIND, {"sees_files": False})],
)
def test_each_permission_of_a_flatpak_is_read(home, info, difference):
    assert sandbox_of(info, home) == Sandbox(FLATPAK, "org.kde.krita", **difference)


@pytest.mark.parametrize("folders", ["home", "home:ro", "~/.local:create", "{home}/.local/state/velatura"])
def test_a_flatpak_sees_the_files_in_each_kind_of_shared_folder(home, monkeypatch, folders):
    monkeypatch.setenv("HOME", str(home))
    sandbox = sandbox_of(KRITA.replace("host", folders.format(home=home)), home)
    assert sandbox is not None and sandbox.sees_files


@pytest.mark.parametrize(
    ("folders", "state"),
    [
        ("xdg-data", ".local/share/state"),
        ("xdg-config/painting:ro", "my config/painting/state"),
        ("xdg-documents:create", "Documents/state"),
        ("xdg-pictures/art", "my pictures/art/state"),
    ],
)
def test_a_flatpak_sees_the_files_in_a_shared_folder_that_flatpak_has_a_name_for(home, folders, state):
    (home / "user-dirs.dirs").write_text('# comment\nXDG_PICTURES_DIR="$HOME/my pictures"\n')
    (home / "info").write_text(KRITA.replace("host", folders))
    env = {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "HOST_XDG_CONFIG_HOME": str(home / "my config"),
        "FLATPAK_ID": "org.kde.krita",
    }
    for where, seen in ((home / state, True), (home / "elsewhere", False)):
        sandbox = find_sandbox({**env, "HOST_XDG_STATE_HOME": str(where)}, home / "info")
        assert sandbox is not None and sandbox.sees_files == seen


@pytest.mark.parametrize("info", ["", "no sections", "[Context]\nshared", "\0"])
def test_a_damaged_description_of_a_flatpak_is_no_error(home, info):
    find = sandbox_of(info, home)
    assert find is None or find.kind == FLATPAK


def test_a_snap_that_hides_the_users_folders_has_one_of_its_own(home):
    env = {
        "HOME": str(home),
        "SNAP": "/snap/krita/1",
        "SNAP_NAME": "krita",
        "SNAP_REAL_HOME": "/proc/1/task/1/cwd",  # listing it is refused, as a confined Snap's ~/.local
        "SNAP_USER_COMMON": str(home / "snap/krita/common"),
    }
    if os.geteuid() == 0:
        env["SNAP_REAL_HOME"] = str(home / "file")  # root may list everything: not a folder at all
        (home / "file").write_text("")
    own = home / "snap/krita/common/velatura"
    assert find_sandbox(env, home / "missing") == Sandbox(SNAP, "krita", home=str(own))
    assert app_dirs(env, "linux") == app_dirs({"VELATURA_HOME": str(own)})


def test_a_snap_without_confinement_is_no_sandbox(home):
    """Its SNAP variables also reach programs that are started from it, such as a terminal in an editor for code."""
    env = {"HOME": str(home), "SNAP": "/snap/code/1", "SNAP_REAL_HOME": str(home), "SNAP_USER_COMMON": "/c"}
    assert find_sandbox(env, home / "missing") is None
    assert app_dirs(env, "linux").state == home / ".local/state/velatura"


def test_a_flatpak_looks_in_the_folders_that_the_user_has_moved():
    env = {"HOME": "/h", "FLATPAK_ID": "x", "XDG_STATE_HOME": "/h/.var/app/x/s", "HOST_XDG_STATE_HOME": "/moved"}
    assert app_dirs(env, "linux").state == Path("/moved/velatura")


# --- what the user reads ----------------------------------------------------------------------------
def test_each_obstacle_gives_its_own_command(dirs, monkeypatch):
    blind = Sandbox(FLATPAK, "org.kde.krita", sees_files=False)
    offline = Sandbox(FLATPAK, "org.kde.krita", has_network=False)
    for sandbox, error, command in (
        (
            blind,
            blind.hides_files(dirs),
            f"flatpak override --user --filesystem={dirs.state}:create --filesystem={dirs.config}:create org.kde.krita",
        ),
        (offline, offline.is_offline(), "flatpak override --user --share=network org.kde.krita"),
        (offline, offline.cannot_start("velatura daemon start"), "velatura daemon start"),
    ):
        monkeypatch.setattr("velatura.client.launch.find_sandbox", lambda dirs=None, found=sandbox: found)
        assert error.sentence.endswith(f": {command}")
        # As it comes from the client: without more than its code and sentence.
        assert command_for(error_from(error.code, error.sentence), dirs) == command


def test_a_snap_without_network_gets_snaps_own_command():
    assert Sandbox(SNAP, "krita").is_offline().sentence.endswith(": sudo snap connect krita:network")


def test_a_flatpak_that_may_start_programs_starts_the_daemon_outside(home, monkeypatch):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    folder = home / "bin"
    folder.mkdir()
    (folder / "flatpak-spawn").write_text('#!/bin/sh\necho "$@"\n')
    (folder / "flatpak-spawn").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    monkeypatch.setenv("VELATURA_HOME", str(home))
    sandbox = Sandbox(FLATPAK, "org.kde.krita", starts_outside=True)
    assert launch(dirs, ["/opt/velatura", "daemon", "run"], sandbox).wait(timeout=60) == 0
    asked = dirs.log_file.read_text().splitlines()[-1]
    assert asked == f"--host --directory={Path.home()} --env=VELATURA_HOME={home} /opt/velatura daemon run"


# --- a real sandbox ---------------------------------------------------------------------------------
CLIENT = """
import json
from velatura.client.client import Client
from velatura.errors import VelaturaError
try:
    with Client("krita", client_id="inside") as client:
        client.wait_until_ready()
        print(json.dumps({"pid": client.status()["pid"]}))
except VelaturaError as error:
    print(json.dumps({"code": error.code, "sentence": error.sentence}))
"""


@pytest.fixture(scope="module")
def bubblewrap() -> str:
    path = shutil.which("bwrap")
    if path is None or subprocess.run([path, "--ro-bind", "/", "/", "--unshare-all", "true"]).returncode:
        pytest.skip("bubblewrap is not installed, or cannot make namespaces here")
    return path


class Outside:
    """A user's home with a daemon, whose socket is in a runtime folder that sandboxes do not see."""

    def __init__(self, home: Path) -> None:
        self.home, self.runtime = home, home.with_name(home.name + "-run")
        self.runtime.mkdir(mode=0o700)
        self.env = {"HOME": str(home), "XDG_RUNTIME_DIR": str(self.runtime)}
        self.dirs = app_dirs(self.env, "linux")
        self.pids: list[int] = []

    def start(self) -> int:
        variables = [f"{name}={value}" for name, value in self.env.items()]
        command = ("/usr/bin/env", "-u", "VELATURA_HOME", *variables, sys.executable, "-m", "velatura_daemon")
        launcher = Launcher((*command, "daemon", "run", "--threads", "1"), build_id())
        record_launcher(self.dirs, launcher)
        with Client("tests", dirs=self.dirs, client_id="outside", launcher=launcher) as client:
            client.wait_until_ready()
            self.pids.append(client.status()["pid"])
        return self.pids[0]

    def run_inside(self, bubblewrap: str, info: str, *options: str) -> dict[str, object]:
        """Run the client as an editor in a Flatpak: with its variables, and a /run and /tmp of its own."""
        (self.home / "flatpak-info").write_text(info)
        argv = [bubblewrap, "--unshare-pid", "--die-with-parent", *options]
        for path in sorted(Path("/").iterdir()):
            if path.is_symlink():
                argv += ["--symlink", str(path.readlink()), str(path)]
            elif path.name not in ("proc", "dev", "tmp", "run", "sys"):
                argv += ["--ro-bind", str(path), str(path)]
        argv += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run"]
        for folder in {str(TREE), sys.prefix}:
            argv += ["--ro-bind", folder, folder]
        argv += ["--bind", str(self.home), str(self.home)]
        argv += ["--ro-bind", str(self.home / "flatpak-info"), "/.flatpak-info"]
        app = self.home / ".var/app/org.kde.krita"
        env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "FLATPAK_ID": "org.kde.krita",
            "XDG_RUNTIME_DIR": "/run/user/0",
            "PYTHONPATH": str(TREE / "shared"),
            **{f"XDG_{name}_HOME": str(app / name.lower()) for name in ("CONFIG", "DATA", "CACHE", "STATE")},
        }
        done = subprocess.run(
            [*argv, sys.executable, "-c", CLIENT], env=env, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))


@pytest.fixture
def outside(home: Path) -> Iterator[Outside]:
    one = Outside(home)
    yield one
    for pid in one.pids:
        os.kill(pid, 15)
        wait_for_end(pid)
    shutil.rmtree(one.runtime, ignore_errors=True)


def test_a_sandboxed_editor_finds_the_daemon_outside(outside, bubblewrap):
    pid = outside.start()
    assert outside.run_inside(bubblewrap, KRITA) == {"pid": pid}


def test_without_network_a_socket_in_the_shared_home_is_used(outside, bubblewrap):
    outside.env["XDG_RUNTIME_DIR"] = ""  # so that the socket is in the state folder
    outside.dirs = app_dirs(outside.env, "linux")
    pid = outside.start()
    assert outside.run_inside(bubblewrap, OFFLINE, "--unshare-net") == {"pid": pid}


def test_without_network_the_command_that_allows_it_is_given(outside, bubblewrap):
    outside.start()
    seen = outside.run_inside(bubblewrap, OFFLINE, "--unshare-net")
    assert "flatpak override --user --share=network org.kde.krita" in str(seen["sentence"])


def test_without_a_daemon_the_command_that_starts_one_is_given(outside, bubblewrap):
    record_launcher(outside.dirs, Launcher(("/opt/velatura", "daemon", "run"), ""))
    seen = outside.run_inside(bubblewrap, KRITA)
    assert seen["code"] == "daemon_not_running"
    assert str(seen["sentence"]).endswith("/opt/velatura daemon start")


def test_a_daemon_that_has_ended_is_noticed_from_inside(outside, bubblewrap):
    """Its lock is seen through the sandbox's own mounts and processes."""
    publish(outside.dirs, ConnectionInfo(("tcp://127.0.0.1:1",), b"k" * 32, 1, ""))
    Lock(outside.dirs.lock_file).close()
    assert outside.run_inside(bubblewrap, KRITA)["code"] == "daemon_not_running"


def test_the_terminal_command_names_the_snaps_own_folder(dirs, home, monkeypatch):
    (home / "file").write_text("")
    for name, value in {
        "SNAP": "/snap/gimp/1",
        "SNAP_REAL_HOME": str(home / "file"),
        "SNAP_USER_COMMON": str(home / "c"),
    }.items():
        monkeypatch.setenv(name, value)
    assert terminal_command(dirs) == f"VELATURA_HOME={home}/c/velatura velatura daemon start"

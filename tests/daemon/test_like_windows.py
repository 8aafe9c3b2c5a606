"""The daemon works without what Windows lacks: Unix sockets, signals, owners, `fcntl`, `os.fork` and so on.

This shows that nothing of Unix is needed, not that Windows itself causes no trouble.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import QUICK, Daemon, picture
from velatura.client.connection_file import find
from velatura.client.launch import Launcher
from velatura_daemon.build import build_id

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="simulated elsewhere only")

TREE = Path(__file__).parents[2]


class LikeWindows(Daemon):
    @property
    def launcher(self) -> Launcher:
        variables = (f"VELATURA_HOME={self.home}", f"PYTHONPATH={TREE}")
        return Launcher(("/usr/bin/env", *variables, sys.executable, "-m", "tests.support.like_windows"), build_id())


@pytest.fixture
def like_windows(home):
    one = LikeWindows(home)
    yield one
    one.stop()


def test_a_daemon_without_unix_restyles_through_a_port_and_keeps_a_result(like_windows):
    content, style = picture(seed=1), picture(40, 40, seed=2)
    with like_windows.client() as client:
        done = client.restyle_and_wait(content, [(style, 1.0)], QUICK)
        endpoints = find(like_windows.dirs).endpoints
    assert (done.picture.width, done.picture.height) == (32, 24)
    assert [endpoint.partition("://")[0] for endpoint in endpoints] == ["tcp"]


def test_its_lock_keeps_a_second_daemon_from_starting(like_windows):
    with like_windows.client("first") as first:
        first.wait_until_ready()
        pid = first.status()["pid"]
        second = subprocess.run(like_windows.launcher.command, capture_output=True, text=True, timeout=400)
        assert second.returncode == 0, second.stderr
        with like_windows.client("third", start=False) as third:
            assert third.status()["pid"] == pid


def test_a_client_without_unix_starts_the_daemon_and_finds_it(like_windows):
    program = (
        "import importlib, sys\n"
        "from tests.support import like_windows as it\n"
        "for name in it.LIBRARIES: importlib.import_module(name)\n"
        "it.become()\n"
        "from velatura.app_dirs import app_dirs; from velatura.client.client import Client\n"
        "from velatura.client.launch import Launcher\n"
        "dirs = app_dirs({'VELATURA_HOME': sys.argv[1]})\n"
        "with Client('krita', dirs=dirs, client_id='inside', launcher=Launcher(tuple(sys.argv[2:]), '')) as client:\n"
        "    client.wait_until_ready(); print(client.status()['pid'])\n"
    )
    argv = [sys.executable, "-c", program, str(like_windows.home), *like_windows.launcher.command]
    env = {**os.environ, "PYTHONPATH": str(TREE)}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr
    with like_windows.client("outside", start=False) as outside:
        assert outside.status()["pid"] == int(done.stdout)


def test_the_simulation_lacks_what_windows_lacks():
    program = (
        "import importlib; from tests.support import like_windows as it\n"
        "for name in it.LIBRARIES: importlib.import_module(name)\n"
        "it.become()\n"
        "import os, signal, socket\n"
        "assert not any(hasattr(os, name) for name in ('fork', 'geteuid', 'killpg', 'fchmod', 'O_NONBLOCK'))\n"
        "assert not hasattr(signal, 'SIGKILL') and not hasattr(signal, 'SIGHUP') and not hasattr(socket, 'AF_UNIX')\n"
        "from velatura.atomic import POSIX; assert not POSIX\n"
        "try: import fcntl\n"
        "except ImportError: print('gone')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(TREE)}
    done = subprocess.run([sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=400)
    assert done.stdout.strip() == "gone", done.stderr

"""`velatura daemon start --remote` and `velatura doctor`, with a real sshd."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.sshd import Box
from velatura.app_dirs import app_dirs
from velatura.client.launch import recorded_launcher

Velatura = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def box(home: Path) -> Iterator[Box]:
    one = Box(home / "there")
    yield one
    one.close()


@pytest.fixture
def velatura(home: Path) -> Iterator[Velatura]:
    """Return a function that runs `velatura …` in a home folder of its own, whose daemon is stopped at the end."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "velatura_daemon", *arguments]
        env = {**os.environ, "VELATURA_HOME": str(home / "here")}
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=400, check=False)

    yield call
    call("daemon", "stop")


def test_start_says_whether_the_box_answers_and_doctor_walks_the_whole_way(box, velatura, home):
    done = velatura("daemon", "start", "--remote", "box", "--ssh", box.ssh)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "box: a draft of 512 × 384 pixels: About" in done.stdout
    launcher = recorded_launcher(app_dirs({"VELATURA_HOME": str(home / "here")}))
    assert launcher is not None and launcher.command[-4:] == ("--remote", "box", "--ssh", box.ssh)
    assert "jobs run on  box" in velatura("daemon", "status").stdout
    lines = velatura("doctor").stdout.splitlines()
    found = [line for line in lines if " box: " in line]
    assert [line[:2] for line in found] == ["ok"] * 4
    assert "ssh logs in; Velatura" in found[0] and str(box.velatura) in found[0]
    assert "answers through ssh" in found[2]
    if "on cpu" in found[3]:
        assert "no GPU that PyTorch can use" in lines[lines.index(found[3]) + 1]


def test_a_box_that_is_off_is_recorded_all_the_same_and_doctor_says_where_it_stops(box, velatura, home):
    box.stop_sshd()
    done = velatura("daemon", "start", "--remote", "box", "--ssh", box.ssh)
    assert (done.returncode, "accepts no ssh connections" in done.stdout) == (1, True)
    assert recorded_launcher(app_dirs({"VELATURA_HOME": str(home / "here")})) is not None
    box.start()
    box.velatura.unlink()
    done = velatura("doctor", "--remote", "box", "--ssh", box.ssh)
    assert done.returncode == 1
    assert "!!  box: Velatura was not found on box" in done.stdout


@pytest.mark.parametrize("kind", ["{}", "me@{}"])
def test_a_host_name_that_is_an_option_runs_nothing(velatura, tmp_path, kind):
    made = tmp_path / "made"
    for command in ("start", "run"):
        done = velatura("daemon", command, "--remote", kind.format(f"-oProxyCommand=touch${{IFS}}{made}"))
        assert done.returncode != 0
        assert "does not name a machine" in done.stderr
    assert not made.exists()


def test_a_box_that_forbids_unix_sockets_is_fine_and_one_that_forbids_all_is_named(box, velatura):
    box.stop_sshd()
    box.start("AllowStreamLocalForwarding no")
    assert velatura("daemon", "start", "--remote", "box", "--ssh", box.ssh).returncode == 0
    box.stop_sshd()
    box.start("AllowStreamLocalForwarding no", "AllowTcpForwarding no")
    assert "forbids forwarding" in velatura("doctor", "--remote", "box", "--ssh", box.ssh).stdout

"""Standard streams that are closed, full or no longer read: one line at most, and an exit code that tells."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Daemon
from tests.support.command_line import QUICK

PRINTING = (
    ("--help",),
    ("restyle", "--help"),
    ("presets",),
    ("presets", "--json"),
    ("results", "list"),
    ("history", "--json"),
    ("weights", "list"),
    ("daemon", "status"),
    ("daemon", "logs"),
    ("doctor", "--remote", "nobody@127.0.0.1", "--ssh", "false"),
)

Shell = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def shell(warm: Daemon) -> Shell:
    """Return a function that runs a command of velatura with redirections of the shell."""

    def call(redirection: str, *arguments: object) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "VELATURA_HOME": str(warm.home), "OMP_NUM_THREADS": "1"}
        script = f'"$@" {redirection}'
        command = ["sh", "-c", script, "sh", sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=400, check=False)

    warm.status()  # it runs, so that every command has something to print
    return call


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
@pytest.mark.parametrize(
    ("redirection", "reason"), [(">/dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_what_stdout_does_not_take_is_one_line_and_a_failure(redirection, reason, command, shell):
    done = shell(redirection, *command)
    assert (done.returncode, done.stderr) == (1, f"velatura: The output could not be written ({reason}).\n")


@pytest.mark.parametrize("command", PRINTING, ids=" ".join)
def test_a_reader_that_goes_away_ends_the_command_silently(command, shell, warm: Daemon):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as stdout:
        done = subprocess.run(
            [sys.executable, "-m", "velatura_daemon", *command],
            env={**os.environ, "VELATURA_HOME": str(warm.home)},
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=400,
            check=False,
        )
    assert (done.returncode, done.stderr) == (141, "")


@pytest.mark.parametrize("redirection", ["2>&-", "2>/dev/full"])
def test_what_stderr_does_not_take_stops_nothing_and_leaves_the_exit_code(redirection, shell, files: Path):
    out = files / "out.png"
    done = shell(
        redirection, "restyle", files / "photo.png", "--style", files / "painting.png", "-o", out, "--force", *QUICK
    )
    assert (done.returncode, done.stdout.strip()) == (0, str(out))
    assert shell(redirection, "restyle", files / "missing.png", "--style", files / "painting.png").returncode == 2
    assert shell(redirection, "nonsense").returncode == 2


def test_with_all_streams_closed_a_restyle_writes_its_file_and_reports_by_its_exit_code(shell, files):
    out = files / "out.png"
    done = shell("<&- >&- 2>&-", "restyle", files / "photo.png", "--style", files / "painting.png", "-o", out, *QUICK)
    assert (done.returncode, out.exists()) == (1, True)  # its output, the name of the file, is lost


def test_a_reader_of_json_lines_that_goes_away_ends_the_restyle(shell, warm: Daemon, files):
    done = shell(
        "| head -n 1",
        *("restyle", files / "photo.png", "--style", files / "painting.png", "--json"),
        *("--quality", "draft", "--iterations", "20000"),
    )
    assert done.stderr == ""
    with warm.client("after") as client:
        while client.status()["jobs"]:
            pass

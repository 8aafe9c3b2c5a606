"""A command that is stopped by a signal: at every moment one line, and the exit code 128 + the signal's number."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Daemon
from tests.support.own_signals import SITE_CUSTOMIZE, run_with_signals
from velatura_daemon.cli.commands import COMMANDS, cli
from velatura_daemon.terminal.saved import saved_items

ENDLESS = ("--quality", "draft", "--iterations", "20000")
STOPPED = "Stopped.\n"

EVERY_COMMAND = (
    ("restyle", "photo.png", "--style", "painting.png"),
    ("batch", ".", "--style", "painting.png"),
    ("film", ".", "--style", "painting.png"),
    ("compare", "photo.png", "--style", "painting.png", "--strength", "25,75"),
    ("explain", "photo.png", "--style", "painting.png"),
    ("demo",),
    ("presets",),
    ("results", "list"),
    ("results", "save"),
    ("history",),
    ("forget", "--yes"),
    ("install", "krita"),
    ("setup", "--status"),
    ("daemon", "start"),
    ("daemon", "stop"),
    ("daemon", "status"),
    ("daemon", "logs", "-f"),
    ("weights", "list"),
    ("weights", "fetch"),
    ("doctor",),
    ("bench",),
)


def at(files: Path, command: tuple[str, ...]) -> list[str]:
    """The arguments with the files' full names."""
    return [str(files / part) if part in ("photo.png", "painting.png", ".") else part for part in command]


@pytest.fixture
def hook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hook")


def start(home: Path, *arguments: object) -> subprocess.Popen[str]:
    env = {**os.environ, "VELATURA_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "velatura_daemon", *map(str, arguments)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def until_progress(process: subprocess.Popen[str]) -> None:
    """Read the JSON lines until the restyle is running."""
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["event"] == "progress":
            return
    raise AssertionError(f"it ended before any progress: {process.communicate()[1]}")


def test_every_command_is_in_the_list_of_commands():
    assert {command[0] for command in EVERY_COMMAND} == set(COMMANDS)
    for name in COMMANDS:
        assert cli.get_command(None, name).name == name  # type: ignore[arg-type]


@pytest.mark.parametrize("command", EVERY_COMMAND, ids=" ".join)
def test_ctrl_c_while_a_command_is_loaded_ends_it_with_one_line(command, hook, home, files):
    done = run_with_signals(hook, home, signal.SIGINT, [f"cli/__pycache__/{command[0]}."], *at(files, command))
    assert (done.returncode, done.stdout, done.stderr) == (130, "", STOPPED)


@pytest.mark.parametrize(
    "moment",
    ["terminal.streams", "click", "rich.console", "cli.commands", "import velatura.errors", "velatura.client.client"],
)
def test_ctrl_c_in_the_first_moments_ends_with_one_line(moment, hook, home, files):
    done = run_with_signals(
        hook, home, signal.SIGINT, [moment], "restyle", files / "photo.png", "--style", files / "painting.png"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", STOPPED)


@pytest.mark.parametrize(
    "moment", ["import numpy", "imaging.files.read", "velatura.client.transport", "connection.json", "painting.png"]
)
def test_ctrl_c_during_the_work_of_a_restyle_ends_with_one_line_and_leaves_no_file(moment, hook, warm, files):
    before = sorted(files.iterdir())
    done = run_with_signals(
        hook, warm.home, signal.SIGINT, [moment], "restyle", files / "photo.png", "--style", files / "painting.png"
    )
    assert (done.returncode, done.stdout, done.stderr) == (130, "", STOPPED)
    assert sorted(files.iterdir()) == before


@pytest.mark.parametrize("command", [("doctor",), ("bench", "--sizes", "64")], ids=" ".join)
def test_ctrl_c_while_torch_is_loaded_ends_with_one_line(command, hook, home):
    done = run_with_signals(hook, home, signal.SIGINT, ["import torch.nn"], *command)
    assert (done.returncode, done.stderr) == (130, STOPPED)


def test_an_interrupt_that_python_drops_in_a_destructor_still_stops_the_command(hook, home):
    in_destructor = SITE_CUSTOMIZE.replace(
        "os.kill(os.getpid(), _number)",
        "D = type('D', (), {'__del__': lambda self: [os.kill(os.getpid(), _number), sum(range(9))]}); D()",
    )
    done = run_with_signals(hook, home, signal.SIGINT, ["cli.logs"], "daemon", "logs", "-f", code=in_destructor)
    assert (done.returncode, done.stderr) == (130, STOPPED)


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_each_signal_has_the_exit_code_that_shells_give_it(name, code, hook, home):
    done = run_with_signals(hook, home, signal.Signals[name], ["cli.logs"], "daemon", "logs", "-f")
    assert (done.returncode, done.stderr) == (code, STOPPED)


def test_a_signal_that_the_caller_ignores_stays_ignored(hook, home, monkeypatch):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        done = run_with_signals(hook, home, signal.SIGHUP, ["cli/__pycache__/presets."], "presets")
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_second_ctrl_c_during_the_cleanup_adds_nothing(hook, warm, files):
    for second in ("import traceback", "import contextlib", "import numpy.linalg"):
        done = run_with_signals(
            hook,
            warm.home,
            signal.SIGINT,
            ["import numpy", second],
            *("restyle", files / "photo.png", "--style", files / "painting.png"),
        )
        assert (done.returncode, done.stdout, done.stderr) == (130, "", STOPPED)


@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_cancels_the_restyle_in_the_daemon(times, warm: Daemon, files):
    process = start(warm.home, "restyle", files / "photo.png", "--style", files / "painting.png", "--json", *ENDLESS)
    until_progress(process)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=400)
    assert (process.returncode, err) == (130, STOPPED)
    if times == 1:
        with warm.client("after") as client:
            while client.status()["jobs"]:
                pass
            assert not saved_items(client)  # cancelled, not stopped and saved


def test_a_stopped_batch_says_in_the_same_line_what_is_done(warm, files, tmp_path):
    process = start(
        warm.home, "batch", files, "--style", files / "painting.png", "-o", tmp_path / "out", "--json", *ENDLESS
    )
    until_progress(process)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=400)
    assert process.returncode == 130
    assert err == "Stopped. No picture is done yet. Run the same command again to continue.\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("moment", ["subprocess.Popen", "connection.json"])
def test_ctrl_c_while_the_daemon_is_starting_stops_only_the_command(moment, hook, daemon: Daemon):
    done = run_with_signals(hook, daemon.home, signal.SIGINT, [moment], "daemon", "start")
    assert done.returncode == 130
    assert done.stderr.startswith("Stopped. The daemon may still be starting")
    assert done.stderr.count("\n") == 1
    assert daemon.status()["pid"]

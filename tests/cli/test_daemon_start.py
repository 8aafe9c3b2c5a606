"""`velatura daemon start`: the command that it records, and errors in its options."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from velatura.app_dirs import app_dirs
from velatura.client.launch import recorded_launcher
from velatura.errors import UsageError
from velatura_daemon.cli.daemon import as_arguments
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.factory import providers_for


@pytest.fixture
def velatura(home):
    """Return a function that runs `velatura …` in a home folder of its own, whose daemon is stopped at the end."""

    def call(*arguments):
        command = [sys.executable, "-m", "velatura_daemon", *arguments]
        return subprocess.run(
            command,
            env={**os.environ, "VELATURA_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )

    yield call
    call("daemon", "stop")


def test_invalid_options_are_reported_once_and_not_recorded_for_the_editors(velatura, home):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    done = velatura("daemon", "start", "--devices", "cpu,gpu")
    assert done.stderr.count("velatura:") == 1
    assert "'gpu' is neither.\n" in done.stderr, done.stderr
    assert recorded_launcher(dirs) is None
    assert velatura("daemon", "start", "--threads", "1").returncode == 0
    velatura("daemon", "stop")
    assert velatura("daemon", "start", "--executor", "ray").returncode == 2
    assert recorded_launcher(dirs).command[-2:] == ("--threads", "1")


@pytest.mark.parametrize(
    "options", [("--device", "gpu"), ("--devices", "cpu,gpu"), ("--upstream", "x", "--remote", "y")]
)
def test_beside_a_running_daemon_invalid_options_are_not_recorded_either(velatura, home, options):
    dirs = app_dirs({"VELATURA_HOME": str(home)})
    assert velatura("daemon", "start", "--threads", "1").returncode == 0
    assert velatura("daemon", "start", *options).returncode == 2
    assert recorded_launcher(dirs).command[-2:] == ("--threads", "1")


def test_starting_beside_a_running_daemon_explains_when_the_options_take_effect(velatura):
    assert "is running" in velatura("daemon", "start").stdout
    assert "already running" in velatura("daemon", "start").stdout
    other = velatura("daemon", "start", "--devices", "cpu,cpu").stdout
    assert "with other options" in other
    assert "'velatura daemon stop'" in other


def test_a_disabled_switch_is_recorded_as_a_no_option():
    assert as_arguments({"tcp": False, "threads": 0}) == ["--no-tcp"]
    assert as_arguments({"tcp": True, "exit_seconds": 5.0}) == ["--exit-seconds", "5.0"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"address": "ray://head:10001"}, "--address only applies to a Ray cluster"),
        ({"node_labels": ("gpu=h100",), "min_actors": 1}, "--min-actors and --node-labels"),
        ({"upstream": "tcp://box:5533", "executor": "ray", "address": "auto"}, "Leave one of them out"),
        ({"executor": "upstream"}, "needs --upstream"),
        ({"device": "gpu"}, "--device is auto, cpu, cuda, cuda:N, xpu, xpu:N or mps, not 'gpu'"),
        ({"threads": -1}, "--threads takes a number that is not below 0, not -1"),
        ({"heartbeat": float("nan")}, "--heartbeat takes"),
        ({"exit_seconds": float("inf")}, "--exit-seconds takes"),
        ({"hang_seconds": 0.0}, "--hang-seconds takes a number above 0"),
        ({"device": "cuda:1,cuda:2"}, "--devices"),
        ({"device": "gpu", "executor": "ray", "address": "auto"}, "not 'gpu'"),
        ({"device": "gpu", "remote": ("me@box",)}, "not 'gpu'"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, sentence, home):
    with pytest.raises(UsageError, match=sentence):
        providers_for(DaemonConfig(**options), app_dirs({"VELATURA_HOME": str(home)}), lambda: None)

"""`velatura daemon start`: what it records, and what it says where its options cannot hold."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from velatura.app_dirs import app_dirs
from velatura.client.launch import recorded_launcher
from velatura.errors import UsageError
from velatura_daemon.cli.daemon import as_words
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.factory import providers_for


@pytest.fixture
def velatura(home):
    """Runs `velatura …` under a home of its own, whose daemon it stops in the end."""

    def call(*words):
        command = [sys.executable, "-m", "velatura_daemon", *words]
        return subprocess.run(
            command,
            env={**os.environ, "VELATURA_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    yield call
    call("daemon", "stop")


def test_options_that_cannot_be_meant_are_said_once_and_are_not_recorded_for_the_editors(velatura, home):
    where = app_dirs({"VELATURA_HOME": str(home)})
    done = velatura("daemon", "start", "--devices", "cpu,gpu")
    assert done.stderr.count("velatura:") == 1
    assert "'gpu' is none.\n" in done.stderr, done.stderr
    assert recorded_launcher(where) is None
    assert velatura("daemon", "start", "--threads", "1").returncode == 0
    velatura("daemon", "stop")
    assert velatura("daemon", "start", "--executor", "ray").returncode == 1
    assert recorded_launcher(where).command[-2:] == ("--threads", "1")


def test_a_start_beside_a_running_daemon_says_from_when_on_its_options_hold(velatura):
    assert "is there" in velatura("daemon", "start").stdout
    assert "running already" in velatura("daemon", "start").stdout
    other = velatura("daemon", "start", "--devices", "cpu,cpu").stdout
    assert "goes on as it was started" in other
    assert "'velatura daemon stop'" in other


def test_a_switch_that_is_off_is_recorded_as_it_is_said():
    assert as_words({"tcp": False, "threads": 0}) == ["--no-tcp"]
    assert as_words({"tcp": True, "exit_seconds": 5.0}) == ["--exit-seconds", "5.0"]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"address": "ray://head:10001"}, "--address would be of a Ray cluster"),
        ({"node_labels": ("gpu=h100",), "min_actors": 1}, "--min-actors and --node-labels"),
        ({"upstream": "tcp://box:5533", "executor": "ray", "address": "auto"}, "Leave one of them out"),
        ({"executor": "upstream"}, "needs --upstream"),
    ],
)
def test_options_that_contradict_each_other_are_refused(options, sentence, home):
    with pytest.raises(UsageError, match=sentence):
        providers_for(DaemonConfig(**options), app_dirs({"VELATURA_HOME": str(home)}), lambda: None)

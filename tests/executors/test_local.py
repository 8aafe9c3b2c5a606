"""Several workers of one machine, as real processes: `--devices`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ENDLESS, QUICK, Daemon, picture
from tests.support.daemons import near_to, until
from velatura.errors import UsageError
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.cli.daemon import as_arguments
from velatura_daemon.config import DaemonConfig, default_memory
from velatura_daemon.executors import local
from velatura_daemon.executors.local import LocalProvider, device_names
from velatura_daemon.jobs.events import Available, Estimated, WorkerInfo
from velatura_daemon.jobs.spec import EstimateRequest

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


@pytest.fixture(scope="module")
def two() -> Iterator[Daemon]:
    """A daemon with two workers."""
    folder = Path(tempfile.mkdtemp(prefix="vel-"))
    one = Daemon(folder, ("--devices", "cpu,cpu"))
    yield one
    one.stop()
    shutil.rmtree(folder, ignore_errors=True)


def test_two_jobs_run_at_once_and_a_killed_worker_does_not_affect_the_other(two):
    with two.client() as client, two.client("other") as other:
        first, second = (
            client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS),
            other.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS),
        )
        until(client, p.Progress, first)
        until(other, p.Progress, second)
        workers = client.status()["workers"]
        assert len({worker["pid"] for worker in workers}) == 2
        assert all(worker["busy"] for worker in workers)
        os.kill(workers[0]["pid"], signal.SIGKILL)
        until(client, p.Notice, first)
        until(client, p.Progress, first)
        until(other, p.Progress, second)
        assert workers[1]["pid"] in {worker["pid"] for worker in client.status()["workers"]}


def test_either_worker_makes_the_same_picture(two):
    with two.client() as client, two.client("other") as other:
        held = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, held)
        beside = other.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        client.cancel(held)
        alone = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="another")
    assert bytes(beside.picture.data) == bytes(alone.picture.data)


def test_gpus_that_a_worker_finds_become_executors_and_are_announced():
    made = LocalProvider(DaemonConfig(), lambda: None)
    made.executors[0].on_gpus_found(("cuda:0", "cuda:1", "cuda:2"))
    assert [executor.device for executor in made.executors] == ["cuda:0", "cuda:1", "cuda:2"]
    assert made.executors[-1].poll() == Available()


def test_with_several_gpus_the_first_worker_gets_its_share_of_the_memory_from_its_next_job_on(home, monkeypatch):
    monkeypatch.setenv("VELATURA_HOME", str(home))
    reported = threading.Event()
    made = LocalProvider(DaemonConfig(device="auto"), reported.set)
    first = made.executors[0]

    def memory() -> int:
        """The estimate of the memory for a large picture."""
        first.estimate(EstimateRequest("t", 4000, 3000, StyleSettings(), device="cpu"))
        while not isinstance(event := first.poll(), Estimated):
            if event is None:
                assert reported.wait(60)
                reported.clear()
        return event.memory

    try:
        alone = memory()
        made._add_executors([f"cuda:{index}" for index in range(1 << 10)])
        assert memory() < alone
    finally:
        first.close()
    assert {executor._config.memory_megabytes for executor in made.executors} == {default_memory() >> 30}


def test_a_device_named_in_the_configuration_stays_the_only_one():
    made = LocalProvider(DaemonConfig(device="cuda:1"), lambda: None)
    made.executors[0].on_gpus_found(("cuda:0", "cuda:1", "cuda:2"))
    assert [executor.device for executor in made.executors] == ["cuda:1"]


def test_a_worker_whose_reading_thread_cannot_start_is_not_kept(monkeypatch):
    def start(_):
        raise RuntimeError("can't start new thread")

    executor = LocalProvider(DaemonConfig(), lambda: None).executors[0]
    monkeypatch.setattr(local.threading.Thread, "start", start)
    with pytest.raises(OSError, match="thread"):
        executor.estimate(EstimateRequest("1", 8, 8, StyleSettings()))
    assert (executor.holds_device, executor.info) == (False, WorkerInfo())


@pytest.mark.parametrize("names", [("tpu",), ("cuda",), ("all", "cpu"), ("cuda:0", "")])
def test_impossible_devices_are_refused(names):
    with pytest.raises(UsageError, match="--devices takes"):
        device_names(DaemonConfig(devices=names))


@pytest.mark.parametrize("name", ["auto", "cpu", "mps", "cuda", "cuda:0", "cuda:12", "xpu", "xpu:1"])
def test_every_device_that_the_help_names_is_accepted(name):
    assert device_names(DaemonConfig(device=name)) == [name]


@pytest.mark.parametrize("name", ["", "gpu", "CPU", "cuda:", "cuda:x", "cpu:0", "cuda:1234", "cuda:0,cuda:1"])
def test_an_unknown_device_is_refused(name):
    with pytest.raises(UsageError, match="--device is auto, cpu, cuda, cuda:N, xpu, xpu:N or mps"):
        device_names(DaemonConfig(device=name))


def test_the_options_of_a_start_are_recorded_as_given():
    said = {
        "devices": ("cpu", "cpu"),
        "executor": "ray",
        "min_actors": 0,
        "actor_resources": ("GPU=1", "painter=1"),
        "fallback": "",
        "node_labels": (),
    }
    assert as_arguments(said) == [
        "--devices",
        "cpu,cpu",
        "--executor",
        "ray",
        "--actor-resources",
        "GPU=1",
        "--actor-resources",
        "painter=1",
    ]


def test_a_daemon_with_two_workers_gets_two_jobs_at_once_from_another_daemon(home):
    there = Daemon(home / "far", ("--devices", "cpu,cpu"))
    there.status()
    here = near_to(there, home / "near")
    try:
        with here.client() as client:
            jobs = [client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS, layer=layer) for layer in ("one", "two")]
            for job in jobs:
                until(client, p.Progress, job)
    finally:
        here.stop()
        there.stop()


def test_a_daemon_raises_its_descriptor_limit_to_the_allowed_maximum():
    look = (
        "import resource; from velatura_daemon.daemon_process import _raise_descriptor_limit as have; have(); "
        "print(resource.getrlimit(resource.RLIMIT_NOFILE)[0])"
    )
    done = subprocess.run(
        ["prlimit", "--nofile=128:300", sys.executable, "-c", look], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "300"

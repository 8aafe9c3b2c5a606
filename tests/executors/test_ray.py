"""The Ray executor's parts without a cluster: what leaves the machine, what waits to be sent, a driver that is
played."""

from __future__ import annotations

import hashlib
import importlib.util
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.conftest import QUICK
from tests.support.specs import CONTENT, STYLE, spec_in
from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.ray import actor_handle, cluster
from velatura_daemon.executors.ray.cluster import ClusterLost
from velatura_daemon.executors.ray.coalescing_queue import CoalescingQueue
from velatura_daemon.executors.ray.config import RayConfig, as_actor_options
from velatura_daemon.executors.ray.download import Damaged, receive
from velatura_daemon.executors.ray.job_files import for_transfer, on_arrival
from velatura_daemon.executors.ray.messages import ACTOR_COMMANDS, ActorAway, ActorEvent, RemoteFile
from velatura_daemon.executors.ray.workers import RayProvider
from velatura_daemon.jobs.commands import Cancel, Run
from velatura_daemon.jobs.events import (
    Available,
    CheckpointSaved,
    Estimated,
    JobNotice,
    JobPreview,
    JobStopped,
    WorkerGone,
)
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec, PictureFile, StartingImage, StyleInput
from velatura_daemon.worker.pipe import COMMANDS

THERE = Path("/there")


# --- what leaves the machine ---------------------------------------------------------------------------
def test_names_and_paths_stay_here(tmp_path):
    folder = tmp_path / "ludmilla"
    folder.mkdir()
    (folder / "stood.npy").write_bytes(b"as far as it got")
    spec = spec_in(folder, start=StartingImage(folder / "stood.npy", 3, verify_inputs=True))
    travelling, files = for_transfer(spec)
    assert not [word for word in (b"duke", b"ludmilla", b"stood") if word in COMMANDS.pack(Run(travelling))]
    assert set(files) == {CONTENT.ref.blob, STYLE.ref.blob, hashlib.sha256(b"as far as it got").digest()}


def test_a_job_arrives_with_what_a_worker_needs(tmp_path):
    spec = spec_in(tmp_path)
    travelling, _ = for_transfer(spec)
    arrived = on_arrival(COMMANDS.unpack(COMMANDS.pack(Run(travelling))).spec, lambda b: THERE / b.hex(), THERE)
    assert arrived.content.path == THERE / CONTENT.ref.blob.hex()
    assert (arrived.styles[0].share, arrived.settings, arrived.files.result) == (1.0, spec.settings, THERE / "result-7")


def test_a_starting_image_that_was_deleted_costs_no_restyle(tmp_path):
    travelling, files = for_transfer(spec_in(tmp_path, start=StartingImage(tmp_path / "gone", 3)))
    assert travelling.start is None
    assert len(files) == 2


# --- what comes back -----------------------------------------------------------------------------------
def test_a_file_comes_in_pieces_and_whole(tmp_path):
    data = bytes(range(256)) * 10
    file = RemoteFile("result", hashlib.sha256(data).digest(), len(data), data[:1000])
    receive(file, tmp_path / "result", lambda _, offset: data[offset : offset + 700], lambda: None)
    assert (tmp_path / "result").read_bytes() == data


@pytest.mark.parametrize("rest", [b"x" * 100, b""])
def test_a_damaged_file_never_appears_on_this_disk(tmp_path, rest):
    file = RemoteFile("result", hashlib.sha256(b"y" * 200).digest(), 200, b"y" * 100)
    with pytest.raises(Damaged):
        receive(file, tmp_path / "result", lambda *_: rest, lambda: None)
    assert list(tmp_path.iterdir()) == []


def test_of_waiting_events_only_the_newest_previews_and_checkpoints_stay():
    queue = CoalescingQueue()
    for number in range(50):
        queue.add(ActorEvent(JobPreview("1", number, 8, 8, b"")))
        queue.add(ActorEvent(CheckpointSaved("1", 0.5, number)))
    queue.add(ActorEvent(JobNotice("1", "")))
    assert [message.event for message in queue.take(checkpoints=False)] == [
        JobPreview("1", 49, 8, 8, b""),
        JobNotice("1", ""),
    ]
    assert [message.event for message in queue.take(checkpoints=True)] == [CheckpointSaved("1", 0.5, 49)]


def test_a_dead_workers_last_checkpoint_comes_at_once():
    queue = CoalescingQueue()
    queue.add(ActorEvent(CheckpointSaved("1", 0.5, 1)))
    queue.add(ActorEvent(WorkerGone("it was killed")))
    assert [type(message.event) for message in queue.take(checkpoints=False)] == [CheckpointSaved, WorkerGone]


# --- what may be asked for -----------------------------------------------------------------------------
def test_resources_are_asked_for_as_ray_names_them():
    config = RayConfig.of(
        DaemonConfig(
            address="ray://head:10001", actor_resources=("GPU=0.5", "memory=1000", "bench=1"), node_labels=("gpu=h100",)
        )
    )
    assert as_actor_options(config.resources, config.labels) == {
        "num_cpus": 0,
        "num_gpus": 0.5,
        "memory": 1000,
        "resources": {"bench": 1.0},
        "label_selector": {"gpu": "h100"},
    }


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "--address ray://HOST:10001"),
        ({"address": "http://head:10001"}, "--address takes"),
        ({"address": "ray://head"}, "--address takes"),
        ({"address": "auto", "min_actors": 3, "max_actors": 2}, "--max-actors"),
        ({"address": "auto", "actor_resources": ("GPU",)}, "NAME=VALUE"),
        ({"address": "auto", "actor_resources": ("GPU=some",)}, "above 0"),
    ],
)
def test_what_cannot_be_meant_is_said_at_the_start(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        RayConfig.of(DaemonConfig(**options))


# --- the daemon's side, with a driver that is played -------------------------------------------------------
PLAYED = """
import os, sys
from velatura_daemon.executors.ray.messages import *
from velatura_daemon.jobs.commands import Estimate, Run
from velatura_daemon.jobs.events import JobNotice
from velatura_daemon.worker.pipe import read_message, write_message
read_message(sys.stdin.buffer, TO_DRIVER)
def emit(worker, event): write_message(sys.stdout.buffer, FROM_DRIVER, FromDriver(worker, event))
while (message := read_message(sys.stdin.buffer, TO_DRIVER)) is not None:
    worker, command = message.worker, message.command
    PART
"""
CONNECTS = """
    if isinstance(command, (StartActor, Run)):
        emit(-1, ClusterConnected())
        emit(worker, ActorAlive("there"))
    if isinstance(command, Run): emit(worker, JobNotice(command.spec.ticket, "running"))
    if isinstance(command, Estimate): os._exit(1)
    if isinstance(command, Release): emit(worker, ActorEnded())
"""
FINDS_NOBODY = """
    if isinstance(command, Run):
        emit(-1, ClusterUnreachable("The head is away.", 0.01))
        os._exit(0)
"""


class Played:
    """A cluster with a driver that is played, and the events of its executors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: str, program: str = PLAYED, **options: Any) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
        self.provider = RayProvider(
            DaemonConfig(**{"address": "ray://127.0.0.1:9", "max_actors": 3, **options}),
            lambda: None,
            (sys.executable, "-c", program.replace("PART", part.strip())),
        )
        self.events: list[tuple[int, Any]] = []

    def until(self, condition: Callable[[], Any]) -> None:
        """pytest's timeout ends a wait in vain."""
        while not condition():
            for number, executor in enumerate(self.provider.executors):
                while (event := executor.poll()) is not None:
                    self.events.append((number, event))
            time.sleep(0.005)

    def of(self, kind: type) -> list[tuple[int, Any]]:
        return [(number, event) for number, event in self.events if isinstance(event, kind)]


def job(ticket: str) -> JobSpec:
    picture_file = PictureFile(CONTENT.ref, Path("nowhere"))
    return JobSpec(ticket, "layer", picture_file, (StyleInput(picture_file, 1.0),), None, QUICK)


@pytest.fixture
def connects(monkeypatch):
    played = Played(monkeypatch, CONNECTS, min_actors=1)
    yield played
    played.provider.close()


@pytest.fixture
def finds_nobody(monkeypatch):
    played = Played(
        monkeypatch,
        FINDS_NOBODY,
        address=f"ray://127.0.0.1:{(listening := socket.create_server(('127.0.0.1', 0))).getsockname()[1]}",
    )
    played.listening = listening
    yield played
    played.provider.close()
    listening.close()


def test_before_anything_is_known_one_job_goes_there_to_find_out(connects):
    assert [executor.available for executor in connects.provider.executors] == [True, False, False]
    assert not any(executor.holds_device for executor in connects.provider.executors)


def test_hands_are_there_when_their_actors_are_and_the_least_stay(connects):
    first, second, third = connects.provider.executors
    second.request_start()
    connects.until(lambda: {number for number, _ in connects.of(Available)} == {0, 1})  # the first is the least
    assert [executor.available for executor in (first, second, third)] == [True, True, False]
    assert [executor.holds_device for executor in (first, second, third)] == [False, True, False]
    second.release_device()
    assert not second.available
    assert not second.holds_device


def test_a_driver_that_dies_is_nobodys_fault_and_the_next_job_has_another(connects):
    first = connects.provider.executors[0]
    first.run(job("1"))
    connects.until(lambda: connects.of(JobNotice))
    first.estimate(EstimateRequest("q", 8, 8, QUICK))  # it dies of that one
    connects.until(lambda: connects.of(WorkerGone) and connects.of(Estimated))
    assert connects.of(WorkerGone)[0][1].blameless
    assert "lost" in connects.of(WorkerGone)[0][1].sentence
    first.run(job("2"))
    connects.until(lambda: [one for _, one in connects.of(JobNotice) if one.ticket == "2"])


def test_a_head_that_is_away_is_told_and_when_it_is_back_somebody_says_so(finds_nobody):
    finds_nobody.provider.executors[0].run(job("1"))
    finds_nobody.until(lambda: finds_nobody.of(Available))
    ((number, gone),) = finds_nobody.of(WorkerGone)
    assert (number, gone.sentence, gone.blameless) == (0, "The head is away.", True)
    assert not finds_nobody.provider.lost


def test_while_the_head_is_away_the_farm_is_lost(finds_nobody):
    finds_nobody.listening.close()
    finds_nobody.provider.executors[0].run(job("1"))
    finds_nobody.until(lambda: finds_nobody.of(WorkerGone))
    assert finds_nobody.provider.lost
    assert finds_nobody.provider.executors[0].available  # without a fallback, the next job is how one finds out


def test_with_a_fallback_the_farm_is_lost_until_the_connection_stands(monkeypatch, tmp_path):
    found = tmp_path / "found"
    connects_again = f"""
    if isinstance(command, Run):
        open({str(found)!r}, "w").close()
        emit(-1, ClusterUnreachable("The head is away.", 0.01))
        os._exit(0)
"""
    started = f"\nif os.path.exists({str(found)!r}): emit(-1, ClusterConnected())\nwhile (message"
    program = PLAYED.replace("\nwhile (message", started)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        played = Played(
            monkeypatch,
            connects_again,
            program,
            address=f"ray://127.0.0.1:{listening.getsockname()[1]}",
            fallback="local",
        )
        played.provider.executors[0].run(job("1"))
        played.until(lambda: played.of(WorkerGone))
        assert played.provider.lost
        played.until(lambda: played.of(Available))
        assert played.provider.connected and not played.provider.lost
        played.provider.close()


class Waiting:
    """The driver, as an actor's handle sees it, with another actor that is idle or is not."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.connected, self.cluster, self.idle = threading.Event(), None, False

    def emit(self, _: int, event: Any) -> None:
        self.events.append(event)
        self.idle = len(self.events) > 2

    def any_idle(self) -> bool:
        return self.idle


def test_a_job_that_waits_for_a_machine_goes_back_when_another_worker_is_idle(monkeypatch):
    monkeypatch.setattr(actor_handle, "HEARTBEAT", 0.01)
    owner = Waiting()
    waiting = actor_handle.ActorHandle(0, owner)
    waiting._wanted = object()
    assert not waiting._wait_for_actor(actor_handle.Assignment(job("7")))
    assert owner.events[-1] == JobStopped("7")


class CutOff(Waiting):
    """A driver whose only actor does not answer, and says nothing about why. answers: whether the head does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
        super().__init__()
        monkeypatch.setattr(actor_handle, "SILENT_SECONDS", 0.01)
        never: Future[bytes] = Future()
        monkeypatch.setattr(actor_handle, "GRACE_SECONDS", 0.01)
        self.losses: list[ClusterLost] = []
        self.commands: list[Any] = []
        silent = SimpleNamespace(remote=lambda *_: SimpleNamespace(future=lambda: never))
        handle = SimpleNamespace(remote=lambda packed: self.commands.append(ACTOR_COMMANDS.unpack(packed)))
        self.actor = SimpleNamespace(poll=silent, begin=silent, handle=handle)
        self.cluster = SimpleNamespace(
            answers=lambda: answers, lost=lambda error: ClusterLost(str(error)), node_lives=lambda _: True
        )
        self.handle = actor_handle.ActorHandle(0, self)
        self.handle._actor, self.handle._wanted, self.handle._node = self.actor, self.cluster, "there"
        self.handle._alive.set()

    def lose(self, lost: ClusterLost) -> None:
        self.losses.append(lost)

    def listen(self, assignment: actor_handle.Assignment) -> None:
        self.handle._assignment = assignment
        with pytest.raises(actor_handle._Silent) as silent:
            self.handle._receive_events(self.cluster)
        self.handle._on_actor_lost(self.cluster, silent.value)


def test_a_machine_whose_cable_is_pulled_costs_its_job_nothing(monkeypatch):
    owner = CutOff(monkeypatch, answers=True)
    owner.listen(actor_handle.Assignment(job("7"), sent=True))
    away, gone = owner.events
    assert away == ActorAway()
    assert gone.blameless
    assert "there" in gone.sentence
    assert owner.commands == [Cancel("7")]  # it may only have been cut off, and should be free then
    assert not owner.losses


def test_a_job_that_was_about_to_go_to_such_a_machine_goes_back(monkeypatch):
    owner = CutOff(monkeypatch, answers=True)
    owner.listen(actor_handle.Assignment(job("7")))
    assert owner.events[-1] == JobStopped("7")


def test_a_head_whose_cable_is_pulled_is_lost(monkeypatch):
    owner = CutOff(monkeypatch, answers=False)
    owner.listen(actor_handle.Assignment(job("7"), sent=True))
    assert "accepts no connections any more" in owner.losses[0].sentence


def test_auto_where_there_is_no_ray_says_where_it_looked():
    lost = cluster._not_connected(
        RayConfig("auto", {}, {}, 0, 1), ConnectionError("Could not find any running Ray instance.")
    )
    assert "no node of a running Ray cluster" in lost.sentence


def test_without_ray_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"ray\[client\]"):
        RayProvider(DaemonConfig(address="auto"), lambda: None)

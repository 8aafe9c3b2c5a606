"""The Ray executor without a cluster: what leaves the machine, what waits to be sent, and a simulated driver."""

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
from velatura_daemon.executors.ray import actor as actor_module
from velatura_daemon.executors.ray import actor_state, cluster, command_sender
from velatura_daemon.executors.ray.actor_handle import ActorHandle
from velatura_daemon.executors.ray.actor_state import ActorSilent, ActorState, Assignment
from velatura_daemon.executors.ray.cluster import ClusterLost
from velatura_daemon.executors.ray.coalescing_queue import CoalescingQueue
from velatura_daemon.executors.ray.config import RayConfig, as_actor_options
from velatura_daemon.executors.ray.download import Damaged, receive
from velatura_daemon.executors.ray.file_receiver import FileReceiver
from velatura_daemon.executors.ray.job_files import for_transfer, on_arrival
from velatura_daemon.executors.ray.messages import ACTOR_COMMANDS, FROM_ACTOR, ActorAway, ActorEvent, RemoteFile
from velatura_daemon.executors.ray.workers import RayProvider
from velatura_daemon.jobs.commands import Cancel, Run, WorkerOptions
from velatura_daemon.jobs.events import (
    Available,
    CheckpointSaved,
    Estimated,
    Heartbeat,
    JobNotice,
    JobPreview,
    JobStopped,
    WorkerGone,
)
from velatura_daemon.jobs.spec import EstimateRequest, JobSpec, PictureFile, StartingImage, StyleInput
from velatura_daemon.worker.pipe import COMMANDS

THERE = Path("/there")


# --- what leaves the machine ---------------------------------------------------------------------------
def test_names_and_paths_stay_on_this_machine(tmp_path):
    folder = tmp_path / "ludmilla"
    folder.mkdir()
    (folder / "stood.npy").write_bytes(b"unfinished image")
    spec = spec_in(folder, start=StartingImage(folder / "stood.npy", 3, verify_inputs=True))
    outgoing, files = for_transfer(spec)
    assert not [word for word in (b"duke", b"ludmilla", b"stood") if word in COMMANDS.pack(Run(outgoing))]
    assert set(files) == {CONTENT.ref.blob, STYLE.ref.blob, hashlib.sha256(b"unfinished image").digest()}


def test_a_job_arrives_with_the_files_and_settings_that_a_worker_needs(tmp_path):
    spec = spec_in(tmp_path)
    outgoing, _ = for_transfer(spec)
    arrived = on_arrival(COMMANDS.unpack(COMMANDS.pack(Run(outgoing))).spec, lambda b: THERE / b.hex(), THERE)
    assert arrived.content.path == THERE / CONTENT.ref.blob.hex()
    assert (arrived.styles[0].share, arrived.settings, arrived.files.result) == (1.0, spec.settings, THERE / "result-7")


def test_a_job_without_its_deleted_starting_image_is_sent_nevertheless(tmp_path):
    outgoing, files = for_transfer(spec_in(tmp_path, start=StartingImage(tmp_path / "gone", 3)))
    assert outgoing.start is None
    assert len(files) == 2


# --- what comes back -----------------------------------------------------------------------------------
def test_a_file_arrives_in_pieces_and_complete(tmp_path):
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


@pytest.mark.parametrize("size", [10, 20])
@pytest.mark.parametrize("output", ["checkpoint", "result"])
def test_a_file_that_arrives_after_its_job_was_ended_leaves_the_next_runs_file_alone(tmp_path, output, size):
    owner, assignment = Waiting(), Assignment(spec_in(tmp_path), sent=True)
    state = ActorState(0, owner)
    path = getattr(assignment.spec.files, output)
    data = bytes(range(size))

    def next_run_begins(_: bytes, offset: int) -> Any:
        """While a piece is fetched, as after a driver has ended a worker that does not stop."""
        state.end_job(assignment, WorkerGone("it stopped responding"))
        path.write_bytes(b"of the next run")
        piece: Future[bytes] = Future()
        piece.set_result(data[offset : offset + 5])
        return SimpleNamespace(future=lambda: piece)

    state.actor = SimpleNamespace(piece=SimpleNamespace(remote=next_run_begins))
    files = (RemoteFile(output, hashlib.sha256(data).digest(), size, data[:5]),)
    before = set(tmp_path.iterdir())
    if output == "checkpoint":
        FileReceiver(state).receive_checkpoint(assignment, CheckpointSaved("7", 0.5, 3), files)
    else:
        FileReceiver(state).receive_ending(assignment, JobStopped("7"), files)
    assert path.read_bytes() == b"of the next run"
    assert set(tmp_path.iterdir()) - before == {path}
    assert [type(event) for event in owner.events if not isinstance(event, Heartbeat)] == [WorkerGone]


def test_of_waiting_events_only_the_newest_preview_and_checkpoint_remain():
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


def test_a_dead_workers_last_checkpoint_is_delivered_at_once():
    queue = CoalescingQueue()
    queue.add(ActorEvent(CheckpointSaved("1", 0.5, 1)))
    queue.add(ActorEvent(WorkerGone("it was killed")))
    assert [type(message.event) for message in queue.take(checkpoints=False)] == [CheckpointSaved, WorkerGone]


# --- options -----------------------------------------------------------------------------
def test_resources_are_requested_by_rays_names():
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
def test_wrong_options_are_refused_at_the_start(options, sentence):
    with pytest.raises(UsageError, match=sentence):
        RayConfig.of(DaemonConfig(**options))


# --- the daemon's side, with a simulated driver -------------------------------------------------------
DRIVER = """
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
HEAD_UNREACHABLE = """
    if isinstance(command, Run):
        emit(-1, ClusterUnreachable("The head does not answer.", 0.01))
        os._exit(0)
"""


class SimulatedCluster:
    """A cluster with a simulated driver, and the events of its executors."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: str, program: str = DRIVER, **options: Any) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
        self.provider = RayProvider(
            DaemonConfig(**{"address": "ray://127.0.0.1:9", "max_actors": 3, **options}),
            lambda: None,
            (sys.executable, "-c", program.replace("PART", part.strip())),
        )
        self.events: list[tuple[int, Any]] = []

    def until(self, condition: Callable[[], Any]) -> None:
        """Wait for a condition; pytest's timeout limits the wait."""
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
    simulated = SimulatedCluster(monkeypatch, CONNECTS, min_actors=1)
    yield simulated
    simulated.provider.close()


@pytest.fixture
def head_unreachable(monkeypatch):
    simulated = SimulatedCluster(
        monkeypatch,
        HEAD_UNREACHABLE,
        address=f"ray://127.0.0.1:{(listening := socket.create_server(('127.0.0.1', 0))).getsockname()[1]}",
    )
    simulated.listening = listening
    yield simulated
    simulated.provider.close()
    listening.close()


def test_before_the_first_connection_only_one_executor_is_available_to_find_out(connects):
    assert [executor.available for executor in connects.provider.executors] == [True, False, False]
    assert not any(executor.holds_device for executor in connects.provider.executors)


def test_executors_are_available_once_their_actors_live_and_the_minimum_stays(connects):
    first, second, third = connects.provider.executors
    second.request_start()
    connects.until(
        lambda: {number for number, _ in connects.of(Available)} == {0, 1}
    )  # the first is one of --min-actors
    assert [executor.available for executor in (first, second, third)] == [True, True, False]
    assert [executor.holds_device for executor in (first, second, third)] == [False, True, False]
    second.release_device()
    assert not second.available
    assert not second.holds_device


def test_a_driver_that_dies_is_not_the_jobs_fault_and_the_next_job_gets_another(connects):
    first = connects.provider.executors[0]
    first.run(job("1"))
    connects.until(lambda: connects.of(JobNotice))
    first.estimate(EstimateRequest("q", 8, 8, QUICK))  # the simulated driver ends
    connects.until(lambda: connects.of(WorkerGone) and connects.of(Estimated))
    assert connects.of(WorkerGone)[0][1].blameless
    assert "lost" in connects.of(WorkerGone)[0][1].sentence
    first.run(job("2"))
    connects.until(lambda: [notice for _, notice in connects.of(JobNotice) if notice.ticket == "2"])


def test_an_unreachable_head_fails_the_job_and_its_return_is_announced(head_unreachable):
    head_unreachable.provider.executors[0].run(job("1"))
    head_unreachable.until(lambda: head_unreachable.of(Available))
    ((number, gone),) = head_unreachable.of(WorkerGone)
    assert (number, gone.sentence, gone.blameless) == (0, "The head does not answer.", True)
    assert not head_unreachable.provider.lost


def test_while_the_head_is_unreachable_the_provider_is_lost(head_unreachable):
    head_unreachable.listening.close()
    head_unreachable.provider.executors[0].run(job("1"))
    head_unreachable.until(lambda: head_unreachable.of(WorkerGone))
    assert head_unreachable.provider.lost
    assert head_unreachable.provider.executors[0].available  # without a fallback, the next job finds out


def test_with_a_fallback_the_provider_is_lost_until_the_connection_is_up(monkeypatch, tmp_path):
    marker = tmp_path / "marker"
    connects_again = f"""
    if isinstance(command, Run):
        open({str(marker)!r}, "w").close()
        emit(-1, ClusterUnreachable("The head does not answer.", 0.01))
        os._exit(0)
"""
    started = f"\nif os.path.exists({str(marker)!r}): emit(-1, ClusterConnected())\nwhile (message"
    program = DRIVER.replace("\nwhile (message", started)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        simulated = SimulatedCluster(
            monkeypatch,
            connects_again,
            program,
            address=f"ray://127.0.0.1:{listening.getsockname()[1]}",
            fallback="local",
        )
        simulated.provider.executors[0].run(job("1"))
        simulated.until(lambda: simulated.of(WorkerGone))
        assert simulated.provider.lost
        simulated.until(lambda: simulated.of(Available))
        assert simulated.provider.connected and not simulated.provider.lost
        simulated.provider.close()


class Waiting:
    """The driver, as an actor's handle sees it. idle: whether another actor has no job."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.connected, self.cluster, self.idle = threading.Event(), None, False

    def emit(self, _: int, event: Any) -> None:
        self.events.append(event)
        self.idle = len(self.events) > 2

    def any_idle(self) -> bool:
        return self.idle


def test_a_job_that_waits_for_a_machine_goes_back_to_the_queue_when_another_worker_is_idle(monkeypatch):
    monkeypatch.setattr(command_sender, "HEARTBEAT", 0.01)
    owner = Waiting()
    waiting = ActorHandle(0, owner)
    waiting.state.generation = object()
    assert not waiting.sender.wait_for_actor(Assignment(job("7")))
    assert owner.events[-1] == JobStopped("7")


class CutOff(Waiting):
    """A driver whose only actor does not answer, without an error. answers: whether the head answers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
        super().__init__()
        monkeypatch.setattr(actor_state, "SILENT_SECONDS", 0.01)
        never: Future[bytes] = Future()
        monkeypatch.setattr(actor_state, "GRACE_SECONDS", 0.01)
        self.losses: list[ClusterLost] = []
        self.commands: list[Any] = []
        silent = SimpleNamespace(remote=lambda *_: SimpleNamespace(future=lambda: never))
        handle = SimpleNamespace(remote=lambda packed: self.commands.append(ACTOR_COMMANDS.unpack(packed)))
        self.actor = SimpleNamespace(poll=silent, begin=silent, handle=handle)
        self.cluster = SimpleNamespace(
            head_answers=lambda: answers, lost=lambda error: ClusterLost(str(error)), node_lives=lambda _: True
        )
        self.handle = ActorHandle(0, self)
        state = self.handle.state
        state.actor, state.generation, state.node = self.actor, self.cluster, "there"
        state.alive.set()

    def lose(self, lost: ClusterLost) -> None:
        self.losses.append(lost)

    def listen(self, assignment: Assignment) -> None:
        self.handle.state.assignment = assignment
        with pytest.raises(ActorSilent) as silent:
            self.handle.listener.receive_events(self.cluster)
        self.handle.listener.on_actor_lost(self.cluster, silent.value)


def test_a_machine_whose_cable_is_pulled_is_not_its_jobs_fault(monkeypatch):
    owner = CutOff(monkeypatch, answers=True)
    owner.listen(Assignment(job("7"), sent=True))
    away, gone = owner.events
    assert away == ActorAway()
    assert gone.blameless
    assert "there" in gone.sentence
    assert owner.commands == [Cancel("7")]  # if it is only disconnected, its worker should be free later
    assert not owner.losses


def test_a_job_that_was_not_sent_yet_to_such_a_machine_goes_back_to_the_queue(monkeypatch):
    owner = CutOff(monkeypatch, answers=True)
    owner.listen(Assignment(job("7")))
    assert owner.events[-1] == JobStopped("7")


def test_a_head_whose_cable_is_pulled_is_lost(monkeypatch):
    owner = CutOff(monkeypatch, answers=False)
    owner.listen(Assignment(job("7"), sent=True))
    assert "accepts no connections any more" in owner.losses[0].sentence


def test_auto_without_a_running_ray_explains_what_it_needs():
    lost = cluster._not_connected(
        RayConfig("auto", {}, {}, 0, 1), ConnectionError("Could not find any running Ray instance.")
    )
    assert "needs this machine to be a node of a running Ray cluster" in lost.sentence


def test_without_ray_the_error_names_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"ray\[client\]"):
        RayProvider(DaemonConfig(address="auto"), lambda: None)


def test_whatever_ray_raises_while_pictures_arrive_fails_the_job(monkeypatch, tmp_path):
    def lost(_):
        raise RuntimeError("an object was lost")

    context = SimpleNamespace(get_node_id=lambda: "node")
    ray = SimpleNamespace(
        get=lost,
        nodes=list,
        get_gpu_ids=list,
        get_runtime_context=lambda: context,
        util=SimpleNamespace(get_node_ip_address=lambda: "10.0.0.1"),
    )
    monkeypatch.setattr(actor_module, "_ray", lambda: ray)
    monkeypatch.setattr(actor_module.LocalExecutor, "start", lambda _: None)
    monkeypatch.setenv("VELATURA_HOME", str(tmp_path))
    actor = actor_module.WorkerActor(WorkerOptions("cpu", 1, 0, 1, 64, 1.0, 5.0), "build", {})
    spec, _ = for_transfer(spec_in(tmp_path))
    actor.run(ACTOR_COMMANDS.pack(Run(spec)), {bytes(32): [["reference", 5]]})
    (packed,) = actor.poll(actor.begin()["incarnation"], 0.0, checkpoints=True)
    failed = FROM_ACTOR.unpack(packed).event
    assert (failed.ticket, failed.code) == (spec.ticket, "internal")
    assert "10.0.0.1" in failed.sentence and "RuntimeError" in failed.sentence
    actor.end()

"""The farm's parts without a cluster: what leaves the machine, what waits to be said, a driver that is played; and one
job on a real one."""

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

import msgpack
import pytest

from tests.conftest import QUICK, picture
from velatura.errors import UsageError
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.ray import actor_handle, cluster
from velatura_daemon.executors.ray.cluster import ClusterLost
from velatura_daemon.executors.ray.coalescing_queue import CoalescingQueue
from velatura_daemon.executors.ray.config import RayConfig, as_actor_options
from velatura_daemon.executors.ray.download import Damaged, receive
from velatura_daemon.executors.ray.job_files import at_work, for_abroad
from velatura_daemon.executors.ray.workers import RayProvider

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


# --- what leaves the machine ---------------------------------------------------------------------------
def order(folder: Path, **more: Any) -> dict[str, Any]:
    """As the foreman gives it."""

    def on_disk(one: Any) -> dict[str, Any]:
        path = folder / one.ref.blob.hex()
        path.write_bytes(one.data)
        return {"picture": one.ref.to_wire(), "path": str(path), "profile_path": ""}

    return {
        "job": "7",
        "content": on_disk(CONTENT),
        "mask": None,
        "styles": [{**on_disk(STYLE), "share": 1.0, "region": None}],
        "settings": QUICK.to_wire(),
        "weights": "auto",
        "device": "auto",
        "result_path": str(folder / "result"),
        "last_path": str(folder / "last"),
        "keep_path": str(folder / "keep"),
        "last": None,
        "as_it_is": False,
        "layer": "krita the duke's portrait",
        "adjust": False,
        "remember": True,
        **more,
    }


def test_names_and_paths_stay_here(tmp_path):
    folder = tmp_path / "ludmilla"
    folder.mkdir()
    (folder / "stood.npy").write_bytes(b"as far as it got")
    asked = order(
        folder, last={"path": str(folder / "stood.npy"), "step": 3, "check": True}, title="Portrait of the duke"
    )
    goes, files = for_abroad(asked)
    assert not [word for word in (b"duke", b"ludmilla", b"stood") if word in msgpack.packb(goes)]
    assert set(files) == {CONTENT.ref.blob, STYLE.ref.blob, hashlib.sha256(b"as far as it got").digest()}


def test_an_order_arrives_with_what_a_worker_needs(tmp_path):
    asked = order(tmp_path)
    goes, _ = for_abroad(asked)
    there = at_work(msgpack.unpackb(msgpack.packb(goes)), lambda name: Path("/there") / name.hex(), Path("/there"))
    assert set(asked) <= set(there)
    assert there["content"]["path"] == f"/there/{CONTENT.ref.blob.hex()}"
    assert (there["styles"][0]["share"], there["settings"], there["result_path"]) == (
        1.0,
        asked["settings"],
        "/there/result-7",
    )


def test_a_last_picture_that_has_gone_costs_no_restyle(tmp_path):
    goes, files = for_abroad(order(tmp_path, last={"path": str(tmp_path / "gone"), "step": 3, "check": False}))
    assert goes["last"] is None
    assert len(files) == 2


# --- what comes back -----------------------------------------------------------------------------------
def test_a_picture_comes_in_pieces_and_whole(tmp_path):
    data = bytes(range(256)) * 10
    file = {"blob": hashlib.sha256(data).digest(), "size": len(data), "data": data[:1000]}
    receive(file, tmp_path / "result", lambda _, offset: data[offset : offset + 700], lambda: None)
    assert (tmp_path / "result").read_bytes() == data


@pytest.mark.parametrize("rest", [b"x" * 100, b""])
def test_a_damaged_picture_is_never_found_on_this_disk(tmp_path, rest):
    file = {"blob": hashlib.sha256(b"y" * 200).digest(), "size": 200, "data": b"y" * 100}
    with pytest.raises(Damaged):
        receive(file, tmp_path / "result", lambda *_: rest, lambda: None)
    assert list(tmp_path.iterdir()) == []


def test_of_what_waits_to_be_said_only_the_newest_previews_stay():
    outbox = CoalescingQueue()
    for number in range(50):
        outbox.add({"say": "preview", "job": "1", "number": number})
        outbox.add({"say": "kept", "job": "1", "number": number})
    outbox.add({"say": "notice", "job": "1"})
    assert [(said["say"], said.get("number")) for said in outbox.take(kept=False)] == [
        ("preview", 49),
        ("notice", None),
    ]
    assert [said["number"] for said in outbox.take(kept=True)] == [49]


def test_a_worker_that_has_gone_leaves_its_last_picture_at_once():
    outbox = CoalescingQueue()
    outbox.add({"say": "kept", "job": "1"})
    outbox.add({"say": "gone", "how": "it was killed"})
    assert [said["say"] for said in outbox.take(kept=False)] == ["kept", "gone"]


# --- what may be asked for -----------------------------------------------------------------------------
def test_resources_are_asked_for_as_ray_names_them():
    terms = RayConfig.of(
        DaemonConfig(
            address="ray://head:10001", actor_resources=("GPU=0.5", "memory=1000", "bench=1"), node_labels=("gpu=h100",)
        )
    )
    assert as_actor_options(terms.resources, terms.labels) == {
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


# --- the front's side, with a driver that is played ------------------------------------------------------
PLAYED = """
import os, sys
from velatura_daemon.worker.pipe import read_message, write_message
read_message(sys.stdin.buffer)
def say(hand, say, **more): write_message(sys.stdout.buffer, {"hand": hand, "say": say, **more})
while (order := read_message(sys.stdin.buffer)) is not None:
    hand, do = order["hand"], order["do"]
    PART
"""
CONNECTS = """
    if do in ("call", "work"):
        say(-1, "connected")
        say(hand, "living", node="there")
    if do == "work": say(hand, "progress", job=order["job"])
    if do == "estimate": os._exit(1)
    if do == "leave": say(hand, "ended")
"""
FINDS_NOBODY = """
    if do == "work":
        say(-1, "lost", sentence="The head is away.", again=0.01)
        os._exit(0)
"""


class Heard:
    """A farm with a driver that is played, and what its hands say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, part: str, **options: Any) -> None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
        self.farm = RayProvider(
            DaemonConfig(**{"address": "ray://127.0.0.1:9", "max_actors": 3, **options}),
            lambda: None,
            (sys.executable, "-c", PLAYED.replace("PART", part.strip())),
        )
        self.said: list[tuple[int, dict[str, Any]]] = []

    def until(self, condition: Callable[[], Any]) -> None:
        """pytest's timeout ends a wait in vain."""
        while not condition():
            for number, hand in enumerate(self.farm.executors):
                while (one := hand.hear()) is not None:
                    self.said.append((number, one))
            time.sleep(0.005)

    def of(self, say: str) -> list[tuple[int, dict[str, Any]]]:
        return [(number, one) for number, one in self.said if one["say"] == say]


@pytest.fixture
def connects(monkeypatch):
    heard = Heard(monkeypatch, CONNECTS, min_actors=1)
    yield heard
    heard.farm.end()


@pytest.fixture
def finds_nobody(monkeypatch):
    heard = Heard(
        monkeypatch,
        FINDS_NOBODY,
        address=f"ray://127.0.0.1:{(listening := socket.create_server(('127.0.0.1', 0))).getsockname()[1]}",
    )
    heard.listening = listening
    yield heard
    heard.farm.end()
    listening.close()


def test_before_anything_is_known_one_job_goes_there_to_find_out(connects):
    assert [hand.available for hand in connects.farm.executors] == [True, False, False]
    assert not any(hand.holds_device for hand in connects.farm.executors)


def test_hands_are_there_when_their_actors_are_and_the_least_stay(connects):
    first, second, third = connects.farm.executors
    second.call()
    connects.until(lambda: {number for number, _ in connects.of("here")} == {0, 1})  # the first is the least
    assert [hand.available for hand in (first, second, third)] == [True, True, False]
    assert [hand.holds_device for hand in (first, second, third)] == [False, True, False]
    second.leave()
    assert not second.available
    assert not second.holds_device


def test_a_driver_that_dies_is_nobodys_fault_and_the_next_job_has_another(connects):
    first = connects.farm.executors[0]
    first.work({"job": "1"})
    connects.until(lambda: connects.of("progress"))
    first.estimate({"ticket": "q"})  # it dies of that one
    connects.until(lambda: connects.of("gone") and connects.of("estimate"))
    assert connects.of("gone")[0][1]["blameless"]
    assert "lost" in connects.of("gone")[0][1]["sentence"]
    first.work({"job": "2"})
    connects.until(lambda: [one for _, one in connects.of("progress") if one["job"] == "2"])


def test_a_head_that_is_away_is_told_and_when_it_is_back_somebody_says_so(finds_nobody):
    finds_nobody.farm.executors[0].work({"job": "1"})
    finds_nobody.until(lambda: finds_nobody.of("here"))
    ((number, gone),) = finds_nobody.of("gone")
    assert (number, gone["sentence"], gone["blameless"]) == (0, "The head is away.", True)
    assert not finds_nobody.farm.lost


def test_while_the_head_is_away_the_farm_is_lost(finds_nobody):
    finds_nobody.listening.close()
    finds_nobody.farm.executors[0].work({"job": "1"})
    finds_nobody.until(lambda: finds_nobody.of("gone"))
    assert finds_nobody.farm.lost
    assert finds_nobody.farm.executors[0].available  # without a fallback, the next job is how one finds out


def test_with_a_fallback_the_farm_is_lost_until_the_connection_stands(monkeypatch, tmp_path):
    found = tmp_path / "found"
    connects_again = f"""
    if do == "work":
        open({str(found)!r}, "w").close()
        say(-1, "lost", sentence="The head is away.", again=0.01)
        os._exit(0)
"""
    started = f"\nif os.path.exists({str(found)!r}): say(-1, 'connected')\nwhile (order"
    monkeypatch.setattr("tests.daemon.test_farm.PLAYED", PLAYED.replace("\nwhile (order", started))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        heard = Heard(
            monkeypatch, connects_again, address=f"ray://127.0.0.1:{listening.getsockname()[1]}", fallback="local"
        )
        heard.farm.executors[0].work({"job": "1"})
        heard.until(lambda: heard.of("gone"))
        assert heard.farm.lost
        heard.until(lambda: heard.of("here"))
        assert heard.farm.connected and not heard.farm.lost
        heard.farm.end()


class Waiting:
    """The driver, as a post sees it, with another that is free or is not."""

    def __init__(self) -> None:
        self.said: list[dict[str, Any]] = []
        self.connected, self.cluster, self.free = threading.Event(), None, False

    def say(self, hand: int, say: str, **more: Any) -> None:
        self.said.append({"say": say, **more})
        self.free = len(self.said) > 2

    def somebody_is_free(self) -> bool:
        return self.free


def test_a_job_that_waits_for_a_machine_goes_back_when_another_worker_is_free(monkeypatch):
    monkeypatch.setattr(actor_handle, "BEAT", 0.01)
    callbacks = Waiting()
    waiting = actor_handle.ActorHandle(0, callbacks)
    waiting._wanted = object()
    assert not waiting._wait_for_actor(actor_handle.Assignment({"job": "7"}))
    assert callbacks.said[-1] == {"say": "stopped", "job": "7"}


class CutOff(Waiting):
    """A driver whose only actor does not answer, and says nothing about why. answers: whether the head does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, answers: bool) -> None:
        super().__init__()
        monkeypatch.setattr(actor_handle, "SILENT", 0.01)
        never: Future[bytes] = Future()
        monkeypatch.setattr(actor_handle, "GRACE", 0.01)
        self.lost: list[ClusterLost] = []
        self.cancelled: list[str] = []
        asked = SimpleNamespace(remote=lambda *_: SimpleNamespace(future=lambda: never))
        self.actor = SimpleNamespace(hear=asked, begin=asked, cancel=SimpleNamespace(remote=self.cancelled.append))
        self.cluster = SimpleNamespace(
            answers=lambda: answers, lost=lambda error: ClusterLost(str(error)), node_lives=lambda _: True
        )
        self.post = actor_handle.ActorHandle(0, self)
        self.post._actor, self.post._wanted, self.post._node = self.actor, self.cluster, "there"
        self.post._living.set()

    def lose(self, lost: ClusterLost) -> None:
        self.lost.append(lost)

    def hear(self, assignment: actor_handle.Assignment) -> None:
        self.post._turn = assignment
        with pytest.raises(actor_handle._Silent) as silent:
            self.post._hear(self.cluster)
        self.post._outlive(self.cluster, silent.value)


def test_a_machine_whose_cable_is_pulled_costs_its_job_nothing(monkeypatch):
    callbacks = CutOff(monkeypatch, answers=True)
    callbacks.hear(actor_handle.Assignment({"job": "7"}, handed=True))
    away, gone = callbacks.said
    assert away["say"] == "away"
    assert (gone["say"], gone["blameless"]) == ("gone", True)
    assert "there" in gone["sentence"]
    assert callbacks.cancelled == ["7"]  # it may only have been cut off, and is to be free then
    assert not callbacks.lost


def test_a_job_that_was_about_to_go_to_such_a_machine_goes_back(monkeypatch):
    callbacks = CutOff(monkeypatch, answers=True)
    callbacks.hear(actor_handle.Assignment({"job": "7"}))
    assert callbacks.said[-1] == {"say": "stopped", "job": "7"}


def test_a_head_whose_cable_is_pulled_is_lost(monkeypatch):
    callbacks = CutOff(monkeypatch, answers=False)
    callbacks.hear(actor_handle.Assignment({"job": "7"}, handed=True))
    assert "takes no connections any more" in callbacks.lost[0].sentence


def test_auto_where_there_is_no_ray_says_where_it_looked():
    lost = cluster._not_connected(
        RayConfig("auto", {}, {}, 0, 1), ConnectionError("Could not find any running Ray instance.")
    )
    assert "no node of a running Ray cluster" in lost.sentence


def test_without_ray_the_sentence_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"ray\[client\]"):
        RayProvider(DaemonConfig(address="auto"), lambda: None)

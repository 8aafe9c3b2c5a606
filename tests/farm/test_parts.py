"""The farm's front side on a real cluster, without a daemon around it: what is sent, and what cannot be worked with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import QUICK
from tests.daemon.test_farm import order
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.ray import workers
from velatura_daemon.executors.ray.workers import RayProvider

MOVED = StyleSettings(quality="draft", iterations=6, strength=90)


class Listening:
    """What the first hand says."""

    def __init__(self, farm: RayProvider) -> None:
        self.hand = farm.executors[0]
        self.said: list[dict[str, Any]] = []

    def until(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The first that is so, from now on. pytest's timeout ends a wait in vain."""
        while True:
            while (one := self.hand.hear()) is not None:
                self.said.append(one)
                if condition(one):
                    return one
            time.sleep(0.01)  # a core is somebody else's

    def done(self, job: str) -> dict[str, Any]:
        return self.until(lambda one: one["say"] in ("done", "failed", "gone") and one.get("job", job) == job)


@pytest.fixture
def farm_with(machines) -> Iterator[Callable[..., RayProvider]]:
    made = []

    def make(**more: Any) -> RayProvider:
        made.append(RayProvider(DaemonConfig(address=machines.address, max_actors=1, threads=1, **more), lambda: None))
        return made[-1]

    yield make
    for farm in made:
        farm.end()


def test_a_second_try_sends_no_picture_again_and_finds_its_targets_warm(farm_with, tmp_path):
    listening = Listening(farm_with())
    listening.hand.work(order(tmp_path))
    first = listening.done("7")
    assert first["say"] == "done", first
    assert [one for one in listening.said if one.get("state") == "sending"]
    listening.said.clear()
    last = {"path": str(tmp_path / "last"), "step": first["last"]["step"], "check": False}
    listening.hand.work({**order(tmp_path, last=last), "job": "8", "settings": MOVED.to_wire()})
    assert listening.done("8")["started_from"] == "last"
    assert not [one for one in listening.said if one.get("state") == "sending"]
    assert max(one.get("target_hits", 0) for one in listening.said) > 0


def test_a_node_with_another_build_is_not_worked_with(farm_with, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "build_id", lambda: "0123456789abcdef")
    farm = farm_with()
    listening = Listening(farm)
    listening.hand.work(order(tmp_path))
    gone = listening.done("7")
    assert gone["blameless"]
    assert "another build of Velatura" in gone["sentence"]
    assert farm.lost


def test_what_waits_for_a_machine_that_there_is_none_of_can_be_cancelled(farm_with, tmp_path):
    farm = farm_with(node_labels=("name=third",))
    listening = Listening(farm)
    listening.hand.work(order(tmp_path))
    listening.until(lambda one: one.get("state") == "waiting for a machine of the farm")
    listening.hand.cancel("7")
    assert listening.until(lambda one: one["say"] == "stopped")["job"] == "7"
    assert not listening.hand.available


def test_labels_and_resources_say_which_node_works(farm_with, machines, tmp_path):
    listening = Listening(farm_with(node_labels=("name=second",), actor_resources=("CPU=1",)))
    listening.hand.work({**order(tmp_path), "settings": QUICK.to_wire()})
    done = listening.done("7")
    assert done["say"] == "done", done
    assert (len(machines.actors_at("first")), len(machines.actors_at("second"))) == (0, 1)

"""The Ray executor on a real cluster, without a daemon: what is sent, and which nodes are used."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.conftest import QUICK
from tests.support.specs import spec_in
from velatura.settings import StyleSettings
from velatura_daemon.config import DaemonConfig
from velatura_daemon.executors.ray import workers
from velatura_daemon.executors.ray.workers import RayProvider
from velatura_daemon.jobs.events import ENDINGS, JobDone, JobStopped, Ready, WorkerEvent, WorkerInfo
from velatura_daemon.jobs.spec import StartingImage

MOVED = StyleSettings(quality="draft", iterations=6, strength=90)


class Listening:
    """The events of the first executor."""

    def __init__(self, provider: RayProvider) -> None:
        self.executor = provider.executors[0]
        self.events: list[WorkerEvent] = []

    def until(self, condition: Callable[[WorkerEvent], bool]) -> Any:
        """Return the next event that meets a condition; pytest's timeout limits the wait."""
        while True:
            while (event := self.executor.poll()) is not None:
                self.events.append(event)
                if condition(event):
                    return event
            time.sleep(0.01)  # leaves the core to others

    def done(self, ticket: str) -> Any:
        return self.until(lambda event: isinstance(event, ENDINGS) and getattr(event, "ticket", ticket) == ticket)

    def states(self) -> list[str]:
        return [event.info.state for event in self.events if isinstance(event, Ready)]


@pytest.fixture
def farm_with(machines) -> Iterator[Callable[..., RayProvider]]:
    made = []

    def make(**more: Any) -> RayProvider:
        made.append(RayProvider(DaemonConfig(address=machines.address, max_actors=1, threads=1, **more), lambda: None))
        return made[-1]

    yield make
    for provider in made:
        provider.close()


def test_a_second_job_sends_no_picture_again_and_finds_its_targets_in_the_cache(farm_with, tmp_path):
    listening = Listening(farm_with())
    listening.executor.run(spec_in(tmp_path))
    first = listening.done("7")
    assert isinstance(first, JobDone), first
    assert "sending" in listening.states()
    listening.events.clear()
    start = StartingImage(tmp_path / "last", first.last_image.step)
    listening.executor.run(spec_in(tmp_path, "8", start=start, settings=MOVED))
    assert listening.done("8").started_from == "last"
    assert "sending" not in listening.states()
    assert max(event.info.target_hits or 0 for event in listening.events if isinstance(event, Ready)) > 0


def test_a_node_with_another_build_is_refused(farm_with, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "build_id", lambda: "0123456789abcdef")
    farm = farm_with()
    listening = Listening(farm)
    listening.executor.run(spec_in(tmp_path))
    gone = listening.done("7")
    assert gone.blameless
    assert "another build of Velatura" in gone.sentence
    assert farm.lost


def test_a_job_that_waits_for_a_missing_machine_can_be_cancelled(farm_with, tmp_path):
    farm = farm_with(node_labels=("name=third",))
    listening = Listening(farm)
    listening.executor.run(spec_in(tmp_path))
    listening.until(lambda event: event == Ready(WorkerInfo("waiting for a machine of the cluster", "–", "–")))
    listening.executor.cancel("7")
    assert listening.until(lambda event: isinstance(event, JobStopped)).ticket == "7"
    assert not listening.executor.available


def test_labels_and_resources_select_the_node(farm_with, machines, tmp_path):
    listening = Listening(farm_with(node_labels=("name=second",), actor_resources=("CPU=1",)))
    listening.executor.run(spec_in(tmp_path, settings=QUICK))
    done = listening.done("7")
    assert isinstance(done, JobDone), done
    assert (len(machines.actors_at("first")), len(machines.actors_at("second"))) == (0, 1)

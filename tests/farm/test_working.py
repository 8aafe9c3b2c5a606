"""A daemon that runs its jobs on a Ray cluster: clients see what they see with local workers."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.conftest import ENDLESS, QUICK, Daemon, picture
from tests.farm.conftest import daemon_of
from tests.support.daemons import status_when, until
from velatura.client.events import Finished
from velatura.errors import VelaturaError
from velatura.pixels import MASK_FORMAT, Picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.executors.ray.actor import PIECE

CONTENT, STYLE = picture(seed=1), picture(40, 40, seed=2)


@pytest.fixture
def another(machines, home) -> Iterator[Daemon]:
    """A daemon of the test's own."""
    one = daemon_of(machines, home)
    yield one
    one.stop()


def test_a_restyle_is_the_same_as_one_made_here(farm, daemon):
    mask = Picture(32, 24, MASK_FORMAT, bytes(12 * 32) + b"\xff" * (12 * 32))
    with farm.client() as client, daemon.client() as local:
        there = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, mask=mask)
        here = local.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, mask=mask)
    assert bytes(there.picture.data) == bytes(here.picture.data)
    assert (there.result.left, there.result.top, there.result.weights) == (
        here.result.left,
        here.result.top,
        here.result.weights,
    )
    assert there.result.device.startswith("cpu at ")


def test_the_process_that_is_connected_to_the_cluster_writes_to_the_daemons_log(farm, machines):
    with farm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
    lines = farm.dirs.log_file.read_text().splitlines()
    assert [
        line
        for line in lines
        if re.search(rf" INFO ray-driver \d+ velatura.farm: connected to {machines.address}$", line)
    ]


def test_a_picture_of_several_pieces_is_sent_and_fetched(farm):
    large = picture(3000, 1500, seed=12, channels="RGBA")
    assert len(large.data) > PIECE
    with farm.client() as client:
        done = client.restyle_and_wait(large, [(STYLE, 1.0)], StyleSettings(quality="draft", strength=0))
    assert bytes(done.picture.data) == bytes(large.data)


def test_a_job_reports_progress_previews_and_an_estimate(farm):
    with farm.client() as client:
        seen = {type(event) for event in client.events(client.restyle(picture(seed=3), [(STYLE, 1.0)], QUICK))}
        answer = client.estimate(640, 480, QUICK)
    assert {p.Accepted, p.Queued, p.Progress, p.Preview, Finished} <= seen
    assert answer.memory > 0


def test_jobs_spread_over_both_nodes(farm, machines):
    with farm.client() as client:
        jobs = [client.restyle(picture(seed=seed), [(STYLE, 1.0)], ENDLESS, layer=str(seed)) for seed in (4, 5)]
        at_work = set()
        for event in client.events():
            if isinstance(event, p.Progress):
                at_work.add(event.job)
            if len(at_work) == 2:
                break
        assert machines.workers_at("first") and machines.workers_at("second")
        for job in jobs:
            client.cancel(job)


def test_a_cancel_reaches_the_node_and_its_worker_continues_to_run(farm, machines):
    with farm.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], ENDLESS)
        until(client, p.Progress, job)
        before = {process.pid for which in ("first", "second") for process in machines.workers_at(which)}
        client.cancel(job)
        until(client, p.Cancelled, job)
        status_when(client, lambda report: not any(worker["busy"] for worker in report["workers"]))
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
    assert before <= {process.pid for which in ("first", "second") for process in machines.workers_at(which)}


def test_a_changed_setting_starts_from_the_last_image(farm):
    with farm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, layer="moved")
        other = StyleSettings(quality="draft", iterations=6, strength=90)
        done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], other, layer="moved", adjust=True)
    assert done.result.started_from == "last"


def test_a_failure_there_is_reported_here(farm):
    with farm.client() as client, pytest.raises(VelaturaError, match="device"):
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK, device="cuda:77")


def test_a_killed_worker_costs_one_sentence(farm, machines):
    with farm.client() as client:
        job = client.restyle(CONTENT, [(STYLE, 1.0)], StyleSettings(quality="draft", iterations=500))
        until(client, p.Progress, job)
        machines.busy_worker().kill()
        events = list(client.events(job))
    # By the actor, or by the daemon if it loses touch with the actor at that moment.
    assert "was killed" in next(event.sentence for event in events if isinstance(event, p.Notice))
    assert isinstance(events[-1], Finished)


def test_status_names_where_the_work_is_done(farm, machines):
    with farm.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        report = client.status()
    assert (report["executor"], report["address"], report["fallback_active"]) == ("ray", machines.address, False)
    assert " at " in report["worker"]["device"]


def test_idle_workers_above_the_minimum_release_their_nodes(farm, machines, home):
    farm.stop()  # it uses the nodes
    one = daemon_of(machines, home, "--min-actors", "1", "--worker-seconds", "1")
    try:
        with one.client() as client:
            jobs = {client.restyle(picture(seed=seed), [(STYLE, 1.0)], QUICK, layer=str(seed)) for seed in range(6, 10)}
            for event in client.events():
                if isinstance(event, Finished):
                    jobs.discard(event.job)
                if not jobs:
                    break
            while len(machines.actors_at("first") + machines.actors_at("second")) != 1:
                client.drain()
    finally:
        one.stop()
    assert machines.actors_at("first") + machines.actors_at("second") == []


def test_a_daemon_on_a_node_needs_no_client_server(farm, machines, home):
    farm.stop()
    one = Daemon(home, ("--executor", "ray", "--address", machines.own_address, "--max-actors", "1"))
    try:
        with one.client() as client:
            done = client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
    finally:
        one.stop()
    assert done.result.device.startswith("cpu at ")


def test_a_daemon_that_stops_leaves_nothing_on_the_nodes(another, machines):
    with another.client() as client:
        client.restyle_and_wait(CONTENT, [(STYLE, 1.0)], QUICK)
        own = [folder for which in ("first", "second") for folder in machines.actors_at(which)]
    another.stop()
    assert own
    assert not [folder for folder in own if folder.exists()]
    while machines.workers_at("first") or machines.workers_at("second"):
        pass

"""A picture that several workers share is one worker's, to rounding; and whoever goes costs no more than time. Real processes, gloo."""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.engine import helper as helping

from pastiche.launch import clean_environment
from pastiche.pixels import Picture, PixelFormat
from pastiche.settings import StyleSettings
from pastiche_daemon import room
from pastiche_daemon.engine.cache import TargetCache
from pastiche_daemon.engine.company import Company
from pastiche_daemon.engine.evaluation import Evaluation
from pastiche_daemon.engine.pyramid import scales_for
from pastiche_daemon.engine.shared_tiles import SCALE, Sharing, shares_of
from pastiche_daemon.engine.stylise import prepared, stylise
from pastiche_daemon.engine.targets import canvas_at, objective_at
from pastiche_daemon.executors import company as meetings
from pastiche_daemon.executors.company import Facts, LeadersMeeting, backend_for, facts_of
from pastiche_daemon.executors.environment import WORKER
from pastiche_daemon.executors.wire import read_message, write_message
from pastiche_daemon.room import EVERYTHING, GRID, grid_for, pays_to_share, shared_work

CPU = helping.CPU


@pytest.fixture(scope="module")
def thin():
    return helping.thin()


class HelperProcess:
    """`helper.py`, one picture after another."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.engine.helper"]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, **WORKER}, cwd=Path(__file__).parents[2]
        )

    def help(self, case: str, join: dict[str, Any]) -> None:
        self.process.stdin.write(json.dumps({"case": case, "join": join}) + "\n")
        self.process.stdin.flush()

    def is_free(self) -> bool:
        """Waits for it."""
        return self.process.stdout.readline() == "free\n"

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


@pytest.fixture(scope="module")
def helper() -> Iterator[HelperProcess]:
    one = HelperProcess()
    yield one
    one.end()


@pytest.fixture(autouse=True)
def as_long_as_it_takes(monkeypatch) -> None:
    """Helpers come, however busy the machine is."""
    monkeypatch.setattr(meetings, "COMING", 100.0)


@pytest.fixture
def small(monkeypatch) -> None:
    """However small a picture is, it is shared."""
    monkeypatch.setattr(room, "PAYS", 100.0)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="pst-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


@contextlib.contextmanager
def meeting(network, order: dict[str, Any], leaving: Callable[[], bool] = lambda: False) -> Iterator[LeadersMeeting]:
    one = LeadersMeeting(order, facts_of(network, CPU, EVERYTHING), CPU, leaving)
    try:
        yield one
    finally:
        one.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """The test's own time limit is its end."""
    while not condition():
        time.sleep(0.01)


def last_objective(network, content, styles, settings):
    content, _, territories = prepared(content, styles, settings, network)
    scale = scales_for(content.size[1], content.size[0], settings)[-1]
    canvas = canvas_at(content, scale, settings.seamless)
    return scale, objective_at(network, content, territories, canvas, scale, settings, TargetCache(0))


def sharing_of(network, scale, one: LeadersMeeting) -> Sharing:
    sharing = Sharing(one, (scale.width, scale.height), scale.padded, 0, network)
    assert sharing.pays
    sharing.begin()
    return sharing


# --- the same picture ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("case", "where"),
    [("plain gram", "port"), ("plain wasserstein", "folder"), ("regions moments", "folder"), ("seamless", "folder"), ("content", "folder")],
)
def test_losses_and_slope_of_two_are_those_of_one(thin, helper, folder, case, where):
    content, styles, settings = helping.case(case)
    scale, objective = last_objective(thin, content, styles, settings)
    image = torch.rand(3, *objective.size, generator=torch.Generator().manual_seed(1)).double()
    losses, slope = Evaluation(objective, image)(image)
    order = {"size": 2, "folder": str(folder)} if where == "folder" else {"size": 2, "host": "127.0.0.1"}
    with meeting(thin, order) as one:
        helper.help(case, {"rank": 1, "size": 2, **one.where})
        sharing = sharing_of(thin, scale, one)
        evaluation = Evaluation(objective, image, 0, sharing)
        found, found_slope = evaluation(image)
        assert sharing.company.size == 2
        assert not one.news
    for ours, theirs in ((found.total, losses.total), (found.content, losses.content), (found.style, losses.style)):
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=0)
    torch.testing.assert_close(found_slope, slope, rtol=1e-8, atol=1e-9 * float(slope.abs().max()))
    assert helper.is_free()


def test_a_helper_whose_cable_is_pulled_is_noticed_within_seconds(thin, helper, folder):
    """Its connections are told to be: here no cable can be pulled."""
    content, styles, settings = helping.case("content")
    scale, _ = last_objective(thin, content, styles, settings)
    with meeting(thin, {"size": 2, "folder": str(folder)}) as one:
        helper.help("content", {"rank": 1, "size": 2, **one.where})
        assert sharing_of(thin, scale, one).company.size == 2
        connections = [socket.socket(fileno=os.dup(found.fd)) for found in psutil.Process().net_connections("tcp") if found.status == "ESTABLISHED"]
        patience = {connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) for connection in connections}
        assert {connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) for connection in connections} == {1}
        assert patience == {1000 * meetings.SILENT}
        for connection in connections:
            connection.close()
    assert helper.is_free()


def test_a_whole_restyle_of_two_is_that_of_one(small, thin, helper, folder, monkeypatch):
    commands, rounds = [], []
    command, made_of = Company.command, LeadersMeeting._made_of
    monkeypatch.setattr(Company, "command", lambda self, *numbers: (commands.append(numbers[0]), command(self, *numbers)))
    monkeypatch.setattr(LeadersMeeting, "_made_of", lambda self, helpers: (rounds.append(helpers), made_of(self, helpers))[1])
    *_, alone = stylise(*helping.case("steps"), thin)
    with meeting(thin, {"size": 2, "folder": str(folder)}) as one:
        helper.help("steps", {"rank": 1, "size": 2, **one.where})
        *_, together = stylise(*helping.case("steps"), thin, meeting=one)
        assert not one.news
    assert helper.is_free()
    assert len(rounds) == 1  # one company for all scales
    assert commands.count(SCALE) == together.levels == 2
    torch.testing.assert_close(together.losses.total, alone.losses.total, rtol=1e-9, atol=0)
    torch.testing.assert_close(together.image, alone.image, rtol=0, atol=1e-6)


def test_where_the_memory_of_the_leader_does_not_hold_out_they_go_on_in_smaller_tiles(thin, helper, folder):
    content, styles, settings = helping.case("long")
    scale, objective = last_objective(thin, content, styles, settings)
    image = content.image.clone()
    _, slope = Evaluation(objective, image)(image)

    class Scarce(torch.nn.Module):
        def __getattr__(self, name):
            return getattr(thin, name)

        def forward(self, image, wanted, wraps=False):
            if image.shape[2] > 500:
                raise torch.OutOfMemoryError("no room")
            return thin(image, wanted, wraps=wraps)

    objective.network = Scarce()
    with meeting(thin, {"size": 2, "folder": str(folder)}) as one:
        helper.help("long", {"rank": 1, "size": 2, **one.where})
        sharing = sharing_of(thin, scale, one)
        evaluation = Evaluation(objective, image, 0, sharing)
        _, found = evaluation(image)
        assert "memory did not hold out" in evaluation.news[0]
        assert sharing.company.size == 2
        assert sharing.grid.tiles > 2
    assert helper.is_free()
    torch.testing.assert_close(found, slope, rtol=1e-8, atol=1e-9 * float(slope.abs().max()))


# --- who comes, and who does not -------------------------------------------------------------------------
def test_where_nobody_comes_the_leader_works_alone_and_says_so(small, thin, folder, monkeypatch):
    monkeypatch.setattr(meetings, "COMING", 0.1)
    content, styles, settings = helping.case("steps")
    with meeting(thin, {"size": 3, "folder": str(folder)}) as one:
        told = [progress.news for progress in stylise(content, styles, settings, thin, meeting=one) if progress.news]
    assert len(told) == 1
    assert "Of the 2 other workers that were to share this picture 2 did not come" in told[0]


def test_a_cancelled_job_waits_for_nobody(thin, folder, monkeypatch):
    monkeypatch.setattr(meetings, "COMING", 1e6)
    with meeting(thin, {"size": 2, "folder": str(folder)}, leaving=lambda: True) as one:
        assert one.company() is None


def test_whoever_computes_with_other_weights_is_not_taken_in(thin, helper, folder):
    other = helping.thin()
    with torch.no_grad():
        other.convolution("conv3_1").bias[0] += 1e-6
    with meeting(other, {"size": 2, "folder": str(folder)}) as one:
        helper.help("plain", {"rank": 1, "size": 2, **one.where})
        assert one.company() is None
        assert "other weights" in one.news[0]
    assert helper.is_free()


def test_who_comes_late_takes_part_from_the_next_step(small, thin, helper, folder, monkeypatch):
    monkeypatch.setattr(meetings, "COMING", 0.0)
    content, styles, settings = helping.case("steps")
    scale, objective = last_objective(thin, content, styles, settings)
    with meeting(thin, {"size": 2, "folder": str(folder)}) as one:
        sharing = sharing_of(thin, scale, one)
        evaluation = Evaluation(objective, content.image, 0, sharing)
        _, alone = evaluation(content.image)
        assert sharing.company is None
        helper.help("steps", {"rank": 1, "size": 2, **one.where})
        wait_until(one.somebody_waits)
        _, together = evaluation(content.image)
        assert sharing.company.size == 2
    assert helper.is_free()
    torch.testing.assert_close(together, alone, rtol=1e-8, atol=1e-9 * float(alone.abs().max()))


def test_where_one_of_three_is_killed_the_two_who_are_left_go_on(small, thin, helper, folder):
    content, styles, settings = helping.case("steps")
    scale, objective = last_objective(thin, content, styles, settings)
    killed = HelperProcess()
    with meeting(thin, {"size": 3, "folder": str(folder)}) as one:
        for rank, process in enumerate((helper, killed), 1):
            process.help("steps", {"rank": rank, "size": 3, **one.where})
        sharing = sharing_of(thin, scale, one)
        evaluation = Evaluation(objective, content.image, 0, sharing)
        _, three = evaluation(content.image)
        assert sharing.company.size == 3
        killed.end()
        _, two = evaluation(content.image)
        wait_until(lambda: sharing.company is not None or one.somebody_waits())  # a busy machine may be late
        evaluation(content.image)
        assert sharing.company.size == 2
        assert "has gone" in evaluation.news[0]
    assert helper.is_free()
    torch.testing.assert_close(two, three, rtol=1e-8, atol=1e-9 * float(three.abs().max()))


def test_the_helpers_of_a_leader_that_died_are_free(thin, helper, folder):
    """As of a process that was killed: its lock is let go of, and nothing is said."""
    with meeting(thin, {"size": 2, "folder": str(folder)}) as one:
        helper.help("steps", {"rank": 1, "size": 2, **one.where})
        assert one.company() is not None
        one._lock.close()
        one._lock = None
        one._give_up()
        assert helper.is_free()


def test_a_place_that_is_lost_in_between_costs_nothing(small, thin, folder, monkeypatch):
    monkeypatch.setattr(meetings, "COMING", 0.0)
    monkeypatch.setattr(meetings, "JOINING", datetime.timedelta(seconds=1))
    content, styles, settings = helping.case("steps")
    with meeting(thin, {"size": 2, "folder": str(folder)}) as one:
        steps = stylise(content, styles, settings, thin, meeting=one)
        next(steps)
        shutil.rmtree(folder)
        *_, last = steps
    assert last.done > 0.8


@pytest.mark.parametrize("where", [{"folder": "/nowhere"}, {"host": "127.0.0.1"}])
def test_a_helper_that_comes_when_all_is_over_goes_again(thin, where):
    if "host" in where:
        with meetings._listening("127.0.0.1") as free:
            where = {**where, "port": free.getsockname()[1]}
    facts = facts_of(thin, CPU, EVERYTHING)
    followed: list[Any] = []
    meetings.help_at_meeting({**where, "rank": 1, "name": "n"}, facts, CPU, helping.never, followed.append)
    assert followed == []


# --- workers, as a daemon has them --------------------------------------------------------------------------
OPTIONS = {"device": "cpu", "threads": 1, "memory_megabytes": 0, "cache_megabytes": 64, "preview_side": 64, "preview_seconds": 1e6, "keep_seconds": 1e6}
HEIGHT, WIDTH = 16, 768
ENDLESS = 20000


class WorkerProcess:
    """A worker, and what it has said."""

    def __init__(self, home: Path) -> None:
        environment = {**WORKER, **clean_environment(os.environ), "PASTICHE_HOME": str(home)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "pastiche_daemon.executors.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
        )
        self.said: queue.Queue[dict[str, Any]] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.tell("begin", options=OPTIONS)

    def _listen(self) -> None:
        while (message := read_message(self.process.stdout)) is not None:
            self.said.put(message)

    def tell(self, do: str, **more: Any) -> None:
        write_message(self.process.stdin, {"do": do, **more})

    def hear(self, *wanted: str, when: Callable[[dict[str, Any]], bool] = lambda said: True) -> dict[str, Any]:
        """The next of these that it says; an end that is none of them is told."""
        while True:
            said = self.said.get(timeout=60)
            if said["say"] in wanted and when(said):
                return said
            assert said["say"] not in {"failed", "done", "stopped"} - set(wanted), said

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()


class Studio:
    """Two workers, and orders for them."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.workers = [WorkerProcess(home) for _ in range(2)]
        self.meetings = 0

    def job(self, name: str, **settings: Any) -> dict[str, Any]:
        generator = np.random.default_rng(5)
        asked = StyleSettings(**{"quality": "paper", "iterations": 8, **settings})
        return {
            "job": name, "settings": asked.to_wire(), "device": "auto", "weights": "thin", "mask": None, "last": None, "as_it_is": False,
            "content": self.picture(generator, HEIGHT, WIDTH), "styles": [{**self.picture(generator, 32, 32), "share": 1.0}],
            "result_path": str(self.home / f"{name} result"), "last_path": str(self.home / "last"), "keep_path": str(self.home / "kept"),
        }  # fmt: skip

    def picture(self, generator: np.random.Generator, height: int, width: int) -> dict[str, Any]:
        soft = generator.random((height // 8, width // 8, 3)).repeat(8, 0).repeat(8, 1)
        made = Picture(width, height, PixelFormat("RGB", "u8"), (soft * 255).astype(np.uint8).tobytes())
        path = self.home / hashlib.sha256(made.data).hexdigest()[:16]
        path.write_bytes(made.data)
        return {"picture": made.ref.to_wire(), "path": str(path), "profile_path": ""}

    def begin(self, job: dict[str, Any], leader: WorkerProcess, *helpers: WorkerProcess) -> None:
        """Have them do it together, as a front does."""
        self.meetings += 1
        folder = self.home / f"meeting {self.meetings}"
        folder.mkdir(mode=0o700)
        size = 1 + len(helpers)
        leader.tell("work", **job, company={"size": size, "folder": str(folder)})
        where = {name: value for name, value in leader.hear("meeting").items() if name not in ("say", "job")}
        for rank, helper in enumerate(helpers, 1):
            helper.tell("work", **{**job, "job": f"{job['job']} {rank}"}, join={"rank": rank, "size": size, **where})

    def result(self, job: dict[str, Any]) -> np.ndarray:
        return np.frombuffer(Path(job["result_path"]).read_bytes(), np.uint8).astype(float)


@pytest.fixture(scope="module")
def studio() -> Iterator[Studio]:
    home = Path(tempfile.mkdtemp(prefix="pst-"))
    one = Studio(home)
    for worker in one.workers:  # awake: those who share a picture are given ten seconds to come
        worker.tell("estimate", ticket="awake", width=WIDTH, height=HEIGHT, settings=StyleSettings().to_wire(), weights="thin", device="auto")
    for worker in one.workers:
        worker.hear("estimate")
    yield one
    for worker in one.workers:
        worker.end()
    shutil.rmtree(home, ignore_errors=True)


def midway(said: dict[str, Any]) -> bool:
    """Of a progress."""
    return said["step"] >= 2


def test_two_workers_make_one_workers_picture(studio):
    leader, helper = studio.workers
    alone, together = studio.job("alone"), studio.job("together")
    leader.tell("work", **alone)
    leader.hear("done")
    studio.begin(together, leader, helper)
    assert leader.hear("done")["notes"] == []
    assert "last" not in helper.hear("stopped")
    difference = np.abs(studio.result(together) - studio.result(alone))
    assert difference.mean() < 0.5


def test_with_the_leader_cancelled_its_helper_is_free(studio):
    leader, helper = studio.workers
    studio.begin(studio.job("cancelled", iterations=ENDLESS), leader, helper)
    leader.hear("progress", when=midway)
    leader.tell("cancel", job="cancelled")
    assert "last" in leader.hear("stopped")
    helper.hear("stopped")


def test_a_helper_that_is_wanted_elsewhere_leaves_and_the_leader_goes_on(studio):
    leader, helper = studio.workers
    studio.begin(studio.job("left", iterations=60), leader, helper)
    leader.hear("progress", when=midway)
    helper.tell("cancel", job="left 1")
    helper.hear("stopped")
    assert "has gone" in leader.hear("notice")["sentence"]
    leader.hear("done")


def test_a_killed_helper_costs_a_sentence_not_the_picture(studio):
    leader, killed = studio.workers
    job = studio.job("killed", iterations=60)
    studio.begin(job, leader, killed)
    leader.hear("progress", when=midway)
    os.kill(killed.process.pid, signal.SIGKILL)
    sentence = leader.hear("notice")["sentence"]
    assert "has gone" in sentence
    assert leader.hear("done")["notes"] == [sentence]


# --- the plan ---------------------------------------------------------------------------------------------
cells = st.integers(1, 60)


@given(cells, cells, st.integers(2, 9), st.booleans())
def test_each_worker_has_as_many_tiles_and_all_of_them_are_the_picture(rows, columns, workers, wraps):
    height, width = rows * GRID, columns * GRID
    grid = grid_for(height, width, workers)
    if grid is None:
        assert max(rows, columns) < workers  # too few cells to be divided so
        return
    shares = shares_of((height, width), grid, workers, wraps)
    assert {len(share) for share in shares} == {grid.tiles // workers}
    seen = torch.zeros(height, width)
    for tile in (tile for share in shares for tile in share):
        tile.inner.of(seen).add_(1)
    assert bool((seen == 1).all())


@given(st.integers(40, 400), st.integers(40, 400), st.integers(2, 8), st.sampled_from([256, 512, 1024]))
def test_tiles_of_a_shared_picture_take_no_more_room_than_is_said(rows, columns, workers, side):
    height, width = rows * GRID, columns * GRID
    outer = grid_for(height, width, workers, side).outer(height, width)
    assert outer[0] * outer[1] <= min(height, side + 320) * min(width, side + 320)


def test_small_pictures_are_not_shared_and_large_ones_are():
    def pays(side: int, workers: int) -> bool:
        grid = grid_for(side, side, workers)
        return pays_to_share(side, side, workers, grid, 0)

    assert [pays(side, 2) for side in (256, 512, 640, 1024)] == [False, False, True, True]
    assert [pays(side, 4) for side in (256, 512)] == [False, True]


def test_more_workers_have_less_to_do_each():
    work = [shared_work(2048, 2048, workers, grid_for(2048, 2048, workers)) for workers in (2, 4, 8, 16)]
    assert work == sorted(work, reverse=True)
    assert work[0] < 0.6


def test_cards_of_one_machine_talk_by_nccl_and_others_through_its_memory(monkeypatch):
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    card = [Facts("n", EVERYTHING, "here", f"card {number}") for number in range(3)]
    assert backend_for(card) == "nccl"
    assert backend_for([*card, card[0]]) == "gloo"  # NCCL wants a card for each
    assert backend_for([*card, Facts("n", EVERYTHING, "there", "card 9")]) == "gloo"
    assert backend_for([*card, Facts("n", EVERYTHING, "here")]) == "gloo"

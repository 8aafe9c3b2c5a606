"""The order of the frames, and how many are in memory, with a client that needs no daemon."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import Future
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from tests.film.copying import WHOLE, reading
from tests.film.films import pan
from tests.support.returning_daemon import Daemon
from velatura.client.events import Finished, SavedItems
from velatura.editor.frames import FOLLOWED
from velatura.errors import UnknownBlob, VelaturaError
from velatura.pixels import Picture
from velatura.protocol import messages as p
from velatura.settings import StyleSettings
from velatura_daemon.batch.concurrency import wake, wake_sockets
from velatura_daemon.batch.recipe import recipe_of
from velatura_daemon.film.plan import Plan, plan_of, without_shots
from velatura_daemon.film.recipe import FilmRecipe
from velatura_daemon.film.runner import MAX_REFUSALS, FilmRun
from velatura_daemon.film.sources import open_source
from velatura_daemon.film.waking_pool import WakingPool
from velatura_daemon.film.work import Work
from velatura_daemon.terminal.options import RestyleOptions
from velatura_daemon.terminal.style_options import parse_paintings


class SameThread(WakingPool):
    """Reads and writes at once, so that what is in flight does not depend on the speed of threads."""

    def start(self, function):
        future: Future = Future()
        future.set_result(function())
        return future


class Quiet:
    def __init__(self) -> None:
        self.frames: list[int] = []

    def made(self, number: int, path: Path, seconds: float) -> None:
        self.frames.append(number)

    def __getattr__(self, name: str):
        return lambda *_, **__: None


def film_of(folder: Path, *lengths: int) -> Path:
    """Shots of these lengths, in files."""
    folder.mkdir()
    frames = [frame for seed, length in enumerate(lengths) for frame in pan(seed + 1, length, 1)]
    for number, frame in enumerate(frames, 1):
        Image.fromarray(frame).save(folder / f"{number:04}.png")
    Image.new("RGB", (16, 16), "red").save(folder.parent / "painting.png")
    return folder


def run(folder: Path, client: Daemon, settings: StyleSettings | None = None, keep: bool = False) -> FilmRun:
    settings = settings or StyleSettings(composite=True)
    source = open_source(folder, None)
    plan = plan_of(source, WHOLE)
    if settings.steadiness == 0:
        plan = without_shots(plan)
    options = RestyleOptions()
    paintings = parse_paintings([str(folder.parent / "painting.png")], [], [])
    recipe = FilmRecipe(recipe_of(paintings, settings, options, "auto", 64.0))
    with Work(folder.with_name("out")) as work:
        work.begin("key", "hash", "stats", "range", plan, force=False)
        film = FilmRun(client, source, plan, recipe, reading(), work, Quiet(), "key")  # type: ignore[arg-type]
        film.run()
        if not keep:
            work.delete()
    return film


def numbers(folder: Path, client: Daemon) -> dict[bytes, int]:
    """The frames' numbers by their pixels."""
    source = open_source(folder, None)
    plan: Plan = plan_of(source, WHOLE)
    frames = source.frames(plan.timing, plan.facts, 0, reading())
    return {loaded.picture.ref.blob: number for number, loaded in enumerate(frames)}


def test_each_frame_follows_those_before_it_in_its_shot_and_its_first(tmp_path):
    folder, client = film_of(tmp_path / "shots", 10, 3), Daemon()
    run(folder, client)
    number_of = numbers(folder, client)
    for request in client.requests:
        number = number_of[request["content"].ref.blob]
        first = 0 if number < 10 else 10
        followed = [number_of[content.ref.blob] for content, _ in request["previous"]]
        expected = [number - distance for distance in FOLLOWED if number - distance >= first]
        assert followed == expected + [first] * (number > first and first not in expected)


def test_a_connection_that_is_lost_after_a_result_does_not_end_the_film(tmp_path, monkeypatch):
    """Both arrive at once, when the next frame is read already."""

    class Losing(Daemon):
        resting = False

        def drain(self) -> list:
            self.resting = not self.resting
            events = [] if self.resting else super().drain()
            if len(self.requests) == 2 and any(isinstance(event, Finished) for event in events):
                self.ready = self.understands_films = False
                events.append(p.Failed("", "daemon_lost", "It went."))
            return events

        def request_saved(self) -> None:
            self.ready = self.understands_films = True
            super().request_saved()

    monkeypatch.setattr("velatura_daemon.film.runner.WakingPool", SameThread)
    folder, client = film_of(tmp_path / "shots", 3), Losing()
    client.dirs.connection_file = folder
    run(folder, client)
    assert len(client.requests) == 3
    assert len(client.requests[-1]["previous"]) == 2


@pytest.mark.parametrize("job_is_known", [True, False])
def test_a_saved_result_that_is_gone_when_it_is_fetched_is_made_again(job_is_known, tmp_path):
    """The daemon deletes the oldest ones when its folder is full. It does not say which job a picture is of."""

    class Forgetful(Daemon):
        def request_saved(self) -> None:
            output = str(tmp_path / "out.velatura-film" / "frame.png")
            note = json.dumps({"film": "key", "frame": "1", "output": output})
            self.fetched = []
            self.events.append(SavedItems([SimpleNamespace(note=note, finished=True, job="saved", result=None)]))

        def fetch(self, item) -> None:
            self.fetched.append(item.job)
            job = item.job if job_is_known else ""
            self.events.append(p.Failed(job, UnknownBlob.code, "The daemon has no such result."))

    folder, client = film_of(tmp_path / "shots", 3), Forgetful()
    assert run(folder, client).outcome.made == 3
    assert client.fetched == ["saved"]
    assert len(client.requests) == 3


def test_frames_in_flight_are_of_different_shots(tmp_path, monkeypatch):
    monkeypatch.setattr("velatura_daemon.film.runner.WakingPool", SameThread)
    folder, client = film_of(tmp_path / "shots", 4, 4, 4), Daemon(workers=8)
    run(folder, client)
    assert client.most == 3


def test_a_film_runs_in_the_background(tmp_path):
    folder, client = film_of(tmp_path / "shots", 3), Daemon()
    run(folder, client)
    assert all(request["background"] for request in client.requests)


def test_only_the_first_frame_is_added_to_the_history(tmp_path):
    folder, client = film_of(tmp_path / "shots", 3), Daemon()
    run(folder, client)
    assert [request["remember"] for request in client.requests] == [True, False, False]


@pytest.mark.parametrize("steadiness", [0, 75])
def test_the_frames_in_memory_do_not_depend_on_the_length(steadiness, tmp_path):
    settings = StyleSettings(composite=True, steadiness=steadiness)
    short = run(
        film_of(tmp_path / "short" if (tmp_path / "short").mkdir() else tmp_path / "short" / "shots", 30),
        Daemon(),
        settings,
    )
    long = run(
        film_of(tmp_path / "long" if (tmp_path / "long").mkdir() else tmp_path / "long" / "shots", 90),
        Daemon(),
        settings,
    )
    assert long.outcome.made == 90
    assert long.most_held <= short.most_held + 4  # a writing thread may fall behind
    assert long.most_held <= 2 * (2 * (FOLLOWED[-1] + 1) + 3) + 8


def test_without_steadiness_no_frame_follows_another(tmp_path):
    folder, client = film_of(tmp_path / "shots", 4), Daemon()
    run(folder, client, StyleSettings(composite=True, steadiness=0))
    assert not any(request["previous"] for request in client.requests)


def test_a_run_that_continues_follows_the_finished_frames(tmp_path):
    folder, client = film_of(tmp_path / "shots", 10), Daemon()
    run(folder, client, keep=True)
    (tmp_path / "out.velatura-film" / "frame_000009.png").unlink()
    again = Daemon()
    run(folder, again)
    number_of = numbers(folder, again)
    assert [number_of[request["content"].ref.blob] for request in again.requests] == [8, 9]
    followed = [number_of[content.ref.blob] for content, _ in again.requests[0]["previous"]]
    assert followed == [7, 6, 4, 0]


def test_shots_at_once_are_limited_by_memory(tmp_path, monkeypatch):
    folder = film_of(tmp_path / "film", 6, 6, 6, 6, 6, 6)
    monkeypatch.setattr("velatura_daemon.film.runner.MAX_BYTES", 2 * 2 * (FOLLOWED[-1] + 1) * 64 * 48 * 3)
    run(folder, client := Daemon(workers=10))
    assert client.most == 2


def test_a_film_waits_for_a_full_daemon_as_long_as_its_own_frames_are_restyled(tmp_path, monkeypatch):
    """Other films and batches are the same client to the daemon: they may take up all but one of its places."""

    class Full(Daemon):
        refused = 0

        def restyle(self, content: Picture, styles, settings, **more) -> str:
            if not self.jobs:
                self.resting = 4 * MAX_REFUSALS
                return super().restyle(content, styles, settings, **more)
            self.refused += 1
            self.events.append(p.Failed(job := uuid.uuid4().hex, "too_busy", "32 restyles are already waiting."))
            return job

        def drain(self) -> list:
            self.resting -= 1
            events, self.events = self.events, []
            return [*events, *(super().drain() if self.resting <= 0 else [])]

    monkeypatch.setattr("velatura_daemon.film.runner.REFUSAL_PAUSE", 0.0)
    monkeypatch.setattr("velatura_daemon.film.waking_pool.MAX_SLEEP", 0.001)
    folder, client = film_of(tmp_path / "shots", 1, 1), Full(workers=4)
    client.resting = 0
    assert run(folder, client).outcome.made == 2
    assert client.refused > MAX_REFUSALS


def test_an_unexpected_error_in_reading_a_frame_is_reported_as_one_sentence(tmp_path, monkeypatch):
    def frames(*_):
        raise MemoryError("no room for the frame")
        yield

    monkeypatch.setattr("velatura_daemon.film.numbered.NumberedFrames.frames", frames)
    with pytest.raises(VelaturaError, match="no room for the frame"):
        run(film_of(tmp_path / "shots", 2), Daemon())


def test_threads_do_not_wait_for_a_command_that_is_busy_with_events():
    """Each thread that finishes leaves a byte; nobody reads it while the daemon keeps sending."""
    pool = WakingPool(1, "test")
    futures = [pool.start(lambda: None) for _ in range(2000)]
    assert [future.result(timeout=300) for future in futures] == [None] * 2000
    pool.close()


def test_the_threads_of_a_batch_do_not_wait_either():
    receiver, sender = wake_sockets()
    for _ in range(2000):
        wake(sender, Future())
    assert receiver.recv(4096)
    receiver.close()
    sender.close()

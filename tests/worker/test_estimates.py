"""Estimates of time and memory, from measurements of the device."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.app_dirs import app_dirs
from velatura.settings import StyleSettings
from velatura_daemon.engine.stages import WarmStart
from velatura_daemon.memory_plan import BASE_BYTES, UNLIMITED, MemoryBudget
from velatura_daemon.models.store import WeightStore
from velatura_daemon.worker.estimates import SIDES, Estimates, Pace, in_words, measured
from velatura_daemon.worker.model_cache import ModelCache

CPU = torch.device("cpu")
DRAFT, GOOD = StyleSettings(quality="draft"), StyleSettings(quality="good")


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    return ModelCache(WeightStore(app_dirs({"VELATURA_HOME": str(home)}))).get("auto", CPU)


@pytest.fixture
def estimates(tmp_path):
    return Estimates(tmp_path / "cache" / "pace.json")


def test_a_larger_picture_and_a_better_quality_take_longer(estimates, warm):
    def seconds(side, settings):
        return estimates.expect(side, side, settings, warm, UNLIMITED).seconds

    assert 0 < seconds(128, DRAFT) < seconds(512, DRAFT) < seconds(512, GOOD)


def test_all_drafts_of_more_than_512_pixels_take_as_long(estimates, warm):
    one, other = (
        estimates.expect(side, side, DRAFT, warm, MemoryBudget(BASE_BYTES + (4 << 30))) for side in (512, 8192)
    )
    assert other == one


def test_the_estimate_of_a_resumed_restyle_counts_only_what_is_left(estimates, warm):
    def seconds(*steps_done):
        start = WarmStart(torch.zeros(3, 768, 1024), *steps_done) if steps_done else None
        return estimates.expect(1024, 768, GOOD, warm, UNLIMITED, start).seconds

    assert seconds(15) < seconds(0) < seconds()


def test_nothing_to_do_takes_no_time(estimates, warm):
    assert estimates.expect(512, 512, StyleSettings(strength=0), warm, UNLIMITED).seconds == 0


def test_the_estimate_of_a_picture_too_large_for_memory_has_tiles_and_more_time(estimates, warm):
    whole, tiled = (
        estimates.expect(4096, 4096, GOOD, warm, room) for room in (UNLIMITED, MemoryBudget(BASE_BYTES + (4 << 30)))
    )
    assert tiled.plan.side
    assert f"tiles of {tiled.plan.side}" in tiled.sentence
    assert tiled.seconds > whole.seconds
    assert tiled.plan.bytes < whole.plan.bytes


def test_a_measure_that_was_held_up_still_knows_that_pixels_take_time(warm, monkeypatch):
    steps = iter([(0.0, 0.5), (0.0, 0.3)])
    monkeypatch.setattr("velatura_daemon.worker.estimates._start_and_step", lambda *_: next(steps))
    assert measured(warm).each == pytest.approx(0.3 / (SIDES[1] ** 2 / 1e6))


def test_jobs_that_took_longer_make_the_next_estimate_longer(estimates, warm):
    before = estimates.expect(512, 512, DRAFT, warm, UNLIMITED)
    for _ in range(12):
        expected = estimates.expect(512, 512, DRAFT, warm, UNLIMITED)
        estimates.learn(warm, expected.seconds, 2 * before.seconds)
    assert estimates.expect(512, 512, DRAFT, warm, UNLIMITED).seconds == pytest.approx(2 * before.seconds, rel=0.1)


def test_a_devices_pace_is_measured_once_and_saved(estimates, warm, tmp_path, monkeypatch):
    said = estimates.expect(512, 512, DRAFT, warm, UNLIMITED)
    monkeypatch.setattr("velatura_daemon.worker.estimates.measured", lambda _: pytest.fail("measured again"))
    again = Estimates(tmp_path / "cache" / "pace.json")
    assert again.expect(512, 512, DRAFT, warm, UNLIMITED) == said


@pytest.mark.parametrize("damaged", ["", "[]", '{"cpu": 3}', json.dumps({"cpu": ["fast", 2]})])
def test_a_damaged_file_is_measured_anew(tmp_path, warm, monkeypatch, damaged):
    (tmp_path / "pace.json").write_text(damaged)
    monkeypatch.setattr("velatura_daemon.worker.estimates.measured", lambda _: Pace(0.1, 1.0))
    assert Estimates(tmp_path / "pace.json").expect(512, 512, DRAFT, warm, UNLIMITED).seconds > 0


@given(st.floats(0, 1e6))
def test_seconds_are_shown_with_a_readable_unit(seconds):
    assert in_words(seconds).split()[-1] in ("second", "seconds", "minutes", "hours")


def test_a_client_gets_an_estimate(daemon):
    with daemon.client() as client:
        estimate = client.estimate(4000, 3000, GOOD)
    assert estimate.seconds > 0
    assert estimate.memory > 0
    assert "cpu" in estimate.sentence


def test_a_device_that_is_not_there_is_named_in_the_answer(daemon):
    with daemon.client() as client:
        estimate = client.estimate(400, 300, GOOD, device="cuda:7")
    assert estimate.seconds < 0
    assert "cuda:7" in estimate.sentence

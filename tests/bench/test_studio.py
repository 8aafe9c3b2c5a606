"""The simulation of a studio: what of it can be known beforehand."""

from __future__ import annotations

import math
import random

from tests.bench.studio import report
from tests.bench.studio.model import check, fitted
from tests.bench.studio.painters import Painter, Task
from tests.bench.studio.simulate import Asked, AtTheEasel, Studio, any_hand, best_hand, by_model, studio_of


class Strangers:
    """Each asks once, and none waits for another: arrivals at exponential distances."""

    def __init__(self, an_hour: float, seed: int) -> None:
        self._source, self._each = random.Random(seed), 3600 / an_hour
        self._number = 0

    def begin(self, studio: Studio) -> None:
        studio.plan(self._source.expovariate(1 / self._each), self._ask, studio)

    def _ask(self, studio: Studio) -> None:
        self._number += 1
        task = Task("try", "layer", b"s" * 32, "draft", (64, 64), 0, 0, False)
        studio.ask(self, f"stranger-{self._number}", task)
        self.begin(studio)

    def ended(self, studio: Studio, asked: Asked) -> None:
        """It has what it came for."""


def erlang_c(servers: int, load: float) -> float:
    """The share that waits, of arrivals at exponential distances with exponential times (Erlang 1917)."""
    waits = load**servers / math.factorial(servers) * servers / (servers - load)
    return waits / (sum(load**n / math.factorial(n) for n in range(servers)) + waits)


def test_exponential_times_wait_as_erlangs_formula_says():
    source, servers, load = random.Random(1), 4, 3.0
    studio = Studio(servers, [Strangers(3600 * load, 2)], lambda *_: source.expovariate(1.0), any_hand)
    waits = studio.run(seconds=40_000, warm_up=500).waits["try"]

    asked_in_vain = sum(wait > 0 for wait in waits) / len(waits)
    mean = sum(waits) / len(waits)
    assert abs(asked_in_vain / erlang_c(servers, load) - 1) < 0.03
    assert abs(mean / (erlang_c(servers, load) / (servers - load)) - 1) < 0.05


def test_the_same_seed_gives_the_same_table_and_another_another():
    rows = [report.simulated(fitted(), [(20, 0.5, [1, 2])], best_hand, seed) for seed in (3, 3, 4)]

    assert rows[0] == rows[1]
    assert rows[0] != rows[2]


def test_one_painter_at_one_gpu_never_waits_for_anybody():
    painter = Painter(0, seed=5)
    painter.seconds_to_a_folder = lambda: math.inf  # a folder of one's own would be somebody
    painter.seconds_of_patience = lambda: None  # and a job of one's own that has to stop first
    waits = Studio(1, [AtTheEasel(painter)], by_model(fitted()), best_hand).run(36_000, 0).waits

    assert len(waits["try"]) > 100
    assert max(wait for some in waits.values() for wait in some) == 0


def test_no_gpu_is_busy_for_longer_than_there_is_time():
    counted = studio_of(60, 1, 6, fitted()).run(1800, 300)

    assert 0.95 * 1800 < counted.busy <= 1800.001


def test_the_best_hand_is_warm_more_often_than_any():
    best, some = (studio_of(60, 10, 7, fitted(), choose).run(3600, 300).warm for choose in (best_hand, any_hand))

    assert best[True] / best.total() > some[True] / some.total() + 0.1


def test_the_model_tells_each_job_that_was_measured_within_a_sixth():
    rows = check(fitted())

    assert all(abs(row["model"] / row["measured"] - 1) < 1 / 6 for row in rows)


def test_a_gpu_of_ones_own_is_held_from_the_first_job_until_long_after_the_last():
    spans = [("anna", 10.0, 12.0), ("anna", 15.0, 16.0), ("ben", 90.0, 95.0)]

    assert report.held(spans, idle=10.0, since=0.0, until=100.0) == (16 + 10.0 - 10.0 + 10.0) / 100
    assert report.held(spans, idle=0.0, since=0.0, until=100.0) == (2.0 + 1.0 + 5.0) / 100

"""The time that a running job still takes, from its estimate and from what was measured. Times are simulated."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura_daemon.worker.estimates import ScaleCost
from velatura_daemon.worker.time_left import TimeLeft

COSTS = (ScaleCost(0.1, 0.1, 60), ScaleCost(0.3, 0.3, 40), ScaleCost(1.0, 1.0, 20))
WHOLE = sum(cost.seconds for cost in COSTS)


def progress(level: int, step: int, expected: int | None = None) -> SimpleNamespace:
    expected = COSTS[level].evaluations if expected is None else expected
    return SimpleNamespace(level=level, step=step, expected=expected)


def reports(costs=COSTS, slower=(1.0, 1.0, 1.0), stops=(None, None, None)) -> list[tuple[int, float, float]]:
    """Run a job in simulated time. Returns its reports: level, reported and true seconds left.

    slower: by how much each scale takes longer than expected. stops: how many evaluations each scale makes.
    """
    time_left, now, said = TimeLeft(costs), 0.0, []
    for level, cost in enumerate(costs):
        made = stops[level] or cost.evaluations
        for step in range(made):
            now += slower[level] * (cost.each + (cost.start if step == 0 else 0.0))
            state = progress(level, step, made)
            time_left.count(state)
            said.append((level, time_left.seconds(state, now), now))
    return [(level, left, now - at) for level, left, at in said]


def worst(counted: list[tuple[int, float, float]]) -> float:
    """The largest factor between reported and true time left, of those that are not nearly done."""
    return max(max(left / true, true / left) for _, left, true in counted if true > 2)


def test_a_job_that_takes_as_long_as_estimated_reports_the_truth_from_the_first_evaluation_on():
    assert worst(reports()) == pytest.approx(1)


def test_coarse_scales_that_take_longer_than_estimated_are_forgotten_in_the_largest():
    largest = [report for report in reports(slower=(2, 2, 1)) if report[0] == 2]
    assert worst(largest[5:]) < 1.2  # after 30 % of that scale


def test_a_machine_that_is_slower_than_estimated_is_noticed_before_the_largest_scale():
    largest = [report for report in reports(slower=(3, 3, 3)) if report[0] == 2]
    assert worst(largest) < 1.1


@pytest.mark.parametrize("stops", [(20, None, None), (20, 10, None), (None, None, 11)], ids=str)
def test_evaluations_that_convergence_is_expected_to_leave_out_are_not_left(stops):
    last = max(level for level, stop in enumerate(stops) if stop)
    assert worst([report for report in reports(stops=stops) if report[0] >= last]) == pytest.approx(1)


def test_what_convergence_leaves_out_does_not_count_as_done():
    time_left = TimeLeft(COSTS)
    for level, step in ((0, 0), (0, 1), (2, 0)):
        time_left.count(progress(level, step))
    assert time_left.done == pytest.approx(0.1 + 2 * 0.1 + 1.0 + 1.0)


def test_reports_may_be_rarer_than_evaluations():
    time_left, now = TimeLeft(COSTS), 0.0
    for step in range(60):
        now += 0.1
        time_left.count(progress(0, step))
        if step % 7 == 0:
            left = time_left.seconds(progress(0, step), now)
            assert left == pytest.approx(WHOLE - 0.1 - 0.1 * (step + 1))


def test_without_an_estimate_the_time_left_is_unknown():
    time_left = TimeLeft([ScaleCost(0.0, 0.0, 60)])
    time_left.count(progress(0, 0))
    assert time_left.seconds(progress(0, 0), 1.0) == -1


times = st.floats(0, 1e6)


@given(st.lists(st.builds(ScaleCost, times, times, st.integers(1, 8)), min_size=3, max_size=3), st.tuples(*[times] * 3))
def test_the_time_left_is_a_finite_number(costs, slower):
    assert all(math.isfinite(left) and (left >= 0 or left == -1) for _, left, _ in reports(costs, slower))

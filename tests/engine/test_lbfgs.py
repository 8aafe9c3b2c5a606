"""The compact form gives the directions of the textbook's two loops, and forgets what it is told to."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from velatura_daemon.engine.optim.lbfgs import CurvatureMemory

UNKNOWNS = 12


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curved(seed):
    """A positive definite matrix."""
    a = random(UNKNOWNS, UNKNOWNS, seed=seed)
    return a @ a.T + torch.eye(UNKNOWNS, dtype=torch.float64)


def two_loops(pairs, slope):
    """Nocedal and Wright 2006, algorithm 7.4."""
    q, alphas = slope.clone(), []
    for s, y in reversed(pairs):
        alphas.append((s @ q) / (s @ y))
        q -= alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q *= (s @ y) / (y @ y)
    for (s, y), alpha in zip(pairs, reversed(alphas), strict=True):
        q += s * (alpha - (y @ q) / (s @ y))
    return q


@hypothesis_settings(deadline=None)
@given(st.integers(0, 2**31), st.integers(0, 11), st.integers(1, 6))
def test_the_direction_is_that_of_the_two_loops(seed, count, room):
    matrix, memory, pairs = curved(seed), CurvatureMemory(random(UNKNOWNS, seed=0), room), []
    for number in range(count):
        s = random(UNKNOWNS, seed=seed + 1 + number)
        memory.add(s, matrix @ s)
        pairs.append((s, matrix @ s))
    slope = random(UNKNOWNS, seed=seed + 100)
    torch.testing.assert_close(memory.newton(slope), two_loops(pairs[-room:], slope), rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("bad", ["upward", "nothing", "no_number"])
def test_a_pair_of_no_positive_curvature_changes_no_direction(bad):
    matrix, memory = curved(1), CurvatureMemory(random(UNKNOWNS, seed=0), 5)
    for number in range(3):
        s = random(UNKNOWNS, seed=number)
        memory.add(s, matrix @ s)
    slope = random(UNKNOWNS, seed=9)
    before = memory.newton(slope)
    s = random(UNKNOWNS, seed=10)
    memory.add(s, {"upward": -s, "nothing": 0 * s, "no_number": s * torch.nan}[bad])
    torch.testing.assert_close(memory.newton(slope), before)


@pytest.mark.parametrize("told", [True, False])
def test_it_forgets_where_it_is_told_to_and_only_there(told):
    memory = CurvatureMemory(random(UNKNOWNS, seed=0), 4)
    s, slope = random(UNKNOWNS, seed=1), random(UNKNOWNS, seed=2)
    memory.add(s, curved(3) @ s)
    before = memory.newton(slope)
    memory.forget_where(torch.tensor(told))
    expected = memory.gamma * slope if told else before
    torch.testing.assert_close(memory.newton(slope), expected)

"""The compact form gives the directions of the textbook's two loops, and drops its pairs on request; no step is longer
than MAX_STEP."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from velatura_daemon.engine.optim.curvature import CurvatureMemory
from velatura_daemon.engine.optim.lbfgs import LBFGS, MAX_STEP

UNKNOWNS = 12


def random(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def curved(seed):
    """A positive definite matrix."""
    a = random(UNKNOWNS, UNKNOWNS, seed=seed)
    return a @ a.T + torch.eye(UNKNOWNS, dtype=torch.float64)


def two_loops(pairs, gradient):
    """Nocedal and Wright 2006, algorithm 7.4."""
    q, alphas = gradient.clone(), []
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
def test_the_direction_is_that_of_the_two_loops(seed, count, size):
    matrix, memory, pairs = curved(seed), CurvatureMemory(random(UNKNOWNS, seed=0), size), []
    for number in range(count):
        s = random(UNKNOWNS, seed=seed + 1 + number)
        memory.add(s, matrix @ s)
        pairs.append((s, matrix @ s))
    gradient = random(UNKNOWNS, seed=seed + 100)
    expected = two_loops(pairs[-size:], gradient)
    torch.testing.assert_close(memory.inverse_hessian_times(gradient), expected, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("bad", ["upward", "nothing", "no_number"])
def test_a_pair_without_positive_curvature_changes_no_direction(bad):
    matrix, memory = curved(1), CurvatureMemory(random(UNKNOWNS, seed=0), 5)
    for number in range(3):
        s = random(UNKNOWNS, seed=number)
        memory.add(s, matrix @ s)
    gradient = random(UNKNOWNS, seed=9)
    before = memory.inverse_hessian_times(gradient)
    s = random(UNKNOWNS, seed=10)
    memory.add(s, {"upward": -s, "nothing": 0 * s, "no_number": s * torch.nan}[bad])
    torch.testing.assert_close(memory.inverse_hessian_times(gradient), before)


@pytest.mark.parametrize("condition", [True, False])
def test_it_is_cleared_if_the_condition_is_true_and_only_then(condition):
    memory = CurvatureMemory(random(UNKNOWNS, seed=0), 4)
    s, gradient = random(UNKNOWNS, seed=1), random(UNKNOWNS, seed=2)
    memory.add(s, curved(3) @ s)
    before = memory.inverse_hessian_times(gradient)
    memory.clear_if(torch.tensor(condition))
    expected = memory.gamma * gradient if condition else before
    torch.testing.assert_close(memory.inverse_hessian_times(gradient), expected)


@pytest.mark.parametrize("trained", [1.0, 0.25])
def test_where_the_loss_hardly_curves_a_step_is_not_endless(trained):
    image = torch.zeros(3, 8, 8)
    mask = (torch.arange(64).view(8, 8) < 64 * trained).float()
    stepper = LBFGS(image, mask)
    diverged = torch.tensor(False)
    stepper.step(torch.ones(3, 8, 8) * mask, diverged)
    before = image.clone()
    stepper.step(0.9999 * torch.ones(3, 8, 8) * mask, diverged)  # a plane, but for one part in 10,000
    change = (image - before)[:, mask > 0]
    assert change.abs().mean().item() == pytest.approx(MAX_STEP, rel=1e-4)

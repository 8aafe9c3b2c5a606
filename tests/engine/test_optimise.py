"""Each optimiser lowers the loss, keeps the best image, changes only trainable pixels, and survives bad losses."""

from __future__ import annotations

import math

import pytest
import torch

from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.losses.objective import Losses, Weighting
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.network import STYLE_LAYERS
from velatura_daemon.engine.optim.first_order import ADAM_BETAS, ADAM_RATE, Adam
from velatura_daemon.engine.optim.optimise import STEPPERS, UNCHECKED_STEP, optimise
from velatura_daemon.engine.optim.preconditioner import preconditioned, preconditioner
from velatura_daemon.engine.optim.stepper import FIRST_STEP

METHODS = sorted(STEPPERS)
TARGET = torch.linspace(0, 1, 3 * 6 * 7).reshape(3, 6, 7)


def bowl(image):
    """A loss with its minimum at TARGET, steeper along some pixels than along others."""
    total = ((1 + TARGET) * (image - TARGET) ** 2).sum()
    return Losses(total, total, total)


def scaled_bowl(image, factor):
    total = factor * bowl(image).total
    return Losses(total, total, total)


def start():
    return torch.full_like(TARGET, 0.5)


@pytest.fixture(scope="module")
def problem(network, source, objective_of):
    """A real objective, small: 32 × 32."""
    network.set_pooling("average")
    content, style = source(32, 32, 0).image, source(32, 32, 1).image
    weighting = Weighting(1.0, 1e6, 1e5, dict.fromkeys(STYLE_LAYERS, 1 / 5))
    return content, objective_of(network, content, style, weighting)


@pytest.mark.parametrize("method", METHODS)
def test_the_loss_of_a_real_image_falls(problem, method):
    content, objective = problem
    image = content.clone()
    before = float(objective(image).total)
    for _ in optimise(image, PlainEvaluation(objective), full_weight(image), 12, method):
        pass
    assert float(objective(image).total) < 0.7 * before


def test_adam_is_that_of_torch():
    ours, torchs = start(), start().requires_grad_()
    stepper, reference = Adam(ours, full_weight(ours)), torch.optim.Adam([torchs], lr=ADAM_RATE, betas=ADAM_BETAS)
    for _ in range(20):
        bowl(torchs).total.backward()
        stepper.step(torchs.grad.clone(), torch.tensor(False))
        reference.step()
        reference.zero_grad()
        # Both are float32 and round in another order; a step is 0.02.
        torch.testing.assert_close(ours, torchs.detach(), rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_the_image_ends_as_the_best_that_was_evaluated(problem, method):
    content, objective = problem
    image = content.clone()
    steps = optimise(image, PlainEvaluation(objective), full_weight(image), 12, method)
    seen = [float(losses.total) for losses in steps]
    assert float(objective(image).total) == pytest.approx(min(seen), rel=1e-5)


@pytest.mark.parametrize("method", METHODS)
def test_the_best_image_is_kept_if_all_later_ones_are_worse(method):
    image, seen = start(), []

    def worse_after_the_third(x):
        seen.append(x.detach().clone())
        total = bowl(x).total + 50.0 * max(0, len(seen) - 3)
        return Losses(total, total, total)

    for _ in optimise(image, PlainEvaluation(worse_after_the_third), full_weight(image), 8, method):
        pass
    assert torch.equal(image, min(seen[:3], key=lambda x: float(bowl(x).total)))


@pytest.mark.parametrize("method", METHODS)
def test_pixels_outside_the_trainable_mask_never_change(problem, method):
    content, objective = problem
    image, mask = content.clone(), full_weight(content)
    mask[:, 11:] = 0
    for _ in optimise(image, PlainEvaluation(objective), mask, 6, method):
        assert torch.equal(image[:, :, 11:], content[:, :, 11:])
    assert torch.equal(image[:, :, 11:], content[:, :, 11:])
    assert not torch.equal(image[:, :, :11], content[:, :, :11])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
@pytest.mark.parametrize("when", [1, 2, 4])
def test_a_loss_that_is_not_finite_does_not_ruin_the_image(method, bad, when):
    image, count = start(), 0
    before = float(bowl(image).total)

    def bad_once(x):
        nonlocal count
        count += 1
        total = bowl(x).total * (bad if count == when else 1)
        return Losses(total, total, total)

    for _ in optimise(image, PlainEvaluation(bad_once), full_weight(image), 12, method):
        pass
    assert torch.isfinite(image).all()
    assert float(bowl(image).total) < before


@pytest.mark.parametrize("method", METHODS)
def test_a_gradient_that_is_not_finite_does_not_end_the_descent(method):
    """As half precision may give: a finite loss with a gradient that overflows."""
    image, count, seen = start(), 0, []

    def bad_gradient_once(x):
        nonlocal count
        count += 1
        total = bowl(x).total * (_one_with_a_nan_gradient(x) if count == 3 else 1)
        return Losses(total, total, total)

    for losses in optimise(image, PlainEvaluation(bad_gradient_once), full_weight(image), 20, method):
        seen.append(float(losses.total))
    assert torch.isfinite(image).all()
    assert float(bowl(image).total) < 0.9 * min(seen[:3])


def _one_with_a_nan_gradient(x):
    """√0 has an infinite gradient; times 0 it is NaN."""
    return 1 + (0 * (x - x.detach()).sum()).sqrt()


def test_lbfgs_recovers_from_divergence():
    """A loss that is flat near the start and steep farther off: the first curvature makes the step too long."""
    image = torch.full((3, 4, 4), 0.5)

    def cliff(x):
        total = (1e-3 * (x - 1) ** 2 + torch.relu(x - 0.6) ** 2 * 1e5).sum()
        return Losses(total, total, total)

    before = float(cliff(image).total)
    for _ in optimise(image, PlainEvaluation(cliff), full_weight(image), 40, "lbfgs"):
        pass
    assert float(cliff(image).total) < 0.8 * before


@pytest.mark.parametrize("method", METHODS)
def test_stopping_early_leaves_the_best_image_so_far(method):
    image, seen = start(), []

    def recorded(x):
        seen.append(x.detach().clone())
        return bowl(x)

    steps = optimise(image, PlainEvaluation(recorded), full_weight(image), 50, method)
    for _ in range(4):
        next(steps)
    steps.close()
    assert len(seen) == 4
    assert torch.equal(image, min(seen, key=lambda x: float(bowl(x).total)))


@pytest.mark.parametrize("method", METHODS)
def test_an_objective_that_fails_leaves_the_best_image_so_far(method):
    image = start()

    def out_of_memory_later(x):
        if not torch.equal(x, start()):
            raise MemoryError
        return bowl(x)

    with pytest.raises(MemoryError):
        list(optimise(image, PlainEvaluation(out_of_memory_later), full_weight(image), 5, method))
    assert torch.equal(image, start())
    assert not image.requires_grad


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("steps", [0, 1, 7])
def test_n_steps_take_n_plus_1_evaluations(method, steps):
    image = start()
    assert len(list(optimise(image, PlainEvaluation(bowl), full_weight(image), steps, method))) == steps + 1


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("steps", [1, 7])
def test_without_a_check_of_the_last_step_n_steps_take_n_evaluations(method, steps):
    image = start()
    run = optimise(image, PlainEvaluation(bowl), full_weight(image), steps, method, check_last=False)
    assert len(list(run)) == steps


@pytest.mark.parametrize("method", METHODS)
def test_an_unchecked_last_step_still_improves_the_image(method):
    distance = 0.1 if method == "lbfgs" else 1.0  # near enough that its steps are shorter than UNCHECKED_STEP
    checked, unchecked = (torch.lerp(TARGET, start(), distance) for _ in range(2))
    for image, check_last in ((checked, True), (unchecked, False)):
        list(optimise(image, PlainEvaluation(bowl), full_weight(image), 3, method, check_last))
    assert torch.allclose(checked, unchecked, atol=1e-6)


def test_an_unchecked_last_step_cannot_lead_far():
    """A step from which a checked descent would turn back."""

    class Leaping(STEPPERS["lbfgs"]):
        def step(self, gradient, diverged):
            self.image.add_(1.0)

    image = start()
    list(optimise(image, PlainEvaluation(bowl), full_weight(image), 1, Leaping, check_last=False))
    assert float((image - start()).abs().mean()) == pytest.approx(UNCHECKED_STEP)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_an_unchecked_last_step_from_a_bad_loss_is_not_taken(method, bad):
    image, calls = start(), []

    def bad_at_last(x):
        calls.append(None)
        total = bowl(x).total * (bad if len(calls) == 3 else 1)
        return Losses(total, total, total)

    list(optimise(image, PlainEvaluation(bad_at_last), full_weight(image), 3, method, check_last=False))
    assert bool(image.isfinite().all())
    assert float(bowl(image).total) < float(bowl(start()).total)


@pytest.mark.parametrize("method", METHODS)
def test_at_the_minimum_the_image_stays(method):
    image = TARGET.clone()
    for _ in optimise(image, PlainEvaluation(bowl), full_weight(image), 5, method):
        pass
    assert torch.equal(image, TARGET)


@pytest.mark.parametrize("method", METHODS)
def test_the_scale_of_the_loss_does_not_matter_to_the_first_step(method):
    """Only ratios of weights matter: the first step is as long whatever factor the loss has."""
    moved = []
    for factor in (1.0, 1e6):
        image = start()
        steps = optimise(image, PlainEvaluation(lambda x, f=factor: scaled_bowl(x, f)), full_weight(image), 3, method)
        next(steps)
        moved.append(image.clone())
    torch.testing.assert_close(moved[0], moved[1], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("method", ["lbfgs", "gradient"])
@pytest.mark.parametrize("selected", [1, 3, 7])
def test_the_first_step_is_as_long_in_a_small_selection_as_in_a_whole_image(method, selected):
    image, mask = start(), torch.zeros(6, 7)
    mask[2, :selected] = 1
    steps = optimise(image, PlainEvaluation(lambda x: scaled_bowl(x, 1e6)), mask, 3, method)
    next(steps)
    assert float((image - start()).abs()[:, mask > 0].mean()) == pytest.approx(FIRST_STEP, rel=1e-3)


def test_plain_gradient_descent_never_continues_from_a_rise():
    image, totals = start(), []
    for losses in optimise(image, PlainEvaluation(bowl), full_weight(image), 30, "gradient"):
        totals.append(float(losses.total))
    for number in range(1, len(totals) - 1):
        if totals[number] > min(totals[:number]):
            assert totals[number + 1] == pytest.approx(min(totals[:number]))


def test_the_preconditioner_is_symmetric_and_positive():
    """Otherwise the gradient by z would not be P times the gradient by the image, and steps could go uphill."""
    a, b = torch.randn(2, 3, 9, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gain = preconditioner(a)
    torch.testing.assert_close((a * preconditioned(b, gain)).sum(), (preconditioned(a, gain) * b).sum())
    assert float((a * preconditioned(a, gain)).sum()) > 0


def test_the_preconditioner_favours_coarse_over_fine():
    down, across = torch.meshgrid(torch.arange(16.0), torch.arange(16.0), indexing="ij")
    coarse, fine = torch.cos(2 * torch.pi * across / 16), torch.cos(torch.pi * (across + down))
    gain = preconditioner(coarse[None])
    kept = [float(preconditioned(wave[None], gain).norm() / wave.norm()) for wave in (coarse, fine)]
    assert kept[0] > 2 * kept[1]

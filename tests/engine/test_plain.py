"""Ours is held to the plain way: the same objective, as low a loss, in fewer and cheaper steps. With VGG19 itself."""

from __future__ import annotations

import copy

import pytest
import torch

from velatura_daemon.bench.fast import faint_noise, optimise_fast
from velatura_daemon.bench.machine import flops_of_an_evaluation
from velatura_daemon.bench.problem import Problem
from velatura_daemon.bench.reference import optimise_plainly, white_noise
from velatura_daemon.engine.network import REQUIRED_LAYERS
from velatura_daemon.engine.optim.optimise import optimise
from velatura_daemon.engine.precision import BFLOAT16

CPU = torch.device("cpu")
SIDE, STEPS = 64, 30


@pytest.fixture(scope="module")
def objective(vgg19):
    return Problem(SIDE, CPU).objective(vgg19)


@pytest.fixture(scope="module")
def plain(objective):
    """The losses of the plain way, and its picture."""
    image = white_noise(SIDE)
    return [e.total for e in optimise_plainly(image, objective, STEPS)], image


def test_the_plain_way_takes_the_steps_it_is_given_and_goes_down(plain):
    losses, image = plain
    assert len(losses) == STEPS
    assert losses[-1] < 0.7 * losses[0]
    assert not image.requires_grad


def test_ours_reaches_the_plain_loss_as_plain_float32_judges_it(vgg19, objective, plain):
    fast = copy.deepcopy(vgg19).use_precision(BFLOAT16)
    coarse, full = (Problem(side, CPU).objective(fast) for side in (SIDE // 2, SIDE))
    image = faint_noise(SIDE, CPU)
    target, combine = min(plain[0]), []

    @torch.no_grad()
    def enough(picture, _):
        combine.append(float(objective(picture).total))
        return combine[-1] <= target

    evaluations = optimise_fast(image, coarse, full, STEPS, enough)
    assert combine[-1] <= target
    assert len(evaluations) < STEPS
    assert float(objective(image).total) == pytest.approx(combine[-1])  # the picture is the one that was judged


def test_our_lbfgs_goes_lower_than_torchs_from_the_same_noise(objective, plain):
    image = white_noise(SIDE)
    ours = [float(x.total) for x in optimise(image, objective, torch.ones(SIDE, SIDE), STEPS - 1, "lbfgs")]
    assert min(ours) < min(plain[0])


def test_operations_are_counted_as_they_can_be_by_hand(network):
    """Convolutions forward and back to their input, a Gram and its way back: 2 a multiply-add."""
    expected, side = 0, 64
    for name in REQUIRED_LAYERS:  # none lies deeper than conv5_1
        convolution = network.convolution(name)
        cells = (side // 2 ** (int(name[4]) - 1)) ** 2
        expected += 2 * 2 * 9 * convolution.in_channels * convolution.out_channels * cells
        if name.endswith("_1"):
            expected += 2 * 2 * convolution.out_channels**2 * cells
    assert flops_of_an_evaluation(side, network) == pytest.approx(expected, rel=1e-6)
    assert flops_of_an_evaluation(2 * side, network) == 4 * flops_of_an_evaluation(side, network)

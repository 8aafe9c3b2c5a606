"""The benchmark: our optimiser reaches the loss of the plain implementation in fewer and cheaper steps, with VGG19."""

from __future__ import annotations

import copy

import pytest
import torch

from velatura_daemon.bench.fast import faint_noise, optimise_fast
from velatura_daemon.bench.machine import flops_of_an_evaluation
from velatura_daemon.bench.problem import Problem
from velatura_daemon.bench.reference import optimise_plainly, white_noise
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
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
    """The losses of the plain implementation, and its image."""
    image = white_noise(SIDE)
    return [e.total for e in optimise_plainly(image, objective, STEPS)], image


def test_the_plain_implementation_takes_the_requested_steps_and_lowers_the_loss(plain):
    losses, image = plain
    assert len(losses) == STEPS
    assert losses[-1] < 0.7 * losses[0]
    assert not image.requires_grad


def test_ours_reaches_the_plain_loss_measured_in_plain_float32(vgg19, objective, plain):
    fast = copy.deepcopy(vgg19).use_precision(BFLOAT16)
    coarse, full = (Problem(side, CPU).objective(fast) for side in (SIDE // 2, SIDE))
    image = faint_noise(SIDE, CPU)
    target, judged = min(plain[0]), []

    @torch.no_grad()
    def enough(picture, _):
        judged.append(float(objective(picture).total))
        return judged[-1] <= target

    evaluations = optimise_fast(image, coarse, full, STEPS, enough)
    assert judged[-1] <= target
    assert len(evaluations) < STEPS
    assert float(objective(image).total) == pytest.approx(judged[-1])  # the image is the one that was judged


def test_our_lbfgs_goes_lower_than_torchs_from_the_same_noise(objective, plain):
    image = white_noise(SIDE)
    ours = [float(x.total) for x in optimise(image, PlainEvaluation(objective), torch.ones(SIDE, SIDE), STEPS - 1)]
    assert min(ours) < min(plain[0])


def test_operations_are_counted_as_by_hand(network):
    """Convolutions and Gram matrices, forward and backward to their input: 2 operations per multiply-add."""
    expected, side = 0, 64
    for name in REQUIRED_LAYERS:  # none lies deeper than conv5_1
        convolution = network.convolution(name)
        cells = (side // 2 ** (int(name[4]) - 1)) ** 2
        expected += 2 * 2 * 9 * convolution.in_channels * convolution.out_channels * cells
        if name.endswith("_1"):
            expected += 2 * 2 * convolution.out_channels**2 * cells
    assert flops_of_an_evaluation(side, network) == pytest.approx(expected, rel=1e-6)
    assert flops_of_an_evaluation(2 * side, network) == 4 * flops_of_an_evaluation(side, network)

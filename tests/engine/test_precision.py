"""The fast precisions optimise the same image: losses and gradients within a stated tolerance of plain float32."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.gram import MIN_BLOCK, gram
from velatura_daemon.engine.losses.objective import Weighting
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.network import LAYERS, STYLE_LAYERS
from velatura_daemon.engine.precision import BFLOAT16, FLOAT32, PLAIN, fastest_on

WEIGHTING = Weighting(1e-3, 1.0, 0.0, dict.fromkeys(STYLE_LAYERS, 1 / 5))
# Of each loss (relative), and of the gradient's direction (1 − cosine). Measured here in bfloat16: 0.009 and 0.003 at
# most with the tests' own network, 0.004 and 0.001 with VGG19.
TOLERANCE = {FLOAT32: (1e-4, 1e-4), BFLOAT16: (0.02, 0.01)}


def loss_and_gradient(objective_of, network, image, content, style, precision):
    net = copy.deepcopy(network).use_precision(precision)
    net.set_pooling(StyleSettings().pooling)
    objective = objective_of(net, content, style, WEIGHTING)
    image = image.clone().requires_grad_(True)
    losses = objective(image)
    return losses, torch.autograd.grad(losses.total, image)[0]


@pytest.mark.parametrize("precision", TOLERANCE, ids=["float32", "bfloat16"])
@pytest.mark.parametrize("which", ["network", "vgg19"])
@pytest.mark.parametrize("seed", range(3))
def test_losses_and_gradient_are_near_those_of_plain_float32(request, source, objective_of, precision, which, seed):
    network = request.getfixturevalue(which)
    content, style = source(64, 80, 0).image, source(64, 64, 1).image
    image = torch.rand(3, 64, 80, generator=torch.Generator().manual_seed(seed))
    (plain, gradient), (fast, fast_gradient) = (
        loss_and_gradient(objective_of, network, image, content, style, a) for a in (PLAIN, precision)
    )
    of_loss, of_direction = TOLERANCE[precision]
    for ours, theirs in ((fast.total, plain.total), (fast.style, plain.style), (fast.content, plain.content)):
        assert ours.item() == pytest.approx(theirs.item(), rel=of_loss)
    assert 1 - float(F.cosine_similarity(fast_gradient.flatten(), gradient.flatten(), dim=0)) < of_direction


def test_losses_and_gradient_stay_float32(network, source, objective_of):
    content = source(32, 32).image
    style = source(32, 32, 1).image
    losses, gradient = loss_and_gradient(objective_of, network, content + 0.1, content, style, BFLOAT16)
    assert {losses.total.dtype, losses.content.dtype, losses.style.dtype, gradient.dtype} == {torch.float32}


def test_in_bfloat16_all_layers_but_the_first_are_in_bfloat16(network, source):
    net = copy.deepcopy(network).use_precision(BFLOAT16)
    assert net.convolution("conv1_1").weight.dtype == torch.float32
    assert {net.convolution(name).weight.dtype for name in LAYERS[1:]} == {torch.bfloat16}
    assert {f.dtype for f in net(source(32, 32).image, STYLE_LAYERS).values()} == {torch.bfloat16}


def test_the_network_sees_the_image_unrounded(network, source):
    """A change too small for bfloat16 still changes the first features."""
    net = copy.deepcopy(network).use_precision(BFLOAT16)
    image = torch.full((3, 32, 32), 0.999)
    gradient = torch.autograd.functional.jvp(
        lambda x: net(x, ("conv1_1",))["conv1_1"].float().sum(), image, torch.ones_like(image)
    )[1]
    assert float(gradient) != 0


@pytest.mark.parametrize("positions", [MIN_BLOCK // 2, 3 * MIN_BLOCK, 3 * MIN_BLOCK + 7])
def test_a_gram_matrix_of_bfloat16_is_summed_in_float32(positions):
    features = torch.rand(16, 1, positions, generator=torch.Generator().manual_seed(0)).bfloat16()
    exact = features.double().flatten(1) @ features.double().flatten(1).T
    ours = gram(features)
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours.double(), exact, rtol=2**-8, atol=0)


def test_no_weight_means_weight_1_everywhere():
    features = torch.rand(8, 6, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(gram(features), gram(features, full_weight(features)), rtol=1e-12, atol=0)


def test_the_precision_of_a_cpu_does_not_depend_on_a_timing():
    assert fastest_on(torch.device("cpu")) in (FLOAT32, BFLOAT16)
    assert fastest_on(torch.device("cpu")) == fastest_on(torch.device("cpu"))

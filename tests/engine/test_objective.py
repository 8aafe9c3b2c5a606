"""The losses are the paper's: each formula against a literal transcription and against plain functions of feature maps,
each gradient against finite differences."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.support import plain_losses

from velatura.settings import StyleSettings
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.losses.objective import Weighting
from velatura_daemon.engine.losses.pixel_terms import content_loss, squared_differences
from velatura_daemon.engine.losses.statistics import layer_sums
from velatura_daemon.engine.losses.style_distance import STYLE_DISTANCES, gram_distance, paper_distance
from velatura_daemon.engine.losses.weighting import PAPER_SCALE, weighting_for
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS

FIFTHS = dict.fromkeys(STYLE_LAYERS, 1 / 5)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))  # (C, H, W)
seeds = st.integers(0, 2**31)


def features(shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(shape, seed=0):
    return torch.rand(*shape[1:], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise(side, seed):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed)).double()


def statistics(f, weight):
    return layer_sums(f, weight).divided_by(weight.sum())


# --- the paper's formulas, index by index, in float64 ---------------------------------------------------
def content_of_the_paper(f, p):
    """Eq. 1: 1/2 Σ_ij (F_ij − P_ij)²."""
    f, p = f.flatten(1).tolist(), p.flatten(1).tolist()
    return 0.5 * sum((f[i][j] - p[i][j]) ** 2 for i in range(len(f)) for j in range(len(f[0])))


def gram_of_the_paper(f):
    """Eq. 3: G_ij = Σ_k F_ik F_jk."""
    f = f.flatten(1).tolist()
    return [[sum(a * b for a, b in zip(f[i], f[j], strict=True)) for j in range(len(f))] for i in range(len(f))]


def style_layer_of_the_paper(f, s):
    """Eq. 4: E_l = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)², picture and style of one size."""
    g, a = gram_of_the_paper(f), gram_of_the_paper(s)
    n, m = f.shape[0], f[0].numel()
    return sum((g[i][j] - a[i][j]) ** 2 for i in range(n) for j in range(n)) / (4 * n**2 * m**2)


@given(shapes, seeds)
def test_the_content_loss_is_equation_1(shape, seed):
    f, p = features(shape, seed), features(shape, seed + 1)
    assert content_loss(f, p, full_weight(f)).item() == pytest.approx(content_of_the_paper(f, p), rel=1e-12)


@given(shapes, seeds)
def test_the_gram_matrix_is_equation_3(shape, seed):
    f = features(shape, seed)
    expected = torch.tensor(gram_of_the_paper(f), dtype=torch.float64)
    torch.testing.assert_close(gram(f, full_weight(f)), expected, rtol=1e-12, atol=1e-12)


@given(shapes, seeds)
def test_the_style_loss_of_a_layer_is_equation_4(shape, seed):
    f, s = features(shape, seed), features(shape, seed + 1)
    ours = paper_distance(statistics(f, full_weight(f)), statistics(s, full_weight(s)))
    assert ours.item() == pytest.approx(style_layer_of_the_paper(f, s), rel=1e-10)


# --- the whole objective against plain functions of feature maps ----------------------------------------
def plain_losses_of(network, image, content, style, weighting, distance):
    """(total, content, style)."""
    features, target, style_features = (network(x, (*STYLE_LAYERS, CONTENT_LAYER)) for x in (image, content, style))
    content_loss = plain_losses.content_loss(features[CONTENT_LAYER], target[CONTENT_LAYER])
    style_loss = plain_losses.style_loss(features, style_features, weighting.layer_weights, distance)
    variation = plain_losses.total_variation(image)
    total = weighting.alpha * content_loss + weighting.beta * style_loss + weighting.tau * variation
    return total, content_loss, style_loss


@pytest.mark.parametrize("distance", STYLE_DISTANCES)
def test_the_losses_are_those_of_the_plain_formulas(network64, objective_of, distance):
    image, content, style = (noise(32, seed) for seed in range(3))
    weighting = Weighting(1e-3, 1.0, 0.5, FIFTHS)
    losses = objective_of(network64, content, style, weighting, style_distance=distance)(image)
    expected = plain_losses_of(network64, image, content, style, weighting, distance)
    # The plain Wasserstein distance takes its roots another way, of eigenvalues 12 orders of magnitude apart.
    rel = 1e-6 if distance == "wasserstein" else 1e-10
    for ours, theirs in zip((losses.total, losses.content, losses.style), expected, strict=True):
        assert ours.item() == pytest.approx(theirs.item(), rel=rel)


@pytest.mark.parametrize("distance", ["paper", "gram", "moments"])
def test_the_gradient_is_autograds_of_the_plain_formulas(network64, objective_of, distance):
    """The engine's Gram matrices have a gradient in closed form."""
    image, content, style = (noise(32, seed) for seed in range(3))
    weighting = Weighting(1e-3, 1.0, 0.5, FIFTHS)
    objective = objective_of(network64, content, style, weighting, style_distance=distance)
    _, gradient = PlainEvaluation(objective)(image)
    image.requires_grad_(True)
    total, _, _ = plain_losses_of(network64, image, content, style, weighting, distance)
    (expected,) = torch.autograd.grad(total, image)
    torch.testing.assert_close(gradient, expected, rtol=1e-8, atol=1e-10 * float(expected.abs().max()))


@given(shapes, seeds)
def test_total_variation_is_the_mean_squared_difference_of_neighbours(shape, seed):
    image, (_, height, width) = features(shape, seed), shape
    total = 0.0
    for rows in image.tolist():  # one channel's
        total += sum((row[x + 1] - row[x]) ** 2 for row in rows for x in range(width - 1))
        total += sum((rows[y + 1][x] - rows[y][x]) ** 2 for y in range(height - 1) for x in range(width))
    assert plain_losses.total_variation(image).item() == pytest.approx(total / (height * width), abs=1e-12)
    assert squared_differences(image, None, height, width).item() == pytest.approx(total, abs=1e-12)
    assert squared_differences(image, full_weight(image), height, width).item() == pytest.approx(total, abs=1e-12)


def test_total_variation_means_the_same_at_each_size(network64, objective_of):
    stripes, variations = torch.tensor([0.0, 1.0]).repeat(40).expand(3, 80, 80).double(), []
    for image in (stripes, stripes[:, :32, :32]):
        variations.append(objective_of(network64, image, image, Weighting(0.0, 0.0, 1.0, FIFTHS))(image).total.item())
    assert variations[0] == pytest.approx(variations[1], rel=0.05)


# --- gradients against finite differences ---------------------------------------------------------------
SHAPE = (3, 2, 3)


@pytest.mark.parametrize(
    "loss",
    [
        lambda f: content_loss(f, features(SHAPE, 1), weights(SHAPE)),
        lambda f: gram(f, weights(SHAPE)),
        lambda f: paper_distance(statistics(f, weights(SHAPE)), statistics(features(SHAPE, 1), weights(SHAPE))),
        lambda f: gram_distance(statistics(f, weights(SHAPE)), statistics(features(SHAPE, 1), weights(SHAPE))),
        lambda f: squared_differences(f, weights(SHAPE), *SHAPE[1:]),
    ],
    ids=["content", "gram", "paper style", "relative style", "total variation"],
)
def test_each_gradient_is_that_of_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, features(SHAPE).requires_grad_(True))


@pytest.mark.parametrize("distance", STYLE_DISTANCES)
def test_the_gradient_of_the_whole_objective_is_that_of_finite_differences(network64, objective_of, distance):
    image, content, style = (noise(16, seed) for seed in range(3))
    weight = torch.linspace(0, 1, 16, dtype=torch.float64).expand(16, 16)
    weighting = Weighting(1e-3, 1.0, 0.5, FIFTHS)
    objective = objective_of(network64, content, style, weighting, weight, style_distance=distance)

    def total(x):
        return objective(x).total

    # Small steps: a ReLU that switches between two evaluations is no fault of the gradient.
    assert torch.autograd.gradcheck(total, image.requires_grad_(True), eps=1e-7, rtol=1e-4, fast_mode=True)


# --- weights --------------------------------------------------------------------------------------------
@given(shapes, seeds, st.data())
def test_a_masked_gram_is_the_gram_without_the_masked_positions(shape, seed, data):
    f = features(shape, seed)
    count = shape[1] * shape[2]
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    columns = f.flatten(1)[:, kept]
    masked = gram(f, kept.double().reshape(shape[1:]))
    torch.testing.assert_close(masked, columns @ columns.T, rtol=1e-12, atol=1e-12)


@given(shapes, seeds)
def test_two_positions_of_half_weight_count_as_one(shape, seed):
    f = features(shape, seed)
    doubled = torch.cat([f, f], dim=2)
    halves = gram(doubled, 0.5 * full_weight(doubled))
    torch.testing.assert_close(halves, gram(f, full_weight(f)), rtol=1e-12, atol=1e-12)


@given(shapes, seeds, st.floats(0.01, 1))
def test_a_uniform_weight_changes_no_style_loss(shape, seed, weight):
    f, target = features(shape, seed), statistics(features(shape, seed + 1), full_weight(features(shape)))
    whole = gram_distance(statistics(f, full_weight(f)), target)
    soft = gram_distance(statistics(f, weight * full_weight(f)), target)
    torch.testing.assert_close(soft, whole, rtol=1e-9, atol=1e-12)


@given(shapes, seeds)
def test_twice_the_positions_of_the_same_texture_have_the_same_style_loss(shape, seed):
    f, target = features(shape, seed), statistics(features(shape, seed + 1), full_weight(features(shape)))
    doubled = torch.cat([f, f], dim=1)
    once = gram_distance(statistics(f, full_weight(f)), target)
    twice = gram_distance(statistics(doubled, full_weight(doubled)), target)
    torch.testing.assert_close(twice, once, rtol=1e-9, atol=1e-12)


@given(shapes, seeds)
def test_content_counts_by_the_weight_of_its_position(shape, seed):
    f, p, weight = features(shape, seed), features(shape, seed + 1), weights(shape, seed + 2)
    by_position = sum(
        float(weight[y, x]) * content_of_the_paper(f[:, y : y + 1, x : x + 1], p[:, y : y + 1, x : x + 1])
        for y in range(shape[1])
        for x in range(shape[2])
    )
    assert content_loss(f, p, weight).item() == pytest.approx(by_position, rel=1e-10)


def test_a_pixel_of_no_weight_far_from_all_others_does_not_change_the_losses(network64, objective_of):
    """Its cells count nothing, and those that count do not see it: 16 px cells, receptive fields of 160 px."""
    image = torch.rand(3, 16, 256, generator=torch.Generator().manual_seed(5)).double()
    weight = torch.zeros(16, 256, dtype=torch.float64)
    weight[:, :32] = 1
    weighting = Weighting(1.0, 1.0, 1.0, FIFTHS)
    objective = objective_of(network64, image.flip(2), image.flip(1), weighting, weight)
    changed = image.clone()
    changed[:, :, 240:] = 0
    before, after = objective(image), objective(changed)
    torch.testing.assert_close(after.total, before.total, rtol=1e-12, atol=0)


def test_if_nothing_counts_the_losses_are_finite(network64, objective_of):
    image = torch.rand(3, 16, 16).double()
    nothing = torch.zeros(16, 16, dtype=torch.float64)
    losses = objective_of(network64, image, image, Weighting(1.0, 1.0, 1.0, FIFTHS), nothing)(image)
    assert torch.isfinite(losses.total)


# --- strength -------------------------------------------------------------------------------------------
def test_paper_weighs_content_and_style_as_the_paper_does_at_its_feature_scale():
    """α/β is 1e-3 in the paper; the total is the same up to a factor."""
    weighting = weighting_for(StyleSettings(quality="paper"), channels=512, positions=64)
    f, p, s = (features((3, 4, 5), seed) for seed in range(3))

    def losses(scale):
        ours, target = (statistics(scale * x, full_weight(x)) for x in (f, s))
        return content_loss(scale * f, scale * p, None), paper_distance(ours, target)

    (content, style), (paper_content, paper_style) = losses(1), losses(PAPER_SCALE)
    ours, papers = weighting.alpha * content + weighting.beta * style, 1e-3 * paper_content + paper_style
    torch.testing.assert_close(ours / weighting.beta * PAPER_SCALE**4, papers)
    assert weighting.tau == 0
    assert weighting.layer_weights == dict.fromkeys(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 1 / 5)


@given(st.floats(0, 100), st.floats(1, 1e6))
def test_paper_ignores_strength_and_size(strength, positions):
    weighting = weighting_for(StyleSettings(quality="paper", strength=strength), 512, positions)
    assert weighting == weighting_for(StyleSettings(quality="paper"), 512, 64)


@given(st.floats(0, 100), st.floats(0, 100))
def test_more_strength_gives_content_less_weight(one, other):
    lower, higher = sorted((one, other))
    alphas = [weighting_for(StyleSettings(strength=s), 512, 64).alpha for s in (lower, higher)]
    assert alphas[0] >= alphas[1] > 0


@hypothesis_settings(max_examples=20)
@given(st.floats(0, 100), st.integers(1, 50))
def test_a_strength_means_the_same_at_each_size(strength, times):
    """The content's sum grows with the positions; its weight falls with them."""
    small = weighting_for(StyleSettings(strength=strength), 512, 64)
    large = weighting_for(StyleSettings(strength=strength), 512, 64 * times)
    assert large.alpha * times == pytest.approx(small.alpha)
    assert (large.beta, large.tau) == (small.beta, small.tau)

"""The objective is the paper's: each formula against a literal transcription, each gradient against differences."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.losses.objective import Weighting, content_loss, total_variation
from velatura_daemon.engine.losses.statistics import Moments, sum_of
from velatura_daemon.engine.losses.style_distance import gram_distance, paper_distance
from velatura_daemon.engine.losses.weighting import PAPER_SCALE, weighting_for
from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS
from velatura_daemon.engine.regions import all_of

FIFTHS = dict.fromkeys(STYLE_LAYERS, 1 / 5)
shapes = st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 5))  # (C, H, W)
seeds = st.integers(0, 2**31)


def features(shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def weights(shape, seed=0):
    return torch.rand(*shape[1:], generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def noise(side, seed):
    return torch.rand(3, side, side, generator=torch.Generator().manual_seed(seed)).double()


def moments(f, weight):
    places = weight.sum()
    return Moments(sum_of(f, weight) / places, gram(f, weight) / places)


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
    assert content_loss(f, p, all_of(f)).item() == pytest.approx(content_of_the_paper(f, p), rel=1e-12)


@given(shapes, seeds)
def test_the_gram_matrix_is_equation_3(shape, seed):
    f = features(shape, seed)
    expected = torch.tensor(gram_of_the_paper(f), dtype=torch.float64)
    torch.testing.assert_close(gram(f, all_of(f)), expected, rtol=1e-12, atol=1e-12)


@given(shapes, seeds)
def test_the_style_loss_of_a_layer_is_equation_4(shape, seed):
    f, s = features(shape, seed), features(shape, seed + 1)
    ours = paper_distance(moments(f, all_of(f)), moments(s, all_of(s)))
    assert ours.item() == pytest.approx(style_layer_of_the_paper(f, s), rel=1e-10)


def test_the_total_is_alpha_content_plus_beta_style_over_five_layers(network64, objective_of):
    image, content, style = (noise(32, seed) for seed in range(3))
    f, p, s = (network64(x, (*STYLE_LAYERS, CONTENT_LAYER)) for x in (image, content, style))
    expected_style = 0.0
    for name in STYLE_LAYERS:
        g, a = torch.einsum("ihw,jhw->ij", f[name], f[name]), torch.einsum("ihw,jhw->ij", s[name], s[name])
        n, m = f[name].shape[0], f[name][0].numel()
        expected_style += 1 / 5 * float(((g - a) ** 2).sum()) / (4 * n**2 * m**2)
    expected_content = 0.5 * float(((f[CONTENT_LAYER] - p[CONTENT_LAYER]) ** 2).sum())

    losses = objective_of(network64, content, style, Weighting(1e-3, 1.0, 0.0, FIFTHS), style_distance="paper")(image)

    assert losses.content.item() == pytest.approx(expected_content, rel=1e-10)
    assert losses.style.item() == pytest.approx(expected_style, rel=1e-10)
    assert losses.total.item() == pytest.approx(1e-3 * expected_content + expected_style, rel=1e-10)


@given(shapes, seeds)
def test_total_variation_is_the_mean_squared_difference_of_neighbours(shape, seed):
    image, (_, height, width) = features(shape, seed), shape
    total = 0.0
    for rows in image.tolist():  # one channel's
        total += sum((row[x + 1] - row[x]) ** 2 for row in rows for x in range(width - 1))
        total += sum((rows[y + 1][x] - rows[y][x]) ** 2 for y in range(height - 1) for x in range(width))
    assert total_variation(image, all_of(image)).item() == pytest.approx(total / (height * width), abs=1e-12)


def test_total_variation_means_the_same_at_each_size():
    stripes = torch.tensor([0.0, 1.0]).repeat(40).expand(3, 80, 80)
    assert total_variation(stripes, all_of(stripes)).item() == pytest.approx(
        total_variation(stripes[:, :20, :20], all_of(stripes[:, :20, :20])).item(), rel=0.05
    )


# --- gradients against finite differences ---------------------------------------------------------------
SHAPE = (3, 2, 3)


@pytest.mark.parametrize(
    "loss",
    [
        lambda f: content_loss(f, features(SHAPE, 1), weights(SHAPE)),
        lambda f: gram(f, weights(SHAPE)),
        lambda f: paper_distance(moments(f, weights(SHAPE)), moments(features(SHAPE, 1), weights(SHAPE))),
        lambda f: gram_distance(moments(f, weights(SHAPE)), moments(features(SHAPE, 1), weights(SHAPE))),
        lambda f: total_variation(f, weights(SHAPE)),
    ],
    ids=["content", "gram", "style", "relative style", "total_variation"],
)
def test_the_gradient_is_that_of_finite_differences(loss):
    assert torch.autograd.gradcheck(loss, features(SHAPE).requires_grad_(True))


def test_the_gradient_of_the_whole_objective_is_that_of_finite_differences(network64, objective_of):
    image, content, style = (noise(16, seed) for seed in range(3))
    place_weight = torch.linspace(0, 1, 16, dtype=torch.float64).expand(16, 16)
    objective = objective_of(network64, content, style, Weighting(1e-3, 1.0, 0.5, FIFTHS), place_weight)

    def total(x):
        return objective(x).total

    # A small step: a ReLU that changes its mind between two evaluations would be no fault of the gradient.
    assert torch.autograd.gradcheck(total, image.requires_grad_(True), eps=1e-7, rtol=1e-4, fast_mode=True)


# --- places ---------------------------------------------------------------------------------------------
@given(shapes, seeds, st.data())
def test_a_masked_gram_is_the_gram_without_the_columns_that_do_not_count(shape, seed, data):
    f = features(shape, seed)
    count = shape[1] * shape[2]
    kept = torch.tensor(data.draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    columns = f.flatten(1)[:, kept]
    masked = gram(f, kept.double().reshape(shape[1:]))
    torch.testing.assert_close(masked, columns @ columns.T, rtol=1e-12, atol=1e-12)


@given(shapes, seeds)
def test_two_places_of_half_weight_count_as_one(shape, seed):
    f = features(shape, seed)
    doubled = torch.cat([f, f], dim=2)
    torch.testing.assert_close(gram(doubled, 0.5 * all_of(doubled)), gram(f, all_of(f)), rtol=1e-12, atol=1e-12)


@given(shapes, seeds, st.floats(0.01, 1))
def test_a_weight_that_is_the_same_everywhere_changes_no_style_loss(shape, seed, weight):
    f, target = features(shape, seed), moments(features(shape, seed + 1), all_of(features(shape)))
    whole = gram_distance(moments(f, all_of(f)), target)
    soft = gram_distance(moments(f, weight * all_of(f)), target)
    torch.testing.assert_close(soft, whole, rtol=1e-9, atol=1e-12)


@given(shapes, seeds)
def test_twice_the_places_of_the_same_texture_have_the_same_style_loss(shape, seed):
    f, target = features(shape, seed), moments(features(shape, seed + 1), all_of(features(shape)))
    doubled = torch.cat([f, f], dim=1)
    once = gram_distance(moments(f, all_of(f)), target)
    twice = gram_distance(moments(doubled, all_of(doubled)), target)
    torch.testing.assert_close(twice, once, rtol=1e-9, atol=1e-12)


@given(shapes, seeds)
def test_content_counts_by_the_weight_of_its_place(shape, seed):
    f, p, weight = features(shape, seed), features(shape, seed + 1), weights(shape, seed + 2)
    by_place = sum(
        float(weight[y, x]) * content_of_the_paper(f[:, y : y + 1, x : x + 1], p[:, y : y + 1, x : x + 1])
        for y in range(shape[1])
        for x in range(shape[2])
    )
    assert content_loss(f, p, weight).item() == pytest.approx(by_place, rel=1e-10)


def test_a_pixel_of_no_weight_far_from_all_others_does_not_change_the_losses(network64, objective_of):
    """Its cells count nothing, and those that count do not see it: 16 px cells, a view of 160 px at most."""
    image = torch.rand(3, 16, 256, generator=torch.Generator().manual_seed(5)).double()
    place_weight = torch.zeros(16, 256, dtype=torch.float64)
    place_weight[:, :32] = 1
    weighting = Weighting(1.0, 1.0, 1.0, FIFTHS)
    objective = objective_of(network64, image.flip(2), image.flip(1), weighting, place_weight)
    changed = image.clone()
    changed[:, :, 240:] = 0
    before, after = objective(image), objective(changed)
    torch.testing.assert_close(after.total, before.total, rtol=1e-12, atol=0)


def test_where_nothing_counts_the_losses_are_numbers(network64, objective_of):
    image = torch.rand(3, 16, 16).double()
    nothing = torch.zeros(16, 16, dtype=torch.float64)
    losses = objective_of(network64, image, image, Weighting(1.0, 1.0, 1.0, FIFTHS), nothing)(image)
    assert torch.isfinite(losses.total)


# --- strength -------------------------------------------------------------------------------------------
def test_paper_weighs_as_the_article_does_with_features_at_its_networks_scale():
    """α/β is 1e-3 there; the total is the same but for a factor."""
    weighting = weighting_for(StyleSettings(quality="paper"), channels=512, places=64)
    f, p, s = (features((3, 4, 5), seed) for seed in range(3))

    def losses(scale):
        found, wanted = (moments(scale * x, all_of(x)) for x in (f, s))
        return content_loss(scale * f, scale * p, None), paper_distance(found, wanted)

    (content, style), (articles_content, articles_style) = losses(1), losses(PAPER_SCALE)
    ours, articles = weighting.alpha * content + weighting.beta * style, 1e-3 * articles_content + articles_style
    torch.testing.assert_close(ours / weighting.beta * PAPER_SCALE**4, articles)
    assert weighting.tau == 0
    assert weighting.layer_weights == dict.fromkeys(("conv1_1", "conv2_1", "conv3_1", "conv4_1", "conv5_1"), 1 / 5)


@given(st.floats(0, 100), st.floats(1, 1e6))
def test_paper_ignores_strength_and_size(strength, places):
    asked = weighting_for(StyleSettings(quality="paper", strength=strength), 512, places)
    assert asked == weighting_for(StyleSettings(quality="paper"), 512, 64)


@given(st.floats(0, 100), st.floats(0, 100))
def test_more_strength_gives_content_less_weight(one, other):
    lower, higher = sorted((one, other))
    alphas = [weighting_for(StyleSettings(strength=s), 512, 64).alpha for s in (lower, higher)]
    assert alphas[0] >= alphas[1] > 0


@hypothesis_settings(max_examples=20)
@given(st.floats(0, 100), st.integers(1, 50))
def test_a_strength_means_the_same_at_each_size(strength, times):
    """The content's sum grows with the places; its weight falls with them."""
    small = weighting_for(StyleSettings(strength=strength), 512, 64)
    large = weighting_for(StyleSettings(strength=strength), 512, 64 * times)
    assert large.alpha * times == pytest.approx(small.alpha)
    assert (large.beta, large.tau) == (small.beta, small.tau)

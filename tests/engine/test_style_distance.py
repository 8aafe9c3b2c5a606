"""Style distances: each 0 at the style itself, positive elsewhere, with the gradient of finite differences."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.losses.objective import Weighting
from velatura_daemon.engine.losses.statistics import RIDGE_SHARE, Statistics, layer_sums, mixed, square_roots
from velatura_daemon.engine.losses.style_distance import (
    MOMENTS_WEIGHT,
    STYLE_DISTANCES,
    gram_distance,
    moments_distance,
    paper_distance,
    wasserstein_distance,
)
from velatura_daemon.engine.losses.weighting import STYLE_DISTANCE_OF, style_distance_for

EACH = pytest.mark.parametrize("distance", STYLE_DISTANCES.values(), ids=list(STYLE_DISTANCES))
seeds = st.integers(0, 2**31)


def features(channels=4, places=30, seed=0, dtype=torch.float64):
    """(C, 1, M), 0 or more, as after a ReLU."""
    return torch.randn(channels, 1, places, generator=torch.Generator().manual_seed(seed), dtype=dtype).relu()


def statistics_of(f):
    """By the plain formulas."""
    rows = f.flatten(1)
    return Statistics(rows.mean(1), rows @ rows.T / rows.shape[1])


@EACH
@given(seed=seeds)
def test_it_is_0_at_the_style_itself(distance, seed):
    style = statistics_of(features(seed=seed))
    assert float(distance(style, style)) == pytest.approx(0, abs=1e-9)


@EACH
@given(seed=seeds)
def test_it_is_positive_elsewhere(distance, seed):
    assert float(distance(statistics_of(features(seed=seed)), statistics_of(features(seed=seed + 1)))) > 1e-6


@EACH
def test_its_gradient_is_that_of_finite_differences(distance):
    style = statistics_of(features(seed=1))
    assert torch.autograd.gradcheck(lambda f: distance(statistics_of(f), style), features().requires_grad_(True))


@EACH
def test_its_gradient_is_finite_for_flat_features(distance):
    """Skies, paper, an image of one colour: variances of 0."""
    flat = torch.full((4, 1, 30), 0.3, dtype=torch.float64).requires_grad_(True)
    for style in (features(seed=1), torch.zeros(4, 1, 30, dtype=torch.float64), flat.detach()):
        (gradient,) = torch.autograd.grad(distance(statistics_of(flat), statistics_of(style)), flat)
        assert torch.isfinite(gradient).all()


@EACH
def test_it_is_finite_with_fewer_positions_than_channels(distance):
    """The deep layers of a small image: 512 channels, 30 positions, float32."""
    few = features(64, 10, dtype=torch.float32).requires_grad_(True)
    value = distance(statistics_of(few), statistics_of(features(64, 12, 1, dtype=torch.float32)))
    (gradient,) = torch.autograd.grad(value, few)
    assert torch.isfinite(value)
    assert torch.isfinite(gradient).all()


# --- what each is -----------------------------------------------------------------------------------------
@given(seeds)
def test_paper_is_equation_4_of_the_paper(seed):
    """E = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)², picture and style of one size."""
    f, s = features(seed=seed), features(seed=seed + 1)
    (n, _, m), total = f.shape, 0.0
    for i in range(n):
        for j in range(n):
            total += (float((f[i] * f[j]).sum()) - float((s[i] * s[j]).sum())) ** 2
    expected = total / (4 * n**2 * m**2)
    assert float(paper_distance(statistics_of(f), statistics_of(s))) == pytest.approx(expected, rel=1e-9)


@given(seeds)
def test_gram_is_the_squared_relative_error_of_the_gram_matrix(seed):
    f, s = statistics_of(features(seed=seed)), statistics_of(features(seed=seed + 1))
    relative = torch.linalg.matrix_norm(f.second_moment - s.second_moment) / torch.linalg.matrix_norm(s.second_moment)
    assert float(gram_distance(f, s)) == pytest.approx(float(relative) ** 2)


@given(seeds)
def test_moments_adds_the_errors_of_means_and_deviations_relative_to_the_styles_size(seed):
    f, s = (features(seed=n).flatten(1) for n in (seed, seed + 1))
    apart = (f.mean(1) - s.mean(1)).square().sum() + (f.std(1, correction=0) - s.std(1, correction=0)).square().sum()
    size = s.square().mean(1).sum()
    expected = gram_distance(statistics_of(f), statistics_of(s)) + MOMENTS_WEIGHT * apart / size
    torch.testing.assert_close(moments_distance(statistics_of(f), statistics_of(s)), expected)


@pytest.mark.parametrize("name", ["gram", "moments", "wasserstein"])
@given(seed=seeds, factor=st.floats(0.1, 100))
def test_a_factor_on_all_features_changes_nothing(name, seed, factor):
    """conv1_1 and conv5_1, and networks of any scale, weigh the same."""
    f, s = features(seed=seed), features(seed=seed + 1)
    plain, scaled = (STYLE_DISTANCES[name](statistics_of(k * f), statistics_of(k * s)) for k in (1, factor))
    torch.testing.assert_close(scaled, plain, rtol=1e-6, atol=1e-12)


def test_paper_grows_with_the_fourth_power_of_the_features_scale():
    f, s = features(), features(seed=1)
    plain, scaled = (paper_distance(statistics_of(k * f), statistics_of(k * s)) for k in (1, 3))
    torch.testing.assert_close(scaled, 81 * plain)


# --- means and deviations ---------------------------------------------------------------------------------
def same_gram_other_mean():
    """Two features of equal second moment: one that always fires at 1, one that fires at 2 a quarter of the time."""
    always = torch.ones(1, 1, 8, dtype=torch.float64)
    seldom = torch.tensor([2.0, 0, 0, 0, 2, 0, 0, 0], dtype=torch.float64).reshape(1, 1, 8)
    return statistics_of(always), statistics_of(seldom)


def test_gram_matrices_cannot_tell_a_weak_filter_that_always_fires_from_a_strong_one_that_seldom_does():
    assert float(STYLE_DISTANCES["gram"](*same_gram_other_mean())) == 0


@pytest.mark.parametrize("name", ["moments", "wasserstein"])
def test_means_and_deviations_can(name):
    assert float(STYLE_DISTANCES[name](*same_gram_other_mean())) > 0.1


# --- Wasserstein ------------------------------------------------------------------------------------------
def transport(statistics, target):
    """What the Wasserstein distance adds to its Gram term, times the style's size."""
    added = wasserstein_distance(statistics, target) - gram_distance(statistics, target)
    return added * target.second_moment.trace()


@given(seeds, st.integers(1, 6))
def test_the_wasserstein_distance_is_that_of_its_formula(seed, channels):
    """tr (Σ*^½ Σ Σ*^½)^½ is the sum of the square roots of the eigenvalues of Σ Σ*, which needs no root of a matrix."""
    statistics, target = (statistics_of(features(channels, seed=s)) for s in (seed, seed + 1))
    ridge = (
        RIDGE_SHARE * target.covariance().diagonal().mean().clamp_min(1e-6) * torch.eye(channels, dtype=torch.float64)
    )
    a, b = statistics.covariance() + ridge, target.covariance() + ridge
    common = torch.linalg.eigvals(a @ b).real.clamp_min(0).sqrt().sum()
    plain = (statistics.mean - target.mean).square().sum() + a.trace() + b.trace() - 2 * common
    torch.testing.assert_close(transport(statistics, target), plain, rtol=1e-6, atol=1e-9)


def test_a_shift_of_all_features_costs_its_square():
    f = features()
    assert float(transport(statistics_of(f + 0.5), statistics_of(f))) == pytest.approx(len(f) * 0.25, rel=1e-6)


@given(seeds, st.integers(1, 8), st.floats(0, 6))
def test_square_roots_are_roots_and_their_inverses(seed, size, decades):
    generator = torch.Generator().manual_seed(seed)
    vectors, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix = (vectors * torch.logspace(0, -decades, size, dtype=torch.float64)) @ vectors.T
    root, inverse = square_roots(matrix)
    torch.testing.assert_close(root @ root, matrix, rtol=0, atol=1e-12)
    torch.testing.assert_close(root @ inverse, torch.eye(size, dtype=torch.float64), rtol=0, atol=1e-9)


def test_eigenvalues_that_rounding_made_negative_have_roots():
    root, inverse = square_roots(torch.diag(torch.tensor([1.0, 1e-3, -1e-9], dtype=torch.float64)))
    assert torch.isfinite(root).all()
    assert torch.isfinite(inverse).all()


def test_the_wasserstein_distance_sums_in_float32(network, source, objective_of):
    """Sums of bfloat16 products have covariances with negative eigenvalues, whose roots mean nothing."""
    image = source(32, 32).image
    weighting = Weighting(0, 1, 0, {"conv1_1": 1.0})
    sums = {}
    for style_distance in ("moments", "wasserstein"):
        objective = objective_of(network, image, image, weighting, style_distance=style_distance)
        rounded = {"conv1_1": network(image, ("conv1_1",))["conv1_1"].bfloat16()}
        sums[style_distance] = objective.style_sums(rounded, objective.canvas.box)[0, "conv1_1"].second
    exact = gram(rounded["conv1_1"].float())
    torch.testing.assert_close(sums["wasserstein"], exact)
    assert not torch.allclose(sums["moments"], exact, rtol=1e-6)


# --- mixtures ---------------------------------------------------------------------------------------------
@given(seeds, st.integers(1, 50), st.integers(1, 50))
def test_mixed_statistics_are_those_of_both_images_side_by_side(seed, places, more):
    one, other = features(4, places, seed), features(4, more, seed + 1)
    both = statistics_of(torch.cat([one, other], 2))
    found = mixed([statistics_of(one), statistics_of(other)], [places, more])
    torch.testing.assert_close(found.mean, both.mean)
    torch.testing.assert_close(found.second_moment, both.second_moment)
    torch.testing.assert_close(found.covariance(), both.covariance())


def test_statistics_are_means_over_positions():
    f = features(dtype=torch.float32)
    statistics = layer_sums(f, None).divided_by(30)
    torch.testing.assert_close(statistics.mean, f.mean((1, 2)))
    torch.testing.assert_close(statistics.deviation().square(), f.flatten(1).var(1, correction=0))


# --- which one --------------------------------------------------------------------------------------------
def test_the_chosen_distance_is_used_and_auto_depends_on_the_quality():
    assert style_distance_for(StyleSettings(style_distance="wasserstein", quality="draft")) == "wasserstein"
    assert [style_distance_for(StyleSettings(quality=q)) for q in STYLE_DISTANCE_OF] == list(STYLE_DISTANCE_OF.values())


def test_quality_paper_always_uses_the_papers_distance():
    assert style_distance_for(StyleSettings(quality="paper", style_distance="moments")) == "paper"

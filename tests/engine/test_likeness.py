"""Likenesses: each 0 at the style itself, positive elsewhere, with the slope that finite differences find."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from velatura.settings import StyleSettings
from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.losses.objective import Weighting
from velatura_daemon.engine.losses.statistics import FLAT, Moments, mixed, square_roots, sum_of
from velatura_daemon.engine.losses.style_distance import (
    MEANS,
    STYLE_DISTANCES,
    gram_distance,
    moments_distance,
    paper_distance,
    wasserstein_distance,
)
from velatura_daemon.engine.losses.weighting import STYLE_DISTANCE_OF, style_distance_for
from velatura_daemon.engine.regions import Box

EACH = pytest.mark.parametrize("style_distance", STYLE_DISTANCES.values(), ids=list(STYLE_DISTANCES))
seeds = st.integers(0, 2**31)


def features(channels=4, places=30, seed=0, dtype=torch.float64):
    """(C, 1, M), 0 or more, as after a ReLU."""
    return torch.randn(channels, 1, places, generator=torch.Generator().manual_seed(seed), dtype=dtype).relu()


def moments_of(f):
    """By the plain formulas."""
    rows = f.flatten(1)
    return Moments(rows.mean(1), rows @ rows.T / rows.shape[1])


@EACH
@given(seed=seeds)
def test_it_is_0_at_the_style_itself(style_distance, seed):
    style = moments_of(features(seed=seed))
    assert float(style_distance(style, style)) == pytest.approx(0, abs=1e-9)


@EACH
@given(seed=seeds)
def test_it_is_positive_elsewhere(style_distance, seed):
    assert float(style_distance(moments_of(features(seed=seed)), moments_of(features(seed=seed + 1)))) > 1e-6


@EACH
def test_its_slope_is_that_of_finite_differences(style_distance):
    style = moments_of(features(seed=1))
    assert torch.autograd.gradcheck(lambda f: style_distance(moments_of(f), style), features().requires_grad_(True))


@EACH
def test_its_slope_is_a_number_where_everything_is_flat(style_distance):
    """Skies, paper, a picture of one colour: variances of 0."""
    flat = torch.full((4, 1, 30), 0.3, dtype=torch.float64).requires_grad_(True)
    for style in (features(seed=1), torch.zeros(4, 1, 30, dtype=torch.float64), flat.detach()):
        (slope,) = torch.autograd.grad(style_distance(moments_of(flat), moments_of(style)), flat)
        assert torch.isfinite(slope).all()


@EACH
def test_fewer_places_than_channels_give_numbers_too(style_distance):
    """The deep layers of a small picture: 512 channels, 30 places, float32."""
    few = features(64, 10, dtype=torch.float32).requires_grad_(True)
    value = style_distance(moments_of(few), moments_of(features(64, 12, 1, dtype=torch.float32)))
    (slope,) = torch.autograd.grad(value, few)
    assert torch.isfinite(value)
    assert torch.isfinite(slope).all()


# --- what each is -----------------------------------------------------------------------------------------
@given(seeds)
def test_paper_is_the_articles_equation_4(seed):
    """E = 1 / (4 N² M²) Σ_ij (G_ij − A_ij)², picture and style of one size."""
    f, s = features(seed=seed), features(seed=seed + 1)
    (n, _, m), total = f.shape, 0.0
    for i in range(n):
        for j in range(n):
            total += (float((f[i] * f[j]).sum()) - float((s[i] * s[j]).sum())) ** 2
    assert float(paper_distance(moments_of(f), moments_of(s))) == pytest.approx(total / (4 * n**2 * m**2), rel=1e-9)


@given(seeds)
def test_gram_is_the_square_of_the_relative_error_of_the_gram_matrix(seed):
    f, s = moments_of(features(seed=seed)), moments_of(features(seed=seed + 1))
    relative = torch.linalg.matrix_norm(f.second - s.second) / torch.linalg.matrix_norm(s.second)
    assert float(gram_distance(f, s)) == pytest.approx(float(relative) ** 2)


@given(seeds)
def test_moments_adds_the_errors_of_means_and_deviations_relative_to_the_styles_size(seed):
    f, s = (features(seed=n).flatten(1) for n in (seed, seed + 1))
    apart = (f.mean(1) - s.mean(1)).square().sum() + (f.std(1, correction=0) - s.std(1, correction=0)).square().sum()
    size = s.square().mean(1).sum()
    expected = gram_distance(moments_of(f), moments_of(s)) + MEANS * apart / size
    torch.testing.assert_close(moments_distance(moments_of(f), moments_of(s)), expected)


@pytest.mark.parametrize("name", ["gram", "moments", "wasserstein"])
@given(seed=seeds, factor=st.floats(0.1, 100))
def test_a_factor_on_all_features_changes_nothing(name, seed, factor):
    """conv1_1 and conv5_1, and networks of any scale, weigh the same."""
    f, s = features(seed=seed), features(seed=seed + 1)
    plain, scaled = (STYLE_DISTANCES[name](moments_of(k * f), moments_of(k * s)) for k in (1, factor))
    torch.testing.assert_close(scaled, plain, rtol=1e-6, atol=1e-12)


def test_in_paper_it_counts_by_its_fourth_power():
    f, s = features(), features(seed=1)
    torch.testing.assert_close(
        paper_distance(moments_of(3 * f), moments_of(3 * s)), 81 * paper_distance(moments_of(f), moments_of(s))
    )


# --- means and deviations ---------------------------------------------------------------------------------
def same_gram_other_mean():
    """Two features of equal second moment: one that always fires at 1, one that fires at 2 a quarter of the time."""
    always = torch.ones(1, 1, 8, dtype=torch.float64)
    seldom = torch.tensor([2.0, 0, 0, 0, 2, 0, 0, 0], dtype=torch.float64).reshape(1, 1, 8)
    return moments_of(always), moments_of(seldom)


def test_grams_do_not_tell_a_weak_mark_everywhere_from_a_strong_one_here_and_there():
    assert float(STYLE_DISTANCES["gram"](*same_gram_other_mean())) == 0


@pytest.mark.parametrize("name", ["moments", "wasserstein"])
def test_means_and_deviations_do(name):
    assert float(STYLE_DISTANCES[name](*same_gram_other_mean())) > 0.1


# --- Wasserstein ------------------------------------------------------------------------------------------
def transport(found, wanted):
    """What the Wasserstein likeness has beside its Gram term, times the style's size."""
    return (wasserstein_distance(found, wanted) - gram_distance(found, wanted)) * wanted.second.trace()


@given(seeds, st.integers(1, 6))
def test_the_wasserstein_distance_is_that_of_its_formula(seed, channels):
    """tr (Σ*^½ Σ Σ*^½)^½ is the sum of the roots of the eigenvalues of Σ Σ*, which no root of a matrix is needed
    for."""
    found, wanted = (moments_of(features(channels, seed=s)) for s in (seed, seed + 1))
    floor = FLAT * wanted.covariance().diagonal().mean().clamp_min(1e-6) * torch.eye(channels, dtype=torch.float64)
    a, b = found.covariance() + floor, wanted.covariance() + floor
    common = torch.linalg.eigvals(a @ b).real.clamp_min(0).sqrt().sum()
    plain = (found.mean - wanted.mean).square().sum() + a.trace() + b.trace() - 2 * common
    torch.testing.assert_close(transport(found, wanted), plain, rtol=1e-6, atol=1e-9)


def test_a_shift_of_the_whole_costs_its_square():
    f = features()
    assert float(transport(moments_of(f + 0.5), moments_of(f))) == pytest.approx(len(f) * 0.25, rel=1e-6)


@given(seeds, st.integers(1, 8), st.floats(0, 6))
def test_square_roots_are_roots_and_their_inverses(seed, size, decades):
    generator = torch.Generator().manual_seed(seed)
    vectors, _ = torch.linalg.qr(torch.randn(size, size, generator=generator, dtype=torch.float64))
    matrix = (vectors * torch.logspace(0, -decades, size, dtype=torch.float64)) @ vectors.T
    root, inverse = square_roots(matrix)
    torch.testing.assert_close(root @ root, matrix, rtol=0, atol=1e-12)
    torch.testing.assert_close(root @ inverse, torch.eye(size, dtype=torch.float64), rtol=0, atol=1e-9)


def test_what_rounding_made_negative_has_a_root_too():
    root, inverse = square_roots(torch.diag(torch.tensor([1.0, 1e-3, -1e-9], dtype=torch.float64)))
    assert torch.isfinite(root).all()
    assert torch.isfinite(inverse).all()


def test_sums_are_exact_where_the_wasserstein_distance_is_asked_for(network, source, objective_of):
    """Sums of bfloat16 products have covariances with negative eigenvalues, whose roots are anything."""
    image = source(32, 32).image
    weighting = Weighting(0, 1, 0, {"conv1_1": 1.0})
    sums = {}
    for style_distance in ("moments", "wasserstein"):
        whole = objective_of(network, image, image, weighting, style_distance=style_distance).part(Box(0, 0, 32, 32))
        rounded = {"conv1_1": network(image, ("conv1_1",))["conv1_1"].bfloat16()}
        sums[style_distance] = whole.sums(rounded)[1]
    exact = gram(rounded["conv1_1"].float())
    torch.testing.assert_close(sums["wasserstein"], exact)
    assert not torch.allclose(sums["moments"], exact, rtol=1e-6)


# --- mixtures ---------------------------------------------------------------------------------------------
@given(seeds, st.integers(1, 50), st.integers(1, 50))
def test_mixed_moments_are_those_of_both_pictures_side_by_side(seed, places, more):
    one, other = features(4, places, seed), features(4, more, seed + 1)
    both = moments_of(torch.cat([one, other], 2))
    found = mixed([moments_of(one), moments_of(other)], [places, more])
    torch.testing.assert_close(found.mean, both.mean)
    torch.testing.assert_close(found.second, both.second)
    torch.testing.assert_close(found.covariance(), both.covariance())


def test_moments_are_sums_over_places():
    f = features(dtype=torch.float32)
    found = Moments(sum_of(f, None) / 30, gram(f) / 30)
    torch.testing.assert_close(found.mean, f.mean((1, 2)))
    torch.testing.assert_close(found.deviation().square(), f.flatten(1).var(1, correction=0))


# --- which one --------------------------------------------------------------------------------------------
def test_a_likeness_that_is_asked_for_is_taken_and_auto_suits_the_quality():
    assert style_distance_for(StyleSettings(style_distance="wasserstein", quality="draft")) == "wasserstein"
    assert [style_distance_for(StyleSettings(quality=q)) for q in STYLE_DISTANCE_OF] == list(STYLE_DISTANCE_OF.values())


def test_paper_has_the_articles_whatever_is_asked_for():
    assert style_distance_for(StyleSettings(quality="paper", style_distance="moments")) == "paper"

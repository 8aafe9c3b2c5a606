"""A frame of a film follows its guide: where it starts, and what the temporal loss adds."""

from __future__ import annotations

import pytest
import torch

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.evaluation.tiled import TiledEvaluation
from velatura_daemon.engine.guide import Guide, gamma, guide_size, guided_scales, last_share
from velatura_daemon.engine.losses.objective import TemporalTarget
from velatura_daemon.engine.losses.pixel_terms import temporal_loss
from velatura_daemon.engine.losses.weighting import weighting_for
from velatura_daemon.engine.pyramid import Scale, scales_for
from velatura_daemon.engine.stylise import Resources, stylise


@pytest.fixture
def guide(source):
    """Another picture, to be followed in its left half."""
    weight = torch.zeros(32, 48)
    weight[:, :24] = 1
    image = source(32, 48, 2).image
    return Guide(image, weight, torch.where(weight > 0, image, source(32, 48).image), weight)


FEW = StyleSettings(iterations=2)


def run(network, source, guide=None, **settings):
    content, style = source(32, 48), source(32, 32, 1)
    return list(stylise(content, [style], StyleSettings(**{"iterations": 6, **settings}), network, guide=guide))


def test_a_guided_frame_is_nearer_to_its_guide_where_it_is_to_be_followed(network, source, guide):
    with_guide, without = (run(network, source, g)[-1].image for g in (guide, None))
    near, far = ((image - guide.image).abs()[:, :, :20].mean() for image in (with_guide, without))
    assert near < 0.5 * far


def test_more_steadiness_follows_more_closely(network, source, guide):
    away = [
        float((run(network, source, guide, steadiness=value)[-1].image - guide.image).abs()[:, :, :20].mean())
        for value in (1, 100)
    ]
    assert away[1] < away[0]


def test_a_frame_starts_from_the_guides_start_at_the_first_scale(guide):
    assert torch.equal(guide.started((32, 48), None), guide.start)


def test_at_finer_scales_the_coarser_one_is_kept_where_the_start_has_no_detail(source, guide):
    coarser = source(32, 48, 3).image
    started = guide.started((32, 48), coarser)
    assert torch.equal(started[:, :, 24:], coarser[:, :, 24:])
    assert torch.allclose(started[:, :, :24], guide.image[:, :, :24], atol=1e-6)


def test_the_temporal_loss_is_the_weighted_mean_of_squared_differences(network, source, objective_of):
    content, style = source(32, 48).image, source(32, 32, 1).image
    objective = objective_of(network, content, style, weighting_for(StyleSettings(), 4, 6))
    weight = torch.rand(32, 48, generator=torch.Generator().manual_seed(1))
    without = objective(content).total
    objective.temporal = TemporalTarget(style_like := source(32, 48, 2).image, weight, 7e6)
    expected = 7e6 * (weight * (content - style_like).square()).mean()
    assert torch.allclose(objective(content).total - without, expected, rtol=1e-3)
    assert torch.allclose(temporal_loss(content, style_like, weight) / (3 * 32 * 48) * 7e6, expected)


def test_in_tiles_the_temporal_loss_and_its_gradient_are_the_same(network64, source, objective_of):
    content, style, other = (source(64, 400, n).image.double() for n in (0, 1, 2))
    objective = objective_of(network64, content, style, weighting_for(StyleSettings(), 64, 100))
    weight = torch.rand(64, 400, generator=torch.Generator().manual_seed(1)).double()
    objective.temporal = TemporalTarget(other, weight, 1e6)
    whole, by_whole = PlainEvaluation(objective)(content)
    tiled, by_tiles = TiledEvaluation(objective, 64)(content)
    assert torch.allclose(whole.total, tiled.total, rtol=1e-10)
    assert torch.allclose(by_whole, by_tiles, rtol=1e-8, atol=1e-8 * float(by_whole.abs().max()))


@pytest.mark.parametrize("quality", ["draft", "good", "best"])
@pytest.mark.parametrize("size", [(256, 144), (640, 360), (1920, 1080)])
def test_a_guided_frame_takes_at_most_three_fifths_of_a_stills_work(quality, size):
    settings = StyleSettings(quality=quality)

    def work(scales):
        return sum(scale.width * scale.height * (scale.evaluations + 0.5) for scale in scales)

    assert work(guided_scales(*size, settings)) <= 0.6 * work(scales_for(*size, settings))


@pytest.mark.parametrize("quality", ["draft", "good", "best"])
def test_the_share_of_the_last_scale_depends_on_the_size_and_hardly_on_the_quality(quality):
    shares = [last_share(*size, StyleSettings(quality=quality)) for size in [(128, 72), (256, 144), (1024, 576)]]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] == pytest.approx(0.45, abs=0.05)


def test_a_guide_has_the_size_of_the_last_scale():
    assert guide_size(1024, 512, StyleSettings(quality="draft")) == (256, 512)
    assert guide_size(300, 200, StyleSettings()) == (200, 300)


def test_a_guide_has_no_weight_in_the_padding(source):
    image, ones = source(20, 40).image, torch.ones(20, 40)
    guide = Guide(image, ones, image, ones)
    target = guide.target_at(Scale(40, 20, 1), torch.zeros(3, 32, 48), StyleSettings())
    assert target.weight[:20, :40].all()
    assert target.weight.sum() == 20 * 40


def test_colours_that_are_kept_are_not_followed(network, source, guide):
    grey = guide.seen_with("luminance")
    assert torch.allclose(grey.image[0], grey.image[2])
    assert guide.seen_with("palette") is guide


def test_the_weight_of_the_temporal_loss_grows_with_steadiness():
    weights = [gamma(StyleSettings(steadiness=value)) for value in (0, 25, 75, 100)]
    assert weights[0] == 0
    assert weights == sorted(set(weights))


def test_frames_leave_nothing_in_the_cache_so_that_memory_does_not_grow_with_a_film(network, source, guide):
    resources = Resources(TargetCache(64 << 20), keeps_content=False)
    sizes = []
    for seed in (3, 4, 5):
        list(stylise(source(32, 48, seed), [source(32, 32, 1)], FEW, network, resources=resources, guide=guide))
        sizes.append(resources.cache.bytes)
    assert sizes[0] == sizes[1] == sizes[2] > 0  # the style's targets

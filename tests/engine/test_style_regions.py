"""Style regions: a style for each part of the content."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.support.objectives import last_objective

from velatura.errors import NothingToRestyle
from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.evaluation.plain import PlainEvaluation
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.masks import resize_weight
from velatura_daemon.engine.network import STRIDE_OF, STYLE_LAYERS
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.stylise import stylise

SIZE = (48, 128)


def columns(first, end, size=SIZE):
    """A region (H, W) of these columns."""
    region = torch.zeros(size)
    region[:, first:end] = 1
    return region


@pytest.fixture
def content(source):
    return source(*SIZE)


@pytest.fixture
def style_at(source):
    """style_at(number, region): the style goes there. key names the region, by default the style."""

    def make(number, region=None, key=None, share=1.0):
        return source(48, 48, number, region=region, region_key=key or number, share=share)

    return make


def style_distance(network, image, style, mask):
    """How far Gram matrices of the image inside a mask (H, W) are from the style's at the size the engine uses."""
    network.set_pooling("average")
    ours, theirs = (network(x, STYLE_LAYERS[:3]) for x in (image, resize(style.image, SIZE[1], SIZE[1]).clamp(0, 1)))
    distance = 0.0
    for name in STYLE_LAYERS[:3]:
        here = resize_weight(mask, mask.shape[0] // STRIDE_OF[name], mask.shape[1] // STRIDE_OF[name])
        result, target = gram(ours[name], here) / here.sum(), gram(theirs[name]) / theirs[name][0].numel()
        distance += float((result - target).square().sum() / target.square().sum())
    return distance


# --- which style goes where -------------------------------------------------------------------------------
def test_without_regions_there_is_one_that_is_everywhere(content, style_at):
    (only,) = style_regions_of(content, [style_at(1), style_at(2)])
    assert only.weight is content.weight
    assert (only.share, len(only.styles)) == (1.0, 2)


def test_a_style_without_a_region_goes_where_no_region_is(content, style_at):
    region = torch.linspace(0, 1, SIZE[1]).expand(SIZE)
    there, elsewhere = style_regions_of(content, [style_at(1, region), style_at(2)])
    torch.testing.assert_close(there.weight, region)
    torch.testing.assert_close(elsewhere.weight, 1 - region)
    assert there.share + elsewhere.share == pytest.approx(1)


def test_regions_that_overlap_share_the_pixels(content, style_at):
    one, other = columns(0, 80), columns(40, 128)
    first, second = style_regions_of(content, [style_at(1, one), style_at(2, other)])
    assert first.weight[0, [0, 60, 100]].tolist() == [1, 0.5, 0]
    assert second.weight[0, [0, 60, 100]].tolist() == [0, 0.5, 1]


def test_soft_edges_that_do_not_add_up_to_1_stay_as_they_are(content, style_at):
    """Two feathered edges that meet: 0.3 and 0.4 leave 0.3 to the style without a region."""
    parts = style_regions_of(
        content, [style_at(1, 0.3 * columns(0, 128)), style_at(2, 0.4 * columns(0, 128)), style_at(0)]
    )
    assert [float(part.weight.mean()) for part in parts] == pytest.approx([0.3, 0.4, 0.3])


def test_styles_of_one_region_are_mixed_there(content, style_at):
    region = columns(0, 64)
    (there,) = style_regions_of(content, [style_at(1, region, "left", 0.3), style_at(2, region, "left")])
    assert [style.share for style in there.styles] == [0.3, 1.0]


def test_a_selection_clips_the_regions(content, style_at):
    selected = replace(content, weight=columns(0, 32))
    (there,) = style_regions_of(selected, [style_at(1, columns(16, 64))])
    assert torch.equal(there.weight, columns(16, 32))
    assert there.share == pytest.approx(0.5)


def test_a_region_that_covers_nothing_leaves_the_others_alone(content, style_at):
    selected = replace(content, weight=columns(0, 32))
    (there,) = style_regions_of(selected, [style_at(1, columns(64, 128)), style_at(2, columns(0, 16))])
    assert there.styles[0].key == style_at(2).key


def test_regions_that_cover_nothing_are_refused(content, style_at):
    with pytest.raises(NothingToRestyle, match="regions do not overlap"):
        style_regions_of(content, [style_at(1, torch.zeros(SIZE))])


# --- results ----------------------------------------------------------------------------------------------
def test_each_style_is_nearer_in_its_own_region_than_in_the_others(network, restyled, source, style_at):
    content = source(*SIZE, 3)  # neither half of it is like its style to begin with
    left, right = columns(0, 64), columns(64, 128)
    result = restyled(content, [style_at(4, left), style_at(5, right)], iterations=20, strength=80)
    inner_left, inner_right = columns(0, 48), columns(80, 128)
    for number, own, others in ((4, inner_left, inner_right), (5, inner_right, inner_left)):
        style = style_at(number)
        there = style_distance(network, result, style, own)
        assert there < 0.7 * style_distance(network, result, style, others)
        assert there < 0.7 * style_distance(network, content.image, style, own)


def test_outside_all_regions_the_picture_stays_the_content(restyled, content, style_at):
    result = restyled(content, [style_at(1, columns(0, 64))], iterations=10, strength=80)
    inside, outside = columns(0, 64) > 0, columns(0, 64) == 0
    assert float((result - content.image)[:, inside].abs().mean()) > 0.03
    assert torch.equal(result[:, outside], content.image[:, outside])


def test_a_pixel_counts_the_same_in_a_small_region_and_a_large_one(network, content, style_at):
    """The gradient of the style loss at the same pixels is similar, whatever the size of their region: within a factor
    that depends on what else is in the region."""
    network.set_pooling("average")
    settings = StyleSettings(reconstruct="style")
    gradients = []
    for region in (columns(0, 32), columns(0, 128)):
        objective = last_objective(network, content, [style_at(1, region)], settings)
        _, gradient = PlainEvaluation(objective)(content.image)
        gradients.append(float(gradient[:, 8:40, 4:20].norm()))
    assert 0.4 < gradients[0] / gradients[1] < 2.5  # without the share it would be some 4 times as much


def test_the_same_style_in_two_regions_that_fill_the_picture_is_nearly_that_style_everywhere(
    network, content, style_at
):
    """Two Gram matrices of halves constrain a little more than one of the whole."""
    one, parts = ([style_at(1)], [style_at(1, columns(0, 64), "left"), style_at(1, columns(64, 128), "right")])
    totals = [float(next(stylise(content, styles, StyleSettings(), network)).losses.style) for styles in (one, parts)]
    assert totals[0] <= totals[1] < 2 * totals[0]


def test_targets_of_one_region_are_not_used_for_another(restyled, content, style_at):
    cache = TargetCache(1 << 30)
    for keep in ("off", "palette"):
        restyled(content, [style_at(1, columns(0, 64), "left")], cache, keep_colours=keep)
        again = restyled(content, [style_at(1, columns(64, 128), "right")], cache, keep_colours=keep)
        assert torch.equal(again, restyled(content, [style_at(1, columns(64, 128), "right")], keep_colours=keep))

"""The recipe: equal inputs give equal results, more strength gives more style, and what does not count stays."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from tests.support.networks import random_weights

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.geometry import resize
from velatura_daemon.engine.losses.gram import gram
from velatura_daemon.engine.masks import full_weight
from velatura_daemon.engine.network import CONTENT_LAYER, STYLE_LAYERS, Network
from velatura_daemon.engine.optim.convergence import INTERVAL, ConvergenceTest
from velatura_daemon.engine.pyramid import scales_for
from velatura_daemon.engine.stylise import Resources, stylise
from velatura_daemon.engine.upsampling import detail_share, full_size, upsample
from velatura_daemon.models.calibration import calibrate


def style_distance(network, image, style):
    """How far the image's Gram matrices are from the style's, over the five layers."""
    network.set_pooling("average")
    ours, theirs = network(image, STYLE_LAYERS), network(style.image, STYLE_LAYERS)
    distance = 0.0
    for name in STYLE_LAYERS:
        means = [gram(f[name], full_weight(f[name])) / f[name][0].numel() for f in (ours, theirs)]
        distance += float((means[0] - means[1]).square().sum()) / ours[name].shape[0] ** 2
    return distance


def content_distance(network, image, content):
    network.set_pooling("average")
    ours, theirs = (network(x, (CONTENT_LAYER,))[CONTENT_LAYER] for x in (image, content.image))
    return float((ours - theirs).square().mean())


# --- the same in, the same out --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [{}, {"start": "noise", "seed": 3}, {"optimiser": "adam", "pooling": "max"}],
    ids=["plain", "noise", "adam_max"],
)
def test_the_same_images_seed_and_settings_give_the_same_bits(restyled, source, settings):
    content, style = source(32, 40), source(32, 32, 1)
    assert torch.equal(restyled(content, [style], **settings), restyled(content, [style], **settings))


@pytest.mark.parametrize("keep", ["off", "luminance", "palette"])
def test_cached_targets_give_the_same_bits_as_fresh_ones(restyled, source, keep):
    content, style, cache = source(16, 160), source(32, 32, 1), TargetCache(1 << 30)
    fresh = restyled(content, [style], keep_colours=keep)
    assert torch.equal(restyled(content, [style], cache, keep_colours=keep), fresh)
    misses = cache.misses
    assert torch.equal(restyled(content, [style], cache, keep_colours=keep), fresh)
    assert (cache.misses, cache.hits) == (misses, misses)


def test_two_networks_may_share_a_cache(network, source):
    content, style, settings = source(32, 32), source(32, 32, 1), StyleSettings(iterations=2)
    cache = TargetCache(1 << 30)
    other = Network(random_weights(seed=7), "other")
    calibrate(other)
    list(stylise(content, [style], settings, other, resources=Resources(cache)))
    *_, mixed = stylise(content, [style], settings, network, resources=Resources(cache))
    *_, alone = stylise(content, [style], settings, network)
    assert torch.equal(mixed.image, alone.image)


def test_a_changed_strength_needs_no_new_targets(restyled, source):
    content, style, cache = source(32, 32), source(32, 32, 1), TargetCache(1 << 30)
    restyled(content, [style], cache, strength=30)
    misses = cache.misses
    restyled(content, [style], cache, strength=80)
    assert cache.misses == misses


@pytest.mark.parametrize(
    "change", [{"stroke_size": 2.0}, {"pooling": "max"}, {"keep_colours": "luminance"}, {"keep_colours": "palette"}]
)
def test_a_setting_that_changes_the_targets_does_not_use_old_ones(restyled, source, change):
    content, style, cache = source(40, 48), source(64, 64, 1), TargetCache(1 << 30)
    restyled(content, [style], cache)
    assert torch.equal(restyled(content, [style], cache, **change), restyled(content, [style], **change))


def test_another_seed_of_noise_gives_another_result(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    one, other = (restyled(content, [style], start="noise", seed=seed) for seed in (1, 2))
    assert not torch.allclose(one, other, atol=0.01)


def test_from_the_content_the_seed_has_no_effect(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    assert torch.equal(*(restyled(content, [style], seed=seed) for seed in (1, 2)))


def test_the_inputs_are_not_changed(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    before = content.image.clone(), style.image.clone()
    restyled(content, [style])
    assert torch.equal(content.image, before[0])
    assert torch.equal(style.image, before[1])


# --- what the settings do -------------------------------------------------------------------------------
def test_the_result_is_nearer_to_the_style(network, restyled, source):
    content, style = source(48, 48), source(48, 48, 1)
    result = restyled(content, [style], iterations=10, strength=75)
    assert style_distance(network, result, style) < 0.5 * style_distance(network, content.image, style)


@pytest.mark.parametrize(("which", "side", "steps"), [("network", 64, 20), ("vgg19", 48, 10)])
def test_more_strength_is_nearer_to_the_style_and_farther_from_the_content(request, source, which, side, steps):
    network, content, style = request.getfixturevalue(which), source(side, side), source(side, side, 1)
    from_style, from_content = [], []
    for strength in (10, 50, 90):
        *_, last = stylise(content, [style], StyleSettings(strength=strength, iterations=steps), network)
        from_style.append(style_distance(network, last.image, style))
        from_content.append(content_distance(network, last.image, content))
    assert from_style[0] > from_style[1] > from_style[2]
    assert from_content[0] < from_content[1] < from_content[2]


@pytest.mark.parametrize("pooling", ["antialiased", "average", "max"])
@pytest.mark.parametrize("size", [(40, 56), (64, 96)])
def test_a_flat_image_in_a_flat_style_of_its_colour_gets_no_frame(vgg19, source, size, pooling):
    """The network sees no difference between edges and the middle, at any size. With zeros beyond the edges, there were
    differences of up to 8/255."""
    content, style = source(*size), source(64, 48, 1)
    colour = torch.tensor([0.4, 0.5, 0.6]).view(3, 1, 1)
    content, style = (replace(s, image=colour.expand_as(s.image).contiguous(), key=s.key[1:]) for s in (content, style))
    *_, last = stylise(content, [style], StyleSettings(quality="good", strength=80, pooling=pooling), vgg19)
    torch.testing.assert_close(last.image, content.image, rtol=0, atol=0.2 / 255)


def test_a_style_of_share_0_has_no_influence(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    alone = restyled(content, [style])
    assert torch.equal(restyled(content, [style, source(32, 32, 2, share=0.0)]), alone)


def test_only_the_ratio_of_shares_matters(restyled, source):
    content, one, other = source(32, 32), source(32, 32, 1), source(32, 32, 2)
    ones = restyled(content, [replace(one, share=1.0), replace(other, share=3.0)])
    tens = restyled(content, [replace(one, share=10.0), replace(other, share=30.0)])
    torch.testing.assert_close(ones, tens, rtol=0, atol=1e-3)


def test_of_two_styles_the_one_with_the_larger_share_shows_more(network, restyled, source):
    content, one, other = source(32, 32), source(32, 32, 1), source(32, 32, 2)
    results = [
        restyled(content, [replace(one, share=a), replace(other, share=1 - a)], iterations=15, optimiser="adam")
        for a in (0.9, 0.1)
    ]
    assert style_distance(network, results[0], one) < style_distance(network, results[1], one)
    assert style_distance(network, results[1], other) < style_distance(network, results[0], other)


def test_stroke_size_changes_the_size_at_which_the_style_is_seen(restyled, source):
    content, style = source(48, 48), source(96, 96, 1)
    assert not torch.allclose(
        restyled(content, [style], stroke_size=0.5), restyled(content, [style], stroke_size=2), atol=0.01
    )


def test_paper_ignores_strength_start_and_pooling(restyled, source):
    content, style = source(32, 32), source(32, 32, 1)
    plain = restyled(content, [style], quality="paper")
    assert torch.equal(restyled(content, [style], quality="paper", strength=3, start="content", pooling="max"), plain)
    assert not torch.equal(restyled(content, [style], quality="paper", seed=9), plain)  # it starts from noise


def test_paper_has_one_scale_however_large(network, source):
    steps = stylise(source(16, 320), [source(32, 32, 1)], StyleSettings(quality="paper", iterations=2), network)
    assert {(p.levels, p.scale.width, p.scale.height) for p in steps} == {(1, 320, 16)}


@pytest.mark.parametrize("keep", ["luminance", "palette"])
@pytest.mark.parametrize("size", [(24, 40), (16, 160)])
def test_colours_can_be_kept_at_one_scale_and_at_several(restyled, source, keep, size):
    result = restyled(source(*size), [source(32, 32, 1)], keep_colours=keep)
    assert result.shape == (3, *size)
    assert torch.isfinite(result).all()


# --- sizes and scales -----------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [(2, 2), (3, 50), (17, 33), (50, 3), (2, 170)])
@pytest.mark.parametrize("style_size", [(2, 2), (9, 64)])
def test_tiny_and_narrow_images_keep_their_size(restyled, source, size, style_size):
    result = restyled(source(*size), [source(*style_size, 1)], iterations=2)
    assert result.shape == (3, *size)
    assert torch.isfinite(result).all()


def test_as_many_steps_are_taken_as_iterations_are_set(network, source):
    progress = list(stylise(source(32, 32), [source(32, 32, 1)], StyleSettings(iterations=7), network))
    assert [p.step for p in progress] == list(range(8))


def test_progress_reports_level_size_and_share(network, source):
    settings = StyleSettings(iterations=6)
    progress = list(stylise(source(16, 160), [source(32, 32, 1)], settings, network))
    scales = scales_for(160, 16, settings)
    assert [(p.level, p.levels, p.scale) for p in progress if p.step == 0] == [(n, 2, s) for n, s in enumerate(scales)]
    assert all(p.image.shape == (3, p.scale.height, p.scale.width) for p in progress)
    shares = [p.done for p in progress]
    assert shares == sorted(shares)
    assert 0 < shares[0] < 0.2
    assert shares[-1] == pytest.approx(1)


@pytest.mark.parametrize("optimiser", ["lbfgs", "adam", "gradient"])
def test_closing_the_generator_leaves_a_finite_image(network, source, optimiser):
    steps = stylise(source(32, 32), [source(32, 32, 1)], StyleSettings(optimiser=optimiser), network)
    progress = [next(steps) for _ in range(3)][-1]
    steps.close()
    assert torch.isfinite(progress.image).all()
    assert not progress.image.requires_grad


# --- what counts and what stays -------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings", [{}, {"start": "noise"}, {"optimiser": "adam"}, {"keep_colours": "palette"}], ids=str
)
@pytest.mark.parametrize("size", [(32, 40), (16, 160)])
def test_pixels_that_do_not_count_stay_exactly_the_content(restyled, source, settings, size):
    weight = torch.ones(size)
    weight[:, : size[1] // 2] = 0
    content = source(*size, weight=weight)
    result = restyled(content, [source(32, 32, 1)], **settings)
    assert torch.equal(result[:, weight == 0], content.image[:, weight == 0])
    assert not torch.allclose(result[:, weight > 0], content.image[:, weight > 0], atol=1e-3)


def test_what_transparent_pixels_hold_has_no_influence(restyled, source):
    visible = torch.ones(32, 32)
    visible[8:20, 8:20] = 0
    hidden = visible == 0
    content, style = source(32, 32), source(32, 32, 1)
    results = []
    for filling in (0.0, 1.0):
        pictures = [
            replace(s, image=torch.where(hidden, filling, s.image), weight=visible, visible=visible)
            for s in (content, style)
        ]
        results.append(restyled(pictures[0], [pictures[1]]))
    assert torch.equal(*results)


def test_only_visible_parts_of_a_style_count(restyled, source):
    """Half of it is transparent: what that half would have looked like has no influence."""
    content, style = source(32, 32), source(64, 64, 1)
    weight = torch.zeros(64, 64)
    weight[:, :32] = 1
    halves = [
        replace(style, weight=weight, visible=weight, key=n, image=torch.cat([style.image[:, :, :32], other], 2))
        for n, other in enumerate((torch.zeros(3, 64, 32), torch.ones(3, 64, 32)))
    ]
    assert torch.equal(*(restyled(content, [half]) for half in halves))


def test_a_selection_of_one_pixel_changes_that_pixel_alone(restyled, source):
    weight = torch.zeros(32, 32)
    weight[9, 20] = 1
    content = source(32, 32, weight=weight)
    result = restyled(content, [source(32, 32, 1)], strength=100)
    assert (result != content.image).any(0).nonzero().tolist() == [[9, 20]]


# --- between two scales ---------------------------------------------------------------------------------
def test_a_finer_scale_starts_with_the_contents_own_detail(source):
    """A coarse image that is the content itself becomes the content, sharp, at the finer size."""
    content = source(64, 96).image
    coarse = resize(content, 32, 48)
    torch.testing.assert_close(upsample(coarse, content), content, rtol=0, atol=1e-5)


def test_up_to_strength_50_the_detail_is_whole_and_at_100_there_is_none(source):
    content = source(64, 96).image
    coarse = resize(content, 32, 48)
    assert [detail_share(StyleSettings(strength=s)) for s in (0, 50, 75, 100)] == [1, 1, 0.5, 0]
    torch.testing.assert_close(upsample(coarse, content, 0.0), resize(coarse, 64, 96))


def test_an_image_of_the_same_size_gets_no_detail(source):
    one, content = source(32, 32, 1).image, source(32, 32).image
    torch.testing.assert_close(upsample(one, content), one, rtol=0, atol=1e-6)


def test_the_detail_does_not_bring_the_contents_colours(source):
    content, grey = source(64, 64).image, torch.full((3, 32, 32), 0.5)
    difference = upsample(grey, content) - 0.5
    assert float(difference.mean(dim=(1, 2)).abs().max()) < 0.01
    assert float(difference.abs().max()) > 0.05


def test_a_large_draft_ends_at_512_and_gets_the_contents_size_with_the_contents_detail(network, source):
    content, asked = source(21, 672), StyleSettings(quality="draft", iterations=3)
    *_, last = stylise(content, [source(32, 32, 1)], asked, network)
    assert last.image.shape == (3, 16, 512)
    result = full_size(last.image, content, asked)
    assert result.shape == content.image.shape
    detail = content.image - resize(resize(content.image, 16, 512), 21, 672)
    torch.testing.assert_close(result - resize(last.image, 21, 672), detail, rtol=0, atol=1e-5)


def test_at_full_strength_a_large_draft_gets_no_detail(network, source):
    content, asked = source(21, 672), StyleSettings(quality="draft", iterations=3, strength=100)
    *_, last = stylise(content, [source(32, 32, 1)], asked, network)
    torch.testing.assert_close(full_size(last.image, content, asked), resize(last.image, 21, 672))


def test_a_result_of_the_contents_size_is_returned_unchanged(source):
    content = source(32, 48)
    image = torch.rand(3, 32, 48)
    assert full_size(image, content, StyleSettings()) is image


# --- convergence ----------------------------------------------------------------------------------------
def evaluations(network, content, **settings):
    return len(list(stylise(content, [source_of_style(content)], StyleSettings(**settings), network)))


def source_of_style(content):
    """The content as its own style: there is nothing to do."""
    return replace(content, key="itself")


def test_a_restyle_ends_when_its_image_stops_changing(network, source):
    """A soft image in its own style: hard edges would be smoothed a little, at any strength."""
    content = source(32, 32)
    content = replace(content, image=resize(resize(content.image, 8, 8), 32, 32))
    assert evaluations(network, content, strength=1) == INTERVAL + 1
    assert scales_for(32, 32, StyleSettings())[0].steps > INTERVAL


@pytest.mark.parametrize(("change", "still"), [(0.5, True), (4, False)])
@pytest.mark.parametrize("side", [1, 10])
def test_a_small_selection_has_converged_when_its_own_pixels_have(side, change, still):
    image, mask = torch.zeros(3, 10, 10), torch.zeros(10, 10)
    mask[:side, :side] = 1
    converged = ConvergenceTest(image, mask)
    image += mask * change / 255
    assert converged(INTERVAL) == still
    assert converged(2 * INTERVAL)  # nothing has changed since


def test_the_end_of_a_scale_is_foreseen_while_its_image_changes_less_and_less():
    image, mask = torch.zeros(3, 10, 10), torch.ones(10, 10)
    converged = ConvergenceTest(image, mask)
    assert converged.expected_evaluations(200) == 200
    step, foreseen = 0, []
    while not converged(step):
        step += 1
        image += 24 / 255 / max(step, 10)  # about 240 / step in ten steps
        foreseen.append(converged.expected_evaluations(200))
    assert step < 200
    assert all(step / 1.3 < evaluations < step * 1.3 for evaluations in foreseen[INTERVAL:])


@pytest.mark.parametrize("settings", [{"iterations": 25}, {"quality": "paper", "iterations": 25}], ids=str)
def test_requested_steps_are_taken_in_full(network, source, settings):
    assert evaluations(network, source(32, 32), **settings) == 26

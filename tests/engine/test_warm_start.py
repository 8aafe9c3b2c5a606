"""Warm starts: a restyle continues from an earlier image, and with the curvature that was learnt there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.colour import luminance, matched_start
from velatura_daemon.engine.stages import WarmStart
from velatura_daemon.engine.stylise import Resources, stylise


def test_a_warm_start_leaves_the_coarser_scales_out(network, source):
    content, style = source(16, 160), source(32, 32, 1)
    progress = list(stylise(content, [style], StyleSettings(iterations=6), network, WarmStart(content.image)))
    assert {(p.level, p.levels, p.scale.width) for p in progress} == {(0, 1, 160)}


def test_a_warm_start_from_a_coarse_image_begins_at_its_scale(network, source):
    content, style = source(16, 320), source(32, 32, 1)
    progress = list(stylise(content, [style], StyleSettings(iterations=6), network, WarmStart(torch.rand(3, 13, 256))))
    assert [p.scale.width for p in progress if p.step == 0] == [256, 320]


def test_a_warm_start_begins_with_its_image_and_does_not_change_it(restyled, source):
    content, style, last = source(32, 32), source(32, 32, 1), source(32, 32, 2).image.clone()
    before = last.clone()
    one = restyled(content, [style], last=last, iterations=1)
    assert float((one - last).abs().mean()) < float((one - content.image).abs().mean())
    assert torch.equal(last, before)


def test_a_warm_start_keeps_the_loss_that_was_reached(network, source):
    content, style = source(32, 32), source(32, 32, 1)
    first = list(stylise(content, [style], StyleSettings(iterations=12), network))
    again = next(stylise(content, [style], StyleSettings(iterations=2), network, WarmStart(first[-1].image.clone())))
    assert float(again.losses.total) <= 1.1 * min(float(p.losses.total) for p in first)


def test_a_warm_start_leaves_out_the_steps_that_were_done(network, source):
    content, style = source(32, 32), source(32, 32, 1)
    settings = StyleSettings(iterations=6)
    for done, left in ((0, 6), (2, 4), (6, 1), (9, 1)):
        progress = list(stylise(content, [style], settings, network, WarmStart(content.image, done)))
        assert [p.step for p in progress] == list(range(left + 1))


# --- cached curvature -----------------------------------------------------------------------------------
def curve(network, content, cache, last=None, **settings):
    """The total loss of each evaluation, and the result."""
    warm_start = None if last is None else WarmStart(last)
    settings = StyleSettings(iterations=12, **settings)
    progress = list(stylise(content, [flipped_style(content)], settings, network, warm_start, Resources(cache)))
    return [float(p.losses.total) for p in progress], progress[-1].image.clone()


def flipped_style(content):
    return replace(content, image=content.image.flip(1), key="flipped")


def test_a_changed_strength_reuses_the_curvature(network, source):
    """After as many steps the loss is lower than from the image alone."""
    content, cache = source(48, 48), TargetCache(1 << 28)
    _, first = curve(network, content, cache, strength=50)
    learnt, _ = curve(network, content, cache, first.clone(), strength=60)
    anew, _ = curve(network, content, TargetCache(1 << 28), first.clone(), strength=60)
    assert learnt[0] == pytest.approx(anew[0], rel=1e-5)
    assert learnt[3] < anew[3]


@pytest.mark.parametrize("change", [{"keep_colours": "luminance"}, {"pooling": "max"}], ids=str)
def test_changed_targets_do_not_reuse_the_curvature(network, source, change):
    content, cache = source(32, 32), TargetCache(1 << 28)
    _, first = curve(network, content, cache)
    after, alone = (curve(network, content, c, first.clone(), **change)[0] for c in (cache, TargetCache(1 << 28)))
    assert after == alone


def test_a_cold_start_does_not_depend_on_earlier_restyles(network, source):
    content, cache = source(32, 32), TargetCache(1 << 28)
    assert curve(network, content, cache)[0] == curve(network, content, cache)[0]


# --- kept colours -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("colours", ["luminance", "palette"])
def test_a_start_for_kept_colours_has_the_colours_that_the_network_will_see(source, colours):
    content, image = source(32, 48), source(16, 24, 3).image
    start = matched_start(image, content, colours)
    assert start.shape == image.shape
    if colours == "luminance":
        assert torch.allclose(start, luminance(image).expand(3, -1, -1))
    else:
        means = content.image.mean((1, 2))
        assert torch.allclose(start.mean((1, 2)), means, atol=0.02)  # clamping to 0..1 moves them a little


def test_without_kept_colours_a_start_is_the_image_itself(source):
    content, image = source(32, 48), source(16, 24, 3).image
    assert torch.equal(matched_start(image, content, "off"), image)


def test_a_restyle_in_the_contents_luminance_starts_in_grey(network, source):
    content, style, last = source(32, 32), source(32, 32, 1), source(32, 32, 2).image
    settings = StyleSettings(iterations=1, keep_colours="luminance")
    first = next(stylise(content, [style], settings, network, WarmStart(last)))
    assert float(first.image.std(0).max()) < 0.05  # one step of 0.01 at most from grey; the last image is in colours

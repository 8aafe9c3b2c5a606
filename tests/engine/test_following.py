"""Following a content that changes."""

from __future__ import annotations

import torch

from velatura.settings import StyleSettings
from velatura_daemon.engine.cache import TargetCache
from velatura_daemon.engine.following import followed, is_same_picture, reference
from velatura_daemon.engine.stages import WarmStart
from velatura_daemon.engine.stylise import Resources, stylise


def stroke_on(image):
    """The image with a red stroke, and where it is."""
    changed, where = image.clone(), (slice(10, 16), slice(8, 40))
    changed[:, where[0], where[1]] = torch.tensor([0.9, 0.1, 0.1])[:, None, None]
    return changed, where


def test_a_stroke_is_visible_at_once(source):
    then, image = source(48, 64).image, source(48, 64, 1).image
    now, (rows, columns) = stroke_on(then)
    result = followed(image, then, now)
    assert torch.allclose((result - image)[:, rows, columns], (now - then)[:, rows, columns], atol=1e-5)
    outside = torch.ones(48, 64, dtype=torch.bool)
    outside[rows, columns] = False
    assert torch.equal(result[:, outside], image[:, outside])


def test_the_content_may_come_back_at_another_size(source):
    image, then = source(48, 64, 1).image, source(48, 64).image
    assert followed(image, then, source(96, 128).image).shape == image.shape


def test_a_stroke_and_another_tone_are_the_same_picture(source):
    then = source(96, 128).image
    assert is_same_picture(then, stroke_on(then)[0])
    assert is_same_picture(then, (0.7 * then + 0.2).clamp(0, 1))
    assert is_same_picture(then, source(192, 256).image)


def test_another_picture_is_not_the_same_and_neither_is_a_moved_one():
    noise = torch.Generator().manual_seed(1)
    then, other = torch.rand(3, 96, 128, generator=noise), torch.rand(3, 96, 128, generator=noise)
    assert not is_same_picture(then, other)
    assert not is_same_picture(then, then.roll(5, 2))


def test_a_first_stroke_on_an_empty_canvas_is_followed():
    blank = torch.ones(3, 64, 64)
    assert is_same_picture(blank, stroke_on(blank)[0])


def test_following_takes_the_last_scales_steps_only_and_starts_near_the_result(network, source):
    content, style = source(48, 160), source(32, 32, 1)
    settings, resources = StyleSettings(quality="draft"), Resources(TargetCache(1 << 26))
    first = list(stylise(content, [style], settings, network, resources=resources))
    changed = source(48, 160, key=("changed",))
    changed.image[:, 10:16, 8:40] = 0.9
    start = WarmStart(first[-1].image.clone(), 0, reference(content, settings), content.key)
    again = list(stylise(changed, [style], settings, network, start, resources))
    cold = list(stylise(changed, [style], settings, network))
    assert [(p.levels, p.step) for p in again] == [(1, 0)]
    assert float(again[-1].losses.total) <= 1.05 * float(cold[-1].losses.total)  # no worse than from the beginning

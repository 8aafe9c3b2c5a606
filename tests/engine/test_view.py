"""Views: a part of the content, restyled at its own resolution as the whole would be."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as some

from velatura.settings import StyleSettings
from velatura_daemon.engine.extraction import extract_statistics, sample_statistics
from velatura_daemon.engine.geometry import Box, magnify
from velatura_daemon.engine.masks import full_weight, weights_by_layer
from velatura_daemon.engine.network import STYLE_LAYERS
from velatura_daemon.engine.stages import VIEW_CONTEXT, WHOLE_SIDE, WarmStart, seen_in, stages_for, with_surroundings
from velatura_daemon.engine.style_regions import style_regions_of
from velatura_daemon.engine.stylise import stylise
from velatura_daemon.samples import draw

TOLERANCE = 0.06  # pixels: torch's bicubic kernel bends slopes by up to 0.047 between pixels
DRAFT = StyleSettings(quality="draft")


@some.composite
def pictures_with_views(draw):
    """(width, height, view)."""
    width, height = draw(some.integers(2, 6000)), draw(some.integers(2, 6000))
    left, top = draw(some.integers(0, width - 2)), draw(some.integers(0, height - 2))
    return width, height, Box(left, top, draw(some.integers(2, width - left)), draw(some.integers(2, height - top)))


@given(pictures_with_views(), some.booleans(), some.booleans())
def test_the_last_stage_has_the_contents_own_pixels_and_the_whole_view(picture, seamless, warm):
    width, height, view = picture
    start = WarmStart(torch.zeros(3, max(1, height // 8), max(1, width // 8))) if warm else None
    last = stages_for(width, height, replace(DRAFT, seamless=seamless), start, view)[-1]
    assert (last.scale.width, last.scale.height) == (width, height)
    part = last.part or Box(0, 0, width, height)
    assert part.intersection(view) == view
    assert part.intersection(Box(0, 0, width, height)) == part


@given(pictures_with_views())
def test_only_coarse_scales_are_optimised_as_a_whole(picture):
    width, height, view = picture
    for stage in stages_for(width, height, DRAFT, None, view):
        limit = WHOLE_SIDE if stage.part is None else max(view.width, view.height) + 2 * VIEW_CONTEXT + 32
        assert max(stage.optimised.width, stage.optimised.height) <= limit


@given(pictures_with_views())
def test_a_view_begins_at_the_next_scale_if_there_is_an_image_to_start_from(picture):
    width, height, view = picture
    start = WarmStart(torch.zeros(3, max(1, height // 4), max(1, width // 4)))
    stages = stages_for(width, height, DRAFT, start, view)
    assert all(stage.part is not None for stage in stages)
    assert all(stage.scale.width > width // 4 for stage in stages[:-1])


@given(some.integers(4, 40), some.integers(4, 40), some.floats(1, 6), some.floats(0, 1), some.floats(0, 1))
def test_magnifying_keeps_each_place_where_it_is(height, width, factor, x, y):
    columns = torch.arange(width).add(0.5).expand(height, -1)
    rows = torch.arange(height).add(0.5)[:, None].expand(-1, width)
    left, top = x * (width - 2), y * (height - 2)
    size = max(2, round(2 * factor))
    grid = magnify(torch.stack([columns, rows]), left, top, 2.0, 2.0, (size, size))
    places = (torch.arange(size) + 0.5) * (2 / size)
    inside = (left + places > 2) & (left + places < width - 2)  # bicubic needs two neighbours
    assert torch.allclose(grid[0, 0][inside], (left + places)[inside], atol=TOLERANCE)
    inside = (top + places > 2) & (top + places < height - 2)
    assert torch.allclose(grid[1, :, 0][inside], (top + places)[inside], atol=TOLERANCE)


def test_a_view_is_looked_up_in_the_styles_at_the_size_of_the_whole_picture(source):
    content = source(300, 1200)
    (*_, last) = stages_for(1200, 300, DRAFT, None, Box(700, 100, 64, 48))
    assert last.source(content).uncropped_side == 1200


def test_a_view_with_its_surroundings_has_the_statistics_of_the_whole_picture(network, source):
    """Within half of the difference that a view alone has: its edges are not the whole picture's."""
    content, view = source(96, 160), Box(96, 0, 64, 96)
    (region,) = with_surroundings(
        style_regions_of(content, [source(32, 32, 1)]), content.image, network, view, (96, 160)
    )

    def statistics(image):
        return extract_statistics(network, image, weights_by_layer(full_weight(image), STYLE_LAYERS))

    whole, part = statistics(content.image), statistics(view.crop(content.image))
    for layer in STYLE_LAYERS[:4]:
        alone = (part[layer] - whole[layer]).second_moment.norm()
        both = (part[layer] + region.surroundings[layer] - whole[layer]).second_moment.norm()
        assert float(both) < 0.5 * float(alone)


def test_a_view_where_no_style_goes_stays_the_content(network, source):
    content, view = source(32, 640), Box(560, 0, 64, 32)
    region = torch.zeros(32, 640)
    region[:, :64] = 1
    style = source(32, 32, 1, region=region, region_key="left")
    *_, progress = stylise(content, [style], StyleSettings(quality="draft"), network, view=view)
    assert torch.equal(seen_in(progress.image, progress.stage, view, content.size), view.crop(content.image))


@pytest.mark.parametrize("settings", [{"seamless": True}, {"keep_colours": "palette"}, {"start": "noise"}])
def test_views_work_with_every_setting(network, source, settings):
    content, view = source(48, 600), Box(10, 5, 40, 30)
    *_, progress = stylise(content, [source(32, 32, 1)], StyleSettings(quality="draft", **settings), network, view=view)
    seen = seen_in(progress.image, progress.stage, view, content.size)
    assert seen.shape == (3, 30, 40)
    assert bool(seen.isfinite().all())


def test_tiles_scattered_over_a_large_style_have_about_its_statistics(network):
    style = torch.from_numpy(draw("night_swirls", 960, 704).copy()).permute(2, 0, 1).float() / 255
    weights = weights_by_layer(full_weight(style), STYLE_LAYERS)
    exact = extract_statistics(network, style, weights)
    sampled = sample_statistics(network, style, weights, 128, style[0].numel() // 4)
    corner = Box(0, 0, 128, 128).crop(style)
    one_corner = extract_statistics(network, corner, weights_by_layer(full_weight(corner), STYLE_LAYERS))
    for layer in STYLE_LAYERS:
        whole = exact[layer].second_moment
        off = [float((other[layer].second_moment - whole).norm() / whole.norm()) for other in (sampled, one_corner)]
        assert off[0] < 0.15, layer
        assert off[0] < off[1] / 2, "more than a corner of it"

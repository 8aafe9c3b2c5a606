"""What a request for a view may be, and how large the pictures of a restyle."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests.conftest import picture
from velatura.errors import BadMessage, BadSetting, PictureTooLarge
from velatura.protocol import codec
from velatura.protocol import messages as p
from velatura_daemon.jobs.spec import View
from velatura_daemon.jobs.validation import check_not_circular, estimate_inputs, job_from
from velatura_daemon.memory_plan import (
    BASE_BYTES,
    LARGEST_STYLE_MEGAPIXELS,
    STYLE_PIXEL_BYTES,
    UNLIMITED,
    Inputs,
    plan_memory,
    style_megapixels_within,
)

CONTENT, STYLE = picture(32, 24), picture(16, 16, seed=2)


def job(view, **settings):
    styles = [{"picture": STYLE.ref.to_wire(), "share": 1.0}]
    request = p.Restyle("job", "layer", CONTENT.ref.to_wire(), styles, None, settings, view=view)
    received, _ = codec.unpack(codec.pack(request))
    return job_from(received, b"", "client", "test", 256.0)


def test_a_view_inside_the_content_is_accepted():
    assert job([4, 2, 28, 22]).view == View(4, 2, 28, 22)
    assert job(None).view is None


@given(some.lists(some.integers(-5, 40), min_size=4, max_size=4))
def test_a_view_never_reaches_beyond_the_content(values):
    try:
        view = job(values).view
    except BadMessage:
        return
    assert view is not None
    assert 0 <= view.left < view.left + view.width <= CONTENT.width
    assert 0 <= view.top < view.top + view.height <= CONTENT.height


@pytest.mark.parametrize(
    "view", [[0, 0, 33, 5], [-1, 0, 5, 5], [0, 0, 0, 5], [0, 0, 5], [0, 0, 5, 5.0], [0, 0, True, 5], ["a", 0, 5, 5], []]
)
def test_other_views_are_refused(view):
    with pytest.raises(BadMessage):
        job(view)


def test_quality_paper_has_no_views():
    with pytest.raises(BadSetting, match="another quality"):
        job([0, 0, 8, 8], quality="paper")


def test_a_view_is_not_saved_when_it_is_stopped():
    assert job(None).resumable
    assert not job([0, 0, 8, 8]).resumable


def test_space_is_needed_for_the_result_of_a_view_and_not_for_the_whole():
    assert job([4, 2, 8, 6]).result_bytes == CONTENT.ref.length * 48 // (32 * 24)
    assert job(None).result_bytes == CONTENT.ref.length


GIGABYTE = 1 << 30


def sized(side, seed):
    """A style's description, whose pixels do not exist."""
    return {**STYLE.ref.to_wire(), "blob": bytes([seed]) * 32, "width": side, "height": side}


def many_styles(count, side=4096, region=None):
    styles = [{"picture": sized(side, seed), "region": region} for seed in range(count)]
    return p.Restyle("job", "layer", CONTENT.ref.to_wire(), styles, None, {})


def test_the_styles_of_a_restyle_have_a_limit_together():
    limit = style_megapixels_within(8 * GIGABYTE)
    assert len(job_from(many_styles(5), b"", "client", "test", 256.0, limit).styles) == 5
    with pytest.raises(PictureTooLarge, match=r"16 styles have 268 megapixels together.* --memory-megabytes"):
        job_from(many_styles(16), b"", "client", "test", 256.0, limit)


def test_one_style_of_the_largest_useful_size_is_accepted_with_any_memory():
    job_from(many_styles(1), b"", "client", "test", 256.0, style_megapixels_within(GIGABYTE))


@given(some.integers(1 << 28, 1 << 38))
def test_styles_within_their_limit_leave_half_of_the_memory_for_the_content(memory):
    limit = style_megapixels_within(memory)
    if limit > LARGEST_STYLE_MEGAPIXELS:
        assert limit * 1e6 * STYLE_PIXEL_BYTES <= (memory - BASE_BYTES) / 2 + 1  # but for rounding


def test_a_layer_with_regions_has_a_lower_limit():
    regions = [{**sized(1000, seed), "channels": "GRAY", "sample": "u8"} for seed in (7, 8)]
    request = many_styles(2, side=16)
    content = sized(1000, 9)
    styles = [{**style, "region": region} for style, region in zip(request.styles, regions, strict=True)]
    plain, with_regions = replace(request, content=content), replace(request, content=content, styles=styles)
    job_from(plain, b"", "client", "test", 1.0)
    job_from(with_regions, b"", "client", "test", 1.5)
    with pytest.raises(PictureTooLarge, match=r"with 2 regions: \d+ × \d+ would fit"):
        job_from(with_regions, b"", "client", "test", 1.0)


def test_an_estimate_counts_styles_and_regions():
    request = p.GetEstimate("t", 100, 100, {}, style_pixels=[400, 100], regions=2)
    assert estimate_inputs(request, 1.0) == Inputs((400, 100), 2)
    alone = plan_memory(96, 96, UNLIMITED)
    assert plan_memory(96, 96, UNLIMITED, inputs=Inputs((400, 100)), content=100 * 100).bytes > alone.bytes
    assert plan_memory(96, 96, UNLIMITED, inputs=Inputs((), 2), content=100 * 100).bytes > alone.bytes


@pytest.mark.parametrize(
    "more",
    [
        {"style_pixels": [1] * 17},
        {"style_pixels": [0]},
        {"style_pixels": [True]},
        {"style_pixels": ["a"]},
        {"style_pixels": [2**60]},
        {"regions": -1},
        {"regions": 17},
    ],
)
def test_impossible_styles_in_a_request_for_an_estimate_are_refused(more):
    with pytest.raises(BadMessage):
        estimate_inputs(p.GetEstimate("t", 100, 100, {}, **more), 256.0)


@pytest.mark.parametrize("via", [[str(number) for number in range(9)], [1], ["x" * 257]])
def test_an_impossible_way_through_daemons_is_refused(via):
    with pytest.raises(BadMessage):
        check_not_circular(via, "this one")


def test_what_this_daemon_has_passed_on_is_refused():
    check_not_circular([], "this one")
    check_not_circular(["another"], "this one")
    with pytest.raises(BadSetting, match="to one another"):
        check_not_circular(["this one", "another"], "this one")

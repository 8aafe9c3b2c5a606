"""Which part of a picture a preview shows, and where on the screen."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.editor.viewport import MARGIN, MAX_ZOOM, Viewport, intersection
from velatura.editor.window_place import Box

lengths = st.integers(1, 20000)  # of a content
sides = st.integers(1, 4000)  # of an area
positions = st.floats(-500, 4500)


def viewport(width: int, height: int, area_width: int, area_height: int) -> Viewport:
    view = Viewport()
    view.set_content(width, height)
    view.set_area(area_width, area_height)
    return view


@st.composite
def gestures(draw: Callable) -> Callable[[Viewport], None]:
    """Something that a user does."""
    x, y = draw(positions), draw(positions)
    factor, dx, dy = draw(st.floats(0.05, 20)), draw(st.floats(-9000, 9000)), draw(st.floats(-9000, 9000))
    width, height = draw(sides), draw(sides)
    return draw(
        st.sampled_from(
            [
                lambda view: view.zoom_by(factor, x, y),
                lambda view: view.zoom_by(factor),
                lambda view: view.pan_by(dx, dy),
                lambda view: view.fit(),
                lambda view: view.one_to_one(x, y),
                lambda view: view.set_area(width, height),
            ]
        )
    )


@st.composite
def used(draw: Callable) -> Viewport:
    """A viewport after any use."""
    view = viewport(draw(lengths), draw(lengths), draw(sides), draw(sides))
    for gesture in draw(st.lists(gestures(), max_size=8)):
        gesture(view)
    return view


@given(used())
def test_the_zoom_stays_between_the_whole_picture_and_sixteen(view):
    assert view.least_zoom <= view.zoom <= MAX_ZOOM
    assert view.least_zoom == min(1.0, view.fit_zoom)


@given(used())
def test_the_picture_is_never_lost(view):
    """On each axis it fills the area, or lies in its middle. A pixel is the rounding of its position."""
    left, top = view.origin()
    for start, length, area in ((left, view.width, view.area_width), (top, view.height, view.area_height)):
        shown = length * view.zoom
        if shown <= area:
            assert abs(start + shown / 2 - area / 2) <= 1
        else:
            assert start <= 1 and start + shown >= area - 1


@given(used())
def test_what_is_visible_is_in_whole_pixels_inside_the_content(view):
    box = view.visible()
    assert all(type(part) is int for part in box)
    assert 0 <= box.left < box.left + box.width <= view.width
    assert 0 <= box.top < box.top + box.height <= view.height


@given(used())
def test_what_is_visible_covers_all_of_the_area_that_the_picture_covers(view):
    area = Box(0, 0, view.area_width, view.area_height)
    whole = intersection(view.to_area(Box(0, 0, view.width, view.height)), area)
    assert intersection(view.to_area(view.visible()), area) == whole


@given(used(), st.floats(1, 20), st.floats(0, 1), st.floats(0, 1))
def test_zooming_in_keeps_the_point_under_the_pointer(view, factor, x, y):
    """Where the picture fills the area; a zoom out may have to move it, to keep filling it."""
    x, y = x * view.area_width, y * view.area_height
    fills_x = view.width * view.zoom >= view.area_width
    fills_y = view.height * view.zoom >= view.area_height
    before = view.to_content(x, y)
    zoom_before = view.zoom
    view.zoom_by(factor, x, y)
    after = view.to_content(x, y)
    tolerance = 1 / zoom_before + 1e-6  # the origin is rounded to half a device pixel, before and after
    if fills_x:
        assert math.isclose(before[0], after[0], rel_tol=1e-9, abs_tol=tolerance)
    if fills_y:
        assert math.isclose(before[1], after[1], rel_tol=1e-9, abs_tol=tolerance)


@given(lengths, lengths, sides, sides, sides, sides)
def test_fit_shows_the_whole_picture_and_follows_the_size_of_the_area(width, height, w1, h1, w2, h2):
    view = viewport(width, height, w1, h1)
    view.set_area(w2, h2)
    assert view.is_fit and view.visible() == Box(0, 0, width, height)
    if w2 > 2 * MARGIN and h2 > 2 * MARGIN:
        box = view.to_area(Box(0, 0, width, height))
        assert box.width <= w2 - 2 * MARGIN + 1 and box.height <= h2 - 2 * MARGIN + 1


@given(used())
def test_one_to_one_is_a_device_pixel_for_each_pixel(view):
    view.one_to_one()
    if view.is_empty:
        return
    box = view.visible()
    assert view.zoom == 1
    assert view.to_area(box)[2:] == box[2:]


@given(used(), lengths, lengths)
def test_another_content_is_fitted_and_the_same_keeps_its_view(view, width, height):
    before = view.zoom, view.is_fit, view.origin()
    assert not view.set_content(view.width, view.height)
    assert (view.zoom, view.is_fit, view.origin()) == before
    if (width, height) != (view.width, view.height):
        assert view.set_content(width, height)
        assert view.is_fit


def test_a_zoom_stops_at_one_to_one_on_its_way():
    view = viewport(4000, 3000, 800, 600)
    view.zoom_by(100)
    assert view.zoom == 1
    view.zoom_by(2)
    assert view.zoom == 2
    view.zoom_by(0.3)
    assert view.zoom == 1


def test_a_small_picture_is_enlarged_to_fit_and_can_be_shown_at_its_own_size():
    view = viewport(100, 50, 416, 416)
    assert view.zoom == 4 and view.is_fit
    view.one_to_one()
    assert view.zoom == 1 and not view.is_fit
    assert view.to_area(Box(0, 0, 100, 50)) == Box(158, 183, 100, 50)


def test_zooming_out_to_the_whole_picture_is_fit_again():
    view = viewport(4000, 3000, 800, 600)
    view.one_to_one(10, 10)
    assert not view.is_fit
    view.zoom_by(0.01)
    assert view.is_fit


@pytest.mark.parametrize(
    ("zoom_by", "known_width", "wanted"),
    [
        (1, 480, False),  # the whole picture: enough pixels
        (5, 480, True),  # 1:1
        (80, 480, True),  # larger than 1:1
        (80, 4000, False),  # every pixel is known
        (5, 3900, False),  # so few more would not be seen
        (2, 480, False),  # at 0.4, all pixels of the visible part are many times those of the screen
    ],
)
def test_detail_is_wanted_if_the_small_picture_is_enlarged(zoom_by, known_width, wanted):
    view = viewport(4000, 3000, 816, 616)
    assert view.zoom == 0.2
    view.zoom_by(min(zoom_by, 5))
    view.zoom_by(max(1, zoom_by / 5))
    assert view.wants_detail(known_width) is wanted


def test_without_a_picture_or_an_area_nothing_is_visible():
    for view in (viewport(0, 0, 100, 100), viewport(100, 100, 0, 0)):
        view.zoom_by(2, 3, 3)
        view.one_to_one()
        view.pan_by(5, 5)
        assert view.visible() == Box(0, 0, 0, 0)
        assert not view.wants_detail(1)

"""A region is what was taken, cut to what is restyled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura.editor.style_regions import Canvas, Place, Region
from velatura.editor.styles import StyleSelection, where
from velatura.editor.ui_state import Style
from velatura.errors import RegionElsewhere
from velatura.pixels import MASK_FORMAT

CANVAS = Canvas("a picture", 7, 5)
REGION = Region("Selection", CANVAS, bytes(range(1, 36)))
places = st.builds(
    Place, st.just(CANVAS), st.integers(-6, 6), st.integers(-4, 4), st.integers(2, 12), st.integers(2, 12)
)


@given(places)
def test_a_region_over_what_is_restyled_is_what_the_canvas_has_there_and_nothing_beyond_it(place):
    def at(x, y):
        return REGION.coverage[y * 7 + x] if 0 <= x < 7 and 0 <= y < 5 else 0

    expected = bytes(at(place.left + x, place.top + y) for y in range(place.height) for x in range(place.width))
    cut = REGION.over(place)
    assert (cut.width, cut.height, cut.format) == (place.width, place.height, MASK_FORMAT)
    assert cut.data == expected


@pytest.mark.parametrize("canvas", [Canvas("another", 7, 5), Canvas("a picture", 7, 6)])
def test_a_region_of_another_picture_or_size_is_told_and_not_taken(canvas):
    with pytest.raises(RegionElsewhere, match="“Selection” was taken from another image"):
        REGION.over(Place(canvas, 0, 0, 7, 5))


def test_a_style_goes_everywhere_else_where_another_has_a_region():
    portions, one, other = StyleSelection(), Style("/one", "One"), Style("/other", "Other")
    assert where(portions.of([one])[0], portions.of([one])) == "Everywhere"
    portions.put(one, REGION)
    both = portions.of([one, other])
    assert [where(style, both) for style in both] == ["Selection", "Everywhere else"]
    portions.put(one, None)
    assert [style.region for style in portions.of([one, other])] == [None, None]

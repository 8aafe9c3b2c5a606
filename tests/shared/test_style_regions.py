"""Style regions: cut to the content of a restyle, and shown in the window."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from velatura import strings
from velatura.editor.style_regions import Canvas, Place, Region
from velatura.editor.styles import StyleSelection, region_label
from velatura.editor.ui_state import Style
from velatura.errors import RegionElsewhere
from velatura.pixels import MASK_FORMAT

CANVAS = Canvas("a picture", 7, 5)
REGION = Region("Selection", CANVAS, bytes(range(1, 36)))
places = st.builds(
    Place, st.just(CANVAS), st.integers(-6, 6), st.integers(-4, 4), st.integers(2, 12), st.integers(2, 12)
)


@given(places)
def test_a_region_over_a_place_has_the_canvas_values_there_and_zero_outside_the_canvas(place):
    def at(x, y):
        return REGION.coverage[y * 7 + x] if 0 <= x < 7 and 0 <= y < 5 else 0

    expected = bytes(at(place.left + x, place.top + y) for y in range(place.height) for x in range(place.width))
    cut = REGION.over(place)
    assert (cut.width, cut.height, cut.format) == (place.width, place.height, MASK_FORMAT)
    assert cut.data == expected


@pytest.mark.parametrize("canvas", [Canvas("another", 7, 5), Canvas("a picture", 7, 6)])
def test_a_region_of_another_picture_or_size_is_refused(canvas):
    with pytest.raises(RegionElsewhere, match=re.escape(strings.REGION_ELSEWHERE.format(region="Selection"))):
        REGION.over(Place(canvas, 0, 0, 7, 5))


def test_a_style_without_a_region_applies_everywhere_else_if_another_has_one():
    selection, one, other = StyleSelection(), Style("/one", "One"), Style("/other", "Other")
    assert region_label(selection.apply_to([one])[0], selection.apply_to([one])) == strings.EVERYWHERE
    selection.set_region(one, REGION)
    both = selection.apply_to([one, other])
    assert [region_label(style, both) for style in both] == ["Selection", strings.ELSEWHERE]
    selection.set_region(one, None)
    assert [style.region for style in selection.apply_to([one, other])] == [None, None]

"""Where windows open, and the colours of their messages."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from velatura.editor.colours import BLACK, MIN_CONTRAST, WHITE, contrast, error_colour, quiet_colour
from velatura.editor.window_place import MARGIN, TITLE_BAR, Box, fit

positions = st.integers(-5000, 5000)
screens = st.builds(Box, positions, positions, st.integers(600, 8000), st.integers(360, 8000))
wanted = st.none() | st.builds(Box, positions, positions, st.integers(1, 9000), st.integers(1, 9000))
colours = st.tuples(*[st.integers(0, 255)] * 3)


@given(wanted, screens)
def test_a_window_with_its_title_bar_is_on_the_screen(before, screen):
    box = fit(before, (960, 720), screen)
    assert screen.left <= box.left and box.left + box.width <= screen.left + screen.width
    assert screen.top + TITLE_BAR <= box.top and box.top + box.height <= screen.top + screen.height
    assert box.width > 0 and box.height > 0


def test_a_window_that_fits_opens_where_it_was():
    assert fit(Box(100, 200, 800, 600), (960, 720), Box(0, 0, 1920, 1080)) == Box(100, 200, 800, 600)
    assert fit(None, (960, 720), Box(0, 0, 1920, 1080)) == Box(480, 180, 960, 720)
    assert fit(None, (960, 720), Box(0, 0, 1366, 768)).height == 768 - TITLE_BAR - 2 * MARGIN


@given(colours)
def test_errors_are_readable_on_every_background(background):
    assert contrast(error_colour(background), background) >= MIN_CONTRAST


@given(colours, colours)
def test_quiet_text_is_readable_in_every_theme(text, background):
    assert contrast(quiet_colour(text, background), background) >= MIN_CONTRAST


def test_contrast_is_that_of_wcag():
    assert contrast(BLACK, WHITE) == 21
    assert round(contrast((119, 119, 119), WHITE), 2) == 4.48  # #777777, a known value

"""Tests in GIMP on a screen: the layers of an image are restyled as the frames of an animation."""

from __future__ import annotations

import pytest

from tests.editors.session import PATIENCE

# Three frames with the names that GIMP's own animations have; the first and the last one are the same.
ANIMATE = """
first = image().get_layers()[0]
first.set_name('Frame 1 (100ms)')
for number in (2, 3):
    frame = first.copy()
    frame.set_name(f'Frame {number} (80ms)')
    image().insert_layer(frame, None, 0)
layer('Frame 2 (80ms)').invert(False)
image().set_selected_layers([first])
before = snapshot()
one = image()
"""
NAMES = ["Frame 3 (80ms)", "Frame 2 (80ms)", "Frame 1 (100ms)"]


@pytest.fixture
def animated(user):
    user.execute(ANIMATE)
    user.open_dialog()
    user.wait("visible('frames which')", "the choice of frames")
    return user


def choose(user, which, first=None, last=None):
    user.dialog(f"widget('frames which').set_active_id({which!r})")
    if which == "range":
        user.dialog(f"widget('frames first').set_value({first})\nwidget('frames last').set_value({last})")


def test_all_layers_become_the_layers_of_a_new_image(animated):
    choose(animated, "all")
    animated.dialog("click('Restyle')")
    animated.wait("not busy() and 'Done' in message()", "the restyle")
    animated.close()
    assert animated.execute("image() != one and layers()") == NAMES, "the names have the timing"
    assert animated.execute("pixels(layer('Frame 1 (100ms)')) == pixels(layer('Frame 3 (80ms)'))")
    assert animated.execute("pixels(layer('Frame 1 (100ms)')) != pixels(layer('Frame 2 (80ms)'))")
    assert animated.execute("pixels(layer('Frame 1 (100ms)')) != pixels(first)")
    assert animated.execute("snapshot(one) == before")


def test_a_range_of_layers_becomes_a_shorter_animation(animated):
    choose(animated, "range", 2, 3)
    animated.dialog("click('Restyle')")
    animated.wait("not busy() and 'Done' in message()", "the restyle")
    animated.close()
    assert animated.execute("layers()") == NAMES[:2]


def test_cancelling_keeps_the_frames_that_are_done(animated):
    animated.set_up(iterations=60)
    choose(animated, "all")
    animated.dialog("click('Restyle')")
    animated.wait("'Frame 2 of 3' in message()", "the second frame")
    animated.dialog("click('Cancel')")
    animated.wait("not busy() and '1 of 3' in message()", "the end")
    animated.close()
    assert animated.execute("layers()") == NAMES[2:]
    assert animated.execute("snapshot(one) == before")


def test_closing_the_dialog_keeps_the_frames_that_are_done(animated):
    animated.set_up(iterations=60)
    choose(animated, "all")
    animated.dialog("click('Restyle')")
    animated.wait("'Frame 2 of 3' in message()", "the second frame")
    animated.dialog(
        "window().closing = True\nGLib.idle_add(lambda: window().dialog.response(Gtk.ResponseType.DELETE_EVENT) and False)"
    )
    animated.gimp.wait_until(animated.is_closed, PATIENCE, "the dialog to close")
    animated.gimp.wait_until(lambda: animated.execute("len(images())") == 2, PATIENCE, "the new image")
    assert animated.execute("layers()") == NAMES[2:]


def test_if_the_image_is_closed_midway_the_frames_that_were_read_become_a_new_image(animated):
    animated.set_up(iterations=60)
    choose(animated, "all")
    animated.dialog("click('Restyle')")
    animated.wait("'Frame 2 of 3' in message()", "the second frame")
    animated.execute("close_windows()")
    animated.wait("not busy()", "the end")
    assert "closed before it was read" in animated.dialog("message()")
    animated.close()
    assert animated.execute("layers()") == NAMES[1:]


def test_for_a_single_layer_no_frames_are_offered(user):
    user.open_dialog()
    user.wait("'96 × 72' in window().target.get_text()", "the description")
    assert not user.dialog("visible('frames which')")
    user.close()

"""Tests in GIMP on a screen: the result follows its source when the image changes midway, and new images have names."""

from __future__ import annotations

import pytest

from tests.editors.session import PATIENCE


def restyle_while(user, change, **settings):
    """Restyles at strength 0, so that the result equals its source. change: steps in GIMP just before the insertion."""
    user.open_dialog(**{"strength": 0, **settings})
    user.dialog("hold_result()\nclick('Restyle')")
    user.wait("held", "the result")
    user.execute(change)
    user.dialog("release_result()")
    user.wait("not busy()", "the restyle")


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ("layer('Background').set_offsets(20, -8)", [20, -8]),
        ("image().crop(50, 40, 30, 20)", [-30, -20]),
        ("image().crop(48, 36, 0, 0)", [0, 0]),
        ("image().resize(150, 120, 25, 15)", [25, 15]),
        ("layer('Background').resize(120, 90, 12, 9)", [0, 0]),
        ("image().crop(60, 50, 20, 10)\nlayer('Background').set_offsets(5, 6)", [-15, -4]),
    ],
)
@pytest.mark.parametrize("selection", [False, True])
def test_the_result_is_where_its_source_is_after_a_move_or_a_crop(user, change, where, selection):
    """where: the place of what was the layer's left upper corner."""
    if selection:
        user.execute("select(40, 30, 30, 20)")
    restyle_while(user, f"{change}\nbefore = snapshot()\nimage().clean_all()")
    user.close()
    (name,) = user.execute("[n for n in layers() if n != 'Background']")
    assert user.execute(f"box(layer({name!r}))") == [*where, 96, 72]
    assert user.execute(f"difference_on_canvas('Background', {name!r})") <= 1 / 255
    if selection:
        mask = user.execute(f"list(floats(layer({name!r}).get_mask(), 'Y float'))")
        assert mask == [float(40 <= i % 96 < 70 and 30 <= i // 96 < 50) for i in range(96 * 72)]
    user.key("ctrl+z")
    user.gimp.wait_until(lambda: user.execute("layers()") == ["Background"], PATIENCE, "the undo")
    assert user.execute("snapshot() == before and not image().is_dirty()")


@pytest.mark.parametrize(
    "change",
    ["image().scale(48, 36)", "layer('Background').scale(48, 36, False)", "layer('Background').scale(192, 144, False)"],
)
def test_after_scaling_the_result_becomes_a_new_image_and_the_dialog_says_why(user, change):
    restyle_while(user, f"one = image()\n{change}")
    assert "opened as a new image. The layer or the canvas was scaled" in user.dialog("message()")
    assert user.execute("layers(one)") == ["Background"]
    assert user.execute("layers()") == ["Night swirls 0 %"]
    assert user.execute("box(image().get_layers()[0])") == [0, 0, 96, 72]
    user.close()


def test_the_message_says_if_the_source_is_blended(user):
    user.execute("layer('Background').set_opacity(60.0)\nlayer('Background').set_name('glaze')")
    user.open_dialog()
    user.restyle()
    assert "“glaze” is blended with the layers below" in user.dialog("message()")
    user.close()
    assert user.execute("layer('glaze').get_visible()")


def test_the_size_of_a_selection_is_that_of_its_part_in_the_layer(user):
    user.execute("image().resize(200, 150, 0, 0)\nselect(0, 0, 50, 150, invert=True)")
    user.open_dialog()
    described = "window().target.get_text() == 'Selection of Background · {} × 72 px'"
    user.wait(described.format(46), "the part of the inverted selection")
    user.execute("select(150, 110, 20, 20, invert=True)")
    user.wait(described.format(96), "the changed selection")
    user.close()


def test_a_new_image_has_a_name_and_save_asks_for_its_file(user):
    restyle_while(user, "close_all()", strength=50)
    user.close()
    assert user.execute("image().get_name()") == "Night swirls 50 %.xcf"
    user.title = "Night swirls"
    user.key("ctrl+s")
    user.gimp.wait_until(lambda: windows(user, "Save Image"), PATIENCE, "the question")
    user.gimp.run("xdotool", "key", "Escape")
    assert not list(user.gimp.home.glob("**/Night swirls*.xcf"))


def test_if_the_image_was_closed_closing_the_dialog_shows_no_error(user):
    user.open_dialog()
    user.restyle()
    user.execute("close_all()")
    user.close()
    user.open_picture()
    user.open_dialog()  # GIMP has ended the first command by now
    assert_no_message(user)
    user.close()


# As if the image was closed right after the first of several calls has found that its layer exists.
CLOSED_MEANWHILE = """
own, stale, missed = controller().canvas, controller().canvas._layer(), []
real = own._layer
own._layer = lambda: missed.pop() if missed else real()
def says(call):
    missed.append(stale)
    try:
        return call()
    except Exception as error:
        return type(error).__name__
    finally:
        missed.clear()
target = own.current_target()
"""


def test_an_image_that_is_closed_while_the_dialog_looks_at_it_shows_no_error(user):
    user.open_dialog()
    user.dialog(CLOSED_MEANWHILE)
    user.execute("close_all()")
    assert user.dialog("says(own.target_key)") is None
    assert user.dialog("says(own.current_target)") == "NothingToRestyle"
    for call in ("thumbnail(target, 64)", "frame_times(target)", "read(target)", "read_shown(target, 64)"):
        assert user.dialog(f"says(lambda: list(own.{call}))") == "NothingToRestyle", call
    user.dialog("says(lambda: own.describe(target))\nsays(lambda: own.is_grey(target))")
    user.close()
    user.open_picture()
    user.open_dialog()
    assert_no_message(user)
    user.close()


def assert_no_message(user):
    if windows(user, "GIMP Message"):
        user.gimp.photograph("gimp-unexpected-message")
    assert windows(user, "GIMP Message") == ""


def windows(user, title):
    """The windows with this title, one per line."""
    return user.gimp.run("sh", "-c", f'xdotool search --onlyvisible --name "^{title}$" || true')

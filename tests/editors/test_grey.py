"""Greyscale images in real editors: the note before the restyle, and the conversion in one undo step."""

from __future__ import annotations

import pytest

from tests.editors.krita_session import open_picture, restyle
from tests.editors.session import PATIENCE

NOTE = "This image is greyscale, so the result will be grey."
COLOURFUL = "max(max(p[i:i + 3]) - min(p[i:i + 3]) for i in range(0, len(p), 4)) > 40"


# --- GIMP ----------------------------------------------------------------------------------------------
def gimps_note(user):
    return user.dialog("window().grey.get_text() if visible('grey') else ''")


def test_gimp_says_that_the_result_will_be_grey_and_converts_the_image_in_one_undo_step(user):
    user.open_picture("grey.png")
    before = user.execute("snapshot()")
    user.open_dialog()
    user.wait("visible('grey')", "the note")
    assert gimps_note(user) == NOTE
    user.dialog("change('keep_colours', 'luminance')")
    user.wait("not visible('grey')", "the note to go")
    user.dialog("change('keep_colours', 'off')")
    user.wait("visible('grey')", "the note")
    user.gimp.photograph("gimp-grey")
    user.dialog("click('convert')")
    user.wait("not visible('grey') and 'RGB now' in message()", "the conversion")
    assert user.execute("image().get_base_type() == Gimp.ImageBaseType.RGB")
    user.restyle()
    assert user.execute(f"p = pixels(image().get_layers()[0], \"R'G'B'A u8\")\n{COLOURFUL}")
    user.close()
    user.key("ctrl+z")
    user.gimp.wait_until(lambda: len(user.execute("layers()")) == 1, PATIENCE, "the undo of the restyle")
    user.key("ctrl+z")
    user.gimp.wait_until(
        lambda: user.execute("image().get_base_type() == Gimp.ImageBaseType.GRAY"), PATIENCE, "the undo"
    )
    assert user.execute("snapshot()") == before
    assert not user.execute("image().is_dirty()")  # so the conversion was a single step


def test_gimp_says_nothing_about_an_image_in_colour(user):
    user.open_dialog()
    assert gimps_note(user) == ""


# --- Krita ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "space", [None, ("GRAYA", "U16", "Gray-D50-elle-V2-srgbtrc.icc"), ("GRAYA", "F32", "Gray-D50-elle-V2-g10.icc")]
)
def test_krita_says_that_the_result_will_be_grey_and_converts_the_image_in_one_undo_step(krita, space):
    open_picture(krita, "grey.png", space)
    before = krita.execute("snapshot()")
    depth = krita.execute("doc().colorDepth()")
    undo_before = krita.execute("undo_text()")
    krita.execute("set_up()")
    krita.wait_for("visible('grey')", PATIENCE, "the note")
    assert krita.execute("widget('grey').text()") == NOTE
    krita.execute("change('keep_colours', 'luminance')")
    krita.wait_for("not visible('grey')", PATIENCE, "the note to go")
    krita.execute("change('keep_colours', 'off')")
    krita.wait_for("visible('grey')", PATIENCE, "the note")
    if space is None:
        krita.photograph("krita-grey")
    krita.execute("click('convert')")
    krita.wait_for("not visible('grey') and 'RGB now' in message()", PATIENCE, "the conversion")
    assert krita.execute("[doc().colorModel(), doc().colorDepth()]") == ["RGBA", depth]
    krita.execute("undo()")
    krita.wait_for("doc().colorModel() == 'GRAYA'", PATIENCE, "the undo")
    assert krita.execute("snapshot()") == before
    assert krita.execute("undo_text()") == undo_before
    krita.wait_for("visible('grey')", PATIENCE, "the note")


def test_the_result_in_a_converted_krita_image_has_colours(krita):
    open_picture(krita, "grey.png")
    krita.execute("set_up()")
    krita.wait_for("visible('grey')", PATIENCE, "the note")
    krita.execute("click('convert')")
    krita.wait_for("doc().colorModel() == 'RGBA'", PATIENCE, "the conversion")
    name = restyle(krita)
    assert krita.execute(f"p = bytes(layer({name!r}).pixelData(0, 0, 256, 192))\n{COLOURFUL}")


def test_krita_says_nothing_about_an_image_in_colour(krita):
    open_picture(krita)
    krita.execute("set_up()")
    assert not krita.execute("visible('grey')")

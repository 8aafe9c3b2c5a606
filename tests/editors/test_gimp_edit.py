"""Tests in GIMP on a screen: a result remembers how it was made, and is replaced in one undo step."""

from __future__ import annotations

import pytest

from tests.editors.session import PATIENCE

EDIT_KEY = "e"  # its mnemonic in Filters ▸ Velatura
RESULT, NEWER = "Night swirls 50 %", "Night swirls 90 %"


def result_of(user, **settings):
    """Restyles the picture's layer in the dialog, and closes it."""
    user.open_dialog(**settings)
    user.restyle()
    user.close()


def edit(user, name=RESULT):
    """Chooses a layer and the command, and waits for the dialog."""
    user.execute(f"image().set_selected_layers([layer({name!r})])\nGimp.displays_flush()")
    user.menu(EDIT_KEY)
    user.gimp.wait_for("is_open()", PATIENCE, "the dialog", user.gimp.dialog)
    user.wait("'Editing' in window().target.get_text()", "the edited layer")


def replace(user, **settings):
    for name, value in settings.items():
        user.dialog(f"change({name!r}, {value!r})")
    user.dialog("click('Restyle')")
    user.wait("controller().current is not None and not busy() and 'is replaced' in message()", "the restyle")


def reopen(user):
    """Saves the image as .xcf, closes it and opens it again."""
    path = str(user.gimp.home / "edited.xcf")
    user.execute(
        f"Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image(), Gio.File.new_for_path({path!r}), None)\nopen_picture({path!r})\nimage().clean_all()"
    )


@pytest.mark.parametrize("selection", ["", "select(40, 30, 30, 20, feather=4)"])
def test_after_saving_and_reopening_a_result_is_replaced_and_one_undo_brings_it_back(user, selection):
    user.execute(selection or "None")
    result_of(user, fine=130)
    user.execute(
        f"one = layer({RESULT!r})\none.set_opacity(60.0)\none.set_mode(Gimp.LayerMode.MULTIPLY)\nGimp.Selection.none(image())\nbox_before = box(one)"
    )
    reopen(user)
    mask = user.execute(f"pixels(layer({RESULT!r}).get_mask()).hex() if layer({RESULT!r}).get_mask() else None")
    assert bool(mask) == bool(selection)
    edit(user)
    assert user.dialog("[window().settings().strength, window().settings().fine]") == [50, 130]
    assert user.dialog("chosen()") == [["Night swirls", 1.0]]
    what = "Selection of Background" if selection else "Background · 96 × 72 px"
    assert f"Editing “{RESULT}” · {what}" in user.dialog("window().target.get_text()")
    user.execute("before = snapshot()\nimage().clean_all()")
    replace(user, strength=90)
    assert f"“{NEWER}” is replaced" in user.dialog("message()")
    user.gimp.photograph(f"gimp-edit{'-selection' if selection else ''}")
    user.close()
    assert user.execute("layers()") == [NEWER, "Background"]
    assert user.execute(f"[round(mixing(layer({NEWER!r}))[0]), mixing(layer({NEWER!r}))[1]]") == [60, "multiply"]
    assert user.execute(f"box(layer({NEWER!r})) == box_before")
    assert user.execute(f"pixels(layer({NEWER!r}).get_mask()).hex() if layer({NEWER!r}).get_mask() else None") == mask
    assert user.execute("Gimp.Selection.is_empty(image())")
    user.execute("after = snapshot()")
    assert user.execute("after != before")
    user.key("ctrl+z")
    user.gimp.wait_until(lambda: user.execute("layers()") == [RESULT, "Background"], PATIENCE, "the undo")
    assert user.execute("snapshot() == before and not image().is_dirty()")
    user.key("ctrl+y")
    user.gimp.wait_until(lambda: user.execute("snapshot() == after"), PATIENCE, "the redo")


def test_a_copied_and_renamed_layer_is_edited_and_keeps_its_name(user):
    result_of(user)
    user.execute(
        f"copy = layer({RESULT!r}).copy()\ncopy.set_name('my sky')\nimage().insert_layer(copy, None, 0)\nleft = pixels(layer({RESULT!r}))"
    )
    edit(user, "my sky")
    replace(user, strength=90)
    user.close()
    assert user.execute("layers()") == ["my sky", RESULT, "Background"]
    assert user.execute(f"pixels(layer({RESULT!r})) == left and pixels(layer('my sky')) != left")


def test_a_replaced_result_is_replaced_again_while_the_dialog_is_open(user):
    result_of(user)
    edit(user)
    replace(user, strength=90)
    user.dialog("change('strength', 20)")
    user.dialog("click('Restyle')")
    user.wait("not busy() and 'Night swirls 20 %” is replaced' in message()", "the second restyle")
    user.close()
    assert user.execute("layers()") == ["Night swirls 20 %", "Background"]


def test_cancelling_or_closing_changes_nothing(user):
    result_of(user)
    user.execute("before = snapshot()\nimage().clean_all()")
    edit(user)
    user.start_long_restyle()
    user.dialog("click('Cancel')")
    user.wait("not busy()", "the cancel")
    user.close()
    assert user.execute("snapshot() == before and not image().is_dirty()")


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        ("None", "Background", "It is not known how “Background” was made"),
        ("image().remove_layer(layer('Background'))", RESULT, "was made from is no longer in this image"),
        ("layer('Night swirls 50 %').set_lock_content(True)", RESULT, "is locked"),
    ],
    ids=["no result", "source gone", "locked"],
)
def test_what_cannot_be_edited_is_said_in_a_sentence(user, change, name, sentence):
    result_of(user)
    user.execute(f"{change}\nimage().set_selected_layers([layer({name!r})])")
    assert sentence in user.execute(f"run('plug-in-velatura-edit', layer({name!r}), Gimp.RunMode.INTERACTIVE)[1]")

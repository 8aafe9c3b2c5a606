"""Tests in Krita on a screen: a result remembers how it was made, and is replaced in one undo step."""

from __future__ import annotations

import pytest

from tests.editors.krita_session import activate, open_picture, restyle, seen
from tests.editors.session import PATIENCE

RESULT = "Night swirls 50 %"
# What a painter may change in a result, apart from its blending mode, which Krita records as a step of its own.
CHANGES = "one = layer('Night swirls 50 %')\none.setOpacity(150)\none.setColorLabel(2)"


def edit(krita, name=RESULT):
    """Chooses the command on a layer, and waits for the window."""
    activate(krita, name)
    krita.execute("menu('Filter', 'Velatura', 'Edit this restyle…')")
    krita.wait_for("window() is not None", PATIENCE, "the window")
    krita.wait_for("'Editing' in panel().target.text() or panel()._shows_error", PATIENCE, "the edited layer")


def replace(krita, **settings):
    """Changes settings in the window, clicks Restyle, and waits for the end."""
    for name, value in settings.items():
        krita.execute(f"change({name!r}, {value!r})")
    krita.execute("click('start')")
    krita.wait_for("not busy() and 'Done' in message()", PATIENCE, "the restyle")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")


def undone(krita, expected):
    """Undoes one step and waits until the document is as expected."""
    krita.execute("undo()")
    krita.wait_for(f"snapshot() == {expected!r}", PATIENCE, "the document as before")


def reopen(krita):
    """Saves the document as a .kra, closes it and opens it again."""
    path = str(krita.home / "edited.kra")
    krita.execute(f"window() and window().close()\ndoc().saveAs({path!r})\ndoc().waitForDone()\nclose_all()")
    krita.execute(f"open_picture({path!r})")
    krita.wait_for("doc() is not None and doc().activeNode() is not None", PATIENCE, "the document's view")


@pytest.mark.parametrize("selection", ["", "select(60, 50, 100, 80, feather=5)"])
def test_after_saving_and_reopening_a_result_is_replaced_and_one_undo_brings_it_back(krita, selection):
    open_picture(krita)
    krita.execute(selection or "None")
    if selection:
        krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    assert restyle(krita, strength=50, fine=130) == RESULT
    krita.execute(CHANGES)
    reopen(krita)
    krita.execute("doc().setSelection(None)\ndoc().waitForDone()")
    edit(krita)
    shown = krita.execute("[panel().settings().strength, panel().settings().fine]")
    assert shown == [50, 130]
    assert krita.execute("[style.name for style in panel().chosen_styles()]") == ["Night swirls"]
    what = "Selection of Background · 1" if selection else "Background · 256 × 192 px"
    assert f"Editing “{RESULT}” · {what}" in krita.execute("panel().target.text()")
    before, view, old = krita.execute("snapshot()"), seen(krita), krita.execute(f"content(layer({RESULT!r})).hex()")
    masks = krita.execute(f"[[m.name(), m.type()] for m in layer({RESULT!r}).childNodes()]")
    assert masks == ([["Selection", "transparencymask"]] if selection else [])
    step = krita.execute("undo_text()")
    replace(krita, strength=90)
    assert "“Night swirls 90 %” is replaced" in krita.execute("message()")
    assert krita.execute("layers()") == ["Background", "Night swirls 90 %"]
    new = "layer('Night swirls 90 %')"
    assert krita.execute(f"[{new}.opacity(), {new}.colorLabel()]") == [150, 2]
    assert krita.execute(f"[[m.name(), m.type()] for m in {new}.childNodes()]") == masks
    assert krita.execute(f"content({new}).hex()") != old
    after, after_view = krita.execute("snapshot()"), seen(krita)
    assert after_view != view
    undone(krita, before)
    assert seen(krita) == view
    assert krita.execute("undo_text()") == step
    krita.execute("K.action('edit_redo').trigger()\ndoc().waitForDone()")
    krita.wait_for(f"snapshot() == {after!r}", PATIENCE, "the replacement again")
    undone(krita, before)


MASK = """
hidden = Selection()
hidden.select(0, 0, 128, 192, 255)
mask = doc().createTransparencyMask('left half')
mask.setSelection(hidden)
layer('Night swirls 50 %').addChildNode(mask, None)
doc().waitForDone()
"""


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("visible", [True, False])
def test_what_the_painter_did_to_the_result_before_can_be_undone_after_it(krita, masked, visible):
    open_picture(krita)
    restyle(krita)
    if masked:
        krita.execute(MASK)
    activate(krita, RESULT)
    states = [krita.execute("snapshot()")]
    krita.execute("K.action('fill_selection_foreground_color').trigger()\ndoc().waitForDone()")
    krita.wait_for("undo_text() == 'Flood Fill Layer'", PATIENCE, "the painting")
    krita.execute(f"layer({RESULT!r}).setVisible({visible})\ndoc().refreshProjection()")
    states.append(krita.execute("snapshot()"))
    edit(krita)
    replace(krita, strength=90)
    assert krita.execute("[node.visible() for node in doc().topLevelNodes()]") == [True, visible]
    states.append(krita.execute("snapshot()"))
    undone(krita, states[1])
    if visible:  # Krita does not undo that a script has hidden a layer
        undone(krita, states[0])
    for state in (1, 2) if visible else (2,):
        krita.execute("K.action('edit_redo').trigger()\ndoc().waitForDone()")
        krita.wait_for(f"snapshot() == {states[state]!r}", PATIENCE, "the redo")


def test_a_copied_and_renamed_layer_is_edited_and_keeps_its_name(krita):
    open_picture(krita)
    restyle(krita)
    krita.execute(
        f"copy = layer({RESULT!r}).duplicate()\ncopy.setName('my sky')\ndoc().rootNode().addChildNode(copy, None)\ndoc().waitForDone()"
    )
    original = krita.execute(f"content(layer({RESULT!r})).hex()")
    edit(krita, "my sky")
    replace(krita, strength=90)
    assert "“my sky” is replaced" in krita.execute("message()")
    assert krita.execute("layers()") == ["Background", RESULT, "my sky"]
    assert krita.execute(f"content(layer({RESULT!r})).hex()") == original
    assert krita.execute("content(layer('my sky')).hex()") != original


def test_a_result_in_a_group_is_replaced_there_and_again_while_it_is_edited(krita):
    open_picture(krita)
    krita.execute(
        "g = doc().createGroupLayer('things')\ndoc().rootNode().addChildNode(g, None)\ninner = layer('Background').duplicate()\ninner.setName('inside')\ng.addChildNode(inner, None)\ndoc().refreshProjection()\ndoc().waitForDone()"
    )
    activate(krita, "inside")
    krita.execute("set_up()\nclick('start')")
    krita.wait_for("not busy() and 'Done' in message()", PATIENCE, "the restyle")
    edit(krita)
    for strength in (90, 20):
        replace(krita, strength=strength)
        name = f"Night swirls {strength} %"
        assert krita.execute("[child.name() for child in layer('things').childNodes()]") == ["inside", name]
        krita.wait_for(f"panel().target.text().startswith('Editing “{name}”')", PATIENCE, "the newer layer")


def test_choosing_another_layer_ends_editing(krita):
    open_picture(krita)
    restyle(krita)
    edit(krita)
    activate(krita, "Background")
    krita.wait_for("'is no longer being edited' in message()", PATIENCE, "the message")
    assert "Editing" not in krita.execute("panel().target.text()")
    assert restyle(krita, strength=90) == "Night swirls 90 %"
    assert krita.execute("layers()") == ["Background", RESULT, "Night swirls 90 %"]


def test_cancelling_changes_nothing_and_closing_the_window_ends_editing(krita):
    open_picture(krita)
    restyle(krita)
    edit(krita)
    before, step = krita.execute("snapshot()"), krita.execute("undo_text()")
    krita.execute("change('iterations', 20000)\nchange('quality', 'good')\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("click('cancel')")
    krita.wait_for("not busy()", PATIENCE, "the cancel")
    assert krita.execute("snapshot()") == before
    assert krita.execute("undo_text()") == step
    krita.execute("window().close()")
    krita.wait_for("controller().edited is None", PATIENCE, "the end of editing")


def test_a_result_of_a_scaled_image_is_replaced_at_the_new_size(krita):
    open_picture(krita)
    restyle(krita)
    krita.execute("doc().scaleImage(128, 96, 72, 72, 'Bicubic')\ndoc().waitForDone()")
    edit(krita)
    assert "The size of the image has changed" in krita.execute("message()")
    replace(krita, strength=90)
    box = "layer('Night swirls 90 %').bounds()"
    assert krita.execute(f"[{box}.width(), {box}.height()]") == [128, 96]


def test_if_another_document_is_active_the_old_layer_stays_below_and_the_message_says_so(krita):
    open_picture(krita)
    restyle(krita)
    edit(krita)
    before = krita.execute("snapshot()")
    krita.execute("first = doc()")
    path = str(krita.home / "small.png")
    krita.execute(f"before_insertion(lambda: open_picture({path!r}))\nchange('strength', 90)\nclick('start')")
    krita.wait_for("not busy() and 'Done' in message()", PATIENCE, "the restyle")
    assert f"It is above “{RESULT}”, which stays" in krita.execute("message()")
    assert krita.execute("layers(first)") == ["Background", RESULT, "Night swirls 90 %"]
    krita.execute("doc().setModified(False)\ndoc().close()\nQTest.qWait(1000)")
    krita.wait_for("doc() is not None and len(layers()) == 3", PATIENCE, "the document")
    undone(krita, before)


@pytest.mark.parametrize(
    ("change", "name", "sentence"),
    [
        ("None", "Background", "It is not known how “Background” was made"),
        ("layer('Background').remove()\ndoc().waitForDone()", RESULT, "was made from is no longer in this image"),
        (f"layer({RESULT!r}).setLocked(True)", RESULT, "is locked"),
    ],
    ids=["no result", "source gone", "locked"],
)
def test_what_cannot_be_edited_is_said_in_a_sentence(krita, change, name, sentence):
    open_picture(krita)
    restyle(krita)
    krita.execute(change)
    edit(krita, name)
    assert sentence in krita.execute("message()")
    krita.wait_for(f"panel().target.text().startswith({name!r})", PATIENCE, "the layer that would be restyled")


def test_a_missing_style_file_is_named_and_another_style_can_be_chosen(krita):
    open_picture(krita)
    style = krita.home / "waves.png"
    style.write_bytes((krita.home / "small.png").read_bytes())
    krita.execute(f"set_up(style=None)\npanel().gallery.add_files([{str(style)!r}])")
    krita.wait_for("[s.name for s in panel().chosen_styles()] == ['Waves']", PATIENCE, "the style")
    krita.execute("click('start')")
    krita.wait_for("not busy() and 'Done' in message()", PATIENCE, "the restyle")
    style.unlink()
    edit(krita, "Waves 50 %")
    assert "The file of the style “Waves” no longer exists" in krita.execute("message()")
    krita.photograph("krita-edit")
    krita.execute("pick('Mosaic')")
    replace(krita)
    assert krita.execute("layers()") == ["Background", "Mosaic 50 %"]

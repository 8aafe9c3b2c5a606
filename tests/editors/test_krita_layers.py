"""Tests in Krita on a screen: the result shows and mixes as its source does, and follows it when it is moved."""

from __future__ import annotations

import pytest

from tests.editors.krita_session import activate, differing, open_picture, restyle, seen
from tests.editors.session import PATIENCE

SAME = 1.5 / 255  # what the conversions of a restyle at strength 0 may change in 8 bits
SOURCE = "Background"


def add_layer(krita, name, code=""):
    """Adds a copy of the picture. code: what is done with it, as `extra`, before it is added."""
    krita.execute(
        f"extra = layer('{SOURCE}').duplicate()\nextra.setName({name!r})\n{code}\ndoc().rootNode().addChildNode(extra, None)\ndoc().refreshProjection()\ndoc().waitForDone()"
    )
    activate(krita, name)


# --- the active layer ---------------------------------------------------------------------------------
def test_the_layer_chosen_during_the_restyle_stays_chosen(krita):
    open_picture(krita)
    add_layer(krita, "other")
    activate(krita, SOURCE)
    krita.execute("before_insertion(lambda: doc().setActiveNode(layer('other')))")
    first = restyle(krita, SOURCE)
    stays_active(krita, "other")
    activate(krita, SOURCE)
    krita.execute(f"before_insertion(lambda: doc().setActiveNode(layer({first!r})))")
    restyle(krita, SOURCE, style="Mosaic")
    stays_active(krita, first)


def test_the_active_layer_stays_active_when_a_result_of_a_selection_arrives(krita):
    open_picture(krita)
    krita.execute("select(60, 50, 100, 80, feather=5)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    restyle(krita)
    stays_active(krita, SOURCE)


def stays_active(krita, name):
    """Waits until Krita has activated the new layer and the plugin the other one again."""
    krita.wait_for(f"doc().activeNode().name() == {name!r}", PATIENCE, f"{name} to be active")
    krita.execute("QTest.qWait(600)")
    assert krita.execute("doc().activeNode().name()") == name


# --- mixing -------------------------------------------------------------------------------------------
def test_the_result_mixes_as_its_source_does_and_the_message_says_so(krita):
    open_picture(krita)
    add_layer(krita, "glaze", "extra.setOpacity(128)\nextra.setBlendingMode('multiply')\nextra.setInheritAlpha(True)")
    tree = krita.execute("snapshot()")
    name = restyle(krita, "glaze")
    assert (
        krita.execute(f"[[n.opacity(), n.blendingMode(), n.inheritAlpha()] for n in (layer('glaze'), layer({name!r}))]")
        == [[128, "multiply", True]] * 2
    )
    assert "“glaze” is blended with the layers below" in krita.execute("message()")
    assert krita.execute("layer('glaze').visible()")
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


def test_without_blending_the_message_says_nothing_of_it(krita):
    open_picture(krita)
    restyle(krita)
    assert "blended" not in krita.execute("message()")


MASK = """
hidden = Selection()
hidden.select(0, 0, 128, 192, 255)
mask = doc().createTransparencyMask('left half')
mask.setSelection(hidden)
extra.addChildNode(mask, None)
"""


@pytest.mark.parametrize("selection", ["", "select(100, 40, 100, 80)"])
def test_the_result_shows_only_where_its_source_shows(krita, selection):
    open_picture(krita)
    add_layer(krita, "masked", MASK)
    if selection:
        krita.execute(selection)
        krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before, tree = seen(krita), krita.execute("snapshot()")
    name = restyle(krita, "masked")
    changed = differing(krita, before, seen(krita))
    shown = [i % 256 < 128 for i in range(256 * 192)]
    if selection:
        shown = [s and i % 256 >= 100 and 40 <= i // 256 < 120 for i, s in enumerate(shown)]
    assert not [1 for c, s in zip(changed, shown, strict=True) if c and not s]
    assert sum(changed) > 0.8 * sum(shown)
    assert krita.execute(f"[m.name() for m in layer({name!r}).childNodes()]") == ["left half"] + ["Selection"] * bool(
        selection
    )
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


@pytest.mark.parametrize(
    "code",
    [
        "effect = doc().createFilterMask('effect', K.filter('invert'), whole)",
        "effect = doc().createTransformMask('effect')\neffect.fromXML(SHIFTED)",
    ],
    ids=["filter", "transform"],
)
def test_at_strength_0_a_layer_with_effects_looks_the_same(krita, code):
    open_picture(krita)
    krita.execute("whole = Selection()\nwhole.select(0, 0, 256, 192, 255)")
    add_layer(krita, "effects")
    krita.execute(TRANSFORM)
    krita.execute(f"{code}\nlayer('effects').addChildNode(effect, None)\ndoc().refreshProjection()")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")
    activate(krita, "effects")
    before, tree = seen(krita), krita.execute("snapshot()")
    restyle(krita, "effects", strength=0)
    after = seen(krita)
    assert max(abs(a - b) for a, b in zip(before, after, strict=True)) <= 2
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


TRANSFORM = '''
SHIFTED = """<!DOCTYPE transform_params>
<transform_params>
 <main id="tooltransformparams"/>
 <data mode="0">
  <free_transform>
   <transformedCenter type="pointf" x="148" y="106"/>
   <originalCenter type="pointf" x="128" y="96"/>
   <rotationCenterOffset type="pointf" x="0" y="0"/>
   <transformAroundRotationCenter value="0" type="value"/>
   <aX value="0" type="value"/>
   <aY value="0" type="value"/>
   <aZ value="0" type="value"/>
   <cameraPos z="1024" type="vector3d" x="0" y="0"/>
   <scaleX value="1" type="value"/>
   <scaleY value="1" type="value"/>
   <shearX value="0" type="value"/>
   <shearY value="0" type="value"/>
   <keepAspectRatio value="0" type="value"/>
   <flattenedPerspectiveTransform m23="0" m31="0" m32="0" type="transform" m33="1" m12="0" m13="0" m22="1" m11="1" m21="0"/>
   <filterId value="Bicubic" type="value"/>
  </free_transform>
 </data>
</transform_params>"""
'''


def test_the_mask_of_a_group_is_applied_once(krita):
    open_picture(krita)
    krita.execute(
        f"extra = doc().createGroupLayer('group')\nextra.addChildNode(layer('{SOURCE}').duplicate(), None)\ndoc().rootNode().addChildNode(extra, None)\n{MASK}hidden.feather(30)\nmask.setSelection(hidden)\ndoc().refreshProjection()"
    )
    assert krita.execute("[n.type() for n in extra.childNodes()]") == ["paintlayer", "transparencymask"]
    activate(krita, "group")
    name = restyle(krita, "group", strength=0)
    assert krita.execute(f"layer({name!r}).childNodes()") == []
    assert krita.execute(f"largest_difference(layer('group'), layer({name!r}))") <= SAME
    assert len(set(bytes.fromhex(krita.execute(f"content(layer({name!r})).hex()"))[3::4])) > 10  # it is feathered


# --- changes during the restyle -----------------------------------------------------------------------
def restyle_while(krita, change, **settings):
    """Restyles at strength 0, so that the result equals its source. change: code that runs just before the insertion."""
    krita.execute(f"def change():\n    {change}\n    doc().waitForDone()\nbefore_insertion(change)")
    return restyle(krita, SOURCE, strength=0, **settings)


@pytest.mark.parametrize(
    "change",
    [
        f"layer('{SOURCE}').move(30, -20)",
        "doc().crop(40, 30, 150, 120)",
        "doc().crop(0, 0, 128, 96)",
        "doc().resizeImage(-25, -15, 320, 240)",
        "doc().resizeImage(40, 30, 100, 90)",
        f"layer('{SOURCE}').move(30, 20); doc().crop(10, 0, 200, 100)",
    ],
)
@pytest.mark.parametrize("selection", [False, True])
def test_the_result_is_where_its_source_is_after_a_move_or_a_crop(krita, change, selection):
    open_picture(krita)
    if selection:
        krita.execute("select(70, 50, 90, 60)")
        krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    name = restyle_while(krita, change)
    assert krita.execute(f"same_where_shown(layer('{SOURCE}'), layer({name!r}))") <= SAME
    size = krita.execute("[doc().width(), doc().height()]")
    krita.execute(f"layer('{SOURCE}').setVisible(False)\ndoc().refreshProjection()")
    alone = seen(krita)
    krita.execute("undo()")
    assert krita.execute("layers()") == [SOURCE]
    if selection:  # what is seen of the result alone: the selection as it was, where it is now
        left, top = MOVED[change]
        for x, y in ((75, 55), (155, 105)):
            at = 4 * ((y + top) * size[0] + x + left) + 3
            if 0 <= x + left < size[0] and 0 <= y + top < size[1]:
                assert alone[at] == 255
        for x, y in ((65, 80), (165, 80), (110, 45), (110, 115)):
            if 0 <= x + left < size[0] and 0 <= y + top < size[1]:
                assert alone[4 * ((y + top) * size[0] + x + left) + 3] == 0


MOVED = {
    f"layer('{SOURCE}').move(30, -20)": (30, -20),
    "doc().crop(40, 30, 150, 120)": (-40, -30),
    "doc().crop(0, 0, 128, 96)": (0, 0),
    "doc().resizeImage(-25, -15, 320, 240)": (25, 15),
    "doc().resizeImage(40, 30, 100, 90)": (-40, -30),
    f"layer('{SOURCE}').move(30, 20); doc().crop(10, 0, 200, 100)": (20, 20),
}


def test_a_layer_that_was_repainted_gets_its_result_in_its_place(krita):
    open_picture(krita)
    before = krita.execute(f"content(layer('{SOURCE}')).hex()")
    name = restyle_while(
        krita,
        f"layer('{SOURCE}').setPixelData(bytes(b if i % 4 == 3 else 255 - b for i, b in enumerate(content(layer('{SOURCE}')))), 0, 0, 256, 192)",
    )
    after = bytes.fromhex(krita.execute(f"content(layer({name!r})).hex()"))
    assert max(abs(a - b) for a, b in zip(bytes.fromhex(before), after, strict=True)) <= 1


def test_a_group_that_was_moved_gets_its_result_in_its_place(krita):
    open_picture(krita)
    krita.execute(
        f"group = doc().createGroupLayer('group')\ninner = layer('{SOURCE}').duplicate()\ngroup.addChildNode(inner, None)\ndoc().rootNode().addChildNode(group, None)\ndoc().refreshProjection()"
    )
    activate(krita, "group")
    krita.execute(
        "def change():\n    inner.move(30, 20)\n    doc().refreshProjection()\n    doc().waitForDone()\nbefore_insertion(change)"
    )
    name = restyle(krita, "group", strength=0)
    assert krita.execute(f"same_where_shown(layer('group'), layer({name!r}))") <= SAME
    assert krita.execute(f"layer({name!r}).bounds().left()") == 30


@pytest.mark.parametrize(
    "change",
    [
        "doc().scaleImage(128, 96, 100, 100, 'Bilinear')",
        f"layer('{SOURCE}').scaleNode(QPointF(0, 0), 128, 96, 'Bilinear')",
    ],
)
def test_after_scaling_the_result_can_be_opened_as_a_new_image_and_the_window_says_why(krita, change):
    open_picture(krita)
    krita.execute(f"def change():\n    {change}\n    doc().waitForDone()\nbefore_insertion(change)")
    krita.execute("set_up()\nclick('start')")
    krita.wait_for("not busy() and visible('open_image')", PATIENCE, "the button")
    assert "was scaled or transformed during the restyle" in krita.execute("message()")
    assert "can be opened as a new image" in krita.execute("message()")
    assert krita.execute("layers()") == [SOURCE]
    krita.execute("click('open_image')")
    krita.wait_for("layers() == ['Night swirls 50 %']", PATIENCE, "the new document")
    assert krita.execute("[doc().width(), doc().height()]") == [256, 192]


# --- what the window says about the layer -------------------------------------------------------------
def describes(krita, text):
    krita.wait_for(f"panel().target.text() == {text!r}", PATIENCE, f"the description {text}")


# Adds a layer, and from then on looks at the target. The plugin looks every 300 ms, instead of 20, whether Krita has activated the layer.
ADD_LAYER = """
from velatura_krita import canvas, canvas_layers
key, chosen, every = canvas.target_key(), doc().activeNode(), canvas_layers.CHECK_EVERY
active, keys = [], set()
def look():
    active.append(doc().activeNode().name())
    keys.add(canvas.target_key())
looking = QTimer()
looking.timeout.connect(look)
looking.start(5)
new = doc().createNode('new', 'paintlayer')
canvas_layers.CHECK_EVERY = 300
doc().rootNode().addChildNode(new, None)
canvas_layers.keep_active(doc(), chosen, new)
"""


def test_a_layer_that_krita_activates_since_it_is_new_is_not_what_would_be_restyled(krita):
    open_picture(krita)
    krita.execute(ADD_LAYER)
    krita.wait_for("'new' in active and doc().activeNode() == chosen", PATIENCE, "Krita to activate both layers")
    krita.execute("QTest.qWait(200)\nlooking.stop()\ncanvas_layers.CHECK_EVERY = every")
    assert krita.execute("keys == {key}")
    activate(krita, "new")
    krita.wait_for("canvas.target_key() != key", PATIENCE, "the new layer to be the target when the user chooses it")


def test_the_size_of_a_selection_is_that_of_its_part_in_the_layer(krita):
    open_picture(krita)
    krita.execute(
        "small = doc().createNode('small', 'paintlayer')\nsmall.setPixelData(b'\\xff' * (4 * 60 * 40), 30, 20, 60, 40)\ndoc().rootNode().addChildNode(small, None)"
    )
    activate(krita, "small")
    krita.execute("set_up()")
    describes(krita, "small · 60 × 40 px")
    krita.execute("select(0, 0, 50, 192, invert=True)")
    describes(krita, "Selection of small · 40 × 40 px")
    krita.execute("select(200, 100, 20, 20, invert=True)")
    describes(krita, "Selection of small · 60 × 40 px")
    krita.execute("select(0, 0, 150, 150, invert=True)")
    krita.wait_for("selected()[0] == 0", PATIENCE, "the selection")
    krita.execute("click('start')")
    assert "The selection does not overlap" in krita.execute("message()")


def test_for_an_animated_layer_the_window_says_that_only_the_frame_shown_is_restyled(krita):
    open_picture(krita)
    krita.execute("set_up()")
    describes(krita, f"{SOURCE} · 256 × 192 px")
    krita.execute("K.action('add_duplicate_frame').trigger()")
    describes(krita, f"{SOURCE} · 256 × 192 px · only the frame shown is restyled, since the layer is animated")


def test_an_open_document_goes_by_the_name_of_its_file_whatever_its_title_is(krita):
    open_picture(krita)
    krita.execute("doc().setName('Unnamed')\nset_up()")
    assert krita.execute("[source.name for source in panel().gallery.sources.sources()]") == [
        "harbour.png",
        f"harbour.png ▸ {SOURCE}",
    ]
    restyle(krita)
    assert krita.execute("controller().current.document") == "harbour.png"

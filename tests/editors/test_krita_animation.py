"""Tests in Krita on a screen: the frames of an animated layer become one animated layer at the same times."""

from __future__ import annotations

import pytest

from tests.editors.krita_session import activate, open_picture
from tests.editors.session import PATIENCE

RESULT = "Night swirls 50 %"
SOURCE = "Background"
TIMES = (0, 3, 4, 9)  # the third one is held for five frames

# Each frame is the picture with one colour inverted in another place. Krita adds a keyframe to the active layer at the
# time slider, which it moves a little later itself.
ANIMATE = f"""
picture = content(layer({SOURCE!r}))
for number, time_ in enumerate({TIMES}):
    doc().setCurrentTime(time_)
    doc().waitForDone()
    add_frame({SOURCE!r}, time_)
    shifted = bytearray(picture)
    for y in range(10 + 8 * number, 30 + 8 * number):
        for x in range(20, 60):
            shifted[4 * (96 * y + x)] ^= 255
    layer({SOURCE!r}).setPixelData(bytes(shifted), 0, 0, 96, 72)
doc().setCurrentTime(1)
doc().refreshProjection()
doc().waitForDone()
QTest.qWait(200)
"""
FRAMES = "[t for t in range(30) if {layer}.hasKeyframeAtTime(t)]"
PIXELS = "{{t: bytes({layer}.pixelDataAtTime(0, 0, 96, 72, t)).hex() for t in {times}}}"


@pytest.fixture
def animated(krita):
    """Krita with a small animation as the only document, at time 1."""
    open_picture(krita, "small.png")
    activate(krita, SOURCE)
    krita.execute(ANIMATE)
    assert frames(krita, SOURCE) == list(TIMES)
    activate(krita, SOURCE)
    return krita


def frames(krita, name):
    return krita.execute(FRAMES.format(layer=f"layer({name!r})"))


def pixels(krita, name, times=TIMES):
    return {
        int(t): bytes.fromhex(p) for t, p in krita.execute(PIXELS.format(layer=f"layer({name!r})", times=times)).items()
    }


def choose(krita, which, first=None, last=None, **settings):
    """Opens the window, and chooses the frames."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    krita.execute(f"set_up({arguments})")
    krita.wait_for("visible('frames which')", PATIENCE, "the choice of frames")
    krita.execute(f"box = widget('frames which')\nbox.setCurrentIndex(box.findData({which!r}))")
    if which == "range":
        krita.execute(f"widget('frames last').setValue({last})\nwidget('frames first').setValue({first})")


def restyle(krita, which, first=None, last=None, **settings):
    choose(krita, which, first, last, **settings)
    krita.execute("click('start')")
    finish(krita)


def finish(krita):
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")


def is_empty(picture):
    return not any(picture[3::4])


def test_all_frames_become_one_animated_layer_in_one_undo_step(animated):
    before = animated.execute("snapshot()")
    source = pixels(animated, SOURCE)
    restyle(animated, "all")
    assert f"new layer “{RESULT}” with 4 restyled frames" in animated.execute("message()")
    assert animated.execute("layers()") == [SOURCE, RESULT]
    assert frames(animated, RESULT) == list(TIMES), "held frames stay held"
    assert pixels(animated, SOURCE) == source
    result = pixels(animated, RESULT)
    assert len(set(result.values())) == 4
    assert all(result[t] != source[t] and not is_empty(result[t]) for t in TIMES)
    assert animated.execute("doc().currentTime()") == 1, "the time slider stays"
    for time, shown in ((0, 0), (2, 0), (3, 3), (7, 4), (20, 9)):
        animated.execute(f"doc().setCurrentTime({time})\ndoc().waitForDone()\nQTest.qWait(300)")
        assert bytes.fromhex(animated.execute("seen().hex()")) == result[shown]
    animated.execute("doc().setCurrentTime(1)\ndoc().waitForDone()\nQTest.qWait(300)")
    animated.execute("[undo() for _ in range(3) if len(layers()) > 1]")  # Krita may count the moved slider as a step
    animated.wait_for(f"layers() == [{SOURCE!r}]", PATIENCE, "the undo")
    animated.execute("doc().setCurrentTime(1)\ndoc().waitForDone()\nQTest.qWait(300)")
    assert animated.execute("snapshot()") == before
    assert pixels(animated, SOURCE) == source


def test_the_result_is_one_step_to_undo_and_is_saved(animated):
    step = animated.execute("undo_text()")
    restyle(animated, "all")
    assert animated.execute("undo_text()") == "Add Layer"
    animated.execute("undo()")
    assert animated.execute("[layers(), undo_text()]") == [[SOURCE], step]
    animated.execute("K.action('edit_redo').trigger()\ndoc().waitForDone()")
    animated.wait_for(f"layers() == [{SOURCE!r}, {RESULT!r}]", PATIENCE, "the layer again")
    result = pixels(animated, RESULT)
    path = str(animated.home / "animated.kra")
    animated.execute(
        f"window().close()\ndoc().saveAs({path!r})\ndoc().waitForDone()\nclose_all()\nopen_picture({path!r})"
    )
    animated.wait_for("doc() is not None and doc().activeNode() is not None", PATIENCE, "the document's view")
    assert frames(animated, RESULT) == list(TIMES)
    assert pixels(animated, RESULT) == result


def test_of_a_range_the_frames_that_are_shown_in_it_are_restyled_and_the_others_are_empty(animated):
    restyle(animated, "range", 3, 6)
    result = pixels(animated, RESULT)
    assert [is_empty(result[t]) for t in TIMES] == [True, False, False, True]


def test_an_animated_result_is_not_edited_and_it_is_said_why(animated):
    restyle(animated, "range", 3, 4)
    activate(animated, RESULT)
    animated.execute("controller().edit()")
    assert f"“{RESULT}” is animated, and animated results cannot be edited" in animated.execute("message()")


def test_cancelling_keeps_the_frames_that_are_done(animated):
    choose(animated, "all", iterations=40)
    animated.execute("click('start')")
    animated.wait_for("'Frame 3 of 4' in message()", PATIENCE, "the third frame")
    animated.execute("click('cancel')")
    finish(animated)
    assert "has 2 of 4 frames" in animated.execute("message()")
    assert frames(animated, RESULT) == list(TIMES)
    result = pixels(animated, RESULT)
    assert [is_empty(result[t]) for t in TIMES] == [False, False, True, True]
    animated.execute("undo()")
    assert animated.execute("layers()") == [SOURCE]


def test_cancelling_in_the_first_frame_changes_nothing(animated):
    before, step = animated.execute("snapshot()"), animated.execute("undo_text()")
    choose(animated, "all", iterations=20000, quality="good")
    animated.execute("click('start')")
    animated.wait_for("'Frame 1 of 4' in message() and 'Scale' in message()", PATIENCE, "the first frame")
    animated.execute("click('cancel')")
    finish(animated)
    assert "Nothing was changed" in animated.execute("message()")
    assert animated.execute("[snapshot(), undo_text()]") == [before, step]


def test_the_frames_of_the_layers_in_a_group_are_restyled_together(animated):
    """Another layer with a keyframe of its own, at time 6."""
    animated.execute(f"""
group = doc().createGroupLayer('group')
doc().rootNode().addChildNode(group, None)
group.addChildNode(layer({SOURCE!r}).duplicate(), None)
upper = doc().createNode('upper', 'paintlayer')
upper.setPixelData(b'\\xff' * (4 * 96 * 10), 0, 0, 96, 10)
group.addChildNode(upper, None)
doc().waitForDone()""")
    activate(animated, "upper")
    animated.execute("""
for time_ in (0, 6):
    doc().setCurrentTime(time_)
    add_frame('upper', time_)
layer('upper').setPixelData(b'\\x80' * (4 * 96 * 30), 0, 0, 96, 30)
doc().refreshProjection()
doc().waitForDone()""")
    activate(animated, "group")
    restyle(animated, "all", strength=0)
    name = "Night swirls 0 %"
    assert frames(animated, name) == [0, 3, 4, 6, 9]
    for time in (0, 4, 6, 8):
        animated.execute(f"doc().setCurrentTime({time})\ndoc().waitForDone()\nQTest.qWait(300)")
        assert animated.execute(f"largest_difference(layer('group'), layer({name!r}))") <= 1.5 / 255


def test_a_selection_becomes_the_mask_of_the_animated_layer(animated):
    animated.execute("select(20, 10, 40, 40)")
    animated.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    restyle(animated, "range", 0, 3)
    assert animated.execute(f"[m.type() for m in layer({RESULT!r}).childNodes()]") == ["transparencymask"]
    animated.execute("undo()")
    assert animated.execute("layers()") == [SOURCE]


def test_the_preview_shows_the_frame_at_the_time_slider(animated):
    choose(animated, "this")
    shown = []
    for time in (0, 9, 0):
        key = animated.execute("str(controller()._shown_target)")
        animated.execute(f"doc().setCurrentTime({time})\ndoc().waitForDone()")
        animated.wait_for(f"str(controller()._shown_target) != {key!r}", PATIENCE, "the preview")
        shown.append(
            animated.execute(
                "snap = panel().preview.grab().toImage()\n[snap.pixel(x, y) for x in range(0, snap.width(), 3) for y in range(0, snap.height(), 3)]"
            )
        )
    assert shown[0] == shown[2] != shown[1]


def test_without_an_animation_no_frames_are_offered(krita):
    open_picture(krita, "small.png")
    krita.execute("set_up()")
    krita.wait_for("'96 × 72' in panel().target.text()", PATIENCE, "the description")
    assert not krita.execute("visible('frames which')")


def test_a_result_whose_layer_is_gone_is_opened_as_a_document(animated):
    animated.execute("""
spare = doc().createNode('spare', 'paintlayer')
doc().rootNode().addChildNode(spare, None)
doc().waitForDone()""")
    activate(animated, SOURCE)
    choose(animated, "range", 0, 3, iterations=20)
    animated.execute("click('start')")
    animated.wait_for("'Frame 2 of 2' in message()", PATIENCE, "the second frame")
    animated.execute(f"layer({SOURCE!r}).remove()\ndoc().waitForDone()")
    animated.wait_for(f"not busy() and layers() == [{RESULT!r}]", PATIENCE, "the new document")
    assert frames(animated, RESULT) == list(TIMES)


def test_if_the_document_is_closed_midway_all_frames_become_a_new_document(animated):
    choose(animated, "all", iterations=20)
    animated.execute("click('start')")
    animated.wait_for("'Frame 2 of 4' in message()", PATIENCE, "the second frame")
    animated.execute("d = doc()\nd.setModified(False)\nd.close()")
    animated.wait_for(f"not busy() and doc() is not None and layers() == [{RESULT!r}]", PATIENCE, "the new document")
    assert frames(animated, RESULT) == list(TIMES)
    assert not any(is_empty(picture) for picture in pixels(animated, RESULT).values())

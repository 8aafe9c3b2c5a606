"""Krita itself, on a screen, driven through its menus and the plugin's window; a real daemon does the work."""

from __future__ import annotations

import json

import pytest

from tests.editors.conftest import FIGURES, say, velatura
from tests.editors.session import PATIENCE


def open_picture(krita, name="harbour.png", space=None):
    """A fresh document in the front, alone, and the window as it opens."""
    krita.do("window() and window().close()\nclose_all()")
    krita.do(f"open_picture({str(krita.home / name)!r}, {space!r})")
    krita.wait_for("doc() is not None and doc().activeNode() is not None", PATIENCE, "the document's view")


def restyle(krita, layer=None, **setting_specs):
    """Through the menu and the window; waits for the new layer. Returns its name. layer: the one that is chosen right before it."""
    arguments = ", ".join(f"{name}={value!r}" for name, value in setting_specs.items())
    krita.do(f"set_up({arguments})")
    before = krita.do("layers()")
    if layer is None:
        krita.do("click('start')")
    else:  # Krita may choose another one after a step taken back, a little later: so in one go
        krita.wait_for(f"activate({layer!r}) and (click('start') or True)", PATIENCE, f"layer {layer} to be active")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be at rest")
    after = krita.do("layers()")
    new = [name for name in after if name not in before]
    assert len(new) == 1, krita.do("message()")
    return new[0]


def activate(krita, name):
    """Choose a layer, and see it stay chosen."""
    krita.wait_for("doc().waitForDone() or True", PATIENCE, "Krita to be at rest")
    krita.wait_for(f"activate({name!r})", PATIENCE, f"layer {name} to be active")
    krita.wait_for(f"activate({name!r})", PATIENCE, f"layer {name} to stay active")


def differing(krita, before, after, size=(256, 192), bytes_per_pixel=4):
    """Where two pictures of the canvas differ: a byte a pixel, 1 or 0."""
    step = bytes_per_pixel
    assert len(before) == len(after) == size[0] * size[1] * step
    return [before[i : i + step] != after[i : i + step] for i in range(0, len(before), step)]


def seen(krita):
    return bytes.fromhex(krita.do("seen().hex()"))


def test_what_it_looks_like(krita):
    """Screenshots, to be looked at."""
    open_picture(krita, "large.png")
    krita.do("qw = K.activeWindow().qwindow()\nqw.showMaximized()")
    krita.do("set_up(quality='draft', iterations=0)\nclick('more')\nwindow().move(640, 60)\nclick('start')")
    krita.wait_for("window().preview.has_preview and window().bar.value() > 500", PATIENCE, "a preview")
    krita.photograph("krita-window")
    krita.wait_for("not busy()", 300, "the restyle")
    krita.do("window().close()")
    krita.do("QApplication.processEvents()")
    krita.photograph("krita-layer")
    krita.do(
        "select(0, 0, 960, 300, feather=20)\nset_up('Night swirls', quality='draft', iterations=0, strength=55)\npick('Poppy field', Qt.ControlModifier)"
    )
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    choose_region(krita, "Night swirls", "Current selection")
    krita.do("doc().setSelection(None)\nwindow().resize(960, 900)\nwindow().move(640, 60)")
    krita.wait_for(
        "window().target.text().startswith('Background')", PATIENCE, "the window to see that nothing is selected"
    )
    krita.wait_for("window().estimate.text() != ''", PATIENCE, "the estimate")
    krita.do("click('start')")
    krita.wait_for("window().preview.has_preview and window().bar.value() > 500", PATIENCE, "a preview")
    krita.photograph("krita-regions")
    krita.do("click('cancel')\nwindow().gallery.forget_regions()")


def test_a_whole_layer_becomes_a_new_layer_above_it(krita):
    open_picture(krita)
    before, source = seen(krita), krita.do("content(layer('harbour.png') or doc().activeNode()).hex()")
    own = krita.do("layers()")
    name = restyle(krita)
    assert name == "Night swirls 50 %"
    assert krita.do("layers()") == [*own, name]
    assert krita.do("space(layer('Night swirls 50 %')) == space(doc())")
    assert krita.do(f"content(layer({own[0]!r})).hex()") == source
    assert sum(differing(krita, before, seen(krita))) > 0.9 * 256 * 192
    assert name in krita.do("message()")


def test_the_window_says_how_long_it_would_take_before_it_is_asked_to(krita):
    open_picture(krita)
    krita.do("set_up()")
    krita.wait_for("window().estimate.text() != ''", PATIENCE, "the estimate")
    krita.do("window().show_estimate('')\nturn('strength', 70)")
    krita.wait_for("window().estimate.text() != ''", PATIENCE, "the next estimate")


def test_one_undo_gives_the_document_back_to_the_bit(krita):
    open_picture(krita)
    before = krita.do("snapshot()")
    assert krita.do("undo_text()") == ""
    restyle(krita)
    assert krita.do("snapshot()") != before
    krita.do("undo()")
    assert krita.do("snapshot()") == before
    assert krita.do("undo_text()") == ""


@pytest.mark.parametrize(
    "selection",
    [
        "select(60, 50, 100, 80)",
        "select(-40, 60, 120, 200, feather=9)",
        "select(60, 50, 100, 80, feather=5, invert=True)",
        "select(0, 0, 256, 20)",
    ],
)
def test_outside_the_selection_nothing_differs_inside_it_does(krita, selection):
    open_picture(krita)
    krita.do(selection)
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before, tree = seen(krita), krita.do("snapshot()")
    name = restyle(krita)
    selected = bytes.fromhex(krita.do("selected().hex()"))
    changed = differing(krita, before, seen(krita))
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 128]
    assert sum(inside) > 0.8 * len(inside)
    assert krita.do(f"[m.type() for m in layer({name!r}).childNodes()]") == ["transparencymask"]
    krita.do("undo()")
    assert krita.do("snapshot()") == tree


def test_a_group_is_restyled_as_it_looks_and_its_result_stands_above_it(krita):
    open_picture(krita)
    krita.do("""
g = doc().createGroupLayer("things")
doc().rootNode().addChildNode(g, None)
inner = doc().activeNode().duplicate()
inner.setName("inside")
g.addChildNode(inner, None)
doc().refreshProjection()
doc().waitForDone()
""")
    activate(krita, "things")
    tree = krita.do("snapshot()")
    restyle(krita)
    assert krita.do("layers()")[-2:] == ["things", "Night swirls 50 %"]
    krita.do("undo()")
    assert krita.do("snapshot()") == tree


SPACES = {
    "16-bit file": ("deep.png", None, 2e-4),
    "grey file": ("grey.png", None, 1.5 / 255),
    "16-bit linear": ("harbour.png", ("RGBA", "U16", "sRGB-elle-V2-g10.icc"), 2e-4),
    "float": ("harbour.png", ("RGBA", "F32", "sRGB-elle-V2-g10.icc"), 1e-4),
    "half float": ("harbour.png", ("RGBA", "F16", "sRGB-elle-V2-g10.icc"), 2e-3),
    "CMYK": ("harbour.png", ("CMYKA", "U8", "Chemical proof"), 5 / 255),
    "Lab": ("harbour.png", ("LABA", "U16", "Lab identity built-in"), 2e-3),
}


@pytest.mark.parametrize("name", SPACES)
def test_every_colour_space_gets_its_result_in_its_own(krita, name):
    file, space, tolerance = SPACES[name]
    open_picture(krita, file, space)
    tree = krita.do("snapshot()")
    own = krita.do("layers()")[0]
    result = restyle(krita)
    assert krita.do(f"space(layer({result!r}))") == krita.do("space(doc())")
    assert krita.do(f"content(layer({result!r})) != content(layer({own!r}))")
    krita.do("undo()")
    assert krita.do("snapshot()") == tree
    # At strength 0 the picture comes back, so that only the conversions are left.
    same = restyle(krita, strength=0)
    measure = "mean_difference_seen" if name == "CMYK" else "largest_difference"  # not every ink is an sRGB colour
    assert krita.do(f"{measure}(layer({own!r}), layer({same!r}))") <= tolerance


def test_vector_and_clone_layers_are_restyled_as_they_look(krita):
    open_picture(krita)
    krita.do("""
made = [doc().createFilterLayer("inverted", K.filter("invert"), Selection())]
clone = doc().createCloneLayer("clone", doc().activeNode())
vector = doc().createVectorLayer("vector")
vector.addShapesFromSvg('<svg width="256px" height="192px" viewBox="0 0 256 192"><rect x="20" y="30" width="150" height="100" fill="#d04020"/></svg>')
source = doc().activeNode()
for node in made + [clone, vector]:
    doc().rootNode().addChildNode(node, None)
doc().refreshProjection()
doc().waitForDone()
""")
    for name in ("clone", "vector"):
        result = restyle(krita, name, strength=0)
        names = krita.do("layers()")
        assert names[names.index(name) + 1] == result
        assert krita.do(f"largest_difference(layer({name!r}), layer({result!r}))") <= 1.5 / 255
        krita.do("undo()")


def test_after_the_result_the_source_is_active_again_unless_another_layer_was_chosen(krita):
    open_picture(krita)
    source = krita.do("layers()")[0]
    krita.do("""
from velatura_krita import canvas
target = canvas.current_target()
doc().rootNode().addChildNode(doc().createNode("other", "paintlayer"), None)
""")
    activate(krita, source)
    result = restyle(krita)
    krita.wait_for(f"doc().activeNode().name() == {source!r}", PATIENCE, "the source to be active again")
    for chosen, then in ((result, source), ("other", "other")):
        activate(krita, chosen)
        krita.do("canvas.back_to_source(target)")
        assert krita.do("doc().activeNode().name()") == then


def test_several_styles_share(krita):
    open_picture(krita)
    krita.do("set_up()\npick('Poppy field', Qt.ControlModifier)")
    assert sorted(krita.do("[s.name for s in window().gallery.chosen()]")) == ["Night swirls", "Poppy field"]
    assert restyle(krita, style=None) in ("Night swirls + Poppy field 50 %", "Poppy field + Night swirls 50 %")


def test_a_region_is_the_selection_a_layers_alpha_or_its_lightness_as_it_was(krita):
    open_picture(krita)
    krita.do("""
half = doc().createNode("right", "paintlayer")
half.setPixelData(b"\\xff" * (4 * 128 * 192), 128, 0, 128, 192)
source = doc().activeNode()
doc().rootNode().addChildNode(half, None)
doc().setActiveNode(source)
doc().waitForDone()
select(10, 20, 30, 40)
""")
    own = krita.do("layers()")[0]
    activate(krita, own)
    krita.do("set_up()\npick('Poppy field', Qt.ControlModifier)")
    choose_region(krita, "Night swirls", "Current selection")
    choose_region(krita, "Poppy field", "right")
    krita.do("doc().setSelection(None)")
    krita.do("one, other = sorted(window().gallery.chosen(), key=lambda s: s.name)")
    assert krita.do("[one.region.name, other.region.name]") == ["Selection", "right"]
    assert krita.do(
        "one.region.coverage == bytes(256 * 20) + (bytes(10) + b'\\xff' * 30 + bytes(216)) * 40 + bytes(256 * 132)"
    )
    assert krita.do("other.region.coverage == (bytes(128) + b'\\xff' * 128) * 192")
    krita.do(
        f"grey = next(r for r in window().gallery._regions() if r.name == {own!r}).take().coverage\npixels = content(layer({own!r}))"
    )
    qts_grey = "(11 * pixels[4 * i + 2] + 16 * pixels[4 * i + 1] + 5 * pixels[4 * i]) // 32"
    assert krita.do(f"max(abs(grey[i] - {qts_grey}) for i in range(256 * 192))") <= 1
    assert krita.do("widget('where Poppy field').text().replace('&', '')") == "right"
    # They go to the daemon, cut to what is restyled; a picture of another size is another matter.
    assert "Night swirls" in restyle(krita, style=None)
    assert krita.do(
        "[bytes(g.region.data) == s.region.coverage for g, s in zip(controller().current.pictures, controller().current.styles)]"
    ) == [True, True]
    krita.do("doc().resizeImage(0, 0, 200, 192)\ndoc().waitForDone()\nclick('start')")
    krita.wait_for("'another image' in message()", PATIENCE, "the sentence")
    assert krita.do("[s.region for s in window().gallery.chosen()]") == [None, None]


def choose_region(krita, style, name):
    krita.do(
        f"menu_of = widget('where {style}').menu()\nmenu_of.aboutToShow.emit()\n_found = [a for a in menu_of.actions() if a.text() == {name!r}]\n_found[0].trigger()"
    )
    krita.wait_for(f"any(s.name == {style!r} and s.region for s in window().gallery.chosen())", PATIENCE, "the region")


def test_a_style_from_a_document_with_a_selection_is_what_the_selection_covers(krita):
    open_picture(krita)
    krita.do("set_up()\nselect(10, 20, 30, 40)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    krita.do("source = window().gallery._sources()[1]\nimage = source.take().convertToFormat(QImage.Format_RGBA8888)")
    assert krita.do("source.name") == krita.do("f'{doc().name() or \"Untitled\"} ▸ {layers()[0]} (selection)'")
    alpha = "image.constBits().asstring(4 * 256 * 192)[3::4]"
    assert krita.do(f"{alpha} == bytes(256 * 20) + (bytes(10) + b'\\xff' * 30 + bytes(216)) * 40 + bytes(256 * 132)")


def test_a_box_is_ticked_and_remembered(krita):
    open_picture(krita)
    krita.do("set_up()\nwidget('knob seamless').tick.click()")
    assert krita.do("window().settings().seamless")
    restyle(krita)
    assert krita.do(
        "controller().remembered.settings.seamless and controller().current.done.result.settings['seamless']"
    )
    krita.do("widget('knob seamless').tick.click()")


FEW_FIGURES = """
from dataclasses import replace
from velatura.figures import explain
real_figures, whole = explain.figures, explain.figures()
few = [replace(f, settings=replace(f.settings, iterations=2)) for f in (whole[0], whole[1], whole[5], whole[10], whole[-1])]
explain.figures = lambda: few
"""


def test_the_networks_view_is_a_document_with_a_layer_for_each_figure(krita):
    open_picture(krita)
    restyle(krita)
    krita.do(f"{FEW_FIGURES}menu('Filter', 'Artistic', 'See what the network sees…')")
    krita.wait_for("'Content' in layers()", PATIENCE, "the document")
    assert krita.do("layers()")[-3:] == ["Table", "Style", "Content"]
    assert krita.do("[n.name() for n in layer('Content').childNodes()] == [f.name for f in few[1::-1]]")
    assert krita.do("[n.name() for n in layer('Table').childNodes()] == [f.name for f in few[:2:-1]]")
    assert krita.do(
        "layer(few[0].name).bounds() != layer(few[1].name).bounds() and layer(few[0].name).bounds().width() == 192"
    )
    assert krita.do("layer(few[0].name).pixelData(20, 20, 100, 100) != layer(few[-1].name).pixelData(20, 20, 100, 100)")


def test_the_networks_view_can_be_stopped(krita):
    open_picture(krita)
    restyle(krita)
    before = krita.do("len(K.documents())")
    krita.do(
        "few = [replace(f, settings=replace(f.settings, iterations=20000)) for f in whole]\nmenu('Filter', 'Artistic', 'See what the network sees…')"
    )
    krita.wait_for(
        "controller().explaining is not None and 'Scale' in controller().explaining.dialog.labelText()",
        PATIENCE,
        "the work to begin",
    )
    krita.do("explaining = controller().explaining\nexplaining.dialog.canceled.emit()\nexplain.figures = real_figures")
    assert krita.do("explaining.over")
    krita.wait_until(
        lambda: not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"],
        PATIENCE,
        "the daemon to be free",
    )
    assert krita.do("len(K.documents())") == before


def test_a_layer_a_file_and_the_clipboard_can_be_the_style(krita):
    open_picture(krita)
    krita.do("set_up()")
    krita.do("window().gallery._list_sources()\nwindow().gallery._menu.actions()[1].trigger()")
    krita.wait_for(
        "[s.name for s in window().gallery.chosen()] == [window().gallery._sources()[1].name]",
        PATIENCE,
        "the layer to be the style",
    )
    krita.do(
        "image = QImage(64, 64, QImage.Format_RGB32)\nimage.fill(QColor('teal'))\nQApplication.clipboard().setImage(image)\nclick('paste')"
    )
    krita.wait_for(
        "[s.name for s in window().gallery.chosen()] == ['Pasted image']", PATIENCE, "the clipboard's picture"
    )
    krita.do(f"window().gallery.take_file({str(krita.home / 'grey.png')!r})")
    krita.wait_for("[s.name for s in window().gallery.chosen()] == ['Grey']", PATIENCE, "the file's picture")
    assert restyle(krita, style=None) == "Grey 50 %"


def test_a_file_that_is_no_picture_is_told_and_the_report_can_be_copied(krita):
    open_picture(krita)
    krita.do("set_up()")
    krita.do(f"window().gallery.take_file({str(krita.home / 'broken.png')!r})")
    krita.wait_for("'broken.png' in message() and 'Choose another' in message()", PATIENCE, "the sentence")
    krita.do("click('copy_report')")
    copied = krita.do("QApplication.clipboard().text()")
    assert "Krita 5." in copied
    assert "PyzmqDealer" in copied
    assert str(krita.home) not in copied


def test_an_empty_selection_is_told_and_nothing_changes(krita):
    open_picture(krita)
    krita.do("set_up()\nselect(400, 400, 20, 20)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before = krita.do("layers()")
    krita.do("click('start')")
    assert "The selection does not overlap" in krita.do("message()")
    assert krita.do("layers()") == before


def test_cancel_midway_leaves_the_document_and_frees_the_daemon(krita):
    open_picture(krita)
    before = krita.do("snapshot()")
    krita.do("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    krita.do("click('cancel')")
    assert "Cancelled" in krita.do("message()")
    krita.wait_for("not busy()", PATIENCE, "the window to be idle")
    assert not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"]
    assert krita.do("snapshot()") == before
    assert krita.do("undo_text()") == ""
    krita.do("set_up(iterations=12)")  # remembered settings stay small


def test_a_result_that_comes_after_the_cancel_makes_no_layer(krita):
    open_picture(krita)
    before = krita.do("layers()")
    krita.do(
        "set_up()\nsession = controller().session\nreal = session.cancel\nsession.cancel = lambda job: None  # as if it came too late"
    )
    krita.do("finished = []\nhear('finished', lambda: finished.append(1))\nclick('start')")
    krita.wait_for("controller().current.job != ''", PATIENCE, "the job to be sent")
    krita.do("click('cancel')")
    krita.wait_for("finished", PATIENCE, "the result")
    krita.do("session.cancel = real\nQTest.qWait(500)")
    assert krita.do("layers()") == before
    assert "Cancelled" in krita.do("message()")


def test_a_document_closed_before_it_was_read_is_told(krita):
    open_picture(krita)
    krita.do("set_up()\nclick('start')\nd = doc()\nd.setModified(False)\nd.close()")
    krita.wait_for("not busy()", PATIENCE, "the window to be idle")
    assert "closed before it was read" in krita.do("message()")
    assert not krita.do("visible('open_document')")


def test_a_knob_turned_midway_goes_on_with_the_new_setting(krita):
    open_picture(krita)
    krita.do("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    krita.do("turn('strength', 80)\nturn('iterations', 10)")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    assert krita.do("layers()")[1:] == ["Night swirls 80 %"]
    assert krita.do("controller().current.done.result.started_from") == "last"


def test_restyle_again_by_its_shortcut_puts_the_next_above_the_last(krita):
    open_picture(krita)
    source = krita.do("layers()")[0]
    restyle(krita)
    krita.wait_for(f"doc().activeNode().name() == {source!r}", PATIENCE, "the source to be active again")
    krita.do("window().close()\nK.activeWindow().qwindow().activateWindow()")
    krita.run("xdotool", "key", "--clearmodifiers", "ctrl+alt+shift+p")
    krita.wait_for("len(layers()) == 3", PATIENCE, "the second layer")
    assert krita.do("window() is None")
    krita.do("undo()\nundo()")
    assert krita.do("layers()") == [source]


def test_a_document_closed_midway_gives_the_result_as_a_new_one(krita):
    open_picture(krita)
    krita.do("set_up(quality='good', iterations=40)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    krita.do("d = doc()\nd.setModified(False)\nd.close()")
    krita.wait_for("window() is not None and visible('open_document')", PATIENCE, "the offer")
    assert "can be opened as a new image" in krita.do("message()")
    krita.do("click('open_document')")
    krita.wait_for("doc() is not None and layers() == ['Night swirls 50 %']", PATIENCE, "the new document")
    assert krita.do("[doc().width(), doc().height()]") == [256, 192]
    assert krita.do("len(set(content(doc().topLevelNodes()[0]))) > 100")


def test_a_layer_removed_midway_gives_the_result_as_a_new_document(krita):
    open_picture(krita)
    krita.do(
        "extra = doc().createNode('other', 'paintlayer')\ndoc().rootNode().addChildNode(extra, None)\nfirst = doc().topLevelNodes()[0]"
    )
    activate(krita, krita.do("first.name()"))
    krita.do("set_up(quality='good', iterations=40)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    krita.do("first.remove()\ndoc().refreshProjection()")
    krita.wait_for("visible('open_document')", PATIENCE, "the offer")
    assert krita.do("layers()") == ["other"]


def test_a_window_that_goes_with_its_main_window_leaves_the_restyle_in_work(krita):
    open_picture(krita)
    krita.do("set_up(quality='draft', iterations=200)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    krita.do("from PyQt5 import sip\nsip.delete(window())")  # what Qt does to the children of a window that closes
    krita.do("menu('Filter', 'Artistic', 'Restyle with Velatura…')")
    krita.wait_for("window() is not None and 'Scale' in message()", PATIENCE, "the new window to say how it goes")
    assert krita.do("busy()")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    assert krita.do("layers()")[1:] == ["Night swirls 50 %"]


def test_a_daemon_killed_midway_is_told_and_the_next_restyle_recovers(krita):
    open_picture(krita)
    krita.do("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    pid = json.loads(velatura(krita.home, "daemon", "status", "--json"))["pid"]
    kill(pid)
    krita.wait_for("not busy() and 'estyle again' in message()", PATIENCE, "the sentence")
    assert krita.do("visible('copy_report')")
    assert restyle(krita) == "Night swirls 50 %"
    velatura(krita.home, "daemon", "stop")  # that one lives in Krita's own place
    velatura(krita.home, "daemon", "start")


def kill(pid):
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


def kill_midway(krita, **setting_specs):
    """A restyle is begun, and its daemon killed when the work is on the disk."""
    velatura(krita.home, "results", "drop", "--all")  # what earlier tests have left
    arguments = ", ".join(f"{name}={value!r}" for name, value in setting_specs.items())
    krita.do(f"set_up({arguments})\nclick('start')")
    krita.wait_until(
        lambda: list((krita.home / "velatura/state/works").glob("*.kept")), PATIENCE, "the work to be kept"
    )
    kill(json.loads(velatura(krita.home, "daemon", "status", "--json"))["pid"])
    krita.wait_for("not busy() and 'estyle again' in message()", PATIENCE, "the sentence")
    velatura(krita.home, "daemon", "start")  # else it would be one of Krita's own place


def test_what_a_killed_daemon_had_done_goes_on_stays_where_it_is_stopped_and_comes_back_at_its_place(krita):
    open_picture(krita)
    restyle(krita, style="Ember waves")
    open_picture(krita, "large.png")
    krita.do("select(200, 160, 400, 300, feather=20)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    kill_midway(krita, quality="good", iterations=0)
    assert "can be recovered" in krita.do("window().kept.text()")
    selected = bytes.fromhex(krita.do("selected().hex()"))
    krita.do("doc().setSelection(None)\nQApplication.processEvents()\nclick('recover')")
    krita.wait_for(
        "results() is not None and len(listed()) == 1 and listed('history list')[:1] not in ([], [['There are no restyles yet.']])",
        PATIENCE,
        "the lists",
    )
    (lines,) = krita.do("listed()")
    assert lines[0].startswith("Background") or "large.png" in lines[0]
    assert lines[1] == "Night swirls 50 %"
    assert lines[2].startswith("stopped at ")
    krita.do("window().hide()\nresults().move(640, 160)")
    krita.do("press('go_on')")
    krita.wait_for(
        "'Scale' in results().message.text() and results().preview.isVisible()", PATIENCE, "the work to go on"
    )
    krita.photograph("krita-results")
    krita.do("press('stop')")
    krita.wait_for("len(listed()) == 1 and 'Stopped' in results().message.text()", PATIENCE, "the list as it was")
    krita.wait_until(
        lambda: not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"],
        PATIENCE,
        "the daemon to be free",
    )
    before, own, tree = seen(krita), krita.do("layers()"), krita.do("snapshot()")
    krita.do("press('insert')")
    krita.wait_for("len(layers()) == 2 and 'new layer' in results().message.text()", PATIENCE, "the layer")
    assert krita.do("layers()") == [*own, "Night swirls 50 %"]
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be at rest")
    changed = differing(krita, before, seen(krita), (960, 720))
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 128]
    assert sum(inside) > 0.8 * len(inside)
    krita.wait_for("listed() == []", PATIENCE, "the list to be empty")
    krita.do("undo()")
    assert krita.do("snapshot()") == tree
    krita.do("results().close()")


def test_what_was_stopped_goes_on_from_there_to_its_end(krita):
    open_picture(krita)
    kill_midway(krita, quality="good", iterations=100)
    krita.do("window().close()\nmenu('Filter', 'Artistic', 'Results and history…')")
    krita.wait_for("results() is not None and len(listed()) == 1", PATIENCE, "the list")
    krita.do("press('go_on')")
    krita.wait_for("len(layers()) == 2 and 'new layer' in results().message.text()", PATIENCE, "the layer")
    assert krita.do("listed()") == []
    krita.do("results().close()")


def test_a_past_restyle_is_used_again(krita):
    open_picture(krita)
    restyle(krita, style="Mosaic", strength=64, keep_colours="palette")
    restyle(krita, style="Woodcut", strength=20, keep_colours="off")
    krita.do("menu('Filter', 'Artistic', 'Results and history…')")
    latest = "[lines[1].split(',')[0] for lines in listed('history list')[:2] if len(lines) > 1]"
    krita.wait_for(f"results() is not None and {latest} == ['Woodcut 20 %', 'Mosaic 64 %']", PATIENCE, "the list")
    krita.do("results().tabs.setCurrentIndex(1)\nresults().history.setCurrentRow(1)\npress('use_again')")
    krita.wait_for("results() is None and 'that restyle' in message()", PATIENCE, "the window")
    assert krita.do("[s.name for s in window().chosen()]") == ["Mosaic"]
    assert krita.do("[window().settings().strength, window().settings().keep_colours]") == [64, "palette"]
    krita.do("turn('keep_colours', 'off')")


def test_without_a_document_a_result_becomes_one(krita):
    open_picture(krita)
    kill_midway(krita, quality="good", iterations=100)
    krita.do("window().close()\nclose_all()\nmenu('Filter', 'Artistic', 'Results and history…')")
    krita.wait_for("results() is not None and len(listed()) == 1", PATIENCE, "the list")
    krita.do("press('insert')")
    krita.wait_for("doc() is not None and layers() == ['Night swirls 50 %']", PATIENCE, "the document")
    krita.do("results().close()")


def test_a_large_document_is_measured(krita):
    """2048² pixels, warm daemon: the main thread's stalls, the first preview, the layer."""
    open_picture(krita)
    restyle(krita)  # warm: the network is loaded, the style is known
    krita.do("close_all()\nbig = K.createDocument(2048, 2048, 'big', 'RGBA', 'U8', '', 300.0)")
    krita.do(
        """
image = QImage("%s/large.png").scaled(2048, 2048).convertToFormat(QImage.Format_ARGB32)
pixels = image.constBits(); pixels.setsize(image.sizeInBytes())
big.topLevelNodes()[0].setPixelData(QByteArray(bytes(pixels)), 0, 0, 2048, 2048)
big.refreshProjection()
show(big)
"""
        % krita.home
    )
    krita.wait_for("doc() is not None and doc().activeNode() is not None", PATIENCE, "the document's view")
    krita.do("set_up(quality='draft', iterations=4)")
    say("restyling 2048² pixels")
    krita.do("stalls.start()\nnote_times()\nclick('start')")
    krita.wait_for("not busy()", 300, "the large restyle")
    krita.do("stalls.stop()")
    assert len(krita.do("layers()")) == 2, krita.do("message()")
    times, stalls = krita.do("times"), krita.do("stalls.report()")
    FIGURES.append(
        f"2048² document, warm daemon: click to first preview {times['first preview']:.2f} s; result to visible layer {times['layer'] - times['result']:.2f} s"
    )
    for own, all_, call, worst, worst_ms in stalls["own"][:3]:
        FIGURES.append(
            f"longest of the plugin's own: {own} ms in {call} ({all_} ms with Krita's calls; inside: {worst} {worst_ms} ms)"
        )
    for own, all_, call, worst, worst_ms in stalls["all"][:3]:
        FIGURES.append(f"longest with Krita's calls: {all_} ms in {call} (own {own} ms; inside: {worst} {worst_ms} ms)")


def test_krita_can_be_closed_with_a_job_running_and_the_daemon_drops_it(krita):
    open_picture(krita)
    krita.do("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the work to begin")
    krita.do("quit_krita()")
    krita.process.wait(PATIENCE)
    assert not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"]

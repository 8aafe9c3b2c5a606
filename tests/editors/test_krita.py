"""Tests in Krita on a screen, through its menus and the plugin's window, with a real daemon."""

from __future__ import annotations

import json

import pytest

from tests.editors.krita_session import open_picture, restyle
from tests.editors.reporting import MEASUREMENTS, say
from tests.editors.session import PATIENCE
from tests.editors.user_home import velatura


def activate(krita, name):
    """Activates a layer, and waits until it stays active."""
    krita.wait_for("doc().waitForDone() or True", PATIENCE, "Krita to be idle")
    krita.wait_for(f"activate({name!r})", PATIENCE, f"layer {name} to be active")
    krita.wait_for(f"activate({name!r})", PATIENCE, f"layer {name} to stay active")


def differing(krita, before, after, size=(256, 192), bytes_per_pixel=4):
    """For each pixel of the canvas, whether two pictures of it differ."""
    step = bytes_per_pixel
    assert len(before) == len(after) == size[0] * size[1] * step
    return [before[i : i + step] != after[i : i + step] for i in range(0, len(before), step)]


def seen(krita):
    return bytes.fromhex(krita.execute("seen().hex()"))


def test_screenshots(krita):
    """Takes the screenshots of the documentation."""
    open_picture(krita, "large.png")
    krita.execute("qw = K.activeWindow().qwindow()\nqw.showMaximized()")
    krita.execute("set_up(quality='draft', iterations=0)\nclick('more')\nwindow().move(640, 60)\nclick('start')")
    krita.wait_for("window().preview.has_preview and window().bar.value() > 500", PATIENCE, "a preview")
    krita.photograph("krita-window")
    krita.wait_for("not busy()", 300, "the restyle")
    krita.execute("window().close()")
    krita.execute("QApplication.processEvents()")
    krita.photograph("krita-layer")
    krita.execute(
        "select(0, 0, 960, 300, feather=20)\nset_up('Night swirls', quality='draft', iterations=0, strength=55)\npick('Poppy field', Qt.ControlModifier)"
    )
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    choose_region(krita, "Night swirls", "Current selection")
    krita.execute("doc().setSelection(None)\nwindow().resize(960, 900)\nwindow().move(640, 60)")
    krita.wait_for(
        "window().target.text().startswith('Background')", PATIENCE, "the window to notice that nothing is selected"
    )
    krita.wait_for("window().estimate.text() != ''", PATIENCE, "the estimate")
    krita.execute("click('start')")
    krita.wait_for("window().preview.has_preview and window().bar.value() > 500", PATIENCE, "a preview")
    krita.photograph("krita-regions")
    krita.execute("click('cancel')\nwindow().gallery.forget_regions()")


def test_a_whole_layer_becomes_a_new_layer_above_it(krita):
    open_picture(krita)
    before, source = seen(krita), krita.execute("content(layer('harbour.png') or doc().activeNode()).hex()")
    own = krita.execute("layers()")
    name = restyle(krita)
    assert name == "Night swirls 50 %"
    assert krita.execute("layers()") == [*own, name]
    assert krita.execute("space(layer('Night swirls 50 %')) == space(doc())")
    assert krita.execute(f"content(layer({own[0]!r})).hex()") == source
    assert sum(differing(krita, before, seen(krita))) > 0.9 * 256 * 192
    assert name in krita.execute("message()")


def test_the_window_shows_an_estimate_before_the_restyle_starts(krita):
    open_picture(krita)
    krita.execute("set_up()")
    krita.wait_for("window().estimate.text() != ''", PATIENCE, "the estimate")
    krita.execute("window().show_estimate('')\nchange('strength', 70)")
    krita.wait_for("window().estimate.text() != ''", PATIENCE, "the next estimate")


def test_one_undo_restores_the_document_exactly(krita):
    open_picture(krita)
    before = krita.execute("snapshot()")
    assert krita.execute("undo_text()") == ""
    restyle(krita)
    assert krita.execute("snapshot()") != before
    krita.execute("undo()")
    assert krita.execute("snapshot()") == before
    assert krita.execute("undo_text()") == ""


@pytest.mark.parametrize(
    "selection",
    [
        "select(60, 50, 100, 80)",
        "select(-40, 60, 120, 200, feather=9)",
        "select(60, 50, 100, 80, feather=5, invert=True)",
        "select(0, 0, 256, 20)",
    ],
)
def test_the_result_differs_inside_the_selection_and_nowhere_else(krita, selection):
    open_picture(krita)
    krita.execute(selection)
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before, tree = seen(krita), krita.execute("snapshot()")
    name = restyle(krita)
    selected = bytes.fromhex(krita.execute("selected().hex()"))
    changed = differing(krita, before, seen(krita))
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 128]
    assert sum(inside) > 0.8 * len(inside)
    assert krita.execute(f"[m.type() for m in layer({name!r}).childNodes()]") == ["transparencymask"]
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


def test_a_group_is_restyled_as_it_looks_and_its_result_is_above_it(krita):
    open_picture(krita)
    krita.execute("""
g = doc().createGroupLayer("things")
doc().rootNode().addChildNode(g, None)
inner = doc().activeNode().duplicate()
inner.setName("inside")
g.addChildNode(inner, None)
doc().refreshProjection()
doc().waitForDone()
""")
    activate(krita, "things")
    tree = krita.execute("snapshot()")
    restyle(krita)
    assert krita.execute("layers()")[-2:] == ["things", "Night swirls 50 %"]
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree


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
def test_the_result_has_the_colour_space_of_its_document(krita, name):
    file, space, tolerance = SPACES[name]
    open_picture(krita, file, space)
    tree = krita.execute("snapshot()")
    own = krita.execute("layers()")[0]
    result = restyle(krita)
    assert krita.execute(f"space(layer({result!r}))") == krita.execute("space(doc())")
    assert krita.execute(f"content(layer({result!r})) != content(layer({own!r}))")
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree
    # At strength 0 the picture comes back, so that only the conversions are left.
    same = restyle(krita, strength=0)
    measure = "mean_difference_seen" if name == "CMYK" else "largest_difference"  # not every ink is an sRGB colour
    assert krita.execute(f"{measure}(layer({own!r}), layer({same!r}))") <= tolerance


def test_vector_and_clone_layers_are_restyled_as_they_look(krita):
    open_picture(krita)
    krita.execute("""
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
        names = krita.execute("layers()")
        assert names[names.index(name) + 1] == result
        assert krita.execute(f"largest_difference(layer({name!r}), layer({result!r}))") <= 1.5 / 255
        krita.execute("undo()")


def test_after_the_result_the_source_is_active_again_unless_another_layer_was_chosen(krita):
    open_picture(krita)
    source = krita.execute("layers()")[0]
    krita.execute("""
from velatura_krita import canvas
target = canvas.current_target()
doc().rootNode().addChildNode(doc().createNode("other", "paintlayer"), None)
""")
    activate(krita, source)
    result = restyle(krita)
    krita.wait_for(f"doc().activeNode().name() == {source!r}", PATIENCE, "the source to be active again")
    for chosen, then in ((result, source), ("other", "other")):
        activate(krita, chosen)
        krita.execute("canvas.reselect_source(target)")
        assert krita.execute("doc().activeNode().name()") == then


def test_several_styles_make_one_result(krita):
    open_picture(krita)
    krita.execute("set_up()\npick('Poppy field', Qt.ControlModifier)")
    assert sorted(krita.execute("[s.name for s in window().gallery.chosen()]")) == ["Night swirls", "Poppy field"]
    assert restyle(krita, style=None) in ("Night swirls + Poppy field 50 %", "Poppy field + Night swirls 50 %")


def test_a_region_is_the_selection_a_layers_alpha_or_its_lightness_as_it_was(krita):
    open_picture(krita)
    krita.execute("""
half = doc().createNode("right", "paintlayer")
half.setPixelData(b"\\xff" * (4 * 128 * 192), 128, 0, 128, 192)
source = doc().activeNode()
doc().rootNode().addChildNode(half, None)
doc().setActiveNode(source)
doc().waitForDone()
select(10, 20, 30, 40)
""")
    own = krita.execute("layers()")[0]
    activate(krita, own)
    krita.execute("set_up()\npick('Poppy field', Qt.ControlModifier)")
    choose_region(krita, "Night swirls", "Current selection")
    choose_region(krita, "Poppy field", "right")
    krita.execute("doc().setSelection(None)")
    krita.execute("one, other = sorted(window().gallery.chosen(), key=lambda s: s.name)")
    assert krita.execute("[one.region.name, other.region.name]") == ["Selection", "right"]
    assert krita.execute(
        "one.region.coverage == bytes(256 * 20) + (bytes(10) + b'\\xff' * 30 + bytes(216)) * 40 + bytes(256 * 132)"
    )
    assert krita.execute("other.region.coverage == (bytes(128) + b'\\xff' * 128) * 192")
    krita.execute(
        f"grey = next(r for r in window().gallery._regions() if r.name == {own!r}).take().coverage\npixels = content(layer({own!r}))"
    )
    qts_grey = "(11 * pixels[4 * i + 2] + 16 * pixels[4 * i + 1] + 5 * pixels[4 * i]) // 32"
    assert krita.execute(f"max(abs(grey[i] - {qts_grey}) for i in range(256 * 192))") <= 1
    assert krita.execute("widget('region of Poppy field').text().replace('&', '')") == "right"
    # The regions are sent to the daemon, cut to what is restyled; after a resize they are refused.
    assert "Night swirls" in restyle(krita, style=None)
    assert krita.execute(
        "[bytes(g.region.data) == s.region.coverage for g, s in zip(controller().current.pictures, controller().current.styles)]"
    ) == [True, True]
    krita.execute("doc().resizeImage(0, 0, 200, 192)\ndoc().waitForDone()\nclick('start')")
    krita.wait_for("'another image' in message()", PATIENCE, "the error")
    assert krita.execute("[s.region for s in window().gallery.chosen()]") == [None, None]


def choose_region(krita, style, name):
    krita.execute(
        f"menu_of = widget('region of {style}').menu()\nmenu_of.aboutToShow.emit()\n_found = [a for a in menu_of.actions() if a.text() == {name!r}]\n_found[0].trigger()"
    )
    krita.wait_for(f"any(s.name == {style!r} and s.region for s in window().gallery.chosen())", PATIENCE, "the region")


def test_a_style_from_a_document_with_a_selection_is_what_the_selection_covers(krita):
    open_picture(krita)
    krita.execute("set_up()\nselect(10, 20, 30, 40)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    krita.execute(
        "source = window().gallery._sources()[1]\nimage = source.take().convertToFormat(QImage.Format_RGBA8888)"
    )
    assert krita.execute("source.name") == krita.execute(
        "f'{doc().name() or \"Untitled\"} ▸ {layers()[0]} (selection)'"
    )
    alpha = "image.constBits().asstring(4 * 256 * 192)[3::4]"
    assert krita.execute(
        f"{alpha} == bytes(256 * 20) + (bytes(10) + b'\\xff' * 30 + bytes(216)) * 40 + bytes(256 * 132)"
    )


def test_a_check_box_setting_is_used_and_remembered(krita):
    open_picture(krita)
    krita.execute("set_up()\nwidget('setting seamless').check_box.click()")
    assert krita.execute("window().settings().seamless")
    restyle(krita)
    assert krita.execute(
        "controller().remembered.settings.seamless and controller().current.done.result.settings['seamless']"
    )
    krita.execute("widget('setting seamless').check_box.click()")


FEW_FIGURES = """
from dataclasses import replace
from velatura.figures import explain
real_figures, whole = explain.figures, explain.figures()
few = [replace(f, settings=replace(f.settings, iterations=2)) for f in (whole[0], whole[1], whole[5], whole[10], whole[-1])]
explain.figures = lambda: few
"""


def test_the_figures_are_a_document_with_one_layer_per_figure(krita):
    open_picture(krita)
    restyle(krita)
    krita.execute(f"{FEW_FIGURES}menu('Filter', 'Artistic', 'See what the network sees…')")
    krita.wait_for("'Content' in layers()", PATIENCE, "the document")
    assert krita.execute("layers()")[-3:] == ["Table", "Style", "Content"]
    assert krita.execute("[n.name() for n in layer('Content').childNodes()] == [f.name for f in few[1::-1]]")
    assert krita.execute("[n.name() for n in layer('Table').childNodes()] == [f.name for f in few[:2:-1]]")
    assert krita.execute(
        "layer(few[0].name).bounds() != layer(few[1].name).bounds() and layer(few[0].name).bounds().width() == 192"
    )
    assert krita.execute(
        "layer(few[0].name).pixelData(20, 20, 100, 100) != layer(few[-1].name).pixelData(20, 20, 100, 100)"
    )


def test_making_the_figures_can_be_cancelled(krita):
    open_picture(krita)
    restyle(krita)
    before = krita.execute("len(K.documents())")
    krita.execute(
        "few = [replace(f, settings=replace(f.settings, iterations=20000)) for f in whole]\nmenu('Filter', 'Artistic', 'See what the network sees…')"
    )
    krita.wait_for(
        "controller().explain_task is not None and 'Scale' in controller().explain_task.dialog.labelText()",
        PATIENCE,
        "the restyle to start",
    )
    krita.execute(
        "explaining = controller().explain_task\nexplaining.dialog.canceled.emit()\nexplain.figures = real_figures"
    )
    assert krita.execute("explaining.over")
    krita.wait_until(
        lambda: not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"],
        PATIENCE,
        "the daemon to be free",
    )
    assert krita.execute("len(K.documents())") == before


def test_a_layer_a_file_and_the_clipboard_can_be_the_style(krita):
    open_picture(krita)
    krita.execute("set_up()")
    krita.execute("window().gallery._fill_source_menu()\nwindow().gallery._menu.actions()[1].trigger()")
    krita.wait_for(
        "[s.name for s in window().gallery.chosen()] == [window().gallery._sources()[1].name]",
        PATIENCE,
        "the layer to be the style",
    )
    krita.execute(
        "image = QImage(64, 64, QImage.Format_RGB32)\nimage.fill(QColor('teal'))\nQApplication.clipboard().setImage(image)\nclick('paste')"
    )
    krita.wait_for(
        "[s.name for s in window().gallery.chosen()] == ['Pasted image']", PATIENCE, "the clipboard's picture"
    )
    krita.execute(f"window().gallery.add_file({str(krita.home / 'grey.png')!r})")
    krita.wait_for("[s.name for s in window().gallery.chosen()] == ['Grey']", PATIENCE, "the file's picture")
    assert restyle(krita, style=None) == "Grey 50 %"


def test_an_unreadable_file_is_reported_and_the_report_can_be_copied(krita):
    open_picture(krita)
    krita.execute("set_up()")
    krita.execute(f"window().gallery.add_file({str(krita.home / 'broken.png')!r})")
    krita.wait_for("'broken.png' in message() and 'Choose another' in message()", PATIENCE, "the error")
    krita.execute("click('copy_report')")
    copied = krita.execute("QApplication.clipboard().text()")
    assert "Krita 5." in copied
    assert "PyzmqDealer" in copied
    assert str(krita.home) not in copied


def test_an_empty_selection_is_reported_and_nothing_changes(krita):
    open_picture(krita)
    krita.execute("set_up()\nselect(400, 400, 20, 20)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    before = krita.execute("layers()")
    krita.execute("click('start')")
    assert "The selection does not overlap" in krita.execute("message()")
    assert krita.execute("layers()") == before


def test_cancel_midway_leaves_the_document_unchanged_and_frees_the_daemon(krita):
    open_picture(krita)
    before = krita.execute("snapshot()")
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("click('cancel')")
    assert "Cancelled" in krita.execute("message()")
    krita.wait_for("not busy()", PATIENCE, "the window to be idle")
    assert not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"]
    assert krita.execute("snapshot()") == before
    assert krita.execute("undo_text()") == ""
    krita.execute("set_up(iterations=12)")  # so that the remembered settings are quick


def test_a_result_that_arrives_after_the_cancel_makes_no_layer(krita):
    open_picture(krita)
    before = krita.execute("layers()")
    krita.execute(
        "set_up()\nsession = controller().session\nreal = session.cancel\nsession.cancel = lambda job: None  # as if it arrived too late"
    )
    krita.execute("finished = []\non_event('finished', lambda: finished.append(1))\nclick('start')")
    krita.wait_for("controller().current.job != ''", PATIENCE, "the job to be sent")
    krita.execute("click('cancel')")
    krita.wait_for("finished", PATIENCE, "the result")
    krita.execute("session.cancel = real\nQTest.qWait(500)")
    assert krita.execute("layers()") == before
    assert "Cancelled" in krita.execute("message()")


def test_a_document_closed_before_it_was_read_is_reported(krita):
    open_picture(krita)
    krita.execute("set_up()\nclick('start')\nd = doc()\nd.setModified(False)\nd.close()")
    krita.wait_for("not busy()", PATIENCE, "the window to be idle")
    assert "closed before it was read" in krita.execute("message()")
    assert not krita.execute("visible('open_image')")


def test_a_setting_changed_midway_applies_to_the_running_restyle(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("change('strength', 80)\nchange('iterations', 10)")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    assert krita.execute("layers()")[1:] == ["Night swirls 80 %"]
    assert krita.execute("controller().current.done.result.started_from") == "last"


def test_restyle_again_by_its_shortcut_adds_the_next_result_above_the_last(krita):
    open_picture(krita)
    source = krita.execute("layers()")[0]
    restyle(krita)
    krita.wait_for(f"doc().activeNode().name() == {source!r}", PATIENCE, "the source to be active again")
    krita.execute("window().close()\nK.activeWindow().qwindow().activateWindow()")
    krita.run("xdotool", "key", "--clearmodifiers", "ctrl+alt+shift+p")
    krita.wait_for("len(layers()) == 3", PATIENCE, "the second layer")
    assert krita.execute("window() is None")
    krita.execute("undo()\nundo()")
    assert krita.execute("layers()") == [source]


def test_if_the_document_is_closed_midway_the_result_becomes_a_new_document(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=40)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("d = doc()\nd.setModified(False)\nd.close()")
    krita.wait_for("window() is not None and visible('open_image')", PATIENCE, "the button")
    assert "can be opened as a new image" in krita.execute("message()")
    krita.execute("click('open_image')")
    krita.wait_for("doc() is not None and layers() == ['Night swirls 50 %']", PATIENCE, "the new document")
    assert krita.execute("[doc().width(), doc().height()]") == [256, 192]
    assert krita.execute("len(set(content(doc().topLevelNodes()[0]))) > 100")


def test_if_the_layer_is_deleted_midway_the_result_becomes_a_new_document(krita):
    open_picture(krita)
    krita.execute(
        "extra = doc().createNode('other', 'paintlayer')\ndoc().rootNode().addChildNode(extra, None)\nfirst = doc().topLevelNodes()[0]"
    )
    activate(krita, krita.execute("first.name()"))
    krita.execute("set_up(quality='good', iterations=40)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("first.remove()\ndoc().refreshProjection()")
    krita.wait_for("visible('open_image')", PATIENCE, "the button")
    assert krita.execute("layers()") == ["other"]


def test_closing_the_main_window_with_ours_leaves_the_restyle_running(krita):
    open_picture(krita)
    krita.execute("set_up(quality='draft', iterations=200)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("from PyQt5 import sip\nsip.delete(window())")  # as Qt does with the children of a closed window
    krita.execute("menu('Filter', 'Artistic', 'Restyle with Velatura…')")
    krita.wait_for("window() is not None and 'Scale' in message()", PATIENCE, "the new window to show the progress")
    assert krita.execute("busy()")
    krita.wait_for("not busy()", PATIENCE, "the restyle")
    assert krita.execute("layers()")[1:] == ["Night swirls 50 %"]


def test_a_killed_daemon_is_reported_and_the_next_restyle_works(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    pid = json.loads(velatura(krita.home, "daemon", "status", "--json"))["pid"]
    kill(pid)
    krita.wait_for("not busy() and 'estyle again' in message()", PATIENCE, "the error")
    assert krita.execute("visible('copy_report')")
    assert restyle(krita) == "Night swirls 50 %"
    velatura(krita.home, "daemon", "stop")  # the one that Krita started in its own namespace
    velatura(krita.home, "daemon", "start")


def kill(pid):
    import os
    import signal

    os.kill(pid, signal.SIGKILL)


def kill_midway(krita, **settings):
    """Starts a restyle, and kills the daemon once a checkpoint is saved."""
    velatura(krita.home, "results", "drop", "--all")  # of earlier tests
    arguments = ", ".join(f"{name}={value!r}" for name, value in settings.items())
    krita.execute(f"set_up({arguments})\nclick('start')")
    krita.wait_until(lambda: list((krita.home / "velatura/state/works").glob("*.kept")), PATIENCE, "the checkpoint")
    kill(json.loads(velatura(krita.home, "daemon", "status", "--json"))["pid"])
    krita.wait_for("not busy() and 'estyle again' in message()", PATIENCE, "the error")
    velatura(krita.home, "daemon", "start")  # outside of Krita's namespace


def test_after_a_killed_daemon_a_restyle_can_be_resumed_stopped_and_inserted_in_its_place(krita):
    open_picture(krita)
    restyle(krita, style="Ember waves")
    open_picture(krita, "large.png")
    krita.execute("select(200, 160, 400, 300, feather=20)")
    krita.wait_for("doc().selection() is not None", PATIENCE, "the selection")
    kill_midway(krita, quality="good", iterations=0)
    assert "can be recovered" in krita.execute("window().saved.text()")
    selected = bytes.fromhex(krita.execute("selected().hex()"))
    krita.execute("doc().setSelection(None)\nQApplication.processEvents()\nclick('recover')")
    krita.wait_for(
        "results() is not None and len(listed()) == 1 and listed('history list')[:1] not in ([], [['There are no restyles yet.']])",
        PATIENCE,
        "the lists",
    )
    (lines,) = krita.execute("listed()")
    assert lines[0].startswith("Background") or "large.png" in lines[0]
    assert lines[1] == "Night swirls 50 %"
    assert lines[2].startswith("stopped at ")
    krita.execute("window().hide()\nresults().move(640, 160)")
    krita.execute("press('resume')")
    krita.wait_for(
        "'Scale' in results().message.text() and results().preview.isVisible()", PATIENCE, "the restyle to continue"
    )
    krita.photograph("krita-results")
    krita.execute("press('stop')")
    krita.wait_for(
        "len(listed()) == 1 and 'Stopped' in results().message.text()", PATIENCE, "the list to show it again"
    )
    krita.wait_until(
        lambda: not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"],
        PATIENCE,
        "the daemon to be free",
    )
    before, own, tree = seen(krita), krita.execute("layers()"), krita.execute("snapshot()")
    krita.execute("press('insert')")
    krita.wait_for("len(layers()) == 2 and 'new layer' in results().message.text()", PATIENCE, "the layer")
    assert krita.execute("layers()") == [*own, "Night swirls 50 %"]
    krita.wait_for("doc().tryBarrierLock() and (doc().unlock() or True)", PATIENCE, "Krita to be idle")
    changed = differing(krita, before, seen(krita), (960, 720))
    assert not [1 for c, s in zip(changed, selected, strict=True) if c and s == 0]
    inside = [c for c, s in zip(changed, selected, strict=True) if s > 128]
    assert sum(inside) > 0.8 * len(inside)
    krita.wait_for("listed() == []", PATIENCE, "the list to be empty")
    krita.execute("undo()")
    assert krita.execute("snapshot()") == tree
    krita.execute("results().close()")


def test_a_stopped_restyle_can_be_resumed_to_its_end(krita):
    open_picture(krita)
    kill_midway(krita, quality="good", iterations=100)
    krita.execute("window().close()\nmenu('Filter', 'Artistic', 'Results and history…')")
    krita.wait_for("results() is not None and len(listed()) == 1", PATIENCE, "the list")
    krita.execute("press('resume')")
    krita.wait_for("len(layers()) == 2 and 'new layer' in results().message.text()", PATIENCE, "the layer")
    assert krita.execute("listed()") == []
    krita.execute("results().close()")


def test_the_settings_and_styles_of_a_past_restyle_can_be_used_again(krita):
    open_picture(krita)
    restyle(krita, style="Mosaic", strength=64, keep_colours="palette")
    restyle(krita, style="Woodcut", strength=20, keep_colours="off")
    krita.execute("menu('Filter', 'Artistic', 'Results and history…')")
    latest = "[lines[1].split(',')[0] for lines in listed('history list')[:2] if len(lines) > 1]"
    krita.wait_for(f"results() is not None and {latest} == ['Woodcut 20 %', 'Mosaic 64 %']", PATIENCE, "the list")
    krita.execute("results().tabs.setCurrentIndex(1)\nresults().history_list.setCurrentRow(1)\npress('use_again')")
    krita.wait_for("results() is None and 'that restyle' in message()", PATIENCE, "the window")
    assert krita.execute("[s.name for s in window().chosen()]") == ["Mosaic"]
    assert krita.execute("[window().settings().strength, window().settings().keep_colours]") == [64, "palette"]
    krita.execute("change('keep_colours', 'off')")


def test_without_a_document_a_recovered_result_becomes_a_new_document(krita):
    open_picture(krita)
    kill_midway(krita, quality="good", iterations=100)
    krita.execute("window().close()\nclose_all()\nmenu('Filter', 'Artistic', 'Results and history…')")
    krita.wait_for("results() is not None and len(listed()) == 1", PATIENCE, "the list")
    krita.execute("press('insert')")
    krita.wait_for("doc() is not None and layers() == ['Night swirls 50 %']", PATIENCE, "the document")
    krita.execute("results().close()")


def test_a_large_document_is_measured(krita):
    """Measures a restyle of 2048² pixels with a warm daemon: stalls of the main thread, first preview, layer."""
    open_picture(krita)
    restyle(krita)  # so that the network is loaded and the style is cached
    krita.execute("close_all()\nbig = K.createDocument(2048, 2048, 'big', 'RGBA', 'U8', '', 300.0)")
    krita.execute(
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
    krita.execute("set_up(quality='draft', iterations=4)")
    say("restyling 2048² pixels")
    krita.execute("stalls.start()\nnote_times()\nclick('start')")
    krita.wait_for("not busy()", 300, "the large restyle")
    krita.execute("stalls.stop()")
    assert len(krita.execute("layers()")) == 2, krita.execute("message()")
    times, stalls = krita.execute("times"), krita.execute("stalls.report()")
    MEASUREMENTS.append(
        f"2048² document, warm daemon: click to first preview {times['first preview']:.2f} s; result to visible layer {times['layer'] - times['result']:.2f} s"
    )
    for own, all_, call, worst, worst_ms in stalls["own"][:3]:
        MEASUREMENTS.append(
            f"longest of the plugin's own: {own} ms in {call} ({all_} ms with Krita's calls; inside: {worst} {worst_ms} ms)"
        )
    for own, all_, call, worst, worst_ms in stalls["all"][:3]:
        MEASUREMENTS.append(
            f"longest with Krita's calls: {all_} ms in {call} (own {own} ms; inside: {worst} {worst_ms} ms)"
        )


def test_krita_can_be_closed_with_a_job_running_and_the_daemon_drops_it(krita):
    open_picture(krita)
    krita.execute("set_up(quality='good', iterations=20000)\nclick('start')")
    krita.wait_for("'Scale' in message()", PATIENCE, "the restyle to start")
    krita.execute("quit_krita()")
    krita.process.wait(PATIENCE)
    assert not json.loads(velatura(krita.home, "daemon", "status", "--json"))["jobs"]
